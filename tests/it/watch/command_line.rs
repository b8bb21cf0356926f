//! `reachd watch`, as people and scripts see it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::slice::from_ref;

use serde_json::Value;

use crate::support::Subscriber;
use crate::support::daemon::{Daemon, Engine, Home, reachd, run};
use crate::support::wire::{DRA, Peer, Request, SUCCESS};

fn watch(daemon: &Daemon, arguments: &[&str]) -> Command {
    let mut command = reachd();
    command
        .arg("watch")
        .args(arguments)
        .arg("--server")
        .arg(format!("http://{}", daemon.grpc()));
    command
}

/// A running watch, line by line. Reading has no deadline of its own: the test's runner has.
struct Watching {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Watching {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        tokio::task::block_in_place(|| self.lines.next().expect("a line").unwrap())
    }

    /// Ctrl-C. Returns the exit code and what it said on standard error.
    fn interrupt(self) -> (Option<i32>, String) {
        let interrupted = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(interrupted.unwrap().success());
        drop(self.lines);
        let output = tokio::task::block_in_place(|| self.child.wait_with_output().unwrap());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_how_devices_stand_and_change_and_can_go_on_later() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    daemon.import_rows(from_ref(&subscriber)).await;
    let number = subscriber.number();
    let mut dra = Peer::connect(daemon.diameter(), DRA).await;

    let mut watching = Watching::start(watch(&daemon, &[&number, "meter-7@iot.example"]));
    assert_eq!(watching.line(), format!("   {number:<17} UNKNOWN"));
    assert_eq!(watching.line(), "   meter-7@iot.example IDENTIFIER_NOT_FOUND");
    dra.ask(&Request::update_location(
        &subscriber.imsi,
        "mme1.visited.example",
    ))
    .await
    .assert_result(SUCCESS);
    let line = watching.line();
    assert!(
        line.starts_with(&format!("-> {number:<17} CONNECTED_DATA  DATA ")),
        "{line}"
    );
    let (code, said) = watching.interrupt();
    assert_eq!(code, Some(0), "{said}");
    let (_, cursor) = said.trim().rsplit_once("--cursor ").expect("how to go on");

    dra.ask(&Request::purge(&subscriber.imsi, "mme1.visited.example"))
        .await
        .assert_result(SUCCESS);
    let arguments = [&number, "meter-7@iot.example", "--json", "--cursor", cursor];
    let mut watching = Watching::start(watch(&daemon, &arguments));
    let line: Value = serde_json::from_str(&watching.line()).unwrap();
    assert_eq!(
        (&line["event"], &line["device"]["phone_number"]),
        (&"change".into(), &number.as_str().into())
    );
    assert_eq!(line["reachability"]["status"], "NOT_CONNECTED");
    watching.interrupt();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_watched_ends_with_2_and_a_stream_that_breaks_with_1() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    for wrong in [
        &[][..],
        &["99912345678"],
        &["--all", "+99912345678"],
        &["--all", "--cursor", "x"],
    ] {
        let output = run(watch(&daemon, wrong)).await;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
    let mut watching = Watching::start(watch(&daemon, &["--all", "--json"]));
    let line: Value = serde_json::from_str(&watching.line()).unwrap();
    assert_eq!(line["event"], "snapshot_complete");
    daemon.signal_terminate();
    let line: Value = serde_json::from_str(&watching.line()).unwrap();
    assert_eq!(line["error"]["reason"], "SHUTTING_DOWN");
    let status = tokio::task::block_in_place(|| watching.child.wait().unwrap());
    assert_eq!(status.code(), Some(1));
}
