//! A client in Python that learns by reflection what there is to call, as a process that follows `publish/client.py`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use super::daemon::Daemon;
use super::python::environment;

/// Longer than the client's own.
const PATIENCE: Duration = Duration::from_secs(90);

/// The client. Dropping it kills it.
pub(crate) struct ReflectionClient {
    _child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// What became of messages that were published.
#[derive(Debug)]
pub(crate) struct Published {
    /// The last sequence acknowledged; the first message has 1.
    pub(crate) acked: u64,
    /// Sequence and reason of each that was refused.
    pub(crate) refused: Vec<(u64, String)>,
}

impl ReflectionClient {
    pub(crate) async fn of(daemon: &Daemon) -> Self {
        let python = tokio::task::spawn_blocking(interpreter).await.unwrap();
        let mut child = tokio::process::Command::new(python)
            // Nothing is to be written beside the sources.
            .args(["-B", "-u"])
            .arg(here("client.py"))
            .arg(daemon.grpc().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            orders: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()).lines(),
            _child: child,
        }
    }

    /// Sends messages on one stream, and waits for its end.
    pub(crate) async fn publish(&mut self, feed: &str, messages: &[Value]) -> Published {
        let said = self.order(json!({"publish": messages, "feed": feed})).await;
        assert_eq!(said.get("error"), None);
        // In JSON a number of 64 bits is a string, a smaller one is none.
        let number = |value: &Value| match value {
            Value::String(text) => text.parse().unwrap(),
            value => value.as_u64().unwrap(),
        };
        Published {
            acked: number(&said["acked"]),
            refused: said["refused"]
                .as_array()
                .unwrap()
                .iter()
                .map(|refused| {
                    let reason = refused["reason"].as_str().unwrap();
                    (number(&refused["sequence"]), reason.to_owned())
                })
                .collect(),
        }
    }

    /// Publishes events that must all be taken.
    pub(crate) async fn publish_events(&mut self, events: &[Value]) {
        let messages: Vec<_> = events.iter().map(|event| json!({"event": event})).collect();
        let published = self.publish("", &messages).await;
        assert_eq!(published.refused, []);
        assert_eq!(published.acked, events.len() as u64);
    }

    /// The reachability of a device, or the code of the error.
    pub(crate) async fn look_up(&mut self, device: Value) -> Result<Value, String> {
        let method = "reachability.v1.ReachabilityService/GetReachability";
        let response = self.call(method, json!({"device": device})).await?;
        assert_eq!(response["device"], device, "only what was used to find it");
        Ok(response["reachability"].clone())
    }

    /// A response, or the code of the error.
    pub(crate) async fn call(&mut self, method: &str, request: Value) -> Result<Value, String> {
        let said = self.order(json!({"call": method, "request": request})).await;
        match said["error"]["code"].as_str() {
            Some(code) => Err(code.to_owned()),
            None => Ok(said["response"].clone()),
        }
    }

    async fn order(&mut self, order: Value) -> Value {
        let line = format!("{order}\n");
        self.orders.write_all(line.as_bytes()).await.unwrap();
        let line = timeout(PATIENCE, self.answers.next_line()).await;
        let line = line.expect("the client says something in time").unwrap();
        serde_json::from_str(&line.expect("the client runs on")).unwrap()
    }
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/publish")
        .join(name)
}

/// The interpreter that has gRPC with reflection.
fn interpreter() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| environment(&here("requirements.txt"), "grpc_reflection"))
}
