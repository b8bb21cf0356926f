//! Diameter requests a second through the real daemon, on one connection and on eight, over what freeDiameterd reaches
//! with the same client in the same run; processor time per message of both; and the memory of an idle peer.
//!
//! The request is an Authentication-Information-Request, which the daemon takes the whole way through framing, decoding,
//! admission, the command's grammar and the answer, and which makes no event: the store has a bench of its own, `ingest`.
//! freeDiameterd answers the same request (with an error, since it serves no application), and Device-Watchdog-Requests,
//! the least it can be asked. Client, daemon and freeDiameterd share the cores.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use reachd::diameter::codec::{CommandFlags, Header, Message, MessageBuilder};
use reachd::diameter::dict::{base, s6a, tgpp};
use support::{Plan, median, report};

/// Requests in flight on each connection.
const WINDOW: usize = 256;
const CONNECTIONS: usize = 8;
const IDLE_PEERS: usize = 1000;
/// That of the clients. If it were the server's, freeDiameterd would hand requests on from one client to another.
const REALM: &str = "visited.example";

fn main() {
    let plan = Plan::new(7, Duration::from_secs(2));
    let dir = tempfile::tempdir().unwrap();
    let reachd = Server::reachd(dir.path());
    let memory = reachd.idle_peer();
    let Some(reference) = Server::free_diameter(dir.path()) else {
        println!(
            "diameter: freeDiameterd is not installed (Debian: freediameterd), so there is nothing to compare with"
        );
        return;
    };
    println!(
        "diameter: {WINDOW} requests in flight on each connection, rounds of {:?}",
        plan.round
    );
    for connections in [1, CONNECTIONS] {
        let [mut ours, mut same, mut least] = [const { Vec::new() }; 3];
        for _ in 0..plan.rounds {
            ours.push(reachd.round(connections, Ask::Authentication, plan.round));
            same.push(reference.round(connections, Ask::Authentication, plan.round));
            least.push(reference.round(connections, Ask::Watchdog, plan.round));
        }
        for (name, other) in [("the same request", &same), ("DWR", &least)] {
            report(
                &format!("{connections} connection(s)"),
                "requests/s",
                &rates(&ours),
                &format!("freeDiameterd, {name}"),
                &rates(other),
            );
        }
        println!(
            "  processor time per request: reachd {:.2} µs, freeDiameterd {:.2} µs, DWR {:.2} µs",
            median(&costs(&ours)),
            median(&costs(&same)),
            median(&costs(&least)),
        );
    }
    println!("  resident memory per idle peer: {memory:.1} KiB ({IDLE_PEERS} peers)");
}

/// What one round came to.
struct Round {
    answers: u64,
    took: Duration,
    /// Of the server, all threads.
    processor: Duration,
}

fn rates(rounds: &[Round]) -> Vec<f64> {
    let rate = |round: &Round| round.answers as f64 / round.took.as_secs_f64();
    rounds.iter().map(rate).collect()
}

fn costs(rounds: &[Round]) -> Vec<f64> {
    let cost = |round: &Round| round.processor.as_secs_f64() * 1e6 / round.answers.max(1) as f64;
    rounds.iter().map(cost).collect()
}

#[derive(Clone, Copy)]
enum Ask {
    Authentication,
    Watchdog,
}

/// A Diameter server in a process of its own.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn reachd(dir: &Path) -> Self {
        let address = free_address();
        let config = format!(
            "[store]\nurl = \"sqlite://{}\"\n[grpc]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [diameter]\nlisten = \"{address}\"\nidentity = \"reachd.bench.example\"\nrealm = \"bench.example\"\n\
             accept_unknown_peers = true\nmax_connections = {}\n",
            dir.join("reachd.db").display(),
            4 * IDLE_PEERS,
        );
        let path = dir.join("reachd.toml");
        fs::write(&path, config).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_reachd"))
            .args(["serve", "--config"])
            .arg(&path)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self::ready(child, address)
    }

    /// `None` where it is not installed.
    fn free_diameter(dir: &Path) -> Option<Self> {
        let address = free_address();
        let key = rcgen::generate_simple_self_signed(vec!["fd.bench.example".to_owned()]).unwrap();
        let (certificate, private) = (dir.join("fd.pem"), dir.join("fd.key"));
        fs::write(&certificate, key.cert.pem()).unwrap();
        fs::write(&private, key.signing_key.serialize_pem()).unwrap();
        let mut config = format!(
            "Identity = \"fd.bench.example\";\nRealm = \"bench.example\";\nPort = {};\nSecPort = 0;\nNo_SCTP;\nNo_IPv6;\n\
             ListenOn = \"127.0.0.1\";\nTLS_Cred = \"{certificate}\", \"{private}\";\nTLS_CA = \"{certificate}\";\n\
             TLS_DH_Bits = 1024;\n",
            address.port(),
            certificate = certificate.display(),
            private = private.display(),
        );
        // It accepts nobody whom it does not connect to itself; nobody listens where it tries.
        for nth in 0..CONNECTIONS {
            writeln!(
                config,
                "ConnectPeer = \"{}\" {{ No_TLS; ConnectTo = \"127.0.0.1\"; Port = {}; TcTimer = 3600; }};",
                identity(nth),
                free_address().port()
            )
            .unwrap();
        }
        let path = dir.join("fd.conf");
        fs::write(&path, config).unwrap();
        let child = Command::new("freeDiameterd")
            .arg("-c")
            .arg(&path)
            // Not a word: it would tell of each request at length, and spend more on that than on the answer.
            .arg("-qqqq")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self::ready(child, address))
    }

    /// Waits until it takes part in a capabilities exchange.
    fn ready(child: Child, address: SocketAddr) -> Self {
        let server = Self { child, address };
        let begun = Instant::now();
        while Connection::open(address, 0).is_none() {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "the server does not answer"
            );
            thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn round(&self, connections: usize, ask: Ask, round: Duration) -> Round {
        let mut open: Vec<Connection> = (0..connections).map(|nth| self.connection(nth)).collect();
        for connection in &mut open {
            connection.settle();
        }
        let processor = self.processor();
        let begun = Instant::now();
        let answers = thread::scope(|scope| {
            let running: Vec<_> = open
                .iter_mut()
                .map(|connection| scope.spawn(move || connection.flood(ask, begun + round)))
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let result = Round {
            answers,
            took: begun.elapsed(),
            processor: self.processor() - processor,
        };
        for connection in open {
            connection.leave();
        }
        result
    }

    /// A connection, tried again while the server still thinks that the last one of this identity stands.
    fn connection(&self, nth: usize) -> Connection {
        let begun = Instant::now();
        loop {
            if let Some(connection) = Connection::open(self.address, nth) {
                return connection;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "the server lets nobody in"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Processor time used so far.
    fn processor(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // Behind the name in brackets, utime and stime are the 12th and 13th fields, in hundredths of a second.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }

    fn resident_kib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// What one peer costs that has connected and says nothing.
    fn idle_peer(&self) -> f64 {
        let before = self.resident_kib();
        let idle: Vec<Connection> = (0..IDLE_PEERS).map(|nth| self.connection(1000 + nth)).collect();
        let per_peer = (self.resident_kib() - before) / idle.len() as f64;
        for connection in idle {
            connection.leave();
        }
        per_peer
    }
}

fn identity(nth: usize) -> String {
    format!("client{nth}.{REALM}")
}

/// An address that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// One connection past its capabilities exchange.
struct Connection {
    stream: TcpStream,
    name: String,
    received: Vec<u8>,
    filled: usize,
    number: u32,
}

impl Connection {
    fn open(address: SocketAddr, nth: usize) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut connection = Self {
            stream,
            name: identity(nth),
            received: vec![0; 1 << 20],
            filled: 0,
            number: 1,
        };
        let mut cer = BytesMut::new();
        MessageBuilder::request(
            &mut cer,
            CommandFlags::default(),
            base::COMMAND_CAPABILITIES_EXCHANGE,
            0,
            1,
            1,
        )
        .avp_utf8(&base::ORIGIN_HOST, &connection.name)
        .avp_utf8(&base::ORIGIN_REALM, REALM)
        .avp_address(&base::HOST_IP_ADDRESS, [127, 0, 0, 1].into())
        .avp_u32(&base::VENDOR_ID, 0)
        .avp_utf8(&base::PRODUCT_NAME, "bench")
        .avp_u32(&base::SUPPORTED_VENDOR_ID, tgpp::VENDOR_ID)
        .group(&base::VENDOR_SPECIFIC_APPLICATION_ID, |group| {
            group
                .avp_u32(&base::VENDOR_ID, tgpp::VENDOR_ID)
                .avp_u32(&base::AUTH_APPLICATION_ID, s6a::APPLICATION);
        })
        .finish();
        connection.stream.write_all(&cer).ok()?;
        let cea = connection.message()?;
        let cea = Message::decode(&cea).ok()?;
        let result = cea.find(&base::RESULT_CODE)?.as_u32().ok()?;
        (result == 2001).then_some(connection)
    }

    /// Asks until something is answered: freeDiameterd drops what arrives right behind its CEA.
    fn settle(&mut self) {
        let watchdog = self.request(Ask::Watchdog);
        let patience = |stream: &TcpStream, time| stream.set_read_timeout(Some(time)).unwrap();
        patience(&self.stream, Duration::from_millis(100));
        loop {
            self.stream.write_all(&watchdog).unwrap();
            if self.message().is_some() {
                break;
            }
        }
        // And whatever was answered beside.
        while self.message().is_some() {}
        patience(&self.stream, Duration::from_secs(10));
    }

    /// The next whole message.
    fn message(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(header) = Header::read(&self.received[..self.filled])
                && self.filled >= header.length as usize
            {
                let length = header.length as usize;
                let message = self.received[..length].to_vec();
                self.received.copy_within(length..self.filled, 0);
                self.filled -= length;
                return Some(message);
            }
            match self.stream.read(&mut self.received[self.filled..]) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.filled += count,
            }
        }
    }

    /// Keeps the window full until then, and counts what was answered.
    fn flood(&mut self, ask: Ask, until: Instant) -> u64 {
        let request = self.request(ask);
        let mut batch = Vec::with_capacity(request.len() * WINDOW);
        let (mut answers, mut waiting) = (0, 0);
        let mut wanted = WINDOW;
        loop {
            if wanted > 0 && Instant::now() < until {
                batch.clear();
                for _ in 0..wanted {
                    self.number = self.number.wrapping_add(1);
                    let at = batch.len();
                    batch.extend_from_slice(&request);
                    batch[at + 12..at + 16].copy_from_slice(&self.number.to_be_bytes());
                    batch[at + 16..at + 20].copy_from_slice(&self.number.to_be_bytes());
                }
                self.stream.write_all(&batch).unwrap();
                waiting += wanted;
            }
            if waiting == 0 {
                return answers;
            }
            let came = self.answers();
            waiting -= came;
            answers += came as u64;
            wanted = came;
        }
    }

    /// Reads once, and says how many answers are complete.
    fn answers(&mut self) -> usize {
        let count = self.stream.read(&mut self.received[self.filled..]).unwrap();
        assert!(count > 0, "the server hung up");
        self.filled += count;
        let (mut at, mut answers) = (0, 0);
        while let Some(header) = Header::read(&self.received[at..self.filled]) {
            let length = header.length as usize;
            if self.filled - at < length {
                break;
            }
            answers += usize::from(!header.flags.is_request());
            at += length;
        }
        self.received.copy_within(at..self.filled, 0);
        self.filled -= at;
        answers
    }

    fn request(&self, ask: Ask) -> BytesMut {
        let mut out = BytesMut::new();
        match ask {
            Ask::Watchdog => MessageBuilder::request(
                &mut out,
                CommandFlags::default(),
                base::COMMAND_DEVICE_WATCHDOG,
                0,
                1,
                1,
            )
            .avp_utf8(&base::ORIGIN_HOST, &self.name)
            .avp_utf8(&base::ORIGIN_REALM, REALM)
            .finish(),
            Ask::Authentication => MessageBuilder::request(
                &mut out,
                CommandFlags::PROXIABLE,
                s6a::AUTHENTICATION_INFORMATION.code,
                s6a::APPLICATION,
                1,
                1,
            )
            .avp_utf8(&base::SESSION_ID, "mme01.epc.mnc001.mcc999.3gppnetwork.org;1;1")
            .avp_i32(&base::AUTH_SESSION_STATE, 1)
            .avp_utf8(&base::ORIGIN_HOST, &self.name)
            .avp_utf8(&base::ORIGIN_REALM, REALM)
            .avp_utf8(&base::DESTINATION_REALM, "bench.example")
            .avp_utf8(&base::USER_NAME, "999010000000001")
            .avp_octets(&tgpp::VISITED_PLMN_ID, &[0x99, 0xf9, 0x10])
            .finish(),
        }
        out
    }

    /// Disconnects in order, so that the next connection of this identity starts without a penalty.
    fn leave(mut self) {
        let mut dpr = BytesMut::new();
        MessageBuilder::request(
            &mut dpr,
            CommandFlags::default(),
            base::COMMAND_DISCONNECT_PEER,
            0,
            2,
            2,
        )
        .avp_utf8(&base::ORIGIN_HOST, &self.name)
        .avp_utf8(&base::ORIGIN_REALM, REALM)
        .avp_i32(&base::DISCONNECT_CAUSE, base::disconnect_cause::REBOOTING)
        .finish();
        if self.stream.write_all(&dpr).is_ok() {
            while let Some(message) = self.message() {
                if Header::read(&message).is_some_and(|header| !header.flags.is_request()) {
                    return;
                }
            }
        }
    }
}
