//! Who has promised to show that he lives is waited for, over restarts of the daemon, until he is forgotten.

use super::*;
use reachd::proto::v1::ForgetFeedRequest;
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::on_each_engine;

const NAME: &str = "mediation-1";

/// Forgets a feed: whether it had promised anything, or why not.
async fn forget(daemon: &Daemon, name: &str) -> Result<bool, (Code, String)> {
    let request = ForgetFeedRequest {
        name: name.to_owned(),
    };
    let forgot = AdminServiceClient::new(daemon.channel().await)
        .forget_feed(request)
        .await;
    forgot
        .map(|forgot| forgot.into_inner().promised)
        .map_err(|status| {
            let details = status.get_error_details();
            (status.code(), details.error_info().unwrap().reason.clone())
        })
}

/// [`DRA`] tells that a subscriber came and went.
async fn gone(daemon: &Daemon, dra: &mut Peer) -> Subscriber {
    let subscriber = Subscriber::nth(1);
    daemon.introduce(dra, &subscriber).await;
    attach(dra, &subscriber).await;
    let purge = Request::purge(&subscriber.imsi, MME);
    dra.ask(&purge).await.assert_result(SUCCESS);
    subscriber
}

fn one_peer(config: &mut Config) {
    config.diameter.peers.truncate(1);
}

on_each_engine! {
    async fn a_stream_that_promised_is_waited_for_after_a_restart_until_it_is_forgotten(engine) {
        let place = Place::new(engine).await;
        let daemon = Daemon::start(&place, one_peer).await;
        let mut stream = Stream::open(&daemon, NAME).await;
        stream.heartbeat(&daemon, NAME).await;
        assert_eq!(forget(&daemon, NAME).await, Err((Code::FailedPrecondition, "FEED_OPEN".into())));
        drop(stream);
        let begin = daemon.is_away(NAME).await;
        daemon.stop().await;

        let daemon = Daemon::start_ahead(&place, 10 * MINUTE, one_peer).await;
        let mut dra = daemon.connect(DRA).await;
        let subscriber = gone(&daemon, &mut dra).await;
        daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
        let answer = daemon.answer(&subscriber).await;
        assert_eq!(answer.status, ReachabilityStatus::NotConnected);
        assert_eq!(answer.freshness, Freshness::Stale, "the stream could have said otherwise: {answer:?}");
        assert_eq!(answer.last_confirmed_time, answer.last_status_time);
        assert_eq!(daemon.why(&subscriber).await, format!("{NAME} was not heard since"));
        assert_eq!(daemon.feed(NAME).open_gap().map(|gap| gap.begin.as_micros()), Some(begin));

        assert_eq!(forget(&daemon, "nobody").await, Err((Code::NotFound, "FEED_UNKNOWN".into())));
        assert_eq!(forget(&daemon, DRA).await, Err((Code::FailedPrecondition, "FEED_CONFIGURED".into())));
        assert_eq!(forget(&daemon, NAME).await, Ok(true));
        daemon.sign_of_life(&mut dra, DRA).await;
        daemon.assert_alive(&subscriber, DRA).await;
        assert_eq!(forget(&daemon, NAME).await, Ok(false));
        drop(dra);
        daemon.stop().await;

        // It stays forgotten, until it promises again.
        let daemon = Daemon::start_ahead(&place, 20 * MINUTE, one_peer).await;
        let mut dra = daemon.connect(DRA).await;
        let subscriber = gone(&daemon, &mut dra).await;
        daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
        daemon.assert_alive(&subscriber, DRA).await;
        let mut stream = Stream::open(&daemon, NAME).await;
        stream.heartbeat(&daemon, NAME).await;
        drop(stream);
        let begin = daemon.is_away(NAME).await;
        daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
        assert_ne!(daemon.answer(&subscriber).await.freshness, Freshness::Fresh);
        assert!(begin < daemon.now().as_micros());
        drop(dra);
        daemon.stop().await;
    }

    async fn a_peer_that_is_no_longer_configured_is_no_longer_waited_for(engine) {
        let place = Place::new(engine).await;
        let daemon = Daemon::start(&place, |_| ()).await;
        let (mut dra, mut other) = (daemon.connect(DRA).await, daemon.connect(OTHER_DRA).await);
        daemon.sign_of_life(&mut other, OTHER_DRA).await;
        drop(other);
        daemon.is_away(OTHER_DRA).await;
        let subscriber = gone(&daemon, &mut dra).await;
        daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
        assert_eq!(daemon.answer(&subscriber).await.freshness, Freshness::Stale);
        drop(dra);
        daemon.stop().await;

        let daemon = Daemon::start_ahead(&place, 20 * MINUTE, one_peer).await;
        let mut dra = daemon.connect(DRA).await;
        let subscriber = gone(&daemon, &mut dra).await;
        daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
        daemon.assert_alive(&subscriber, DRA).await;
        assert_eq!(forget(&daemon, OTHER_DRA).await, Ok(false), "there is nothing to forget");
        drop(dra);
        daemon.stop().await;
    }
}
