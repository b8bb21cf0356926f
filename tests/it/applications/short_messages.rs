//! S6c: alerts and delivery reports.

use std::slice::from_ref;
use std::time::SystemTime;

use reachd::proto::v1::{Connectivity, ReachabilityStatus as Status};

use super::{COMMAND_UNSUPPORTED, GATEWAY, S6C, TAP, connect, request, with_peers};
use crate::support::daemon::Home;
use crate::support::wire::{DRA, Peer, Request, SUCCESS, avp_3gpp, code, tbcd};
use crate::support::{Subscriber, on_each_engine};

const ALERT: u32 = 8_388_648;
const REPORT: u32 = 8_388_649;

const SC_ADDRESS: u32 = 3300;
const USER_IDENTIFIER: u32 = 3102;
const SM_DELIVERY_OUTCOME: u32 = 3316;
const MSC_OUTCOME: u32 = 3318;
const SM_DELIVERY_CAUSE: u32 = 3321;
const ABSENT: u32 = 1;
const DELIVERED: u32 = 2;

fn about(subscriber: &Subscriber, command: u32, origin: &str) -> Request {
    request(S6C, command, origin)
        .with(avp_3gpp(SC_ADDRESS, &tbcd("99900001")))
        .with(avp_3gpp(
            USER_IDENTIFIER,
            &avp_3gpp(code::MSISDN, &tbcd(&subscriber.digits)),
        ))
}

fn alert(subscriber: &Subscriber) -> Request {
    about(subscriber, ALERT, "hss.home.example")
}

fn report(subscriber: &Subscriber, cause: u32) -> Request {
    let outcome = avp_3gpp(MSC_OUTCOME, &avp_3gpp(SM_DELIVERY_CAUSE, &cause.to_be_bytes()));
    about(subscriber, REPORT, "smsgmsc.home.example").with(avp_3gpp(SM_DELIVERY_OUTCOME, &outcome))
}

/// One of each, and one that cannot be read.
pub(super) fn examples(subscriber: &Subscriber) -> Vec<Request> {
    vec![
        alert(subscriber),
        report(subscriber, ABSENT),
        report(subscriber, DELIVERED),
        report(subscriber, 77),
        request(S6C, 8_388_647, "smsgmsc.home.example")
            .with(avp_3gpp(code::MSISDN, &tbcd(&subscriber.digits))),
        alert(subscriber).without(code::AUTH_SESSION_STATE),
    ]
}

on_each_engine! {
    async fn an_alert_makes_a_device_reachable_by_sms_until_a_delivery_fails(engine) {
        let mut home = Home::new(engine).await;
        with_peers(&mut home);
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let (mut hss, _) = connect(&daemon, GATEWAY).await;
        let (mut tap, _) = connect(&daemon, TAP).await;
        let mut lookups = daemon.lookups();

        let begun = SystemTime::now();
        let answer = hss.ask(&alert(&subscriber)).await;
        let ended = SystemTime::now();
        answer.assert_result(SUCCESS);
        assert_eq!(answer.find(code::AUTH_SESSION_STATE).unwrap().u32(), 1);
        let found = lookups.phone(&subscriber.number()).await;
        found.assert_is(Status::ConnectedSms, &[Connectivity::Sms]);
        found.assert_time_within(begun, ended);

        tap.ask(&report(&subscriber, ABSENT)).await.assert_result(SUCCESS);
        let lost = lookups.phone(&subscriber.number()).await;
        lost.assert_is(Status::NotConnected, &[]);

        tap.ask(&report(&subscriber, DELIVERED)).await.assert_result(SUCCESS);
        let found = lookups.phone(&subscriber.number()).await;
        found.assert_is(Status::ConnectedSms, &[Connectivity::Sms]);
        drop((hss, tap));
        daemon.stop().await;

        let daemon = home.start().await;
        daemon.lookups().phone(&subscriber.number()).await.assert_still(&found);
    }

    async fn an_alert_after_a_purge_is_sms_alone_and_a_later_purge_ends_it(engine) {
        let mut home = Home::new(engine).await;
        with_peers(&mut home);
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        let (mut hss, _) = connect(&daemon, GATEWAY).await;
        let mut lookups = daemon.lookups();
        let mme = "mme1.visited.example";

        dra.ask(&Request::update_location(&subscriber.imsi, mme)).await.assert_result(SUCCESS);
        dra.ask(&Request::purge(&subscriber.imsi, mme)).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::NotConnected, &[]);
        // The device is back by a way that S6a does not show.
        hss.ask(&alert(&subscriber)).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::ConnectedSms, &[Connectivity::Sms]);

        dra.ask(&Request::update_location(&subscriber.imsi, mme)).await.assert_result(SUCCESS);
        let both = [Connectivity::Data, Connectivity::Sms];
        lookups.phone(&subscriber.number()).await.assert_is(Status::ConnectedData, &both);
        dra.ask(&Request::purge(&subscriber.imsi, mme)).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::NotConnected, &[]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_is_meant_for_an_hss_is_refused_by_a_node_that_is_none() {
    let mut home = Home::new(crate::support::daemon::Engine::Sqlite).await;
    with_peers(&mut home);
    let daemon = home.start().await;
    let (mut gateway, _) = connect(&daemon, GATEWAY).await;
    let answer = gateway.ask(&report(&Subscriber::nth(1), DELIVERED)).await;
    answer.assert_result(COMMAND_UNSUPPORTED);
    assert!(answer.is_error());
}
