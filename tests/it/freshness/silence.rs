//! What silence confirms while a feed lives: what it would have contradicted.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_s6a_confirm_a_purge_by_silence_and_an_attach_not() {
    let place = Place::embedded().await;
    let daemon = Daemon::start(&place, |config| config.freshness.coverage.clear()).await;
    let (attached, purged) = (Subscriber::nth(1), Subscriber::nth(2));
    let (mut dra, mut other) = (daemon.connect(DRA).await, daemon.connect(OTHER_DRA).await);
    for subscriber in [&attached, &purged] {
        daemon.introduce(&mut dra, subscriber).await;
        attach(&mut dra, subscriber).await;
    }
    dra.ask(&Request::purge(&purged.imsi, MME))
        .await
        .assert_result(SUCCESS);
    daemon.sign_of_life(&mut other, OTHER_DRA).await;
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    daemon.sign_of_life(&mut other, OTHER_DRA).await;
    let answer = daemon.answer(&attached).await;
    assert_eq!(
        answer.freshness,
        Freshness::Stale,
        "a detach would not have shown"
    );
    assert_eq!(answer.last_confirmed_time, answer.last_status_time);
    let answer = daemon.answer(&purged).await;
    assert_eq!(answer.status, ReachabilityStatus::NotConnected);
    assert_eq!(answer.freshness, Freshness::Fresh, "a return would have shown");

    // The other agent could have shown it too: while it is away, nobody knows.
    drop(other);
    daemon.is_away(OTHER_DRA).await;
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    let answer = daemon.answer(&purged).await;
    assert_eq!(answer.freshness, Freshness::Stale, "{answer:?}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_of_a_stream_confirm_what_it_told_until_they_cease() {
    let place = Place::embedded().await;
    let short = |config: &mut Config| config.freshness.max_age = Duration::from_secs(15);
    let daemon = Daemon::start(&place, short).await;
    let subscriber = Subscriber::nth(1);
    let name = "mediation-1";
    let mut stream = Stream::open(&daemon, name).await;
    stream
        .report(&daemon, &subscriber, RegistrationChange::Registered)
        .await;
    let told = daemon.answer(&subscriber).await;
    for _ in 0..3 {
        daemon.clock.advance(Duration::from_secs(20));
        stream.heartbeat(&daemon, name).await;
    }
    let alive = daemon.answer(&subscriber).await;
    let known = || (daemon.feed(name), daemon.registrations(&subscriber));
    assert_eq!(alive.freshness, Freshness::Fresh, "{alive:?} {:?}", known());
    assert_eq!(alive.last_status_time, told.last_status_time);
    assert!(confirmed(&alive) - confirmed(&told) >= 59_000_000, "{alive:?}");

    // Silent for too long, and back: what was told before is not confirmed any more.
    daemon.clock.advance(Duration::from_secs(60));
    daemon.is_away(name).await;
    let silent = daemon.answer(&subscriber).await;
    assert_eq!(
        (confirmed(&silent), silent.freshness),
        (confirmed(&alive), Freshness::Stale)
    );
    stream.heartbeat(&daemon, name).await;
    let back = daemon.answer(&subscriber).await;
    assert_eq!(
        (confirmed(&back), back.freshness),
        (confirmed(&alive), Freshness::Stale)
    );
    assert_eq!(daemon.feed(name).open_gap(), None);
    stream
        .report(&daemon, &subscriber, RegistrationChange::Registered)
        .await;
    assert_eq!(daemon.answer(&subscriber).await.freshness, Freshness::Fresh);
    drop(stream);
    daemon.stop().await;
}
