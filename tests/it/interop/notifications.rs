//! Sh with python-diameter as HSS: what it is asked, and its notifications, once, again, and before the answers that they
//! overtake.

use std::sync::atomic::{AtomicU32, Ordering};

use reachd::proto::v1::admin_service_client::AdminServiceClient;
use reachd::proto::v1::{
    ChangeSubscriptionsRequest, Connectivity, ListSubscriptionsRequest, QuerySubscriberRequest,
    ReachabilityStatus as Status, ShUser, SubscriptionState,
};
use serde_json::{Value, json};

use super::{REACHD, REALM, home_with_peer};
use crate::support::capture::assert_dissects;
use crate::support::daemon::Daemon;
use crate::support::python::{PythonNode, Serves, Told};
use crate::support::recorder::Recorder;
use crate::support::wire::tbcd;
use crate::support::{Subscriber, eventually};

const HSS: &str = "hss1.home.example";
const SH: u32 = 16_777_217;
const USER_DATA: u64 = 306;
const SUBSCRIBE_NOTIFICATIONS: u64 = 308;
const PUSH_NOTIFICATION: u32 = 309;
const SUCCESS: u64 = 2001;
const INVALID_AVP_VALUE: u64 = 5004;
const NO_SUBSCRIPTION_TO_DATA: (u64, u64) = (10_415, 5107);
const DATA: &[Connectivity] = &[Connectivity::Data];

/// Sh-Data in which the device can be reached through its MME.
const REACHABLE: &str = "<Sh-IMS-Data><Extension><Extension><Extension><UEReachabilityForIP><UEIPReachabilityMME>0\
    </UEIPReachabilityMME></UEReachabilityForIP></Extension></Extension></Extension></Sh-IMS-Data>";
const DETACHED: &str = "<PSUserState>0</PSUserState><Extension><EPSUserState>0</EPSUserState></Extension>";

fn sh_data(members: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Sh-Data>{members}</Sh-Data>")
}

fn application() -> Value {
    let members = json!([["Vendor-Id", 10_415], ["Auth-Application-Id", SH]]);
    json!(["Vendor-Specific-Application-Id", members])
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn push(subscriber: &Subscriber, members: &str) -> Value {
    static SESSION: AtomicU32 = AtomicU32::new(1);
    let session = format!("{HSS};8;{}", SESSION.fetch_add(1, Ordering::Relaxed));
    json!({
        "command": PUSH_NOTIFICATION,
        "application": SH,
        "avps": [
            ["Session-Id", session],
            application(),
            ["Auth-Session-State", 1],
            ["Origin-Host", HSS],
            ["Origin-Realm", REALM],
            ["Destination-Host", REACHD],
            ["Destination-Realm", REALM],
            ["User-Identity", [["MSISDN", {"hex": hex(&tbcd(&subscriber.digits))}]]],
            ["Sh-User-Data", sh_data(members)],
        ],
    })
}

fn success(more: &[Value]) -> Value {
    let mut avps = vec![
        application(),
        json!(["Result-Code", SUCCESS]),
        json!(["Auth-Session-State", 1]),
    ];
    avps.extend_from_slice(more);
    Value::Array(avps)
}

/// The next request, which has to be of that command.
async fn asked(hss: &mut PythonNode, command: u64) -> (u64, Told) {
    let (number, request) = hss.request().await;
    assert_eq!(request.command(), command, "{request:#?}");
    (number, request)
}

fn user(subscriber: &Subscriber) -> ShUser {
    ShUser {
        msisdn: subscriber.number(),
        ..ShUser::default()
    }
}

async fn subscribe(daemon: &Daemon, subscriber: &Subscriber) {
    // It can be told only once what was subscribed to before is read.
    let added = eventually("subscriptions are loaded", async || {
        let request = ChangeSubscriptionsRequest {
            add: vec![user(subscriber)],
            remove: Vec::new(),
        };
        AdminServiceClient::new(daemon.channel())
            .change_subscriptions(tokio_stream::once(request))
            .await
            .ok()
    })
    .await;
    assert_eq!(added.into_inner().added, 1);
}

/// Waits until the subscription to a user stands.
async fn active(daemon: &Daemon, subscriber: &Subscriber) {
    eventually("the subscription is active", async || {
        let request = ListSubscriptionsRequest {
            user: Some(user(subscriber)),
        };
        let listed = AdminServiceClient::new(daemon.channel())
            .list_subscriptions(request)
            .await
            .ok()?
            .into_inner();
        (listed.status.first()?.state() == SubscriptionState::Active).then_some(())
    })
    .await;
}

fn again(request: &Value, answer: &Told) -> Value {
    let mut request = request.clone();
    request["end_to_end"] = json!(answer.end_to_end());
    request["retransmitted"] = json!(true);
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_diameter_notifies_of_users_again_and_out_of_order() {
    let recorder = Recorder::to_daemon().await;
    let mut home = home_with_peer(HSS, "mode = \"endpoint\"\napplications = [\"sh\"]").await;
    home.configure(&format!("\n[diameter.sh]\nrealm = \"{REALM}\"\n"));
    let daemon = home.start().await;
    recorder.lead_to(daemon.diameter());
    let (someone, other, stranger) = (Subscriber::nth(1), Subscriber::nth(2), Subscriber::nth(3));
    let number = someone.number();
    let mut lookups = daemon.lookups();
    let mut hss = PythonNode::connect(recorder.address(), HSS, &[Serves::Authorisation(SH)]).await;

    subscribe(&daemon, &someone).await;
    let (first, request) = asked(&mut hss, SUBSCRIBE_NOTIFICATIONS).await;
    assert_eq!(request.find("Data-Reference"), Some(&json!(25)), "{request:#?}");
    assert_eq!(
        request.find("User-Identity"),
        Some(&json!([["MSISDN", {"hex": hex(&tbcd(&someone.digits))}]]))
    );
    subscribe(&daemon, &other).await;
    let (second, _) = asked(&mut hss, SUBSCRIBE_NOTIFICATIONS).await;

    // The notification overtakes the answer to its subscription, and the answers each other.
    let notification = push(&someone, REACHABLE);
    let taken = hss.ask(notification.clone()).await;
    taken.assert_result(SUCCESS);
    assert_eq!(taken.find("Session-Id"), Some(&notification["avps"][0][1]));
    assert_eq!(
        taken.find("Vendor-Specific-Application-Id"),
        Some(&application()[1])
    );
    let there = lookups.phone(&number).await;
    there.assert_is(Status::ConnectedData, DATA);
    hss.reply(second, success(&[])).await;
    active(&daemon, &other).await;
    hss.reply(first, success(&[])).await;
    // It used its subscription up, which so is asked for again.
    let (next, request) = asked(&mut hss, SUBSCRIBE_NOTIFICATIONS).await;
    assert_eq!(request.find("Subs-Req-Type"), Some(&json!(0)));
    hss.reply(next, success(&[])).await;
    active(&daemon, &someone).await;

    // Again: the same answer, not even the time moves, and nothing is asked for once more.
    assert_eq!(hss.ask(again(&notification, &taken)).await, taken);
    lookups.phone(&number).await.assert_still(&there);

    // A notification overtakes the answer to a query, which was asked before the device came back.
    let mut admin = AdminServiceClient::new(daemon.channel());
    let query = QuerySubscriberRequest {
        user: Some(user(&other)),
    };
    let querying = tokio::spawn(async move { admin.query_subscriber(query).await });
    let (one, _) = asked(&mut hss, USER_DATA).await;
    let (two, _) = asked(&mut hss, USER_DATA).await;
    hss.ask(push(&other, REACHABLE)).await.assert_result(SUCCESS);
    let (renewed, _) = asked(&mut hss, SUBSCRIBE_NOTIFICATIONS).await;
    for late in [two, one] {
        let data = json!(["Sh-User-Data", sh_data(DETACHED)]);
        hss.reply(late, success(&[data])).await;
    }
    let told = querying
        .await
        .unwrap()
        .expect("the query is answered")
        .into_inner();
    assert!(told.answers.iter().all(|answer| answer.told), "{told:?}");
    lookups
        .phone(&other.number())
        .await
        .assert_is(Status::ConnectedData, DATA);
    hss.reply(renewed, success(&[])).await;
    active(&daemon, &other).await;

    // Nobody subscribed to this one, and nobody can read that.
    let refused = hss.ask(push(&stranger, REACHABLE)).await;
    assert_eq!(refused.experimental_result(), Some(NO_SUBSCRIPTION_TO_DATA));
    let unsound = hss.ask(push(&someone, "<EPSUserState>9</EPSUserState>")).await;
    unsound.assert_result(INVALID_AVP_VALUE);
    let failed = unsound.find("Failed-AVP").expect("what was wrong");
    assert_eq!(failed[0][0], "Sh-User-Data");
    lookups.phone(&number).await.assert_still(&there);

    hss.leave().await;
    assert_dissects(&home.path("notifications.pcap"), &recorder.exchanges()).await;
}
