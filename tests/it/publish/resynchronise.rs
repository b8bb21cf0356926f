//! `reachd publish --resynchronise`: a file as all that its feed has; and `reachd feeds forget`.

use std::process::Output;

use serde_json::Value;

use super::registration;
use crate::support::daemon::{Daemon, Engine, Home, reachd, run};
use crate::support::process::free_port;
use crate::support::reflection::ReflectionClient;
use crate::support::{Subscriber, eventually};

async fn command(daemon: &Daemon, arguments: &[&str]) -> Output {
    let mut command = reachd();
    let server = daemon.grpc().to_string();
    command.args(arguments).args(["--server", &server]);
    run(command).await
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

async fn life(daemon: &Daemon, name: &str) -> Value {
    let output = command(daemon, &["feeds", "--json"]).await;
    let feeds: Value = serde_json::from_slice(&output.stdout).unwrap();
    let feeds = feeds["feeds"].as_array().unwrap();
    let feed = feeds.iter().find(|feed| feed["name"] == name);
    feed.expect("it is listed")["life"].clone()
}

#[tokio::test]
async fn a_file_that_was_taken_whole_resynchronises_its_feed_as_of_when_it_was_written() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let lines: String = (1..=500)
        .map(|n| {
            format!(
                "{}\n",
                registration(&Subscriber::nth(n), "MME", "mme1.epc.example", "REGISTERED", 60)
            )
        })
        .collect();
    let file = home.write("dump.jsonl", &lines);
    let path = file.to_str().unwrap();
    let written = std::fs::metadata(&file).unwrap().modified().unwrap();
    let written = prost_types::Timestamp::from(written);

    let arguments = ["publish", path, "--feed", "mediation.north", "--resynchronise"];
    let (code, text) = said(&command(&daemon, &arguments).await);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.starts_with("500 events acknowledged, 0 refused, in "),
        "{text}"
    );
    assert!(
        text.ends_with("\nresynchronised: this was all that the feed has\n"),
        "{text}"
    );
    let life_of = life(&daemon, "mediation.north").await;
    let as_of: prost_types::Timestamp = life_of["resynchronised_as_of"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        (as_of.seconds, as_of.nanos / 1000),
        (written.seconds, written.nanos / 1000)
    );
    assert_eq!(life_of["counts"], false, "it promised nothing");
    let (_, table) = said(&command(&daemon, &["feeds"]).await);
    assert!(table.contains("told all it had "), "{table}");

    // Again, as of another moment; then not whole.
    let earlier = ["--as-of", "2026-01-31T12:00:00Z", "--json"];
    let output = command(&daemon, &[&arguments[..], &earlier].concat()).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["resynchronised"], &report["not_resynchronised"]),
        (&true.into(), &Value::Null)
    );
    home.write("dump.jsonl", &format!("{lines}nonsense\n"));
    let (code, text) = said(&command(&daemon, &arguments).await);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.ends_with("\nnot resynchronised: lines were refused\n"),
        "{text}"
    );
    assert_eq!(
        life(&daemon, "mediation.north").await["resynchronised_as_of"],
        life_of["resynchronised_as_of"]
    );

    // What cannot be all of anybody.
    let (code, text) = said(&command(&daemon, &["publish", path, "--resynchronise"]).await);
    assert_eq!(code, Some(2), "{text}");
    let standard_input = ["publish", "-", "--feed", "mediation.north", "--resynchronise"];
    let (code, text) = said(&command(&daemon, &standard_input).await);
    assert_eq!(code, Some(1), "{text}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_feed_that_is_gone_for_good_is_forgotten_and_the_audit_log_has_it() {
    let mut home = Home::new(Engine::Sqlite).await;
    let audit = home.path("audit.jsonl");
    home.configure(&format!("\n[audit]\npath = \"{}\"\n", audit.display()));
    let daemon = home.start().await;
    let mut client = ReflectionClient::of(&daemon).await;
    let heartbeat = [serde_json::json!({"heartbeat": {}})];
    client.publish("mediation.north", &heartbeat).await;
    eventually("it counts, and is away", async || {
        let life = life(&daemon, "mediation.north").await;
        (life["counts"] == true && !life["away_since"].is_null()).then_some(())
    })
    .await;
    let metrics = daemon.metrics().await;
    assert!(
        metrics.contains("reachd_feed_counts{feed=\"mediation.north\"} 1"),
        "{metrics}"
    );
    let (_, table) = said(&command(&daemon, &["feeds"]).await);
    assert!(
        table.contains("nobody is confirmed to be absent without it"),
        "{table}"
    );

    let forget = |name: &'static str| {
        let daemon = &daemon;
        async move { said(&command(daemon, &["feeds", "forget", name]).await) }
    };
    let (code, text) = forget("nobody").await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("FEED_UNKNOWN"), "{text}");
    let (code, text) = forget("mediation.north").await;
    assert_eq!(
        (code, text.as_str()),
        (Some(0), "forgotten: nobody's absence waits for it any more\n")
    );
    assert_eq!(life(&daemon, "mediation.north").await["counts"], false);
    let output = command(&daemon, &["feeds", "forget", "mediation.north", "--json"]).await;
    assert_eq!(said(&output), (Some(0), "{\"promised\":false}\n".to_owned()));

    let acts = std::fs::read_to_string(&audit).unwrap();
    let acts: Vec<Value> = acts
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = acts
        .iter()
        .map(|act| (act["act"].clone(), act["outcome"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            ("forget_feed".into(), "failed".into()),
            ("forget_feed".into(), "done".into()),
            ("forget_feed".into(), "done".into()),
        ]
    );
    assert_eq!(
        (&acts[0]["feed"], &acts[1]["feed"]),
        (&Value::Null, &"mediation.north".into()),
        "what names no feed may name anybody"
    );
    assert_eq!(
        (&acts[0]["reason"], &acts[1]["promised"]),
        (&"FEED_UNKNOWN".into(), &1.into())
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_stream_that_breaks_begins_the_file_again_and_it_still_counts_as_all() {
    let mut home = Home::new(Engine::Sqlite).await;
    let address = format!("127.0.0.1:{}", free_port());
    home.grpc(&address);
    let lines: String = (1..=50_000)
        .map(|n| {
            let subscriber = Subscriber::nth(n);
            format!(
                "{}\n",
                registration(&subscriber, "MME", "mme1.epc.example", "REGISTERED", 60)
            )
        })
        .collect();
    let file = home.write("dump.jsonl", &lines);
    let daemon = home.start().await;
    let mut command = reachd();
    command.arg("publish").arg(&file).args([
        "--feed",
        "mediation.north",
        "--resynchronise",
        "--json",
        "--server",
        &address,
    ]);
    let publishing = tokio::spawn(run(command));
    eventually("some of it is durable", async || {
        (accepted(&daemon).await? > 500).then_some(())
    })
    .await;
    daemon.kill();
    let daemon = home.start().await;
    let output = publishing.await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report["broken_streams"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(
        (
            &report["acknowledged"],
            &report["line"],
            &report["resynchronised"]
        ),
        (&50_000.into(), &50_000.into(), &true.into())
    );
    assert_eq!(accepted(&daemon).await, Some(50_000), "all of it on one stream");
    daemon.stop().await;
}

/// How many events of the feed this daemon has taken, once it has heard of it.
async fn accepted(daemon: &Daemon) -> Option<u64> {
    let output = command(daemon, &["feeds", "--json"]).await;
    let feeds: Value = serde_json::from_slice(&output.stdout).unwrap();
    let feeds = feeds["feeds"].as_array().unwrap();
    let feed = feeds.iter().find(|feed| feed["name"] == "mediation.north")?;
    feed["events_accepted"].as_u64()
}
