//! What operators did stands in the audit log, and whom it concerned only for those who have the key.

use std::path::Path;

use serde_json::Value;

use super::*;
use crate::support::daemon::{Engine, reachd, run};
use crate::support::eventually;

fn acts(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn words(act: &Value) -> (String, String) {
    let word = |key: &str| act[key].as_str().unwrap().to_owned();
    (word("act"), word("outcome"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_did_what_to_whom_is_written_before_the_answer_and_names_nobody() {
    let mut home = Home::new(Engine::Sqlite).await;
    let path = home.path("audit.jsonl");
    home.configure(&format!("\n[audit]\npath = \"{}\"\n", path.display()));
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(123);
    bind(
        &daemon,
        &subscriber.imsi,
        &subscriber.number(),
        "secret-name@iot.example",
    )
    .await;
    erase(&daemon, by_number(&subscriber.number())).await.unwrap();
    erase(&daemon, by_number(&subscriber.number())).await.unwrap_err();
    let server = format!("http://{}", daemon.grpc());
    for command_line in [
        &[
            "erase",
            "--external",
            "secret-name@iot.example",
            "--yes",
            "--server",
            &server,
        ][..],
        &["query", &subscriber.number(), "--server", &server],
        &["monitor", "add", &subscriber.number(), "--server", &server],
        &["subscriptions", "add", &subscriber.number(), "--server", &server],
    ] {
        let mut command = reachd();
        command.args(command_line).env("SUDO_USER", "alice");
        let output = run(command).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
    let written = acts(&path);
    let told: Vec<_> = written.iter().map(words).collect();
    let told: Vec<_> = told
        .iter()
        .map(|(act, outcome)| (act.as_str(), outcome.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("import", "done"),
            ("erase", "done"),
            ("erase", "failed"),
            ("erase", "failed"),
            ("query", "failed"),
            ("monitor", "failed"),
            ("subscriptions", "failed"),
        ]
    );
    assert_eq!(written[0]["imported"], 1);
    assert_eq!(written[1]["identifiers"], 3);
    assert_eq!(written[2]["reason"], "IDENTIFIER_NOT_FOUND");
    assert_eq!(written[4]["reason"], "SH_OFF");
    for act in &written {
        assert!(
            act["by"]["address"].as_str().unwrap().starts_with("127.0.0.1:"),
            "{act}"
        );
        assert!(act["time"].as_str().unwrap().ends_with('Z'), "{act}");
    }
    assert!(
        written[3]["by"]["agent"].as_str().unwrap().contains("(alice)"),
        "{}",
        written[3]
    );
    // The same number is the same pseudonym, whatever was done to it; another identifier is another.
    let whom = |place: usize| written[place]["subscriber"].as_str().unwrap();
    assert_eq!(whom(1), whom(2));
    assert_eq!(whom(1), whom(4));
    assert_ne!(whom(1), whom(3));
    assert_eq!(whom(1).len(), 32);

    // SIGHUP begins a new file.
    let moved = home.path("audit.1");
    std::fs::rename(&path, &moved).unwrap();
    daemon.signal_hangup();
    eventually("the file is opened again", async || path.exists().then_some(())).await;
    erase(&daemon, by_imsi(&subscriber.imsi)).await.unwrap_err();
    assert_eq!(acts(&path).len(), 1);

    let everything = [
        std::fs::read_to_string(&moved).unwrap(),
        std::fs::read_to_string(&path).unwrap(),
        daemon.log(),
        daemon.metrics().await,
    ]
    .concat();
    for secret in [&subscriber.imsi, &subscriber.digits, "secret-name"] {
        assert!(!everything.contains(secret), "{secret}");
    }
    assert!(
        everything.contains("reachd_audit_acts_total{outcome=\"done\"} 2"),
        "{everything}"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_file_is_named_acts_are_logged_under_a_target_of_their_own() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(123);
    bind(&daemon, &subscriber.imsi, &subscriber.number(), "").await;
    erase(&daemon, by_number(&subscriber.number())).await.unwrap();
    let log = eventually("it is logged", async || {
        let log = daemon.log();
        (log.matches("\"target\":\"audit\"").count() == 2).then_some(log)
    })
    .await;
    assert!(log.contains("\\\"act\\\":\\\"erase\\\""), "{log}");
    for secret in [&subscriber.imsi, &subscriber.digits] {
        assert!(!log.contains(secret.as_str()), "{log}");
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_had_an_answer_explained_is_written_too() {
    let mut home = Home::new(Engine::Sqlite).await;
    let path = home.path("audit.jsonl");
    home.configure(&format!("\n[audit]\npath = \"{}\"\n", path.display()));
    let daemon = home.start().await;
    let (known, nobody) = (Subscriber::nth(123), Subscriber::nth(124));
    bind(&daemon, &known.imsi, &known.number(), "").await;
    let server = format!("http://{}", daemon.grpc());
    for (subscriber, code) in [(&known, 0), (&nobody, 1)] {
        let mut command = reachd();
        command
            .args(["explain", &subscriber.number(), "--server", &server])
            .env("SUDO_USER", "alice");
        let output = run(command).await;
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
    erase(&daemon, by_number(&known.number())).await.unwrap();

    let written = acts(&path);
    let told: Vec<_> = written.iter().map(words).collect();
    let [_, done, failed, erased] = &written[..] else {
        panic!("{told:?}");
    };
    let word = |act: &str, outcome: &str| (act.to_owned(), outcome.to_owned());
    assert_eq!(told[1..3], [word("explain", "done"), word("explain", "failed")]);
    assert_eq!(failed["reason"], "IDENTIFIER_NOT_FOUND");
    for act in [done, failed] {
        assert!(act["by"]["agent"].as_str().unwrap().contains("(alice)"), "{act}");
        assert!(
            act["by"]["address"].as_str().unwrap().starts_with("127.0.0.1:"),
            "{act}"
        );
    }
    // By the pseudonym that everything else about this number has.
    assert_eq!(done["subscriber"], erased["subscriber"]);
    assert_ne!(done["subscriber"], failed["subscriber"]);
    let text = std::fs::read_to_string(&path).unwrap();
    for secret in [&known.imsi, &known.digits, &nobody.digits] {
        assert!(!text.contains(secret.as_str()), "{secret}");
    }
    daemon.stop().await;
}
