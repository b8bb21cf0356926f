//! `reachd publish` as a person and a script meet it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use reachd::proto::v1::ReachabilityStatus as Status;
use serde_json::Value;

use super::registration;
use crate::support::daemon::{Daemon, Engine, Home, reachd, run};
use crate::support::{Subscriber, eventually};

fn publish(daemon: &Daemon, file: &Path, more: &[&str]) -> Command {
    let mut command = reachd();
    command
        .arg("publish")
        .arg(file)
        .args(["--server", &daemon.grpc().to_string()])
        .args(more);
    command
}

fn told(output: &Output) -> String {
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    })
}

/// An attach of each of these subscribers, a line each.
fn attaches(numbers: impl IntoIterator<Item = usize>) -> String {
    numbers
        .into_iter()
        .map(|n| {
            let event = registration(&Subscriber::nth(n), "MME", "mme1.epc.example", "REGISTERED", 60);
            format!("{event}\n")
        })
        .collect()
}

async fn assert_attached(daemon: &Daemon, numbers: impl IntoIterator<Item = usize>) {
    let numbers: Vec<_> = numbers.into_iter().map(|n| Subscriber::nth(n).number()).collect();
    for (answer, number) in daemon.lookups().phones(&numbers).await.into_iter().zip(&numbers) {
        let known = answer.unwrap_or_else(|| panic!("{number} is known"));
        assert_eq!(known.status, Status::ConnectedData);
    }
}

#[tokio::test]
async fn a_file_is_published_and_what_was_wrong_is_told_by_its_line() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let mut text = attaches(1..=2);
    text.push_str("\nnonsense\n");
    text.push_str(r#"{"subscriber": {"imsi": "66677"}, "eventTime": "2026-01-31T12:00:00Z", "slot": 1}"#);
    text.push('\n');
    text.push_str(r#"{"subscriber": {"imsi": "66677"}, "eventTime": "2026-01-31T12:00:00Z"}"#);
    text.push('\n');
    text.push_str(&attaches(3..=3));
    let file = home.write("events.jsonl", &text);

    let output = run(publish(&daemon, &file, &["--feed", "mediation.north"])).await;
    assert_eq!(output.status.code(), Some(1));
    let said = told(&output);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "line 4: not JSON, at column 2", "{said}");
    assert_eq!(lines[1], "line 5: there is no member \"slot\"", "{said}");
    assert!(lines[2].starts_with("line 6: event.subscriber.imsi: "), "{said}");
    assert!(
        lines[3].starts_with("3 events acknowledged, 3 refused, in "),
        "{said}"
    );
    assert_eq!(lines.len(), 4, "{said}");
    assert!(!said.contains("66677"), "{said}");
    assert_attached(&daemon, 1..=3).await;

    let output = run(publish(&daemon, &file, &["--json"])).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let report = report(&output);
    assert_eq!(
        (
            &report["acknowledged"],
            &report["refused"],
            &report["line"],
            &report["complete"]
        ),
        (&3.into(), &3.into(), &7.into(), &true.into())
    );
    assert_eq!(report["refusals"][2]["reason"], "INVALID_ARGUMENT");

    let output = run({
        let mut command = reachd();
        command.args(["feeds", "--server", &daemon.grpc().to_string()]);
        command
    })
    .await;
    let feeds = String::from_utf8(output.stdout).unwrap();
    assert!(
        feeds.lines().any(|line| line.starts_with("mediation.north ")),
        "{feeds}"
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_file_without_a_fault_ends_with_success() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let file = home.write("events.jsonl", &attaches(0..20_000));
    let output = run(publish(&daemon, &file, &[])).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).starts_with("20,000 events acknowledged, 0 refused, in "));
    assert_attached(&daemon, (0..20_000).step_by(97)).await;
    daemon.stop().await;
}

#[tokio::test]
async fn strict_stops_at_the_first_line_that_is_refused() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let file = home.write(
        "events.jsonl",
        &format!("{}{{}}x\n{}", attaches(1..=3), attaches(4..=6)),
    );
    let output = run(publish(&daemon, &file, &["--strict", "--json"])).await;
    assert_eq!(output.status.code(), Some(1));
    let report = report(&output);
    assert_eq!(
        (
            &report["acknowledged"],
            &report["refused"],
            &report["line"],
            &report["complete"]
        ),
        (&3.into(), &1.into(), &4.into(), &false.into())
    );
    assert_attached(&daemon, 1..=3).await;
    let later = Subscriber::nth(4).number();
    assert_eq!(daemon.lookups().phones(&[later]).await, [None]);

    let output = run(publish(&daemon, &file, &["--from-line", "5"])).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_attached(&daemon, 1..=6).await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_cannot_be_is_said_and_ends_with_its_code() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let file = home.write("events.jsonl", &attaches(1..=1));
    for (arguments, code, word) in [
        (&["--feed", "North"][..], 1, "reachd-feed"),
        (&["--from-line", "0"], 2, "--from-line"),
        (
            &["--from-line", "2", "--checkpoint", "x"],
            2,
            "cannot be used with",
        ),
        (&["--checkpoint", "/no/such/folder/x"], 1, "/no/such/folder/x"),
    ] {
        let output = run(publish(&daemon, &file, arguments)).await;
        let said = told(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
    let output = run(publish(&daemon, Path::new("/no/such/file"), &[])).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("/no/such/file"));
    let address = daemon.grpc().to_string();
    daemon.stop().await;
    let mut command = reachd();
    command.arg("publish").arg(&file).args(["--server", &address]);
    let output = run(command).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("cannot reach reachd"), "{}", told(&output));
}

/// `reachd publish -`, fed by the test.
fn publish_input(daemon: &Daemon, more: &[&str]) -> Child {
    publish(daemon, Path::new("-"), more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn standard_input_is_published_as_it_comes_and_an_interrupt_says_where_to_go_on() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let mut child = publish_input(&daemon, &[]);
    let mut input = child.stdin.take().unwrap();
    for n in 1..=2 {
        input.write_all(attaches(n..=n).as_bytes()).unwrap();
        input.flush().unwrap();
        let number = Subscriber::nth(n).number();
        // Visible while the input stays open.
        eventually("the line is visible", async || {
            daemon
                .lookups()
                .phones(std::slice::from_ref(&number))
                .await
                .remove(0)
        })
        .await;
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap())
        .await
        .unwrap();
    drop(input);
    assert_eq!(output.status.code(), Some(1));
    let said = told(&output);
    assert!(said.starts_with("2 events acknowledged, 0 refused"), "{said}");
    assert!(
        said.contains("up to line 2 ") && said.contains("--from-line 3 "),
        "{said}"
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_checkpoint_lets_the_same_command_go_on_where_it_was() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let file = home.write("events.jsonl", &attaches(1..=5));
    let checkpoint = home.path("events.jsonl.done");
    let arguments = ["--json", "--checkpoint", checkpoint.to_str().unwrap()];
    let first = report(&run(publish(&daemon, &file, &arguments)).await);
    assert_eq!(first["acknowledged"], 5);
    assert_eq!(std::fs::read_to_string(&checkpoint).unwrap(), "5\n");
    home.write("events.jsonl", &format!("{}{}", attaches(1..=5), attaches(6..=7)));
    let second = report(&run(publish(&daemon, &file, &arguments)).await);
    assert_eq!((&second["acknowledged"], &second["line"]), (&2.into(), &7.into()));
    assert_attached(&daemon, 1..=7).await;
    daemon.stop().await;
}
