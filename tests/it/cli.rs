//! The command line as a person and a script meet it: what it prints, and with which code it ends.

use std::path::Path;
use std::process::{Command, Output};

use reachd::proto::v1::{RegistrationChange as Change, Slot};

use crate::support::daemon::{Engine, Home, reachd, run};
use crate::support::publisher::{Publisher, event_with_number};
use crate::support::{Subscriber, ago, on_each_engine};

async fn reachd_with(arguments: &[&str]) -> Output {
    let mut command = reachd();
    command.args(arguments);
    run(command).await
}

fn told(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn the_version_names_the_revision() {
    let output = reachd_with(&["--version"]).await;
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.starts_with(&format!("reachd {}", env!("CARGO_PKG_VERSION"))),
        "{told}"
    );
    let head = Command::new("git")
        .args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "HEAD"])
        .output();
    // A source archive has no repository; there the word is `unknown`.
    match head {
        Ok(head) if head.status.success() => {
            let sha = told
                .split(|c: char| !c.is_ascii_hexdigit())
                .find(|word| word.len() >= 7);
            assert!(sha.is_some(), "a revision in {told}");
        }
        _ => assert!(told.contains("unknown"), "{told}"),
    }
}

#[tokio::test]
async fn the_help_names_every_command() {
    let output = reachd_with(&["--help"]).await;
    assert_eq!(output.status.code(), Some(0));
    let help = told(&output);
    for command in [
        "serve",
        "demo",
        "check",
        "migrate",
        "lookup",
        "watch",
        "feeds",
        "import",
        "publish",
        "monitor",
        "simulate",
        "healthcheck",
    ] {
        assert!(help.contains(command), "{command} in:\n{help}");
        let output = reachd_with(&[command, "--help"]).await;
        assert_eq!(output.status.code(), Some(0), "{command}");
    }
}

#[tokio::test]
async fn wrong_usage_ends_with_2() {
    for arguments in [
        &["no-such-command"][..],
        &["serve", "--no-such-flag"],
        &["lookup"],
        &["import"],
        &["monitor"],
        &["monitor", "add"],
        &[],
    ] {
        let output = reachd_with(arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
        assert!(!told(&output).is_empty());
    }
}

/// A number belongs to a person, and what commands print ends up in logs.
#[tokio::test]
async fn a_device_that_is_named_wrongly_is_not_repeated() {
    let secret = "4242";
    for arguments in [
        &["lookup", "99942424242"][..],
        &["lookup", "+0999424242"],
        &["lookup", "-99942424242"],
        &["lookup", "+99942", "424242"],
        &["lookup", "+99912345", "-424242"],
        &["lookup", "4242@"],
        &["lookup", "--json", "99942424242"],
        &["lookup", "192.0.2.42.42"],
        &["lookup", "192.0.2.1:4242424"],
        &["lookup", "192.0.2.1,100.64.424.2"],
        &["lookup", "2001:db8::4242/64"],
        &["explain", "2001:db8:4242::1]:80"],
        &["monitor", "add", "99942424242"],
        &["monitor", "add", "-99942424242"],
        &["monitor", "remove", "+99912345", "424242"],
        &["monitor", "add", "--group", "+99942424242"],
        &["monitor", "status", "4242@"],
        &["monitor", "status", "+99912345", "424242"],
    ] {
        let output = reachd_with(arguments).await;
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(!told.contains(secret), "{arguments:?}: {told}");
        assert!(told.starts_with("error: "), "{arguments:?}: {told}");
        let usage = format!("Usage: reachd {}", arguments[0]);
        assert!(told.contains(&usage), "{arguments:?}: {told}");
    }
}

#[tokio::test]
async fn check_prints_every_problem_at_once_and_ends_with_78() {
    let home = Home::new(Engine::Sqlite).await;
    let file = home.write(
        "wrong.toml",
        r#"
[store]
url = "mysql://elsewhere/reachd"

[grpc]
lisen = "127.0.0.1:0"

[admin]
listen = "nowhere"

[diameter]
identity = "not a name"

[[diameter.peers]]
identity = "dra1.home.example"
mode = "spy"

[ingest]
batch = 0

[freshnes]
max_age = "1h"
"#,
    );
    for command in ["check", "serve", "migrate"] {
        let output = reachd_with(&[command, "--config", text(&file)]).await;
        assert_eq!(output.status.code(), Some(78), "{command}: {}", told(&output));
        let told = told(&output);
        for problem in [
            "store.url",
            "grpc.lisen",
            "`listen`",
            "admin.listen",
            "diameter.identity",
            "diameter.peers[0].mode",
            "ingest.batch",
            "`freshness`",
        ] {
            assert!(
                told.contains(problem),
                "{problem} in what {command} says:\n{told}"
            );
        }
    }
}

#[tokio::test]
async fn check_starts_nothing_and_ends_with_0_if_all_is_well() {
    let home = Home::new(Engine::Sqlite).await;
    let config = home.config();
    let output = reachd_with(&["check", "--config", text(&config)]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(!home.path("reachd.db").exists(), "no database was made");
    let output = reachd_with(&["check", "--config", text(&home.path("no-such.toml"))]).await;
    assert_eq!(output.status.code(), Some(78), "{}", told(&output));
    assert!(told(&output).contains("no-such.toml"));
}

#[tokio::test]
async fn the_environment_wins_over_the_file() {
    let home = Home::new(Engine::Sqlite).await;
    let config = home.config();
    let mut command = reachd();
    command
        .args(["check", "--config", text(&config)])
        .env("REACHD_GRPC__LISTEN", "nonsense");
    let output = run(command).await;
    assert_eq!(output.status.code(), Some(78));
    assert!(told(&output).contains("grpc.listen"), "{}", told(&output));
}

on_each_engine! {
    async fn migrate_makes_the_schema_and_can_be_repeated(engine) {
        let home = Home::new(engine).await;
        let config = home.config();
        for _ in 0..2 {
            let output = reachd_with(&["migrate", "--config", text(&config)]).await;
            assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        }
        let sql = "SELECT COUNT(*) FROM device_reachability";
        let (count,): (i64,) = match engine {
            Engine::Sqlite => {
                let pool = sqlx::SqlitePool::connect(home.store_url()).await.unwrap();
                sqlx::query_as(sql).fetch_one(&pool).await.unwrap()
            }
            Engine::Postgres => {
                let pool = sqlx::PgPool::connect(home.store_url()).await.unwrap();
                sqlx::query_as(sql).fetch_one(&pool).await.unwrap()
            }
        };
        assert_eq!(count, 0);
        // The daemon starts on it.
        home.start().await.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lookup_tells_a_person_and_a_machine() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    let at = ago(125);
    let event = event_with_number(&subscriber, Slot::Msc, "99910001", Change::Registered, at);
    Publisher::open(&daemon).await.publish(event).await;
    let server = format!("http://{}", daemon.grpc());
    let lookup = async |arguments: &[&str]| {
        reachd_with(&[&["lookup", "--server", server.as_str()], arguments].concat()).await
    };
    let number = subscriber.number();

    let output = lookup(&[&number]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let for_a_person = told(&output);
    assert!(for_a_person.contains("CONNECTED_SMS"), "{for_a_person}");
    // How long ago that was.
    assert!(
        for_a_person.contains("2m") || for_a_person.contains("2 min"),
        "{for_a_person}"
    );

    let output = lookup(&[&number, "--json"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let json = json.to_string();
    assert!(json.contains("CONNECTED_SMS"), "{json}");

    let output = lookup(&["+999000000404"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(
        told(&output).contains("IDENTIFIER_NOT_FOUND") || told(&output).contains("not known"),
        "{}",
        told(&output)
    );
    daemon.stop().await;

    // Nobody there to ask.
    let output = lookup(&[&number]).await;
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn import_reports_bad_lines_with_their_numbers_and_goes_on() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let csv = home.write(
        "subscribers.csv",
        "imsi,msisdn,external_id\n\
         001010000000001,+999000000001,\n\
         not-digits,+999000000002,\n\
         001010000000003,999000000003,three@things.example\n\
         001010000000004,+12,\n\
         001010000000005\n\
         001010000000006,,not-an-identifier\n\
         001010000000007,+999000000007,\n",
    );
    let output = daemon.import(&csv).await;
    let report = told(&output);
    assert_eq!(output.status.code(), Some(1), "some lines were refused: {report}");
    for line in [3, 5, 6, 7] {
        assert!(
            report.contains(&format!("line {line}")),
            "line {line} in:\n{report}"
        );
    }
    for line in [2, 4, 8] {
        assert!(
            !report.contains(&format!("line {line}:")),
            "line {line} in:\n{report}"
        );
    }
    assert!(!report.contains("not-digits"), "no content in {report}");
    let mut lookups = daemon.lookups();
    for number in ["+999000000001", "+999000000003", "+999000000007"] {
        lookups.phone(number).await;
    }
    lookups.try_phone("+999000000002").await.unwrap_err();

    let headless = home.write("headless.csv", "001010000000008,+999000000008,\n");
    let output = daemon.import(&headless).await;
    assert_ne!(output.status.code(), Some(0));
    assert!(told(&output).contains("header"), "{}", told(&output));
    lookups.try_phone("+999000000008").await.unwrap_err();
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthcheck_tells_by_its_code() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let server = format!("http://{}", daemon.grpc());
    let output = reachd_with(&["healthcheck", "--server", &server]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    daemon.stop().await;
    let output = reachd_with(&["healthcheck", "--server", &server]).await;
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_ends_the_start_with_a_clear_word() {
    let home = Home::new(Engine::Sqlite).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = home.config();
    let mut command = reachd();
    let address = taken.local_addr().unwrap().to_string();
    command
        .args(["serve", "--config", text(&config)])
        .env("REACHD_GRPC__LISTEN", &address);
    let output = run(command).await;
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains(&address), "{}", told(&output));
}
