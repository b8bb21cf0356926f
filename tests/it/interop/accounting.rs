//! Accounting by python-diameter: a session from START to STOP, its records again and out of order.

use prost_types::Timestamp;
use reachd::proto::v1::{Connectivity, ReachabilityStatus as Status};
use serde_json::{Value, json};

use super::home_with_peer;
use crate::support::capture::assert_dissects;
use crate::support::python::{PythonNode, Serves, Told};
use crate::support::recorder::Recorder;
use crate::support::{Subscriber, ago};

const GATEWAY: &str = "pgw3.home.example";
const BASE_ACCOUNTING: u32 = 3;
const ACCOUNTING: u32 = 271;
const EVENT: u32 = 1;
const START: u32 = 2;
const INTERIM: u32 = 3;
const STOP: u32 = 4;
const SUCCESS: u64 = 2001;
const DATA: &[Connectivity] = &[Connectivity::Data];

/// Whole seconds, as a record tells them.
fn seconds_ago(seconds: u64) -> Timestamp {
    Timestamp {
        nanos: 0,
        ..ago(seconds)
    }
}

/// A record in the dialect of Rf, with the subscriber's number and IMSI, and what RFC 7155 has for addresses beside.
fn record(kind: u32, session: u32, number: u32, subscriber: &Subscriber, at: Timestamp) -> Value {
    let subscription = |kind: u32, data: &str| {
        json!([
            "Subscription-Id",
            [["Subscription-Id-Type", kind], ["Subscription-Id-Data", data]]
        ])
    };
    json!({
        "command": ACCOUNTING,
        "application": BASE_ACCOUNTING,
        "avps": [
            ["Session-Id", format!("{GATEWAY};9;{session}")],
            ["Origin-Host", GATEWAY],
            ["Origin-Realm", "home.example"],
            ["Destination-Realm", "home.example"],
            ["Accounting-Record-Type", kind],
            ["Accounting-Record-Number", number],
            ["Acct-Application-Id", BASE_ACCOUNTING],
            ["Event-Timestamp", at.seconds],
            ["Service-Context-Id", "13.32251@3gpp.org"],
            subscription(0, &subscriber.digits),
            subscription(1, &subscriber.imsi),
            ["Framed-IP-Address", {"hex": "c0000207"}],
            ["Framed-IPv6-Prefix", {"hex": "004020010db80000070a"}],
            ["Service-Information", [["PS-Information", [
                ["PDP-Address", "192.0.2.7"],
                ["PDP-Address", "2001:db8:0:70a::"],
            ]]]],
        ],
    })
}

#[track_caller]
fn assert_accepted(answer: &Told, kind: u32, number: u32) {
    answer.assert_result(SUCCESS);
    assert_eq!(answer.find("Accounting-Record-Type"), Some(&json!(kind)));
    assert_eq!(answer.find("Accounting-Record-Number"), Some(&json!(number)));
    assert_eq!(answer.find("Acct-Application-Id"), Some(&json!(BASE_ACCOUNTING)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_diameter_accounts_for_a_session_again_and_out_of_order() {
    let recorder = Recorder::to_daemon().await;
    let home = home_with_peer(GATEWAY, "mode = \"endpoint\"\napplications = [\"rf\"]").await;
    let daemon = home.start().await;
    recorder.lead_to(daemon.diameter());
    let subscriber = Subscriber::nth(1);
    let phone = subscriber.number();
    let mut lookups = daemon.lookups();
    let serves = [Serves::Accounting(BASE_ACCOUNTING)];
    let mut gateway = PythonNode::connect(recorder.address(), GATEWAY, &serves).await;

    // The records themselves say whose number it is.
    let (started, going_on, stopped) = (seconds_ago(300), seconds_ago(200), seconds_ago(100));
    let start = record(START, 1, 0, &subscriber, started);
    let accepted = gateway.ask(start.clone()).await;
    assert_accepted(&accepted, START, 0);
    let connected = lookups.phone(&phone).await;
    connected.assert_is(Status::ConnectedData, DATA);
    assert_eq!(connected.last_status_time, Some(started));

    let mut again = start.clone();
    again["end_to_end"] = json!(accepted.end_to_end());
    again["retransmitted"] = json!(true);
    assert_eq!(gateway.ask(again).await, accepted);
    lookups.phone(&phone).await.assert_still(&connected);

    // STOP overtakes INTERIM, which comes late and again.
    assert_accepted(
        &gateway.ask(record(STOP, 1, 2, &subscriber, stopped)).await,
        STOP,
        2,
    );
    let gone = lookups.phone(&phone).await;
    gone.assert_is(Status::NotConnected, &[]);
    assert_eq!(gone.last_status_time, Some(stopped));
    for _ in 0..2 {
        let late = record(INTERIM, 1, 1, &subscriber, going_on);
        assert_accepted(&gateway.ask(late).await, INTERIM, 1);
    }
    // A client that has restarted sends what it had stored, under new identifiers.
    assert_accepted(&gateway.ask(start).await, START, 0);
    let event = record(EVENT, 2, 0, &subscriber, seconds_ago(50));
    assert_accepted(&gateway.ask(event).await, EVENT, 0);
    lookups.phone(&phone).await.assert_still(&gone);

    // An INTERIM tells of a session whose START nobody saw.
    let at = seconds_ago(10);
    assert_accepted(
        &gateway.ask(record(INTERIM, 3, 4, &subscriber, at)).await,
        INTERIM,
        4,
    );
    let back = lookups.phone(&phone).await;
    back.assert_is(Status::ConnectedData, DATA);
    assert_eq!(back.last_status_time, Some(at));

    assert_dissects(&home.path("accounting.pcap"), &recorder.exchanges()).await;
}
