//! Streams that repeat what they told: it is the same fact, and news if something came between.

use super::*;
use crate::support::on_each_engine;

const NAME: &str = "mediation-1";

on_each_engine! {
    async fn who_is_told_of_again_after_a_gap_is_confirmed_again_and_that_is_kept(engine) {
        let place = Place::new(engine).await;
        let daemon = Daemon::start(&place, |_| ()).await;
        let (repeated, silent) = (Subscriber::nth(1), Subscriber::nth(2));
        let mut stream = Stream::open(&daemon, NAME).await;
        stream.heartbeat(&daemon, NAME).await;
        let attached = stream.report(&daemon, &repeated, RegistrationChange::Registered).await;
        stream.report(&daemon, &silent, RegistrationChange::Registered).await;
        let first = daemon.answer(&repeated).await;
        stream.heartbeat(&daemon, NAME).await;
        daemon.assert_alive(&repeated, NAME).await;

        drop(stream);
        let begin = daemon.is_away(NAME).await;
        daemon.clock.advance(10 * MINUTE);
        for subscriber in [&repeated, &silent] {
            daemon.assert_told(subscriber, begin, Freshness::Stale, &away(NAME, begin)).await;
        }
        // Before anybody has looked whether it is back.
        let mut stream = Stream::open(&daemon, NAME).await;
        stream.tell(Content::Event(attached)).await.unwrap();
        stream.heartbeat(&daemon, NAME).await;
        let again = daemon.assert_alive(&repeated, NAME).await;
        assert_eq!(again.last_status_time, first.last_status_time, "it is the same fact");
        let why = was_away(NAME, &daemon.gap(NAME, begin));
        daemon.assert_told(&silent, begin, Freshness::Stale, &why).await;
        drop(stream);
        daemon.stop().await;

        // What was heard again is heard again to the next daemon as well: its gap begins later.
        let daemon = Daemon::start_ahead(&place, 20 * MINUTE, |_| ()).await;
        let later = daemon.is_away(NAME).await;
        assert!(later > begin);
        daemon.assert_told(&repeated, later, Freshness::Stale, &away(NAME, later)).await;
        daemon.assert_told(&silent, begin, Freshness::Stale, &why).await;
        daemon.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absence_that_is_told_again_is_confirmed_for_every_feed_that_was_away() {
    let place = Place::embedded().await;
    let daemon = Daemon::start(&place, |config| {
        config.diameter.peers.truncate(1);
    })
    .await;
    let subscriber = Subscriber::nth(1);
    let mut dra = daemon.connect(DRA).await;
    let mut stream = Stream::open(&daemon, NAME).await;
    stream
        .report(&daemon, &subscriber, RegistrationChange::Registered)
        .await;
    let gone = stream
        .report(&daemon, &subscriber, RegistrationChange::Deregistered)
        .await;
    daemon.sign_of_life(&mut dra, DRA).await;
    drop(dra);
    // It would have told had the device come back, and was not there to.
    let begin = daemon.is_away(DRA).await;
    daemon.clock.advance(10 * MINUTE);
    let mut dra = daemon.connect(DRA).await;
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    let why = was_away(DRA, &daemon.gap(DRA, begin));
    let answer = daemon
        .assert_told(&subscriber, begin, Freshness::Stale, &why)
        .await;
    assert_eq!(answer.status, ReachabilityStatus::NotConnected);
    stream.heartbeat(&daemon, NAME).await;
    stream.tell(Content::Event(gone)).await.unwrap();
    daemon.sign_of_life(&mut dra, DRA).await;
    stream.heartbeat(&daemon, NAME).await;
    let answer = daemon.answer(&subscriber).await;
    assert_eq!(answer.freshness, Freshness::Fresh, "{answer:?}");
    drop((dra, stream));
    daemon.stop().await;
}
