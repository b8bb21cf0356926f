//! The commands that ask a daemon.

use clap::Parser;
use reachd::cli::healthcheck::{self, HealthcheckArgs};
use reachd::cli::lookup::{self, LookupArgs};
use reachd::proto::v1;

use super::daemon::{Daemon, phone_number, registered};

#[derive(Parser)]
enum Command {
    Lookup(LookupArgs),
    Healthcheck(HealthcheckArgs),
}

/// What a command printed to both outputs, and its exit code.
async fn run(words: &[&str]) -> anyhow::Result<(String, String, u8)> {
    let command = Command::try_parse_from([&["reachd"], words].concat())?;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = match command {
        Command::Lookup(args) => lookup::look_up(args, &mut out, &mut err).await?,
        Command::Healthcheck(args) => healthcheck::check(args, &mut out).await?,
    };
    Ok((String::from_utf8(out)?, String::from_utf8(err)?, exit))
}

#[tokio::test]
async fn lookup_tells_a_person_and_a_machine() {
    let daemon = Daemon::start().await;
    let mut stream = daemon.publish().await;
    stream
        .send(1, registered(1, v1::Slot::Mme, "mme1.epc.example"))
        .await;
    stream.acked(1).await;
    let (number, url) = (phone_number(1), daemon.url());

    let (shown, _, exit) = run(&["lookup", &number, "--server", &url]).await.unwrap();
    assert_eq!(exit, 0);
    assert!(
        shown.starts_with("CONNECTED_DATA  reachable by data\n"),
        "{shown}"
    );
    assert!(shown.contains("1 min ago"), "{shown}");

    let (json, _, exit) = run(&["lookup", &number, "--server", &url, "--json", "--max-age", "1s"])
        .await
        .unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(exit, 0);
    assert_eq!(json["status"], "CONNECTED_DATA");
    assert_eq!(json["connectivity"], serde_json::json!(["DATA"]));
    assert_eq!(json["freshness"], "STALE");
}

#[tokio::test]
async fn lookup_of_a_stranger_exits_with_1_and_says_so() {
    let daemon = Daemon::start().await;
    let url = daemon.url();
    let (out, err, exit) = run(&["lookup", "+99912345678", "--server", &url]).await.unwrap();
    assert_eq!((out.as_str(), exit), ("", 1));
    assert!(err.starts_with("IDENTIFIER_NOT_FOUND: "), "{err}");

    // Without a scheme, and by external identifier.
    let address = daemon.address.to_string();
    let (json, err, exit) = run(&["lookup", "a@b.example", "--json", "--server", &address])
        .await
        .unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((err.as_str(), exit), ("", 1));
    assert_eq!(json["error"]["code"], "NotFound");
    assert_eq!(json["error"]["reason"], "IDENTIFIER_NOT_FOUND");
}

#[tokio::test]
async fn a_device_named_wrongly_is_a_usage_error() {
    for wrong in ["99912345678", "+12", "a@"] {
        let error = run(&["lookup", wrong]).await.unwrap_err();
        let error = error.downcast::<clap::Error>().unwrap();
        assert_eq!(error.exit_code(), 2, "{wrong}");
    }
}

#[tokio::test]
async fn where_nobody_answers_the_commands_say_where_and_what_to_do() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    for words in [["lookup", "+99912345678"].as_slice(), &["healthcheck"]] {
        let error = run(&[words, &["--server", &url]].concat())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(&url) && error.contains("reachd serve"), "{error}");
        assert!(error.contains("refused"), "{error}");
    }
    let error = run(&["healthcheck", "--server", "ftp://localhost"])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("http://"), "{error}");
}

#[tokio::test]
async fn healthcheck_exits_with_0_only_while_serving() {
    let daemon = Daemon::start().await;
    let url = daemon.url();
    let healthcheck = ["healthcheck", "--server", &url];
    assert_eq!(
        run(&healthcheck).await.unwrap(),
        ("SERVING\n".into(), String::new(), 0)
    );
    let stranger = [healthcheck.as_slice(), &["--service", "no.such.Service"]].concat();
    assert_eq!(run(&stranger).await.unwrap().2, 1);
    daemon.health.set_serving(false).await;
    let (out, _, exit) = run(&healthcheck).await.unwrap();
    assert_eq!((out.as_str(), exit), ("NOT_SERVING\n", 1));
}
