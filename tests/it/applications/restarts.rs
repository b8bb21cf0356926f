//! Gateways that lost their sessions, and tell so by a greater Origin-State-Id.

use reachd::proto::v1::Connectivity::Data;
use reachd::proto::v1::ReachabilityStatus::{ConnectedData, NotConnected};

use super::accounting::{INTERIM, START, record, seconds_ago};
use super::addresses::{assert_nobody, by_v4, leads_to, told, v4};
use super::{ACCOUNTING, ACCT_APPLICATION_ID, GATEWAY, connect, with_peers};
use crate::sh::command;
use crate::support::daemon::{Daemon, Home};
use crate::support::wire::command::DISCONNECT_PEER;
use crate::support::wire::{Peer, Request, SUCCESS, avp, code};
use crate::support::{Subscriber, eventually, on_each_engine};

const ORIGIN_STATE_ID: u32 = 278;

/// What a gateway tells in that life of its.
fn in_life(id: u32, record: Request) -> Request {
    record.with(avp(ORIGIN_STATE_ID, &id.to_be_bytes()))
}

/// The same of another gateway.
fn from(gateway: &str, record: Request) -> Request {
    record
        .without(code::ORIGIN_HOST)
        .with(avp(code::ORIGIN_HOST, gateway.as_bytes()))
}

/// Connects as a gateway that does accounting, and tells its Origin-State-Id.
async fn connect_in_life(daemon: &Daemon, id: u32) -> Peer {
    let mut peer = Peer::dial(daemon.diameter(), GATEWAY).await;
    let cer = peer
        .capabilities_exchange()
        .with(avp(ACCT_APPLICATION_ID, &ACCOUNTING.to_be_bytes()))
        .with(avp(ORIGIN_STATE_ID, &id.to_be_bytes()));
    peer.ask(&cer).await.assert_result(SUCCESS);
    peer
}

on_each_engine! {
    async fn a_gateway_that_restarted_has_lost_the_sessions_of_its_earlier_life_and_no_others(engine) {
        let mut home = Home::new(engine).await;
        with_peers(&mut home);
        let daemon = home.start().await;
        let all: [Subscriber; 4] = std::array::from_fn(|n| Subscriber::nth(n + 1));
        let [one, two, late, elsewhere] = &all;
        daemon.import_rows(&all).await;
        // An agent before several gateways.
        let (mut agent, _) = connect(&daemon, GATEWAY).await;
        let mut lookups = daemon.lookups();
        for request in [
            in_life(7, told(START, "1", one, 300, &[v4(1)])),
            in_life(7, told(START, "2", two, 290, &[v4(2)])),
            in_life(7, told(INTERIM, "1", one, 280, &[])),
            in_life(5, from("pgw2.home.example", told(START, "4", elsewhere, 300, &[v4(4)]))),
        ] {
            agent.ask(&request).await.assert_result(SUCCESS);
        }
        for subscriber in [one, two, elsewhere] {
            lookups.phone(&subscriber.number()).await.assert_is(ConnectedData, &[Data]);
        }

        // The first word of its next life is a session that the first one has now, at an address that the second one had.
        agent.ask(&in_life(8, told(START, "9", one, 100, &[v4(2)]))).await.assert_result(SUCCESS);
        // A record of its earlier life comes late, of a session that nobody had heard of.
        agent.ask(&in_life(7, told(INTERIM, "3", late, 270, &[v4(3)]))).await.assert_result(SUCCESS);
        let (ended_two, ended_late) = (seconds_ago(280).seconds, seconds_ago(270).seconds);
        let check = async |daemon: &Daemon| {
            let mut lookups = daemon.lookups();
            lookups.phone(&one.number()).await.assert_is(ConnectedData, &[Data]);
            assert!(leads_to(&mut lookups, by_v4(2), one).await);
            assert_nobody(lookups.try_device(Some(by_v4(1))).await);
            for (subscriber, ended) in [(two, ended_two), (late, ended_late)] {
                let gone = lookups.phone(&subscriber.number()).await;
                gone.assert_is(NotConnected, &[]);
                // No later than the last that was heard of that life.
                let seconds = gone.last_status_time.unwrap().seconds - ended;
                assert!((-2..=2).contains(&seconds), "{seconds}");
            }
            assert_nobody(lookups.try_device(Some(by_v4(3))).await);
            // Of another gateway.
            lookups.phone(&elsewhere.number()).await.assert_is(ConnectedData, &[Data]);
            assert!(leads_to(&mut lookups, by_v4(4), elsewhere).await);
        };
        check(&daemon).await;
        // The same, out of the store.
        daemon.stop().await;
        let daemon = home.start().await;
        check(&daemon).await;
        // Told anew, a session stands again.
        let (mut agent, _) = connect(&daemon, GATEWAY).await;
        agent.ask(&in_life(8, told(INTERIM, "2", two, 50, &[v4(5)]))).await.assert_result(SUCCESS);
        assert!(leads_to(&mut daemon.lookups(), by_v4(5), two).await);
        daemon.stop().await;
    }

    async fn a_gateway_that_connects_anew_after_a_restart_has_lost_its_sessions_at_once(engine) {
        let mut home = Home::new(engine).await;
        with_peers(&mut home);
        let daemon = home.start().await;
        let someone = Subscriber::nth(1);
        daemon.import_rows(std::slice::from_ref(&someone)).await;
        let number = someone.number();
        let mut gateway = connect_in_life(&daemon, 7).await;
        let start = from(GATEWAY, record(START, "1", &someone, &seconds_ago(60)));
        gateway.ask(&in_life(7, start)).await.assert_result(SUCCESS);
        let leave = async |mut gateway: Peer| {
            let goodbye = gateway
                .origin(Request::base(DISCONNECT_PEER))
                .with(avp(code::DISCONNECT_CAUSE, &0u32.to_be_bytes()));
            gateway.ask(&goodbye).await.assert_result(SUCCESS);
            drop(gateway);
            eventually("the connection is gone", async || {
                let (_, out, _) = command(&daemon, &["feeds"]).await;
                let gone = |line: &str| line.starts_with(GATEWAY) && line.contains(" closed ");
                out.lines().any(gone).then_some(())
            })
            .await;
        };
        leave(gateway).await;
        // It was only away.
        let gateway = connect_in_life(&daemon, 7).await;
        daemon.lookups().phone(&number).await.assert_is(ConnectedData, &[Data]);
        leave(gateway).await;
        let _gateway = connect_in_life(&daemon, 8).await;
        eventually("the session is over", async || {
            let answer = daemon.lookups().phone(&number).await;
            (answer.status == NotConnected).then_some(())
        })
        .await;
        daemon.stop().await;
    }
}
