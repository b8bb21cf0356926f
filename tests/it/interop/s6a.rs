//! S6a spoken by python-diameter: once, again, and out of order.

use std::slice::from_ref;
use std::sync::atomic::{AtomicU32, Ordering};

use reachd::proto::v1::{Connectivity, ReachabilityStatus as Status};
use serde_json::{Value, json};

use super::home_with_peer;
use crate::support::Subscriber;
use crate::support::capture::assert_dissects;
use crate::support::python::{PythonNode, Serves};
use crate::support::recorder::Recorder;
use crate::support::wire::Direction::{FromDaemon, ToDaemon};
use crate::support::wire::{S6A, code, command};

const AGENT: &str = "dra3.home.example";
const OLD: &str = "mme1.visited.example";
const NEW: &str = "mme2.visited.example";
const SUCCESS: u64 = 2001;
const MISSING_AVP: u64 = 5005;
const UNKNOWN_SERVING_NODE: (u64, u64) = (10_415, 5423);
const DATA: &[Connectivity] = &[Connectivity::Data];

/// A request of a serving node about a subscriber.
fn request(command: u32, node: &str, imsi: &str, more: Value) -> Value {
    static SESSION: AtomicU32 = AtomicU32::new(1);
    let session = format!("{node};8;{}", SESSION.fetch_add(1, Ordering::Relaxed));
    let mut avps = json!([
        ["Session-Id", session],
        ["Auth-Session-State", 1],
        ["Origin-Host", node],
        ["Origin-Realm", "visited.example"],
        ["Destination-Realm", "home.example"],
        ["User-Name", imsi],
    ]);
    let Value::Array(more) = more else {
        panic!("a list of AVPs")
    };
    avps.as_array_mut().unwrap().extend(more);
    json!({"command": command, "application": S6A, "avps": avps})
}

fn update_location(node: &str, imsi: &str) -> Value {
    let more = json!([["RAT-Type", 1004], ["ULR-Flags", 2], ["Visited-PLMN-Id", {"hex": "99f910"}]]);
    request(command::UPDATE_LOCATION, node, imsi, more)
}

fn purge(node: &str, imsi: &str) -> Value {
    request(command::PURGE_UE, node, imsi, json!([]))
}

fn notify(node: &str, imsi: &str, flags: u32) -> Value {
    request(command::NOTIFY, node, imsi, json!([["NOR-Flags", flags]]))
}

/// The same request as it is sent again: its End-to-End Identifier, with T set.
fn again(request: &Value, end_to_end: u64) -> Value {
    let mut request = request.clone();
    request["end_to_end"] = json!(end_to_end);
    request["retransmitted"] = json!(true);
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_diameter_tells_of_a_device_again_and_out_of_order() {
    let recorder = Recorder::to_daemon().await;
    let home = home_with_peer(AGENT, "").await;
    let daemon = home.start().await;
    recorder.lead_to(daemon.diameter());
    let subscriber = Subscriber::nth(1);
    let imsi = &subscriber.imsi;
    let number = subscriber.number();
    daemon.import_rows(from_ref(&subscriber)).await;
    let mut lookups = daemon.lookups();
    let mut agent = PythonNode::connect(recorder.address(), AGENT, &[Serves::Authorisation(S6A)]).await;

    let attach = update_location(OLD, imsi);
    let attached = agent.ask(attach.clone()).await;
    attached.assert_result(SUCCESS);
    assert_eq!(attached.find("Session-Id"), Some(&attach["avps"][0][1]));
    assert_eq!(attached.find("ULA-Flags"), Some(&json!(1)), "{attached:?}");
    let there = lookups.phone(&number).await;
    there.assert_is(Status::ConnectedData, DATA);

    // Again: not even the time moves.
    assert_eq!(agent.ask(again(&attach, attached.end_to_end())).await, attached);
    lookups.phone(&number).await.assert_still(&there);

    // The device moves. Whatever its old node still sends, or sent before, is late.
    agent.ask(update_location(NEW, imsi)).await.assert_result(SUCCESS);
    let moved = lookups.phone(&number).await;
    let late = agent.ask(purge(OLD, imsi)).await;
    late.assert_result(SUCCESS);
    assert_eq!(late.find("PUA-Flags"), Some(&json!(0)), "{late:?}");
    let report = agent.ask(notify(OLD, imsi, 1 << 3)).await;
    assert_eq!(report.experimental_result(), Some(UNKNOWN_SERVING_NODE));
    assert_eq!(agent.ask(again(&attach, attached.end_to_end())).await, attached);
    lookups.phone(&number).await.assert_still(&moved);

    let here = notify(NEW, imsi, 1 << 3);
    let noted = agent.ask(here.clone()).await;
    noted.assert_result(SUCCESS);
    lookups
        .phone(&number)
        .await
        .assert_is(Status::ConnectedData, DATA);
    let leave = purge(NEW, imsi);
    let left = agent.ask(leave.clone()).await;
    left.assert_result(SUCCESS);
    assert_eq!(left.find("PUA-Flags"), Some(&json!(1)), "{left:?}");
    let gone = lookups.phone(&number).await;
    gone.assert_is(Status::NotConnected, &[]);
    // What was reported before it left comes again.
    assert_eq!(agent.ask(again(&here, noted.end_to_end())).await, noted);
    lookups.phone(&number).await.assert_still(&gone);

    // It comes back to the same node, and the purge from before is sent again.
    agent.ask(update_location(NEW, imsi)).await.assert_result(SUCCESS);
    let back = lookups.phone(&number).await;
    back.assert_is(Status::ConnectedData, DATA);
    assert_eq!(agent.ask(again(&leave, left.end_to_end())).await, left);
    lookups.phone(&number).await.assert_still(&back);

    // An error in terms that the other stack understands.
    let mut incomplete = update_location(NEW, imsi);
    let avps = incomplete["avps"].as_array_mut().unwrap();
    avps.retain(|avp| avp[0] != "ULR-Flags");
    let refused = agent.ask(incomplete).await;
    refused.assert_result(MISSING_AVP);
    assert_eq!(refused.find("Failed-AVP"), Some(&json!([["ULR-Flags", 0]])));

    agent.leave().await;
    let goodbye = recorder.requests(ToDaemon, command::DISCONNECT_PEER);
    assert_eq!(
        goodbye[0].find(code::DISCONNECT_CAUSE).unwrap().u32(),
        0,
        "REBOOTING"
    );
    assert_eq!(recorder.answers(FromDaemon, command::DISCONNECT_PEER).len(), 1);
    assert_dissects(&home.path("s6a.pcap"), &recorder.exchanges()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_diameter_has_many_requests_on_the_way_at_once() {
    const DEVICES: usize = 100;

    let recorder = Recorder::to_daemon().await;
    let home = home_with_peer(AGENT, "").await;
    let daemon = home.start().await;
    recorder.lead_to(daemon.diameter());
    let subscribers: Vec<_> = (1..=DEVICES).map(Subscriber::nth).collect();
    daemon.import_rows(&subscribers).await;
    let mut agent = PythonNode::connect(recorder.address(), AGENT, &[Serves::Authorisation(S6A)]).await;

    let mut begun = Vec::new();
    for subscriber in &subscribers {
        begun.push(agent.begin(update_location(OLD, &subscriber.imsi)).await);
    }
    // Answers belong to their requests whatever their order.
    for id in begun {
        agent.answer(id).await.assert_result(SUCCESS);
    }
    let numbers: Vec<_> = subscribers.iter().map(Subscriber::number).collect();
    for answer in daemon.lookups().phones(&numbers).await {
        answer.unwrap().assert_is(Status::ConnectedData, DATA);
    }
    assert_dissects(&home.path("many.pcap"), &recorder.exchanges()).await;
}
