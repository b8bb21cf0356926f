//! `reachd monitor`.

use std::process::Output;

use super::*;
use crate::support::daemon::{reachd, run};

const PHONE: &str = "+999123456789";

async fn monitor(daemon: &Daemon, arguments: &[&str]) -> Output {
    let mut command = reachd();
    command
        .arg("monitor")
        .args(arguments)
        .arg("--server")
        .arg(format!("http://{}", daemon.grpc()));
    run(command).await
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(both).unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("JSON: {}", said(output)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_are_added_shown_and_removed() {
    let home = home(Engine::Sqlite, "").await;
    let daemon = home.start().await;
    let mut hss = hss(&daemon).await;
    let added = monitor(&daemon, &["add", PHONE, "--group", "meters@iot.example"]).await;
    assert!(added.status.success(), "{}", said(&added));
    assert_eq!(said(&added), "2 added\n");
    for _ in 0..2 {
        let request = hss.receive_request().await;
        let is_group = request
            .find(code::USER_IDENTIFIER)
            .is_some_and(|user| user.members()[0].code == code::EXTERNAL_IDENTIFIER);
        let result = if is_group {
            experimental_result(5510)
        } else {
            result_code(SUCCESS)
        };
        hss.answer_with(&request, result, &[]).await;
    }
    all_are(&daemon, &number(PHONE), MonitoringState::Active).await;

    let shown = eventually("the group has failed", async || {
        let shown = monitor(&daemon, &["status"]).await;
        said(&shown).contains("failed").then_some(shown)
    })
    .await;
    let text = said(&shown);
    for line in [
        "2 targets\n",
        "loss-of-connectivity   active                1\n",
        "reachability-for-sms   failed                1\n",
        "loss-of-connectivity   10415:5510            1  this node is not authorised\n",
    ] {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
    assert!(
        !text.contains("999123") && !text.contains("iot.example"),
        "nobody is named: {text}"
    );

    let one = json(&monitor(&daemon, &["status", PHONE, "--json"]).await);
    assert_eq!(one.pointer("/status/0/state"), Some(&"active".into()));
    assert_eq!(one.pointer("/targets"), Some(&2.into()));
    let group = monitor(&daemon, &["status", "--group", "meters@iot.example"]).await;
    assert!(
        said(&group).contains("10415:5510 this node is not authorised"),
        "{}",
        said(&group)
    );
    let nobody = monitor(&daemon, &["status", "+999777777"]).await;
    assert_eq!(nobody.status.code(), Some(1));
    assert_eq!(said(&nobody), "NOT_MONITORED: this target is not watched\n");

    let again = monitor(&daemon, &["add", PHONE, "--json"]).await;
    assert_eq!(json(&again).pointer("/unchanged"), Some(&1.into()));
    let removed = monitor(&daemon, &["remove", PHONE, "+999777777"]).await;
    assert_eq!(said(&removed), "1 removed, 1 unchanged\n");
    let end = hss.receive_request().await;
    hss.answer_with(&end, result_code(SUCCESS), &[]).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_imported_and_bad_lines_are_named() {
    let home = home(Engine::Sqlite, "rate = 1").await;
    let daemon = home.start().await;
    let mut list = String::from("msisdn,external_id,external_group_id\n");
    for n in 0..25_000 {
        list.push_str(&format!("+9991{n:08},,\n"));
    }
    list.push_str("077,,\n,meter-1@iot.example,\n,,\n");
    let file = home.write("targets.csv", &list);
    let file = file.to_str().unwrap();
    let imported = monitor(&daemon, &["import", file]).await;
    let told = said(&imported);
    assert_eq!(imported.status.code(), Some(1), "{told}");
    assert!(
        told.contains("line 25002: column msisdn: an international number"),
        "{told}"
    );
    assert!(
        told.contains("line 25004: msisdn, external_id and external_group_id are all empty"),
        "{told}"
    );
    assert!(told.contains("25,001 added, 2 refused, in "), "{told}");

    // Again, after a restart: everything is known.
    daemon.stop().await;
    let daemon = home.start().await;
    let again = json(&monitor(&daemon, &["import", file, "--json"]).await);
    assert_eq!(again.pointer("/unchanged"), Some(&25_001.into()), "{again}");
    assert_eq!(again.pointer("/refused"), Some(&2.into()));
    let removed = json(&monitor(&daemon, &["import", file, "--remove", "--json"]).await);
    assert_eq!(removed.pointer("/removed"), Some(&25_001.into()), "{removed}");
    // One may have been asked about before; the others never were, and are forgotten at once.
    let left = json(&monitor(&daemon, &["status", "--json"]).await);
    assert!(
        left.pointer("/targets")
            .and_then(serde_json::Value::as_u64)
            .is_some_and(|left| left < 20),
        "{left}"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_told_with_its_reason() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let refused = monitor(&daemon, &["add", PHONE]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).starts_with("MONITORING_OFF: "),
        "{}",
        said(&refused)
    );
    let status = monitor(&daemon, &["status"]).await;
    assert!(status.status.success());
    assert!(
        said(&status).starts_with("nothing is asked of the network"),
        "{}",
        said(&status)
    );
    let missing = monitor(&daemon, &["import", "/nowhere/targets.csv"]).await;
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        said(&missing).contains("cannot open /nowhere/targets.csv"),
        "{}",
        said(&missing)
    );
    daemon.stop().await;
}
