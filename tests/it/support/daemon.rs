//! The real binary as a child process: started on free ports with a configuration of its own, asked over gRPC and HTTP.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reachd::proto::v1::admin_service_client::AdminServiceClient;
use reachd::proto::v1::ingest_service_client::IngestServiceClient;
use reachd::proto::v1::reachability_service_client::ReachabilityServiceClient;
use reachd::proto::v1::{
    BatchGetReachabilityRequest, Device, GetReachabilityRequest, GetReachabilityResponse,
    ImportSubscribersRequest, SubscriberRow,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

use super::postgres::Database;
use super::{Subscriber, wire};

/// How long a start, a stop or anything else that ends by itself may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The daemon's Diameter identity, unless it is renamed.
const IDENTITY: &str = "reachd.home.example";

/// For `[diameter]` where peers made by hand do not answer a goodbye: it is not waited for, as it is by default for
/// seconds.
pub(crate) const UNANSWERED_GOODBYES: &str = "disconnect_timeout = \"50ms\"";

/// Where nothing else is asked for.
const ANY_PORT: &str = "127.0.0.1:0";

/// The two store engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// What survives a restart: the data and the configuration.
pub(crate) struct Home {
    dir: TempDir,
    store_url: String,
    store: String,
    grpc: String,
    identity: String,
    diameter: String,
    more: String,
    _database: Option<Database>,
}

impl Home {
    /// A fresh, empty store.
    pub(crate) async fn new(engine: Engine) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store_url, database) = match engine {
            Engine::Sqlite => (
                format!("sqlite://{}", dir.path().join("reachd.db").display()),
                None,
            ),
            Engine::Postgres => {
                let database = Database::fresh().await;
                (database.url().to_owned(), Some(database))
            }
        };
        Self {
            dir,
            store_url,
            store: String::new(),
            grpc: ANY_PORT.to_owned(),
            identity: IDENTITY.to_owned(),
            diameter: String::new(),
            more: String::new(),
            _database: database,
        }
    }

    /// A home on a database that the test looks after itself.
    pub(crate) fn on_store(store_url: &str) -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            store_url: store_url.to_owned(),
            store: String::new(),
            grpc: ANY_PORT.to_owned(),
            identity: IDENTITY.to_owned(),
            diameter: String::new(),
            more: String::new(),
            _database: None,
        }
    }

    /// Adds a line to `[store]`.
    pub(crate) fn store(&mut self, line: &str) -> &mut Self {
        self.store.push_str(line);
        self.store.push('\n');
        self
    }

    /// Lets gRPC be served at an address that stays the same over restarts.
    pub(crate) fn grpc(&mut self, address: &str) -> &mut Self {
        address.clone_into(&mut self.grpc);
        self
    }

    /// Gives the daemon another Diameter identity.
    pub(crate) fn rename(&mut self, identity: &str) -> &mut Self {
        identity.clone_into(&mut self.identity);
        self
    }

    /// Adds a line to `[diameter]`.
    pub(crate) fn diameter(&mut self, line: &str) -> &mut Self {
        self.diameter.push_str(line);
        self.diameter.push('\n');
        self
    }

    /// Appends to the configuration; a table that is there already cannot be opened again.
    pub(crate) fn configure(&mut self, toml: &str) -> &mut Self {
        self.more.push_str(toml);
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn store_url(&self) -> &str {
        &self.store_url
    }

    /// Writes a file and says where.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Writes the configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        let mut toml = format!(
            r#"[store]
url = "{}"
{}
[grpc]
listen = "{}"

[admin]
listen = "127.0.0.1:0"

[diameter]
listen = "127.0.0.1:0"
identity = "{}"
realm = "home.example"
{}"#,
            self.store_url, self.store, self.grpc, self.identity, self.diameter
        );
        for identity in [wire::DRA, wire::OTHER_DRA] {
            write!(
                toml,
                r#"
[[diameter.peers]]
identity = "{identity}"
realm = "home.example"
mode = "copy"
applications = ["s6a"]
"#
            )
            .unwrap();
        }
        toml.push_str(&self.more);
        self.write("reachd.toml", &toml)
    }

    /// Starts the daemon on this home and waits until it is ready.
    pub(crate) async fn start(&self) -> Daemon {
        let daemon = self.spawn().await;
        let ready = Instant::now();
        while daemon.admin("/ready").await.0 != 200 {
            assert!(ready.elapsed() < PATIENCE, "not ready:\n{}", daemon.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        daemon
    }

    /// Starts the daemon and waits only until its listeners are bound.
    pub(crate) async fn spawn(&self) -> Daemon {
        let mut child = reachd()
            .args(["serve", "--config"])
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stderr = child.stderr.take().unwrap();
        let sink = Arc::clone(&lines);
        // Ends with the child: its end of the pipe is closed then.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                sink.lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&line).into_owned());
            }
        });
        let mut daemon = Daemon {
            child,
            lines,
            addresses: HashMap::new(),
        };
        daemon.wait_for_listeners().await;
        daemon
    }
}

/// The binary under test, not yet started, with nothing of this process's environment that would configure it.
pub(crate) fn reachd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reachd"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REACHD_") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG");
    command
}

/// Runs a command of the binary to its end, off the async threads.
pub(crate) async fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().expect("the binary starts"))
        .await
        .unwrap()
}

/// A running daemon. Dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    addresses: HashMap<String, SocketAddr>,
}

impl Daemon {
    async fn wait_for_listeners(&mut self) {
        let begun = Instant::now();
        while !["grpc", "diameter", "admin"]
            .iter()
            .all(|name| self.addresses.contains_key(*name))
        {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the daemon ended with {status} at start:\n{}", self.log());
            }
            assert!(begun.elapsed() < PATIENCE, "no listeners:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
            for line in self.lines.lock().unwrap().iter() {
                let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else {
                    continue;
                };
                if line["message"] == "listening" {
                    let name = line["listener"].as_str().expect("a listener's name").to_owned();
                    let address = line["address"].as_str().expect("its address").parse().unwrap();
                    self.addresses.insert(name, address);
                }
            }
        }
    }

    pub(crate) fn diameter(&self) -> SocketAddr {
        self.addresses["diameter"]
    }

    /// Where it listens for TLS; the listener is told of before plain Diameter's.
    pub(crate) fn diameter_tls(&self) -> SocketAddr {
        self.addresses["diameter_tls"]
    }

    pub(crate) fn grpc(&self) -> SocketAddr {
        self.addresses["grpc"]
    }

    /// Where the CAMARA API is served; the listener is told of before plain Diameter's.
    pub(crate) fn rest(&self) -> SocketAddr {
        self.addresses["rest"]
    }

    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.addresses["admin"]
    }

    /// Everything it wrote to stderr so far.
    pub(crate) fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    // === Signals ===

    /// SIGTERM.
    pub(crate) fn signal_terminate(&self) {
        self.signal("-TERM");
    }

    /// SIGHUP.
    pub(crate) fn signal_hangup(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success(), "the daemon has ended before:\n{}", self.log());
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// An orderly stop, which has to succeed.
    pub(crate) async fn stop(mut self) {
        self.signal_terminate();
        let status = self.ended().await;
        assert!(status.success(), "{status}:\n{}", self.log());
    }

    /// SIGKILL, and gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    // === Questions ===

    /// Status and body of a GET on the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        http_get(self.admin_address(), path)
            .await
            .expect("the admin listener answers")
    }

    pub(crate) async fn metrics(&self) -> String {
        let (status, body) = self.admin("/metrics").await;
        assert_eq!(status, 200);
        body
    }

    pub(crate) fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.grpc()))
            .unwrap()
            .connect_lazy()
    }

    pub(crate) fn lookups(&self) -> Lookups {
        Lookups(ReachabilityServiceClient::new(self.channel()))
    }

    pub(crate) fn ingest(&self) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.channel())
    }

    /// Runs `reachd import` against this daemon.
    pub(crate) async fn import(&self, csv: &Path) -> Output {
        let mut command = reachd();
        command
            .arg("import")
            .arg(csv)
            .arg("--server")
            .arg(format!("http://{}", self.grpc()));
        run(command).await
    }

    /// Imports subscribers as `reachd import` does, over gRPC; every row must be taken.
    pub(crate) async fn import_rows(&self, subscribers: &[Subscriber]) {
        let rows = subscribers
            .iter()
            .zip(1..)
            .map(|(subscriber, line)| SubscriberRow {
                line,
                imsi: subscriber.imsi.clone(),
                msisdn: subscriber.number(),
                external_identifier: String::new(),
            })
            .collect();
        let response = AdminServiceClient::new(self.channel())
            .import_subscribers(tokio_stream::once(ImportSubscribersRequest {
                rows,
                ..Default::default()
            }))
            .await
            .expect("an import")
            .into_inner();
        assert_eq!(response.refused, []);
        assert_eq!(response.imported, subscribers.len() as u64);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the daemon, process {}\n{}", self.pid(), self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A GET by hand over HTTP/1.1.
pub(crate) async fn http_get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    Ok((status, body.to_owned()))
}

/// The question a gateway asks.
#[derive(Clone)]
pub(crate) struct Lookups(ReachabilityServiceClient<Channel>);

impl Lookups {
    pub(crate) async fn try_phone(&mut self, number: &str) -> Result<GetReachabilityResponse, tonic::Status> {
        let request = GetReachabilityRequest {
            device: Some(phone(number)),
            max_age: None,
        };
        Ok(self.0.get_reachability(request).await?.into_inner())
    }

    pub(crate) async fn try_device(
        &mut self,
        device: Option<Device>,
    ) -> Result<GetReachabilityResponse, tonic::Status> {
        let request = GetReachabilityRequest {
            device,
            max_age: None,
        };
        Ok(self.0.get_reachability(request).await?.into_inner())
    }

    /// The answer about a number that must be known.
    pub(crate) async fn phone(&mut self, number: &str) -> super::Answer {
        let response = self.try_phone(number).await.expect("the number is known");
        let device = response.device.expect("the device asked for is named");
        assert_eq!(device, phone(number), "only the one identifier that was used");
        super::Answer::of(response.reachability.expect("a reachability"))
    }

    /// The answers about many numbers, `None` where one has none.
    pub(crate) async fn phones(&mut self, numbers: &[String]) -> Vec<Option<super::Answer>> {
        let mut answers = Vec::with_capacity(numbers.len());
        for chunk in numbers.chunks(1000) {
            let request = BatchGetReachabilityRequest {
                devices: chunk.iter().map(|number| phone(number)).collect(),
                max_age: None,
            };
            let response = self
                .0
                .batch_get_reachability(request)
                .await
                .expect("a batch is answered");
            answers.extend(response.into_inner().results.into_iter().map(|result| {
                use reachd::proto::v1::batch_get_reachability_result::Result as One;
                match result.result.expect("a result") {
                    One::Response(response) => Some(super::Answer::of(response.reachability.unwrap())),
                    One::Error(_) => None,
                }
            }));
        }
        assert_eq!(answers.len(), numbers.len());
        answers
    }
}

pub(crate) fn phone(number: &str) -> Device {
    Device {
        phone_number: number.to_owned(),
        ..Device::default()
    }
}
