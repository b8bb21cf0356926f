//! The contract of Orange's laboratory (v0), where it differs from CAMARA's: numbers, and a status or its absence.

use reachd::rest::Contract::V0;
use serde_json::json;

use super::client::{Ask, by_number};
use super::lab::{DATA, NEVER_SEEN, NOBODY, NOT_CONNECTED, STALE, number, populate};
use crate::support::daemon::{Engine, Home};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_laboratory_asks_without_tokens_and_the_daemon_says_loudly_what_that_means() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure("\n[rest]\nlisten = \"127.0.0.1:0\"\nauth.mode = \"none\"\n");
    let daemon = home.start().await;
    populate(&daemon).await;
    let log = daemon.log();
    let warning = log
        .lines()
        .find(|line| line.contains("WARN") && line.contains("rest.auth.mode"));
    assert!(
        warning.is_some_and(|line| line.contains("EVERYONE") && line.contains("EVERY device")),
        "{log}"
    );

    let ask = async |body| Ask::about(V0, &body).send(daemon.rest()).await;
    let said = ask(by_number(&number(DATA))).await.fine();
    assert_eq!(said["reachabilityStatus"], "CONNECTED_DATA");
    assert!(said["lastStatusTime"].as_str().unwrap().ends_with('Z'));
    let said = ask(by_number(&number(NOT_CONNECTED))).await.fine();
    assert_eq!(said["reachabilityStatus"], "NOT_CONNECTED");
    let said = ask(by_number(&number(STALE))).await.fine();
    assert_eq!(said, json!({"reachabilityStatus": "CONNECTED_DATA"}));
    ask(by_number(&number(NEVER_SEEN))).await.failed_as(503, 5);
    ask(by_number(&number(NOBODY))).await.failed_as(404, 60);
    ask(json!({})).await.failed_as(400, 23);
    ask(json!({"device": {}})).await.failed_as(400, 23);
    ask(by_number("999")).await.failed_as(400, 24);
    // Its names of members are the others', and those it does not know are passed over.
    let body = json!({"device": {"phoneNumber": number(DATA), "imei": "x"}, "since": 1});
    ask(body).await.fine();
    daemon.stop().await;
}
