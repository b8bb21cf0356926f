//! Monitoring with python-diameter as HSS and as MMEs: asked over S6t, reported over S6t and T6a, once, again, and before
//! the answer that the reports belong to.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reachd::proto::v1::admin_service_client::AdminServiceClient;
use reachd::proto::v1::{
    Connectivity, ListMonitoringRequest, MonitorSubscribersRequest, MonitoringState, MonitoringTarget,
    ReachabilityStatus as Status,
};
use serde_json::{Value, json};

use super::{REACHD, REALM};
use crate::support::capture::assert_dissects;
use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::python::{PythonNode, Serves, Told};
use crate::support::recorder::Recorder;
use crate::support::wire::{S6T, T6A, command};
use crate::support::{Subscriber, eventually};

const HSS: &str = "hss1.home.example";
const OLD: &str = "mme1.visited.example";
const NEW: &str = "mme2.visited.example";
const SUCCESS: u64 = 2001;
const UNKNOWN_REFERENCE: (u64, u64) = (10_415, 5515);
const DATA: Connectivity = Connectivity::Data;
const SMS: Connectivity = Connectivity::Sms;

/// A daemon that may ask one HSS and is reported to by two MMEs.
async fn home() -> Home {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure(&format!("\n[diameter.s6t]\nrealm = \"{REALM}\"\n"));
    for (identity, application) in [(HSS, "s6t"), (OLD, "t6a"), (NEW, "t6a")] {
        home.configure(&format!(
            "[[diameter.peers]]\nidentity = \"{identity}\"\nmode = \"endpoint\"\napplications = [\"{application}\"]\n"
        ));
    }
    home
}

async fn watch(daemon: &Daemon, subscriber: &Subscriber) {
    let target = MonitoringTarget {
        msisdn: subscriber.number(),
        ..MonitoringTarget::default()
    };
    let request = MonitorSubscribersRequest {
        add: vec![target],
        remove: Vec::new(),
    };
    let taken = AdminServiceClient::new(daemon.channel())
        .monitor_subscribers(tokio_stream::once(request))
        .await
        .expect("the target is taken")
        .into_inner();
    assert_eq!(taken.added, 1);
}

/// Waits until as many configurations are active.
async fn active(daemon: &Daemon, number: u64) {
    eventually("so many configurations are active", async || {
        let listed = AdminServiceClient::new(daemon.channel())
            .list_monitoring(ListMonitoringRequest::default())
            .await
            .ok()?
            .into_inner();
        let active = listed
            .counts
            .iter()
            .filter(|count| count.state() == MonitoringState::Active);
        (active.map(|count| count.count).sum::<u64>() == number).then_some(())
    })
    .await;
}

/// What a request for monitoring asks for: the references of loss, data and SMS.
fn references(asked: &Told) -> [u64; 3] {
    let configurations = asked.all("Monitoring-Event-Configuration");
    let references: Vec<u64> = configurations
        .map(|one| {
            Told::member(one, "SCEF-Reference-ID")
                .and_then(Value::as_u64)
                .unwrap()
        })
        .collect();
    references.try_into().expect("three configurations")
}

/// What an HSS says that has taken it.
fn taken() -> Value {
    json!([["Result-Code", SUCCESS], ["Auth-Session-State", 1]])
}

/// Reporting-Information by an HSS or an MME.
fn reporting(application: u32, node: &str, report: Value) -> Value {
    static SESSION: AtomicU32 = AtomicU32::new(1);
    let session = format!("{node};8;{}", SESSION.fetch_add(1, Ordering::Relaxed));
    json!({
        "command": command::REPORTING_INFORMATION,
        "application": application,
        "avps": [
            ["Session-Id", session],
            ["Auth-Session-State", 1],
            ["Origin-Host", node],
            ["Origin-Realm", "visited.example"],
            ["Destination-Host", REACHD],
            ["Destination-Realm", REALM],
            ["Monitoring-Event-Report", report],
        ],
    })
}

fn report(reference: u64, at: u64, more: &[Value]) -> Value {
    let mut members = vec![
        json!(["SCEF-Reference-ID", reference]),
        json!(["SCEF-ID", REACHD]),
        json!(["Reporting-Time-Stamp", at]),
    ];
    members.extend_from_slice(more);
    Value::Array(members)
}

/// The device can be reached: for data, or else for SMS.
fn reachable(reference: u64, at: u64, data: bool) -> Value {
    let more = [
        json!(["Monitoring-Type", 1]),
        json!(["Reachability-Information", u32::from(data)]),
    ];
    report(reference, at, &more)
}

/// The device was lost: purged at that node.
fn lost(reference: u64, at: u64) -> Value {
    let more = [
        json!(["Monitoring-Type", 0]),
        json!(["Loss-Of-Connectivity-Reason", 2]),
    ];
    report(reference, at, &more)
}

/// The same request as it is sent again.
fn again(request: &Value, answer: &Told) -> Value {
    let mut request = request.clone();
    request["end_to_end"] = json!(answer.end_to_end());
    request["retransmitted"] = json!(true);
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_diameter_reports_as_hss_and_as_mme_again_and_out_of_order() {
    let home = home().await;
    let daemon = home.start().await;
    let (to_hss, to_old, to_new) = (
        Recorder::to_daemon().await,
        Recorder::to_daemon().await,
        Recorder::to_daemon().await,
    );
    for recorder in [&to_hss, &to_old, &to_new] {
        recorder.lead_to(daemon.diameter());
    }
    let (s6t, t6a) = ([Serves::Authorisation(S6T)], [Serves::Authorisation(T6A)]);
    let (mut hss, mut old, mut new) = tokio::join!(
        PythonNode::connect(to_hss.address(), HSS, &s6t),
        PythonNode::connect(to_old.address(), OLD, &t6a),
        PythonNode::connect(to_new.address(), NEW, &t6a),
    );
    let (first, second) = (Subscriber::nth(1), Subscriber::nth(2));
    let mut lookups = daemon.lookups();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let ago = |seconds| (now - Duration::from_secs(seconds)).as_secs();

    watch(&daemon, &first).await;
    let (first_asked, asked) = hss.request().await;
    let user = asked.find("User-Identifier").expect("whom it is about");
    assert_eq!(user[0][0], "MSISDN");
    let [loss, data, sms] = references(&asked);
    watch(&daemon, &second).await;
    let (second_asked, asked) = hss.request().await;
    let [_, other_data, _] = references(&asked);

    // Reports overtake the answer to what they belong to, and the answers each other.
    let attached = reporting(T6A, OLD, reachable(data, ago(500), true));
    let attached_answer = old.ask(attached.clone()).await;
    attached_answer.assert_result(SUCCESS);
    assert_eq!(attached_answer.find("Session-Id"), Some(&attached["avps"][0][1]));
    let there = lookups.phone(&first.number()).await;
    there.assert_is(Status::ConnectedData, &[DATA]);
    assert_eq!(there.last_status_time.unwrap().seconds as u64, ago(500));
    hss.reply(second_asked, taken()).await;
    active(&daemon, 3).await;
    new.ask(reporting(T6A, NEW, reachable(other_data, ago(400), true)))
        .await
        .assert_result(SUCCESS);
    lookups
        .phone(&second.number())
        .await
        .assert_is(Status::ConnectedData, &[DATA]);
    hss.reply(first_asked, taken()).await;
    active(&daemon, 6).await;

    // Again: the same answer, and not even the time moves.
    assert_eq!(old.ask(again(&attached, &attached_answer)).await, attached_answer);
    lookups.phone(&first.number()).await.assert_still(&there);

    // The HSS tells once that SMS gets through, and is asked for the next time; its report comes again meanwhile.
    let by_sms = reporting(S6T, HSS, reachable(sms, ago(300), false));
    let told = hss.ask(by_sms.clone()).await;
    told.assert_result(SUCCESS);
    let (asked_again, question) = hss.request().await;
    assert_eq!(question.all("Monitoring-Event-Configuration").count(), 1);
    assert_eq!(hss.ask(again(&by_sms, &told)).await, told);
    hss.reply(asked_again, taken()).await;
    active(&daemon, 6).await;
    let both = lookups.phone(&first.number()).await;
    both.assert_is(Status::ConnectedData, &[DATA, SMS]);

    // The device moves to the other node; that it left the first is told later, and so is what was before.
    new.ask(reporting(T6A, NEW, reachable(data, ago(200), true)))
        .await
        .assert_result(SUCCESS);
    let moved = lookups.phone(&first.number()).await;
    let left = reporting(T6A, OLD, lost(loss, ago(100)));
    let left_answer = old.ask(left.clone()).await;
    left_answer.assert_result(SUCCESS);
    assert_eq!(old.ask(again(&left, &left_answer)).await, left_answer);
    new.ask(reporting(T6A, NEW, lost(loss, ago(450))))
        .await
        .assert_result(SUCCESS);
    lookups.phone(&first.number()).await.assert_still(&moved);

    // Lost where it is. What was reported before that comes late, and again.
    new.ask(reporting(T6A, NEW, lost(loss, ago(50))))
        .await
        .assert_result(SUCCESS);
    let gone = lookups.phone(&first.number()).await;
    gone.assert_is(Status::NotConnected, &[]);
    assert_eq!(gone.last_status_time.unwrap().seconds as u64, ago(50));
    new.ask(reporting(T6A, NEW, reachable(data, ago(60), true)))
        .await
        .assert_result(SUCCESS);
    assert_eq!(old.ask(again(&attached, &attached_answer)).await, attached_answer);
    lookups.phone(&first.number()).await.assert_still(&gone);

    // A reference that nobody gave is refused by name.
    let unknown = new.ask(reporting(T6A, NEW, reachable(4242, ago(10), true))).await;
    assert_eq!(unknown.experimental_result(), Some(UNKNOWN_REFERENCE));
    let status = unknown.find("Monitoring-Event-Report-Status").expect("which one");
    assert_eq!(Told::member(status, "SCEF-Reference-ID"), Some(&json!(4242)));
    lookups
        .phone(&second.number())
        .await
        .assert_is(Status::ConnectedData, &[DATA]);

    for node in [hss, old, new] {
        node.leave().await;
    }
    let connections = [to_hss.exchanges(), to_old.exchanges(), to_new.exchanges()].concat();
    assert_dissects(&home.path("reports.pcap"), &connections).await;
}
