//! What SREs see of the feeds: `ListFeeds`, `reachd feeds`, and the lines of the log that tell a peer's life.

use std::process::Output;
use std::time::{Duration, SystemTime};

use reachd::proto::v1::admin_service_client::AdminServiceClient;
use reachd::proto::v1::{
    DiameterPeer, DiameterSide, Feed, FeedKind, FeedState, ListFeedsRequest, RegistrationChange as Change,
    Slot,
};

use crate::support::daemon::{Daemon, Engine, Home, UNANSWERED_GOODBYES, reachd, run};
use crate::support::publisher::{Publisher, event};
use crate::support::wire::{
    DRA, OTHER_DRA, Peer, Request, SUCCESS, VENDOR_3GPP, avp, code, command, encode_avp,
};
use crate::support::{Subscriber, ago, eventually};

const MME: &str = "mme1.visited.example";
const LEFT: &str = "hss1.home.example";
const UNREACHED: &str = "hss2.home.example";
const ORIGIN_STATE_ID: u32 = 278;
const APPLICATION_UNSUPPORTED: u32 = 3007;
const MISSING_AVP: u32 = 5005;
const S6C: u32 = 16_777_312;

/// A home that also knows a peer that will leave, and one that cannot be reached.
async fn home() -> Home {
    let mut home = Home::new(Engine::Sqlite).await;
    // Nobody can listen on it: it is the discard port, and privileged.
    home.diameter("reconnect = \"100ms\"")
        .diameter(UNANSWERED_GOODBYES)
        .configure(&format!(
            "\n[[diameter.peers]]\nidentity = \"{LEFT}\"\n\
         \n[[diameter.peers]]\nidentity = \"{UNREACHED}\"\naddress = \"127.0.0.1:9\"\n"
        ));
    home
}

async fn list(daemon: &Daemon) -> Vec<Feed> {
    let mut client = AdminServiceClient::new(daemon.channel());
    let response = client.list_feeds(ListFeedsRequest {}).await;
    response.expect("a list").into_inner().feeds
}

async fn feed(daemon: &Daemon, name: &str) -> Feed {
    let feeds = list(daemon).await;
    let found = feeds.into_iter().find(|feed| feed.name == name);
    found.expect("a feed of that name")
}

async fn peer(daemon: &Daemon, name: &str) -> DiameterPeer {
    feed(daemon, name).await.diameter.expect("a Diameter peer")
}

async fn feeds_command(daemon: &Daemon, arguments: &[&str]) -> Output {
    let mut command = reachd();
    command
        .arg("feeds")
        .args(arguments)
        .arg("--server")
        .arg(format!("http://{}", daemon.grpc()));
    run(command).await
}

/// A DWR of the daemon, provoked by a second connection in the peer's name, and answered.
async fn watchdog(daemon: &Daemon, peer: &mut Peer, identity: &str) {
    let mut second = Peer::dial(daemon.diameter(), identity).await;
    second.send(&second.capabilities_exchange()).await;
    second.closed().await;
    let asked = peer.receive().await.expect("a DWR");
    assert_eq!(
        (asked.command, asked.is_request()),
        (command::DEVICE_WATCHDOG, true)
    );
    peer.answer(&asked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_feed_tells_what_it_did_and_how_it_is() {
    let begun = SystemTime::now() - Duration::from_millis(1);
    let home = home().await;
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);

    let mut dra = Peer::connect(daemon.diameter(), DRA).await;
    for mme in [MME, "mme2.visited.example"] {
        let answer = dra.ask(&Request::update_location(&subscriber.imsi, mme)).await;
        answer.assert_result(SUCCESS);
    }
    let nameless = Request::purge(&subscriber.imsi, MME).without(code::USER_NAME);
    dra.ask(&nameless).await.assert_result(MISSING_AVP);
    watchdog(&daemon, &mut dra, DRA).await;
    eventually("the watchdog's answer was counted", async || {
        peer(&daemon, DRA).await.watchdog_round_trip.map(|_| ())
    })
    .await;

    let mut left = Peer::connect(daemon.diameter(), LEFT).await;
    let goodbye = left
        .origin(Request::base(command::DISCONNECT_PEER))
        .with(avp(code::DISCONNECT_CAUSE, &0u32.to_be_bytes()));
    left.ask(&goodbye).await.assert_result(SUCCESS);
    drop(left);
    eventually("the peer that left is gone", async || {
        peer(&daemon, LEFT).await.last_down
    })
    .await;

    let mut publisher = Publisher::open(&daemon).await;
    let registered = event(&subscriber, Slot::Msc, "99910001", Change::Registered, ago(60));
    publisher.publish(registered).await;
    daemon.import_rows(&[subscriber]).await;
    eventually("the attempts to connect have failed", async || {
        (peer(&daemon, UNREACHED).await.connect_failures > 1).then_some(())
    })
    .await;

    // === Over gRPC ===
    let feeds = list(&daemon).await;
    let names: Vec<_> = feeds.iter().map(|feed| feed.name.as_str()).collect();
    assert_eq!(names, [DRA, OTHER_DRA, LEFT, UNREACHED, "grpc", "provisioning"]);
    let within = |time: Option<prost_types::Timestamp>| {
        let time = SystemTime::try_from(time.expect("a time")).unwrap();
        begun <= time && time <= SystemTime::now()
    };

    // One that is there.
    let shown = feed(&daemon, DRA).await;
    assert_eq!(
        (shown.kind(), shown.state()),
        (FeedKind::Diameter, FeedState::Open)
    );
    assert_eq!(
        (shown.open, shown.events_accepted, shown.events_refused),
        (1, 2, 1)
    );
    assert!(within(shown.last_heard));
    let shown = shown.diameter.expect("a Diameter peer");
    let connection = shown.connection.expect("a connection");
    assert_eq!(connection.side(), DiameterSide::Responder);
    assert_eq!(
        (connection.transport.as_str(), connection.realm.as_str()),
        ("tcp", "home.example")
    );
    assert!(
        connection.remote_address.starts_with("127.0.0.1:"),
        "{}",
        connection.remote_address
    );
    assert_eq!(connection.applications, ["s6a"]);
    assert!(within(connection.since));
    let (received, sent) = (shown.received.unwrap(), shown.sent.unwrap());
    // CER, three requests, DWA; CEA, three answers, DWR.
    assert_eq!((received.requests, received.success), (4, 1));
    assert_eq!((sent.requests, sent.success, sent.permanent), (1, 3, 1));
    assert!(received.bytes > 500 && sent.bytes > 300, "{received:?} {sent:?}");
    let defects: Vec<_> = shown
        .defects
        .iter()
        .map(|defect| (defect.result_code, defect.count))
        .collect();
    assert_eq!(defects, [(MISSING_AVP, 1)]);
    assert_eq!(
        (shown.pending_requests, shown.connections_opened, shown.restarts),
        (0, 1, 0)
    );
    assert_eq!((shown.last_down, shown.origin_state_id), (None, None));

    // One that never came.
    let shown = feed(&daemon, OTHER_DRA).await;
    assert_eq!(
        (shown.state(), shown.open, shown.last_heard),
        (FeedState::Closed, 0, None)
    );
    let shown = shown.diameter.expect("a Diameter peer");
    assert_eq!(
        (shown.connection, shown.last_down, shown.connections_opened),
        (None, None, 0)
    );
    assert_eq!((shown.connect_failures, shown.watchdog_round_trip), (0, None));

    // One that left.
    let shown = feed(&daemon, LEFT).await;
    assert_eq!((shown.state(), shown.open), (FeedState::Closed, 0));
    assert!(within(shown.last_heard));
    let shown = shown.diameter.expect("a Diameter peer");
    assert_eq!((shown.connection, shown.connections_opened), (None, 1));
    let down = shown.last_down.expect("it went down");
    assert_eq!(down.cause, "peer_left");
    assert!(within(down.time));

    // One that cannot be reached.
    let failure = peer(&daemon, UNREACHED)
        .await
        .last_connect_failure
        .expect("a failure");
    assert_eq!(failure.cause, "connection_refused");
    assert!(within(failure.time));

    // Those that are no Diameter peers.
    let streams = feed(&daemon, "grpc").await;
    assert_eq!(
        (streams.kind(), streams.state(), streams.open),
        (FeedKind::Grpc, FeedState::Open, 1)
    );
    assert_eq!((streams.events_accepted, streams.events_refused), (1, 0));
    assert!(within(streams.last_heard) && streams.diameter.is_none());
    let imports = feed(&daemon, "provisioning").await;
    assert_eq!(
        (imports.kind(), imports.state()),
        (FeedKind::Provisioning, FeedState::Closed)
    );
    assert_eq!(imports.events_accepted, 1);
    drop(publisher);
    eventually("the stream is gone", async || {
        (feed(&daemon, "grpc").await.open == 0).then_some(())
    })
    .await;

    // === On the command line ===
    let output = feeds_command(&daemon, &[]).await;
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{table}");
    for wanted in [
        "FEED ",
        "tcp connected from 127.0.0.1:",
        "answered: 3 success, 1 permanent",
        "refused: 1 × 5005 MISSING_AVP",
        "1 connection so far; last down: peer_left, ",
        "last: connection_refused, ",
    ] {
        assert!(table.contains(wanted), "{wanted} in\n{table}");
    }
    let line = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(name)).expect("a line");
        line.split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(line(DRA)[1..3], ["diameter", "open"], "{table}");
    assert_eq!(
        line(OTHER_DRA)[1..],
        ["diameter", "closed", "-", "-", "-", "0", "0", "0", "0", "0"],
        "{table}"
    );

    let output = feeds_command(&daemon, &["--json"]).await;
    assert_eq!(output.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["feeds"][0]["name"], DRA);
    assert_eq!(json["feeds"][0]["state"], "open");
    assert_eq!(json["feeds"][0]["diameter"]["connection"]["side"], "responder");
    assert!(
        json["feeds"][0]["diameter"]["watchdog_round_trip_seconds"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    assert_eq!(json["feeds"][2]["diameter"]["last_down"]["cause"], "peer_left");
    assert_eq!(json["feeds"][4]["diameter"], serde_json::Value::Null);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_answers_feeds_says_where_and_what_to_do() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    let mut command = reachd();
    command.args(["feeds", "--server", &url]);
    let output = run(command).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&url) && told.contains("reachd serve"), "{told}");
}

/// Lines of the log with this message, as JSON.
fn lines(daemon: &Daemon, message: &str) -> Vec<serde_json::Value> {
    let log = daemon.log();
    let parsed = log.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    parsed
        .filter(|line: &serde_json::Value| {
            line["message"]
                .as_str()
                .is_some_and(|told| told.starts_with(message))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_each_change_in_a_peers_life_once_and_nothing_of_a_message() {
    let mut home = Home::new(Engine::Sqlite).await;
    // Long enough for this test to answer while the peer is suspect, even on a busy machine.
    home.diameter("watchdog = \"2s\"");
    let daemon = home.start().await;
    let mut dra = Peer::connect(daemon.diameter(), DRA).await;
    let up = eventually("it is told that the peer is up", async || {
        lines(&daemon, "Diameter peer up").pop()
    })
    .await;
    for (field, value) in [
        ("level", "INFO"),
        ("peer", DRA),
        ("realm", "home.example"),
        ("side", "responder"),
        ("transport", "tcp"),
        ("applications", "s6a"),
    ] {
        assert_eq!(up[field], value, "{up}");
    }

    // Hundreds of messages, good and bad, leave no line.
    let before = daemon.log();
    for round in 0..300 {
        let request = Request::update_location(&Subscriber::nth(round % 7).imsi, MME);
        let (request, result) = match round % 3 {
            0 => (request, SUCCESS),
            1 => (request.without(code::USER_NAME), MISSING_AVP),
            _ => {
                // An application that this peer did not name.
                let application = S6C;
                let request = Request {
                    application,
                    ..request
                };
                (request, APPLICATION_UNSUPPORTED)
            }
        };
        dra.ask(&request).await.assert_result(result);
    }
    assert_eq!(daemon.log(), before);

    // What it lost it says by a greater Origin-State-Id, here with its own watchdog requests.
    for id in [7u32, 7, 8, 8] {
        let dwr = dra
            .origin(Request::base(command::DEVICE_WATCHDOG))
            .with(avp(ORIGIN_STATE_ID, &id.to_be_bytes()));
        dra.ask(&dwr).await.assert_result(SUCCESS);
    }
    let shown = peer(&daemon, DRA).await;
    assert_eq!((shown.origin_state_id, shown.restarts), (Some(8), 1));
    assert!(shown.last_restart.is_some() && shown.doubtful_since == shown.last_restart);

    // It does not answer for a while.
    let asked = dra.receive().await.expect("a DWR");
    assert_eq!(asked.command, command::DEVICE_WATCHDOG);
    eventually("it is told that the peer is suspect", async || {
        lines(&daemon, "Diameter peer suspect").pop()
    })
    .await;
    assert_eq!(feed(&daemon, DRA).await.state(), FeedState::Suspect);
    dra.answer(&asked).await;
    eventually("it is told that the peer is back", async || {
        lines(&daemon, "Diameter peer recovered").pop()
    })
    .await;
    assert_eq!(feed(&daemon, DRA).await.state(), FeedState::Open);

    drop(dra);
    let down = eventually("it is told that the peer is down", async || {
        lines(&daemon, "Diameter peer down").pop()
    })
    .await;
    assert_eq!(
        (&down["level"], &down["reason"]),
        (&"WARN".into(), &"disconnected".into()),
        "{down}"
    );
    for (message, level) in [
        ("Diameter peer up", "INFO"),
        ("Diameter peer suspect", "WARN"),
        ("Diameter peer recovered", "INFO"),
        ("Diameter peer restarted", "INFO"),
        ("Diameter peer down", "WARN"),
    ] {
        let told = lines(&daemon, message);
        assert_eq!(told.len(), 1, "{message}: {}", daemon.log());
        assert_eq!(
            (&told[0]["level"], &told[0]["peer"]),
            (&level.into(), &DRA.into())
        );
    }
    assert_eq!(lines(&daemon, "Diameter").len(), 5, "{}", daemon.log());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_of_an_hss_puts_what_the_peer_told_in_doubt_and_changes_no_answer() {
    let home = home().await;
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    daemon.import_rows(std::slice::from_ref(&subscriber)).await;
    let mut dra = Peer::connect(daemon.diameter(), DRA).await;
    dra.ask(&Request::update_location(&subscriber.imsi, MME))
        .await
        .assert_result(SUCCESS);
    let before = daemon.lookups().phone(&subscriber.number()).await;
    assert_eq!(peer(&daemon, DRA).await.doubtful_since, None);

    let begun = SystemTime::now();
    let reset = Request::s6a(322, "hss.home.example")
        .with(avp(code::DESTINATION_HOST, MME.as_bytes()))
        .with(encode_avp(1444, 0x80, Some(VENDOR_3GPP), b"00101"));
    dra.ask(&reset).await.assert_result(SUCCESS);
    let doubtful: SystemTime = peer(&daemon, DRA)
        .await
        .doubtful_since
        .expect("a doubt")
        .try_into()
        .unwrap();
    // Times are kept to the microsecond.
    assert!(begun - Duration::from_micros(1) <= doubtful && doubtful <= SystemTime::now());
    assert_eq!(peer(&daemon, OTHER_DRA).await.doubtful_since, None);
    daemon
        .lookups()
        .phone(&subscriber.number())
        .await
        .assert_still(&before);
    assert!(
        daemon
            .metrics()
            .await
            .contains("reachd_diameter_server_resets_total 1")
    );
}
