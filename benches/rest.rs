//! CAMARA lookups a second over an empty axum route, served in one process to the same client; latency at half that load;
//! and what ten thousand idle connections cost a daemon of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "support/devices.rs"]
mod devices;
mod support;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reachd::audit::Audit;
use reachd::index::Index;
use reachd::northbound::Answers;
use reachd::rest::{Contract, Rest, RestConfig, RestServer};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use devices::{DEVICES, filled, number};
use support::{Plan, median, report};

const CONNECTIONS: usize = 32;
const IDLE: usize = 10_000;

/// Where to ask, and what: everything but the number, which has always the same length.
#[derive(Clone)]
struct Target {
    address: SocketAddr,
    head: Arc<str>,
}

impl Target {
    fn new(address: SocketAddr, token: Option<&str>) -> Self {
        let body = json!({"device": {"phoneNumber": number(0)}}).to_string();
        let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: reachd.example\r\nContent-Type: application/json\r\n{token}\
             x-correlator: b4333c46-49c0-4f62-80d7-f0ef930f1c46\r\nContent-Length: {}\r\n\r\n",
            Contract::V1.retrieve(),
            body.len()
        );
        Self {
            address,
            head: head.into(),
        }
    }

    fn request(&self, device: u64) -> String {
        let body = json!({"device": {"phoneNumber": number(device)}});
        format!("{}{body}", self.head)
    }
}

struct Client {
    stream: TcpStream,
    target: Target,
    device: u64,
    buffer: Vec<u8>,
}

impl Client {
    async fn new(target: &Target, place: usize) -> Self {
        let stream = TcpStream::connect(target.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            target: target.clone(),
            device: place as u64,
            buffer: vec![0; 4096],
        }
    }

    async fn call(&mut self) {
        self.device = self
            .device
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695)
            % DEVICES;
        let request = self.target.request(self.device);
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut have = 0;
        loop {
            let room = self.buffer.get_mut(have..).unwrap();
            let read = self.stream.read(room).await.unwrap();
            assert!(read > 0, "the connection ended");
            have += read;
            let got = self.buffer.get(..have).unwrap();
            if is_whole(got) {
                assert!(
                    got.starts_with(b"HTTP/1.1 200"),
                    "{}",
                    String::from_utf8_lossy(got)
                );
                return;
            }
        }
    }
}

fn is_whole(octets: &[u8]) -> bool {
    let text = std::str::from_utf8(octets).unwrap();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    body.len() >= length
}

async fn clients(target: &Target) -> Vec<Client> {
    let mut clients = Vec::new();
    for place in 0..CONNECTIONS {
        clients.push(Client::new(target, place).await);
    }
    clients
}

/// Calls a second, as many as there can be.
async fn storm(clients: Vec<Client>, round: Duration) -> (f64, Vec<Client>) {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for mut client in clients {
        tasks.spawn(async move {
            let mut calls = 0_u64;
            while begun.elapsed() < round {
                client.call().await;
                calls += 1;
            }
            (calls, client)
        });
    }
    let done = tasks.join_all().await;
    let seconds = begun.elapsed().as_secs_f64();
    let calls: u64 = done.iter().map(|(calls, _)| calls).sum();
    let clients = done.into_iter().map(|(_, client)| client).collect();
    (calls as f64 / seconds, clients)
}

/// Latencies in microseconds at a fixed rate, each counted from when the call was due.
async fn paced(clients: Vec<Client>, rate: f64, round: Duration) -> Vec<f64> {
    let pause = Duration::from_secs_f64(clients.len() as f64 / rate);
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for (place, mut client) in clients.into_iter().enumerate() {
        tasks.spawn(async move {
            let mut due = begun + pause.mul_f64(place as f64 / CONNECTIONS as f64);
            let mut took = Vec::new();
            while begun.elapsed() < round {
                tokio::time::sleep_until(due.into()).await;
                client.call().await;
                took.push(due.elapsed().as_secs_f64() * 1e6);
                due += pause;
            }
            took
        });
    }
    tasks.join_all().await.concat()
}

fn percentile(figures: &mut [f64], share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures
        .get((figures.len() as f64 * share) as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

async fn serve(config: serde_json::Value, index: &Arc<Index>) -> SocketAddr {
    let config: RestConfig = serde_json::from_value(config).unwrap();
    let answers = Answers::new(Arc::clone(index), Duration::from_secs(3600));
    let rest = Arc::new(Rest::new(&config, answers, Audit::start(None).unwrap()).unwrap());
    let server = RestServer::bind(&config).await.unwrap();
    let address = server.local_addr();
    tokio::spawn(server.serve(rest, CancellationToken::new()));
    address
}

async fn empty_route() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route(Contract::V1.retrieve(), post(|| std::future::ready("")));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A published key, and a token signed with it.
fn trust() -> (String, String) {
    let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pair.as_ref()).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]}).to_string();
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iss": "bench", "aud": "bench", "exp": 4_000_000_000_u64, "client_id": "bench",
        "scope": "device-reachability-status:read"
    });
    let signed = format!("{}.{}", encode(json!({"alg": "EdDSA"})), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()));
    (keys, format!("{signed}.{signature}"))
}

/// A daemon of its own that is killed in the end.
struct Daemon {
    child: Child,
    rest: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Daemon {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("reachd.toml");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let rest = listener.local_addr().unwrap();
        drop(listener);
        let text = format!(
            "[store]\nurl = \"sqlite://{}\"\n[grpc]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [diameter]\nlisten = \"127.0.0.1:0\"\nidentity = \"reachd.bench.example\"\nrealm = \"bench.example\"\n\
             [rest]\nlisten = \"{rest}\"\nauth.mode = \"none\"\n[rest.limits]\nconnections = 20000\n\
             idle_timeout = \"1h\"\nrate = 0\n",
            folder.path().join("reachd.db").display()
        );
        std::fs::write(&config, text).unwrap();
        // The usual soft limit of a shell is lower than what a service is given.
        let child = Command::new("sh")
            .args([
                "-c",
                "ulimit -n 65536 2>/dev/null; exec \"$0\" serve --config \"$1\"",
            ])
            .arg(env!("CARGO_BIN_EXE_reachd"))
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            rest,
            _folder: folder,
        }
    }

    fn resident(&self) -> f64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * 4096.0
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Octets that an idle connection costs the daemon, before its first request and after it.
async fn idle(count: usize) -> Option<(f64, f64)> {
    let daemon = Daemon::start();
    let begun = Instant::now();
    while TcpStream::connect(daemon.rest).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let request = Target::new(daemon.rest, None).request(0);
    let mut streams = Vec::new();
    let mut buffer = [0; 1024];
    for _ in 0..100 {
        let mut warm = TcpStream::connect(daemon.rest).await.ok()?;
        warm.write_all(request.as_bytes()).await.ok()?;
        warm.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
    }
    let before = daemon.resident();
    for _ in 0..count {
        streams.push(TcpStream::connect(daemon.rest).await.ok()?);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let fresh = daemon.resident();
    for stream in &mut streams {
        stream.write_all(request.as_bytes()).await.ok()?;
        stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
    }
    let used = daemon.resident();
    let each = |after: f64| (after - before) / count as f64;
    Some((each(fresh), each(used)))
}

fn main() {
    let plan = Plan::new(9, Duration::from_secs(2));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let index = filled();
        let folder = tempfile::tempdir().unwrap();
        let (keys, token) = trust();
        let file = folder.path().join("jwks.json");
        std::fs::write(&file, keys).unwrap();
        let limits = json!({"rate": 0});
        let open = json!({"listen": "127.0.0.1:0", "auth": {"mode": "none"}, "limits": limits});
        let tokens = json!({
            "listen": "127.0.0.1:0", "limits": limits,
            "auth": {"issuer": "bench", "audience": "bench", "jwks_file": file}
        });
        let open = Target::new(serve(open, &index).await, None);
        let tokens = Target::new(serve(tokens, &index).await, Some(&token));
        let empty = Target::new(empty_route().await, None);
        let (mut ours, mut with_token, mut reference) = (vec![], vec![], vec![]);
        let mut of_open = clients(&open).await;
        let mut of_tokens = clients(&tokens).await;
        let mut of_empty = clients(&empty).await;
        (_, of_open) = storm(of_open, plan.round / 3).await;
        (_, of_tokens) = storm(of_tokens, plan.round / 3).await;
        (_, of_empty) = storm(of_empty, plan.round / 3).await;
        for _ in 0..plan.rounds {
            let rate;
            (rate, of_open) = storm(of_open, plan.round).await;
            ours.push(rate);
            let rate;
            (rate, of_tokens) = storm(of_tokens, plan.round).await;
            with_token.push(rate);
            let rate;
            (rate, of_empty) = storm(of_empty, plan.round).await;
            reference.push(rate);
        }
        report(
            "rest retrieve v1",
            "calls/s",
            &ours,
            "empty axum route",
            &reference,
        );
        report(
            "rest retrieve v1 with a token",
            "calls/s",
            &with_token,
            "empty axum route",
            &reference,
        );
        let rate = median(&with_token) / 2.0;
        let mut latencies = paced(of_tokens, rate, plan.round * 3).await;
        println!(
            "  latency at {rate:.0} calls/s, half of that: p50 {:.2} ms, p99 {:.2} ms",
            percentile(&mut latencies, 0.5) / 1e3,
            percentile(&mut latencies, 0.99) / 1e3
        );
        let count = if plan.quick { 100 } else { IDLE };
        match idle(count).await {
            Some((fresh, used)) => println!(
                "  {count} idle connections: {:.1} KiB each before the first request, {:.1} KiB after it",
                fresh / 1024.0,
                used / 1024.0
            ),
            None => println!("  {count} idle connections could not be opened; raise `ulimit -n`"),
        }
    });
}
