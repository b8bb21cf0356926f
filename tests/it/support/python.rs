//! python-diameter, a second independent stack, as a process that follows `interop/driver.py`.

use std::collections::VecDeque;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

/// No answer takes this long on a busy machine; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node that is connected to the daemon. Dropping it kills it.
pub(crate) struct PythonNode {
    _child: Child,
    orders: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    next: u64,
    /// Answers that came while another was waited for.
    answers: Vec<(u64, Value)>,
    /// Requests that came meanwhile, with their numbers.
    requests: VecDeque<(u64, Told)>,
    /// How many requests have come.
    received: u64,
}

/// An application that the node serves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Serves {
    /// As Auth-Application-Id.
    Authorisation(u32),
    /// As Acct-Application-Id.
    Accounting(u32),
}

impl PythonNode {
    /// A node of that identity in `home.example` that has connected to the daemon at `address`.
    pub(crate) async fn connect(address: SocketAddr, identity: &str, serves: &[Serves]) -> Self {
        let applications: Vec<_> = serves
            .iter()
            .map(|application| match application {
                Serves::Authorisation(id) => json!({"id": id}),
                Serves::Accounting(id) => json!({"id": id, "accounting": true}),
            })
            .collect();
        let settings = json!({
            "origin_host": identity,
            "realm": "home.example",
            "peer": "reachd.home.example",
            "peer_realm": "home.example",
            "address": address.ip(),
            "port": address.port(),
            "applications": applications,
        });
        let python = tokio::task::spawn_blocking(interpreter).await.unwrap();
        let mut child = tokio::process::Command::new(python)
            // Nothing is to be written beside the sources.
            .args(["-B", "-u"])
            .arg(here("driver.py"))
            .arg(settings.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut this = Self {
            orders: child.stdin.take().unwrap(),
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            _child: child,
            next: 0,
            answers: Vec::new(),
            requests: VecDeque::new(),
            received: 0,
        };
        assert_eq!(this.line().await, json!({"ready": true}));
        this
    }

    /// Sends a request without waiting for its answer. The order is `command`, `application` and `avps`, and may have
    /// `end_to_end` and `retransmitted`; what they mean is told in `driver.py`.
    pub(crate) async fn begin(&mut self, mut order: Value) -> u64 {
        self.next += 1;
        order["id"] = json!(self.next);
        self.order(&order).await;
        self.next
    }

    /// The answer to a request that was begun.
    pub(crate) async fn answer(&mut self, id: u64) -> Told {
        loop {
            if let Some(at) = self.answers.iter().position(|(of, _)| *of == id) {
                let (_, said) = self.answers.remove(at);
                assert_eq!(said.get("error"), None);
                return Told(said["answer"].clone());
            }
            self.listen().await;
        }
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn ask(&mut self, order: Value) -> Told {
        let id = self.begin(order).await;
        self.answer(id).await
    }

    /// The next request of the daemon, and the number to [`reply`](Self::reply) to it by. It waits for that.
    pub(crate) async fn request(&mut self) -> (u64, Told) {
        loop {
            if let Some(request) = self.requests.pop_front() {
                return request;
            }
            self.listen().await;
        }
    }

    /// Answers a request, in whatever order they came.
    pub(crate) async fn reply(&mut self, number: u64, avps: Value) {
        self.order(&json!({"reply": number, "avps": avps})).await;
    }

    /// Takes its leave of the daemon and ends.
    pub(crate) async fn leave(mut self) {
        self.order(&json!({"leave": true})).await;
        assert_eq!(self.line().await, json!({"left": true}));
    }

    async fn order(&mut self, order: &Value) {
        let line = format!("{order}\n");
        self.orders.write_all(line.as_bytes()).await.unwrap();
    }

    async fn listen(&mut self) {
        let line = self.line().await;
        if let Some(request) = line.get("request") {
            self.received += 1;
            self.requests.push_back((self.received, Told(request.clone())));
            return;
        }
        let id = line["id"].as_u64().expect("an answer");
        self.answers.push((id, line));
    }

    async fn line(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("python-diameter says something in time");
        serde_json::from_str(&line.unwrap().expect("it runs on")).unwrap()
    }
}

/// A message as python-diameter has read it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told(Value);

impl Told {
    /// The value of an AVP at the outermost level, by its name in python-diameter's dictionary.
    pub(crate) fn find(&self, name: &str) -> Option<&Value> {
        member(&self.0["avps"], name)
    }

    /// The values of every AVP of that name at the outermost level.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        let avps = self.0["avps"].as_array().into_iter().flatten();
        avps.filter(move |avp| avp[0] == name).map(|avp| &avp[1])
    }

    /// The value of a member of a group.
    pub(crate) fn member<'a>(group: &'a Value, name: &str) -> Option<&'a Value> {
        member(group, name)
    }

    /// Its command code.
    pub(crate) fn command(&self) -> u64 {
        self.0["command"].as_u64().unwrap()
    }

    /// Result-Code.
    pub(crate) fn result(&self) -> Option<u64> {
        self.find("Result-Code")?.as_u64()
    }

    /// Vendor and code of Experimental-Result.
    pub(crate) fn experimental_result(&self) -> Option<(u64, u64)> {
        let group = self.find("Experimental-Result")?;
        let number = |name| member(group, name)?.as_u64();
        Some((number("Vendor-Id")?, number("Experimental-Result-Code")?))
    }

    pub(crate) fn end_to_end(&self) -> u64 {
        self.0["end_to_end"].as_u64().unwrap()
    }

    #[track_caller]
    pub(crate) fn assert_result(&self, expected: u64) {
        assert_eq!(self.result(), Some(expected), "{self:#?}");
    }
}

/// The value of a member of a list of AVPs.
fn member<'a>(avps: &'a Value, name: &str) -> Option<&'a Value> {
    let found = avps.as_array()?.iter().find(|avp| avp[0] == name)?;
    found.get(1)
}

/// A file beside the tests that use this.
fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/interop")
        .join(name)
}

/// The interpreter that has python-diameter.
fn interpreter() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| environment(&here("requirements.txt"), "diameter.node"))
}

/// The interpreter of a virtual environment with everything that a requirements file names, of which it then has that
/// module. It is made once and stays under `target`.
pub(crate) fn environment(requirements: &Path, module: &str) -> PathBuf {
    let named = fs::read_to_string(requirements).unwrap();
    let (package, _) = named.split_once(' ').unwrap();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package);
    let python = home.join("bin/python");
    if !works(&python, module) {
        let _ = fs::remove_dir_all(&home);
        // Whole or not at all, whoever else makes it at the same time.
        let unfinished = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        make_environment(unfinished.path(), requirements);
        let _ = fs::rename(unfinished.path(), &home);
    }
    assert!(
        works(&python, module),
        "the Python environment in {} does not work",
        home.display()
    );
    python
}

fn works(python: &Path, module: &str) -> bool {
    let tried = Command::new(python)
        .args(["-c", &format!("import {module}")])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

fn make_environment(home: &Path, requirements: &Path) {
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(home)
        .output()
        .expect("these tests need Python; install the package python3-venv: apt-get install python3-venv");
    assert!(
        made.status.success(),
        "these tests need Python with its module venv; install the package python3-venv: apt-get install python3-venv\n{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let installed = Command::new(home.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(["--require-hashes", "--only-binary", ":all:", "--requirement"])
        .arg(requirements)
        .output()
        .unwrap();
    assert!(
        installed.status.success(),
        "these tests need packages of Python (3.11 or newer) that pip could not install\n{}",
        String::from_utf8_lossy(&installed.stderr)
    );
}
