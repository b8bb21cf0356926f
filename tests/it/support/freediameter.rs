//! freeDiameterd, an independent stack, as a process with a configuration of its own.
//!
//! It runs without extensions, so it serves no application and announces itself as a relay. It ignores loopback addresses
//! when it is told where to listen and so listens on all; it takes connections only of the peers it is told of.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::certificates::{Authority, Pair};
use super::eventually;
use super::process::{free_port, unprivileged_user};

/// Starts what it is given, and ends it with the signal that it reads, or with SIGKILL once nobody is left to write one.
const KEEPER: &str = r#"
"$@" & pid=$!
read -r signal || signal=KILL
kill -s "$signal" "$pid"; wait "$pid"
"#;

/// Where GnuTLS leaves the secrets of its connections.
const KEYS: &str = "keys.log";

/// How it is to know a peer.
pub(crate) struct Known<'a> {
    identity: &'a str,
    /// Where it dials it, again within four seconds after each failure. Without an address it waits.
    dial: Option<SocketAddr>,
    /// Whether its watchdog is impatient: up to four seconds of silence, instead of a minute.
    watchful: bool,
    tls: bool,
}

/// How it uses TLS.
pub(crate) struct Secured<'a> {
    /// Its own certificate.
    pub(crate) own: &'a Pair,
    /// Who stands behind it, and behind the certificates of its peers.
    pub(crate) authority: &'a Authority,
    /// What GnuTLS may agree to, in its own words: `NORMAL` is all of it.
    pub(crate) priority: &'a str,
}

impl<'a> Known<'a> {
    /// A peer that connects by itself.
    pub(crate) fn waited_for(identity: &'a str) -> Self {
        Self {
            identity,
            dial: None,
            watchful: false,
            tls: false,
        }
    }

    /// A peer that it dials.
    pub(crate) fn dialled(identity: &'a str, address: SocketAddr) -> Self {
        Self {
            identity,
            dial: Some(address),
            watchful: false,
            tls: false,
        }
    }

    pub(crate) fn watchful(self) -> Self {
        Self {
            watchful: true,
            ..self
        }
    }

    /// TLS from the first octet on, whoever connects.
    pub(crate) fn over_tls(self) -> Self {
        Self { tls: true, ..self }
    }
}

/// A running freeDiameterd. Dropping it kills it.
pub(crate) struct FreeDiameter {
    keeper: Child,
    address: SocketAddr,
    tls_address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
    dir: TempDir,
}

impl FreeDiameter {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(identity: &str, realm: &str, peers: &[Known<'_>]) -> Self {
        // It asks for a certificate even where it does without TLS.
        let authority = Authority::new();
        let secured = Secured {
            own: &authority.issue(identity),
            authority: &authority,
            priority: "NORMAL",
        };
        Self::start_secured(identity, realm, peers, &secured).await
    }

    /// As [`Self::start`], with certificates that its peers know.
    pub(crate) async fn start_secured(
        identity: &str,
        realm: &str,
        peers: &[Known<'_>],
        secured: &Secured<'_>,
    ) -> Self {
        for _ in 0..20 {
            let this = Self::spawn(identity, realm, peers, secured);
            let up = eventually("freeDiameterd has started or failed", async || {
                let log = this.log();
                if log.contains("freeDiameterd daemon initialized") {
                    return Some(true);
                }
                if log.contains("Address already in use") {
                    return Some(false);
                }
                assert!(!log.contains("FATAL"), "freeDiameterd ended at its start");
                None
            });
            if up.await {
                return this;
            }
        }
        panic!("no free port for freeDiameterd");
    }

    fn spawn(identity: &str, realm: &str, peers: &[Known<'_>], secured: &Secured<'_>) -> Self {
        let ports = [free_port(), free_port()];
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        secured.own.write(dir.path());
        fs::write(path("authority.pem"), secured.authority.pem()).unwrap();
        let configuration = configuration(identity, realm, peers, ports, secured.priority);
        fs::write(path("fd.conf"), configuration).unwrap();
        let found = Command::new("freeDiameterd").arg("--version").output();
        assert!(
            found.is_ok_and(|output| output.status.success()),
            "these tests need freeDiameterd; install the package freediameterd: apt-get install freediameterd"
        );
        let mut command = Command::new("/bin/sh");
        if let Some((uid, gid)) = unprivileged_user() {
            for name in ["", "certificate.pem", "key.pem", "authority.pem", "fd.conf"] {
                chown(path(name), Some(uid), Some(gid)).unwrap();
            }
            command.uid(uid).gid(gid);
        }
        let mut keeper = command
            .current_dir(dir.path())
            .args(["-c", KEEPER, "keeper"])
            .args(["freeDiameterd", "-c", "fd.conf", "-dd"])
            .env("SSLKEYLOGFILE", KEYS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stdout = keeper.stdout.take().unwrap();
        let sink = Arc::clone(&lines);
        // Ends with the child: its end of the pipe is closed then.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                sink.lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self {
            keeper,
            address: SocketAddr::from(([127, 0, 0, 1], ports[0])),
            tls_address: SocketAddr::from(([127, 0, 0, 1], ports[1])),
            lines,
            dir,
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for TLS.
    pub(crate) fn tls_address(&self) -> SocketAddr {
        self.tls_address
    }

    /// The secrets of its TLS connections so far, in the format of a key log.
    pub(crate) fn keys(&self) -> String {
        fs::read_to_string(self.dir.path().join(KEYS)).unwrap()
    }

    /// Everything it wrote so far.
    pub(crate) fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// How often a peer's connection has opened so far.
    pub(crate) fn opened(&self, peer: &str) -> usize {
        let lines = self.lines.lock().unwrap();
        let open = |line: &&String| line.contains("-> 'STATE_OPEN'") && line.ends_with(&format!("'{peer}'"));
        lines.iter().filter(open).count()
    }

    /// Waits until a peer's connection has opened so often.
    pub(crate) async fn has_opened(&self, peer: &str, times: usize) {
        eventually("freeDiameterd opens", async || {
            (self.opened(peer) >= times).then_some(())
        })
        .await;
    }

    /// How many requests of a command of the base protocol it received from a peer.
    pub(crate) fn received(&self, peer: &str, command: u32) -> usize {
        let (from, request) = (format!("RCV from '{peer}'"), format!("0/{command} f:R"));
        let lines = self.lines.lock().unwrap();
        let received = |line: &&String| line.contains(&from) && line.contains(&request);
        lines.iter().filter(received).count()
    }

    /// SIGTERM: it takes its leave of its peers and ends.
    pub(crate) async fn stop(mut self) {
        let mut signals = self.keeper.stdin.take().unwrap();
        signals.write_all(b"TERM\n").unwrap();
        let begun = Instant::now();
        while self.keeper.try_wait().unwrap().is_none() {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "it does not end:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for FreeDiameter {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of freeDiameterd\n{}", self.log());
        }
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn configuration(
    identity: &str,
    realm: &str,
    peers: &[Known<'_>],
    [port, tls_port]: [u16; 2],
    priority: &str,
) -> String {
    let mut text = format!(
        r#"Identity = "{identity}";
Realm = "{realm}";
Port = {port};
SecPort = {tls_port};
No_SCTP;
No_IPv6;
AppServThreads = 1;
TLS_Cred = "certificate.pem", "key.pem";
TLS_CA = "authority.pem";
TLS_Prio = "{priority}";
"#
    );
    for peer in peers {
        // A timer of a second is drawn anew each time, from nothing to four seconds. Nobody listens on port 1.
        let (port, connect) = match peer.dial {
            Some(address) => (address.port(), 1),
            None => (1, 3600),
        };
        let watchdog = if peer.watchful { 1 } else { 60 };
        let security = if peer.tls { "" } else { "No_TLS;" };
        writeln!(
            text,
            r#"ConnectPeer = "{}" {{ ConnectTo = "127.0.0.1"; Port = {port}; {security} TcTimer = {connect}; TwTimer = {watchdog}; }};"#,
            peer.identity
        )
        .unwrap();
    }
    text
}
