//! Registrations that end by themselves when the time has passed that was told with them.

use super::*;
use reachd::diameter::config::PeerMode;
use reachd::proto::v1::{MonitorSubscribersRequest, MonitoringTarget};

use crate::monitoring::{lost, ntp, references, report, result_code, word};
use crate::support::publisher::registration;
use crate::support::wire::{S6T, T6A, code};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_availability_and_an_absence_end_when_their_time_has_passed() {
    use ReachabilityStatus::{ConnectedData, NotConnected};
    let place = Place::embedded().await;
    let daemon = Daemon::start(&place, |_| ()).await;
    let (available, absent) = (Subscriber::nth(1), Subscriber::nth(2));
    let mut stream = Stream::open(&daemon, "mediation-1").await;
    for (subscriber, change) in [
        (&available, RegistrationChange::Reachable),
        (&absent, RegistrationChange::Unreachable),
    ] {
        stream
            .report(&daemon, subscriber, RegistrationChange::Registered)
            .await;
        let now = daemon.now();
        let mut event = event_with_number(subscriber, Slot::Amf3gpp, "amf1", change, proto(now));
        registration(&mut event).until = Some(proto(now.plus(10 * MINUTE)));
        stream.tell(Content::Event(event)).await.unwrap();
    }
    let times = (daemon.answer(&available).await, daemon.answer(&absent).await);
    assert_eq!((times.0.status, times.1.status), (ConnectedData, NotConnected));

    daemon.clock.advance(11 * MINUTE);
    for (subscriber, before, status) in [
        (&available, &times.0, NotConnected),
        (&absent, &times.1, ConnectedData),
    ] {
        let after = daemon.answer(subscriber).await;
        assert_eq!(after.status, status, "{after:?}");
        let passed = micros(after.last_status_time) - micros(before.last_status_time);
        assert_eq!(passed, 600_000_000, "since the time that was told");
        assert!(confirmed(&after) >= micros(after.last_status_time));
    }
    drop(stream);
    daemon.stop().await;
}

/// Answers the configuration that the HSS is asked for, and says under which reference data is reported.
async fn watched(daemon: &Daemon, hss: &mut Peer, subscriber: &Subscriber) -> [u32; 3] {
    let target = MonitoringTarget {
        line: 1,
        msisdn: subscriber.number(),
        ..MonitoringTarget::default()
    };
    let request = MonitorSubscribersRequest {
        add: vec![target],
        remove: Vec::new(),
    };
    AdminServiceClient::new(daemon.channel().await)
        .monitor_subscribers(tokio_stream::once(request))
        .await
        .unwrap();
    let request = hss.receive_request().await;
    hss.answer_with(&request, result_code(SUCCESS), &[]).await;
    references(&request).try_into().expect("three references")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_mme_reports_reachable_for_a_while_is_not_after_it_and_a_loss_lasts() {
    use ReachabilityStatus::{ConnectedData, NotConnected};
    const HSS: &str = "hss1.home.example";
    const WHILE: Duration = Duration::from_secs(600);
    let place = Place::embedded().await;
    let daemon = Daemon::start(&place, |config| {
        config.diameter.s6t.realm = "home.example".into();
        config.diameter.peers = [(HSS, "s6t"), (MME, "t6a")]
            .map(|(identity, application)| PeerConfig {
                mode: PeerMode::Endpoint,
                applications: vec![application.to_owned()],
                ..PeerConfig::new(identity)
            })
            .into();
    })
    .await;
    let mut hss = Peer::connect_for(daemon.addresses.diameter, HSS, &[S6T]).await;
    let mut mme = Peer::connect_for(daemon.addresses.diameter, MME, &[T6A]).await;
    let subscriber = Subscriber::nth(1);
    let [loss, data, _] = watched(&daemon, &mut hss, &subscriber).await;

    let until = std::time::SystemTime::from(daemon.now()) + WHILE;
    let for_a_while = report(
        data,
        &[
            word(code::MONITORING_TYPE, 1),
            word(code::REACHABILITY_INFORMATION, 1),
            word(code::MAXIMUM_UE_AVAILABILITY_TIME, ntp(until)),
        ],
    );
    let reporting = Request::reporting(T6A, MME).with(for_a_while);
    mme.ask(&reporting).await.assert_result(SUCCESS);
    daemon.sign_of_life(&mut mme, MME).await;
    let before = daemon.assert_alive(&subscriber, MME).await;
    assert_eq!(before.status, ConnectedData);

    // The node lives, and would have told of a loss; that the time is over is told by nobody.
    daemon.lives_for(&mut mme, MME, WHILE + MINUTE).await;
    daemon.sign_of_life(&mut hss, HSS).await;
    let after = daemon.answer(&subscriber).await;
    let told = (after.status, after.freshness);
    assert_eq!(told, (NotConnected, Freshness::Fresh), "{after:?}");
    let seconds = until.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let ended = i64::try_from(seconds).unwrap() * 1_000_000;
    assert_eq!(micros(after.last_status_time), ended, "when it was to end");

    // A loss has no time at which it ends: the next report does it.
    let reporting = Request::reporting(T6A, MME).with(lost(loss, 2));
    mme.ask(&reporting).await.assert_result(SUCCESS);
    daemon.lives_for(&mut mme, MME, 10 * WHILE).await;
    daemon.sign_of_life(&mut hss, HSS).await;
    let after = daemon.answer(&subscriber).await;
    let told = (after.status, after.freshness);
    assert_eq!(told, (NotConnected, Freshness::Fresh), "{after:?}");
    drop((hss, mme));
    daemon.stop().await;
}
