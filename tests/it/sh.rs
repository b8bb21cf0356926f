//! Sh, with an HSS made by hand: what it is asked, and what its notifications and answers change.

use std::process::Output;

use reachd::proto::v1::Connectivity::{Data, Sms};
use reachd::proto::v1::ReachabilityStatus::{ConnectedData, NotConnected};

use crate::support::capture::assert_dissects;
use crate::support::daemon::{Daemon, Engine, Home, UNANSWERED_GOODBYES, reachd, run};
use crate::support::wire::command::{DISCONNECT_PEER, SUBSCRIBE_NOTIFICATIONS};
use crate::support::wire::{
    Avp, DRA, Message, Peer, Request, SUCCESS, VENDOR_3GPP, avp, avp_3gpp, code, encode_avp, tbcd,
};
use crate::support::{Subscriber, eventually, on_each_engine};

const SH: u32 = 16_777_217;
const HSS: &str = "hss1.home.example";

pub(crate) const USER_DATA_PULL: u32 = 306;
const PUSH_NOTIFICATION: u32 = 309;

const USER_IDENTITY: u32 = 700;
const USER_DATA: u32 = 702;
const DATA_REFERENCE: u32 = 703;
pub(crate) const SUBS_REQ_TYPE: u32 = 705;
const REQUESTED_DOMAIN: u32 = 706;
const EXPIRY_TIME: u32 = 709;
const ORIGIN_STATE_ID: u32 = 278;
const ONE_TIME_NOTIFICATION: u32 = 712;
const REQUESTED_NODES: u32 = 713;

pub(crate) const REACHABLE_BY_MME: &str = "<Sh-IMS-Data><Extension><Extension><Extension><UEReachabilityForIP>\
    <UEIPReachabilityMME>0</UEIPReachabilityMME></UEReachabilityForIP></Extension></Extension></Extension></Sh-IMS-Data>";

fn sh_data(members: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Sh-Data>{members}</Sh-Data>")
}

/// A daemon that asks the HSSs of its realm.
async fn home(engine: Engine) -> Home {
    home_waiting(engine, "2s").await
}

/// The same, which waits for an answer of theirs for so long.
pub(crate) async fn home_waiting(engine: Engine, answer_within: &str) -> Home {
    let mut home = Home::new(engine).await;
    home.diameter(UNANSWERED_GOODBYES);
    home.configure(&format!(
        r#"
[[diameter.peers]]
identity = "{HSS}"
mode = "endpoint"
applications = ["sh"]

[diameter.sh]
realm = "home.example"
answer_within = "{answer_within}"
"#
    ));
    home
}

fn application() -> Vec<u8> {
    let members = [
        avp(code::VENDOR_ID, &VENDOR_3GPP.to_be_bytes()),
        avp(code::AUTH_APPLICATION_ID, &SH.to_be_bytes()),
    ];
    avp(code::VENDOR_SPECIFIC_APPLICATION_ID, &members.concat())
}

/// An HSS that has a connection with the daemon.
pub(crate) struct Hss(pub(crate) Peer);

impl Hss {
    pub(crate) async fn connect(daemon: &Daemon) -> Self {
        Self::connect_saying(daemon, &[]).await
    }

    /// Connects with a CER that holds more.
    async fn connect_saying(daemon: &Daemon, more: &[Vec<u8>]) -> Self {
        let mut peer = Peer::dial(daemon.diameter(), HSS).await.recorded();
        let cer = peer
            .capabilities_exchange()
            .without(code::VENDOR_SPECIFIC_APPLICATION_ID)
            .with(application());
        let cer = more.iter().cloned().fold(cer, Request::with);
        peer.ask(&cer).await.assert_result(SUCCESS);
        Self(peer)
    }

    /// The next request, which must be of that command and carry what every request of Sh must.
    pub(crate) async fn asked(&mut self, command: u32) -> Message {
        let request = self.0.receive_request().await;
        assert_eq!((request.application, request.command), (SH, command));
        let names: Vec<u32> = request.avps.iter().map(|avp| avp.code).collect();
        assert_eq!(names[0], code::SESSION_ID);
        for required in [
            code::VENDOR_SPECIFIC_APPLICATION_ID,
            code::AUTH_SESSION_STATE,
            code::ORIGIN_HOST,
            code::ORIGIN_REALM,
            code::DESTINATION_REALM,
            USER_IDENTITY,
        ] {
            let times = names.iter().filter(|name| **name == required).count();
            assert_eq!(times, 1, "AVP {required}");
        }
        assert_eq!(text(&request, code::DESTINATION_REALM), "home.example");
        request
    }

    /// Answers with a result and whatever else is given.
    async fn answer(&mut self, request: &Message, result: Vec<u8>, more: Vec<Vec<u8>>) {
        let mut avps = vec![
            avp(code::SESSION_ID, &find(request, code::SESSION_ID).data),
            application(),
            result,
            avp(code::AUTH_SESSION_STATE, &1u32.to_be_bytes()),
            avp(code::ORIGIN_HOST, HSS.as_bytes()),
            avp(code::ORIGIN_REALM, b"home.example"),
        ];
        avps.extend(more);
        self.0.answer_in_full(request, &avps).await;
    }

    pub(crate) async fn succeed(&mut self, request: &Message, more: Vec<Vec<u8>>) {
        self.answer(request, avp(code::RESULT_CODE, &SUCCESS.to_be_bytes()), more)
            .await;
    }

    pub(crate) async fn refuse(&mut self, request: &Message, experimental: u32) {
        let members = [
            avp(code::VENDOR_ID, &VENDOR_3GPP.to_be_bytes()),
            avp(code::EXPERIMENTAL_RESULT_CODE, &experimental.to_be_bytes()),
        ];
        let result = avp(code::EXPERIMENTAL_RESULT, &members.concat());
        self.answer(request, result, Vec::new()).await;
    }

    /// Notifies of a user; returns what was answered.
    pub(crate) async fn push(&mut self, digits: &str, members: &str) -> Message {
        self.push_with(digits, members, &[]).await
    }

    async fn push_with(&mut self, digits: &str, members: &str, more: &[Vec<u8>]) -> Message {
        let mut request = Request::s6a(PUSH_NOTIFICATION, HSS);
        request.application = SH;
        let request = request
            .with(application())
            .with(avp(code::DESTINATION_HOST, b"reachd.home.example"))
            .with(avp_3gpp(USER_IDENTITY, &avp_3gpp(code::MSISDN, &tbcd(digits))))
            .with(avp_3gpp(USER_DATA, sh_data(members).as_bytes()));
        let request = more.iter().cloned().fold(request, Request::with);
        let answer = self.0.ask(&request).await;
        assert!(answer.find(code::VENDOR_SPECIFIC_APPLICATION_ID).is_some());
        assert_eq!(find(&answer, code::AUTH_SESSION_STATE).u32(), 1);
        answer
    }
}

pub(crate) fn find(message: &Message, code: u32) -> &Avp {
    message
        .find(code)
        .unwrap_or_else(|| panic!("AVP {code} in {message:?}"))
}

fn text(message: &Message, code: u32) -> String {
    find(message, code).text().to_owned()
}

/// The number in User-Identity, as it was written.
pub(crate) fn asked_about(request: &Message) -> Vec<u8> {
    let members = find(request, USER_IDENTITY).members();
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].code, code::MSISDN);
    members[0].data.clone()
}

fn user_data(members: &str) -> Vec<u8> {
    avp_3gpp(USER_DATA, sh_data(members).as_bytes())
}

/// Runs a command against a daemon.
pub(crate) async fn command(daemon: &Daemon, args: &[&str]) -> (i32, String, String) {
    let mut command = reachd();
    command
        .args(args)
        .args(["--server", &format!("http://{}", daemon.grpc())]);
    let Output {
        status,
        stdout,
        stderr,
    } = run(command).await;
    (
        status.code().unwrap(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

/// Waits until it is known what is subscribed to: before, nothing can be told.
pub(crate) async fn loaded(daemon: &Daemon) {
    eventually("subscriptions are loaded", async || {
        let (code, ..) = command(daemon, &["subscriptions", "status"]).await;
        (code == 0).then_some(())
    })
    .await;
}

/// Answers the two questions of a query; which comes first is not told.
pub(crate) async fn answer_query(hss: &mut Hss, packet: &str, circuit: &str) {
    for _ in 0..2 {
        let request = hss.asked(USER_DATA_PULL).await;
        assert_eq!(find(&request, DATA_REFERENCE).u32(), 15);
        let members = match find(&request, REQUESTED_DOMAIN).u32() {
            0 => circuit,
            1 => {
                assert_eq!(find(&request, REQUESTED_NODES).u32(), 0b1011);
                packet
            }
            other => panic!("domain {other}"),
        };
        hss.succeed(&request, vec![user_data(members)]).await;
    }
}

const NTP: u64 = 2_208_988_800;

fn unix_now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}

on_each_engine! {
    async fn a_notification_changes_the_answer_and_its_subscription_is_asked_for_again(engine) {
        let home = home(engine).await;
        let daemon = home.start().await;
        let mut hss = Hss::connect(&daemon).await;
        let someone = Subscriber::nth(1);
        loaded(&daemon).await;

        let (code, out, err) = command(&daemon, &["subscriptions", "add", &someone.number()]).await;
        assert_eq!((code, out.as_str()), (0, "1 added, 0 asked for again, 0 unchanged\n"), "{err}");
        let request = hss.asked(SUBSCRIBE_NOTIFICATIONS).await;
        assert_eq!(asked_about(&request), tbcd(&someone.digits));
        assert_eq!(find(&request, SUBS_REQ_TYPE).u32(), 0);
        assert_eq!(find(&request, DATA_REFERENCE).u32(), 25);
        assert_eq!(find(&request, ONE_TIME_NOTIFICATION).u32(), 0);
        let until = u64::from(find(&request, EXPIRY_TIME).u32()) - NTP;
        assert!((unix_now() + 86_300..unix_now() + 86_500).contains(&until), "{until}");
        // Made shorter by the HSS.
        let shorter = (unix_now() + 3600 + NTP) as u32;
        let expiry = encode_avp(EXPIRY_TIME, 0x80, Some(VENDOR_3GPP), &shorter.to_be_bytes());
        hss.succeed(&request, vec![expiry]).await;
        let status = eventually("the subscription is active", async || {
            let (code, out, _) = command(&daemon, &["subscriptions", "status", &someone.number(), "--json"]).await;
            (code == 0 && out.contains("\"active\"")).then_some(out)
        })
        .await;
        let expires = status.split("expires_at\":\"").nth(1).unwrap();
        assert!(expires.starts_with("20"), "{status}");

        hss.push(&someone.digits, REACHABLE_BY_MME).await.assert_result(SUCCESS);
        daemon.lookups().phone(&someone.number()).await.assert_is(ConnectedData, &[Data]);
        let again = hss.asked(SUBSCRIBE_NOTIFICATIONS).await;
        assert_eq!(asked_about(&again), tbcd(&someone.digits));
        hss.succeed(&again, Vec::new()).await;

        // What is subscribed to outlives a restart, and is asked for again then: a notification may have come meanwhile.
        daemon.stop().await;
        let daemon = home.start().await;
        let mut hss = Hss::connect(&daemon).await;
        let request = hss.asked(SUBSCRIBE_NOTIFICATIONS).await;
        assert_eq!(asked_about(&request), tbcd(&someone.digits));
        hss.succeed(&request, Vec::new()).await;
        daemon.lookups().phone(&someone.number()).await.assert_is(ConnectedData, &[Data]);

        let (code, out, err) = command(&daemon, &["subscriptions", "remove", &someone.number()]).await;
        assert_eq!((code, out.as_str()), (0, "1 removed, 0 were not there\n"), "{err}");
        let request = hss.asked(SUBSCRIBE_NOTIFICATIONS).await;
        assert_eq!(find(&request, SUBS_REQ_TYPE).u32(), 1);
        assert!(request.find(EXPIRY_TIME).is_none());
        // From now on nothing is subscribed to, whatever the HSS thinks.
        let late = hss.push(&someone.digits, REACHABLE_BY_MME).await;
        assert_eq!(late.experimental_result(), Some((VENDOR_3GPP, 5107)));
        hss.succeed(&request, Vec::new()).await;
        eventually("the subscription is forgotten", async || {
            let (code, _, err) = command(&daemon, &["subscriptions", "status", &someone.number()]).await;
            (code == 1 && err.contains("NOT_SUBSCRIBED")).then_some(())
        })
        .await;
        assert_dissects(&home.path("sh.pcap"), &[hss.0.recorded]).await;
        daemon.stop().await;
    }

    async fn a_query_asks_the_hss_and_its_answer_is_seen_at_once(engine) {
        let home = home(engine).await;
        let daemon = home.start().await;
        let mut hss = Hss::connect(&daemon).await;
        let someone = Subscriber::nth(1);
        let number = someone.number();

        // Nobody ever heard of the subscriber, and the HSS says that it is detached everywhere.
        let args = ["query", &number];
        let detached = "<PSUserState>0</PSUserState><Extension><EPSUserState>0</EPSUserState></Extension>";
        let answers = answer_query(&mut hss, detached, "<CSUserState>1</CSUserState>");
        let ((code, out, err), ()) = tokio::join!(command(&daemon, &args), answers);
        assert_eq!(code, 0, "{err}");
        assert!(out.starts_with("NOT_CONNECTED"), "{out}");
        daemon.lookups().phone(&number).await.assert_is(NotConnected, &[]);

        // Back again.
        let connected = "<Extension><EPSUserState>4</EPSUserState></Extension>";
        let answers = answer_query(&mut hss, connected, "<CSUserState>2</CSUserState>");
        let args = ["query", &number, "--json"];
        let ((code, out, err), ()) = tokio::join!(command(&daemon, &args), answers);
        assert_eq!(code, 0, "{err}");
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(json["status"], "CONNECTED_DATA");
        assert_eq!(json["connectivity"], serde_json::json!(["DATA", "SMS"]));
        assert_eq!(json["asked"][0], serde_json::json!({"query": "packet-state", "told": true, "message": null}));
        assert_eq!(json["asked"][1]["query"], "circuit-state");
        daemon.lookups().phone(&number).await.assert_is(ConnectedData, &[Data, Sms]);
        assert_dissects(&home.path("sh.pcap"), &[hss.0.recorded]).await;
        daemon.stop().await;
    }
}

/// Takes so many subscriptions, the HSS telling that Origin-State-Id each time. Returns the numbers, in order.
async fn take(hss: &mut Hss, times: usize, state: u32) -> Vec<Vec<u8>> {
    let mut numbers = Vec::new();
    for _ in 0..times {
        let request = hss.asked(SUBSCRIBE_NOTIFICATIONS).await;
        assert_eq!(find(&request, SUBS_REQ_TYPE).u32(), 0);
        numbers.push(asked_about(&request));
        let state = avp(ORIGIN_STATE_ID, &state.to_be_bytes());
        hss.succeed(&request, vec![state]).await;
    }
    numbers.sort();
    numbers
}

async fn all_active(daemon: &Daemon, count: usize) {
    eventually("every subscription is active", async || {
        let (_, out, _) = command(daemon, &["subscriptions", "status", "--json"]).await;
        let status: serde_json::Value = serde_json::from_str(&out).unwrap();
        let mut counts = status["counts"].as_array().unwrap().iter();
        counts
            .any(|row| row["state"] == "active" && row["count"] == count)
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_hss_has_lost_is_subscribed_to_again_however_that_is_heard() {
    let home = home(Engine::Sqlite).await;
    let daemon = home.start().await;
    let state = |id: u32| [avp(ORIGIN_STATE_ID, &id.to_be_bytes())];
    let mut hss = Hss::connect_saying(&daemon, &state(7)).await;
    let mut dra = Peer::connect(daemon.diameter(), DRA).await;
    loaded(&daemon).await;
    let both = [Subscriber::nth(1), Subscriber::nth(2)];
    let everybody: Vec<_> = both.iter().map(|someone| tbcd(&someone.digits)).collect();
    for (place, someone) in both.iter().enumerate() {
        let (code, _, err) = command(&daemon, &["subscriptions", "add", &someone.number()]).await;
        assert_eq!(code, 0, "{err}");
        assert_eq!(take(&mut hss, 1, 7).await, everybody[place..=place]);
    }
    all_active(&daemon, 2).await;
    let (code, out, err) = command(&daemon, &["feeds"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(
        out.lines()
            .any(|line| line.starts_with("sh ") && line.contains(" answers ") && line.contains(" open ")),
        "{out}"
    );

    // A copy of its Reset on S6a.
    let reset = Request::s6a(322, HSS).with(avp(code::DESTINATION_HOST, b"mme1.home.example"));
    dra.ask(&reset).await.assert_result(SUCCESS);
    assert_eq!(take(&mut hss, 2, 7).await, everybody);
    all_active(&daemon, 2).await;

    // A notification with a greater Origin-State-Id.
    let registered = "<Sh-IMS-Data><IMSUserState>1</IMSUserState></Sh-IMS-Data>";
    let answer = hss.push_with(&both[0].digits, registered, &state(8)).await;
    answer.assert_result(SUCCESS);
    assert_eq!(take(&mut hss, 2, 8).await, everybody);
    all_active(&daemon, 2).await;

    // An answer with a greater one: what was asked before is asked for again.
    hss.push(&both[1].digits, REACHABLE_BY_MME)
        .await
        .assert_result(SUCCESS);
    assert_eq!(take(&mut hss, 1, 9).await, everybody[1..]);
    assert_eq!(take(&mut hss, 2, 9).await, everybody);
    all_active(&daemon, 2).await;

    // It leaves, and connects anew with a greater one.
    let goodbye = hss
        .0
        .origin(Request::base(DISCONNECT_PEER))
        .with(avp(code::DISCONNECT_CAUSE, &0u32.to_be_bytes()));
    hss.0.ask(&goodbye).await.assert_result(SUCCESS);
    drop(hss);
    eventually("the connection of the HSS is gone", async || {
        let (_, out, _) = command(&daemon, &["feeds"]).await;
        out.lines()
            .any(|line| line.starts_with(HSS) && line.contains(" closed "))
            .then_some(())
    })
    .await;
    let mut hss = Hss::connect_saying(&daemon, &state(10)).await;
    assert_eq!(take(&mut hss, 2, 10).await, everybody);
    all_active(&daemon, 2).await;
    assert!(hss.0.is_left_alone().await);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_network_reports_while_a_query_is_answered_is_newer_than_the_answer() {
    let home = home(Engine::Sqlite).await;
    let daemon = home.start().await;
    let mut hss = Hss::connect(&daemon).await;
    let mut dra = Peer::connect(daemon.diameter(), DRA).await;
    let someone = Subscriber::nth(1);
    daemon.import_rows(std::slice::from_ref(&someone)).await;
    let number = someone.number();
    let args = ["query", &number];
    let answers = async {
        for _ in 0..2 {
            let request = hss.asked(USER_DATA_PULL).await;
            // The HSS has asked the MME that the device is just leaving.
            let attach = Request::update_location(&someone.imsi, "mme2.home.example");
            dra.ask(&attach).await.assert_result(SUCCESS);
            let detached = user_data("<Extension><EPSUserState>0</EPSUserState></Extension>");
            hss.succeed(&request, vec![detached]).await;
        }
    };
    let ((code, out, err), ()) = tokio::join!(command(&daemon, &args), answers);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("CONNECTED_DATA"), "{out}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attach_that_was_seen_is_ended_by_what_the_hss_says_later_of_whoever_serves() {
    let home = home(Engine::Sqlite).await;
    let daemon = home.start().await;
    let mut hss = Hss::connect(&daemon).await;
    let mut dra = Peer::connect(daemon.diameter(), DRA).await;
    let someone = Subscriber::nth(1);
    daemon.import_rows(std::slice::from_ref(&someone)).await;
    let attach = Request::update_location(&someone.imsi, "mme1.home.example");
    dra.ask(&attach).await.assert_result(SUCCESS);
    let number = someone.number();
    daemon
        .lookups()
        .phone(&number)
        .await
        .assert_is(ConnectedData, &[Data]);
    let detached = "<Extension><EPSUserState>0</EPSUserState></Extension>";
    let args = ["query", &number];
    let answers = answer_query(&mut hss, detached, "");
    let ((code, out, err), ()) = tokio::join!(command(&daemon, &args), answers);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("NOT_CONNECTED"), "{out}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_query_says_plainly_what_the_hss_said() {
    let home = home(Engine::Sqlite).await;
    let daemon = home.start().await;
    let mut hss = Hss::connect(&daemon).await;
    let number = Subscriber::nth(1).number();
    for (result, expected) in [
        (5001, "USER_UNKNOWN: the HSS does not know this user (5001)\n"),
        (
            5101,
            "NOT_ALLOWED: the HSS does not allow this node to ask for that (5101)\n",
        ),
        (4100, "NOT_NOW: the HSS cannot tell it now (4100)\n"),
    ] {
        let answers = async {
            for _ in 0..2 {
                let request = hss.asked(USER_DATA_PULL).await;
                hss.refuse(&request, result).await;
            }
        };
        let args = ["query", &number];
        let ((code, out, err), ()) = tokio::join!(command(&daemon, &args), answers);
        assert_eq!((code, out.as_str(), err.as_str()), (1, "", expected));
    }
    // One half may be refused: the other counts.
    let answers = async {
        for _ in 0..2 {
            let request = hss.asked(USER_DATA_PULL).await;
            match find(&request, REQUESTED_DOMAIN).u32() {
                0 => hss.refuse(&request, 5102).await,
                _ => {
                    hss.succeed(&request, vec![user_data("<PSUserState>4</PSUserState>")])
                        .await
                }
            }
        }
    };
    let args = ["query", &number];
    let ((code, out, err), ()) = tokio::join!(command(&daemon, &args), answers);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("CONNECTED_DATA"), "{out}");
    assert!(
        out.ends_with("circuit-state   the HSS does not allow this node to ask for that (5102)\n"),
        "{out}"
    );
    let metrics = daemon.metrics().await;
    assert!(
        metrics.contains("reachd_sh_failures_total{reason=\"user_unknown\"} 2"),
        "{metrics}"
    );
    assert!(!daemon.log().contains(&number[1..]));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_hss_a_query_ends_in_time_and_where_nothing_is_asked_it_says_so() {
    let home = home(Engine::Sqlite).await;
    let daemon = home.start().await;
    let number = Subscriber::nth(1).number();
    let (code, _, err) = command(&daemon, &["query", &number]).await;
    assert_eq!(code, 1);
    assert_eq!(
        err,
        "NO_ANSWER: no HSS answered: no Diameter peer takes this request\n"
    );
    daemon.stop().await;

    let daemon = Home::new(Engine::Sqlite).await.start().await;
    for args in [
        &["query", number.as_str()][..],
        &["subscriptions", "add", &number],
    ] {
        let (code, _, err) = command(&daemon, args).await;
        assert_eq!(code, 1);
        assert!(err.starts_with("SH_OFF: "), "{err}");
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_nobody_asked_for_and_one_that_cannot_be_read_harm_nobody() {
    let home = home(Engine::Sqlite).await;
    let daemon = home.start().await;
    let mut hss = Hss::connect(&daemon).await;
    let (someone, other) = (Subscriber::nth(1), Subscriber::nth(2));
    loaded(&daemon).await;
    let refused = hss.push(&other.digits, REACHABLE_BY_MME).await;
    assert_eq!(refused.experimental_result(), Some((VENDOR_3GPP, 5107)));
    let file = home.write("devices.txt", &format!("# ours\n{}\nnobody\n", someone.number()));
    let file = file.display().to_string();
    let (code, out, _) = command(&daemon, &["subscriptions", "add", "--file", &file]).await;
    assert_eq!(code, 1);
    assert_eq!(
        out,
        "1 added, 0 asked for again, 0 unchanged\n1 refused:\n  line 3: msisdn: not an international number of 5 to 15 digits\n"
    );
    let request = hss.asked(SUBSCRIBE_NOTIFICATIONS).await;
    hss.refuse(&request, 5104).await;
    eventually("the refusal is told", async || {
        let (_, out, _) = command(&daemon, &["subscriptions", "status", &someone.number()]).await;
        (out == "reachability   failed   refused with 10415:5104\n").then_some(())
    })
    .await;
    // It is subscribed to as far as this node is concerned.
    for (data, failed) in [
        ("<EPSUserState>", 5004),
        ("<EPSUserState>9</EPSUserState>", 5004),
        ("&entity;", 5004),
    ] {
        let answer = hss.push(&someone.digits, data).await;
        answer.assert_result(failed);
        assert_eq!(answer.failed_avp().code, USER_DATA);
    }
    let deep = "<Extension>".repeat(100);
    let answer = hss.push(&someone.digits, &deep).await;
    assert_eq!(answer.experimental_result(), Some((VENDOR_3GPP, 5008)));
    hss.push(&someone.digits, REACHABLE_BY_MME)
        .await
        .assert_result(SUCCESS);
    daemon
        .lookups()
        .phone(&someone.number())
        .await
        .assert_is(ConnectedData, &[Data]);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lookup_that_wants_it_fresher_has_the_hss_asked_first_and_many_of_them_once() {
    use reachd::proto::v1::GetReachabilityRequest;
    use reachd::proto::v1::reachability_service_client::ReachabilityServiceClient;

    let mut home = home(Engine::Sqlite).await;
    home.configure("\n[freshness]\nquery = \"sh\"\nquery_within = \"30s\"\n");
    let daemon = home.start().await;
    let mut hss = Hss::connect(&daemon).await;
    let mut dra = Peer::connect(daemon.diameter(), DRA).await;
    let someone = Subscriber::nth(1);
    let mme = "mme1.visited.example";
    for request in [
        Request::insert_subscriber_data(&someone.imsi, mme, &someone.digits),
        Request::update_location(&someone.imsi, mme),
    ] {
        dra.ask(&request).await.assert_result(SUCCESS);
    }
    // Fresh enough: nobody is asked.
    let before = daemon.lookups().phone(&someone.number()).await;
    before.assert_is(ConnectedData, &[Data]);

    let asks = (0..10).map(|_| {
        let mut client = ReachabilityServiceClient::new(daemon.channel());
        let request = GetReachabilityRequest {
            device: Some(crate::support::daemon::phone(&someone.number())),
            max_age: Some(prost_types::Duration::default()),
        };
        tokio::spawn(async move { client.get_reachability(request).await.unwrap().into_inner() })
    });
    let asks: Vec<_> = asks.collect();
    eventually("all of them wait", async || {
        let metrics = daemon.metrics().await;
        let joined = "reachd_lookup_queries_total{result=\"joined\"} 9";
        metrics.contains(joined).then_some(())
    })
    .await;
    let detached = "<PSUserState>0</PSUserState><Extension><EPSUserState>0</EPSUserState></Extension>";
    answer_query(&mut hss, detached, "<CSUserState>1</CSUserState>").await;
    for ask in asks {
        let answer = crate::support::Answer::of(ask.await.unwrap().reachability.unwrap());
        answer.assert_is(NotConnected, &[]);
        let nanos = |time: Option<prost_types::Timestamp>| time.map(|time| (time.seconds, time.nanos));
        assert!(nanos(answer.last_confirmed_time) > nanos(before.last_confirmed_time));
    }
    daemon.stop().await;
}
