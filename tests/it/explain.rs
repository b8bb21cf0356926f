//! `reachd explain`: why an answer is as it is, from the real binary.

use std::process::Output;

use crate::support::daemon::{Daemon, Engine, Home, UNANSWERED_GOODBYES, reachd, run};
use crate::support::wire::{DRA, Peer, Request, SUCCESS};
use crate::support::{Subscriber, eventually};

const LEFT: &str = "mme1.visited.example";
const SERVES: &str = "mme2.visited.example";

async fn explain(daemon: &Daemon, arguments: &[&str]) -> Output {
    let mut command = reachd();
    command
        .arg("explain")
        .args(arguments)
        .arg("--server")
        .arg(format!("http://{}", daemon.grpc()));
    run(command).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_tells_registrations_rule_freshness_and_what_was_ignored() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.diameter(UNANSWERED_GOODBYES);
    let daemon = home.start().await;
    let someone = Subscriber::nth(1);
    let mut dra = Peer::connect(daemon.diameter(), DRA).await;
    for request in [
        Request::insert_subscriber_data(&someone.imsi, LEFT, &someone.digits),
        Request::update_location(&someone.imsi, LEFT),
        Request::update_location(&someone.imsi, SERVES),
        Request::purge(&someone.imsi, LEFT),
    ] {
        dra.ask(&request).await.assert_result(SUCCESS);
    }
    let json = eventually("the peer was seen to live", async || {
        let output = explain(&daemon, &[&someone.number(), "--json"]).await;
        assert!(output.status.success(), "{}", text(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let dra1 = json["feeds"]
            .as_array()
            .unwrap()
            .iter()
            .find(|feed| feed["name"] == DRA)?
            .clone();
        dra1["alive_until"].is_string().then_some(json)
    })
    .await;
    assert_eq!(json["status"], "CONNECTED_DATA");
    assert_eq!(json["rule"], "a data slot is up: mme");
    assert_eq!(
        json["confirmed_by"],
        format!("the report itself: {DRA} does not tell of losses")
    );
    let slot = &json["slots"][0];
    assert_eq!((&slot["slot"], &slot["state"]), (&"mme".into(), &"up".into()));
    let holder = &slot["registrations"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["holder"] == true)
        .unwrap()
        .clone();
    assert_eq!((&holder["node"], &holder["feed"]), (&SERVES.into(), &DRA.into()));
    assert_eq!(holder["registered"], json["last_status_time"]);
    let ignored = &json["ignored"][0];
    assert_eq!(ignored["outcome"], "stale_purge_ignored");
    assert_eq!((&ignored["node"], &ignored["feed"]), (&LEFT.into(), &DRA.into()));
    let dra1 = json["feeds"]
        .as_array()
        .unwrap()
        .iter()
        .find(|feed| feed["name"] == DRA)
        .unwrap();
    assert_eq!(dra1["tells"][0], "registrations");

    let shown = text(&explain(&daemon, &[&someone.number()]).await.stdout);
    for expected in [
        "because         a data slot is up: mme",
        SERVES,
        "stale_purge_ignored",
        "tells of registrations",
    ] {
        assert!(shown.contains(expected), "{expected}:\n{shown}");
    }
    for output in [shown, json.to_string()] {
        for secret in [someone.imsi.as_str(), someone.digits.as_str()] {
            assert!(!output.contains(secret), "{output}");
        }
    }

    // Whoever is not known, and whoever is named wrongly.
    let unknown = explain(&daemon, &["+999000000099"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        text(&unknown.stderr).contains("IDENTIFIER_NOT_FOUND"),
        "{}",
        text(&unknown.stderr)
    );
    let wrong = explain(&daemon, &["nobody"]).await;
    assert_eq!(wrong.status.code(), Some(2));
    daemon.stop().await;
}
