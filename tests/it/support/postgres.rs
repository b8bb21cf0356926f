//! A private, throwaway Postgres out of the installed binaries.
//!
//! The server runs under a small shell that waits on its standard input. When this process ends, however it ends, the
//! pipe closes and the shell stops the server and removes its directory: nothing is left behind, not even after a
//! panic or a kill.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::process::{free_port, unprivileged_user};

/// $1 is the directory, the rest the server's command. Each line is an order and is answered by a line.
const KEEPER: &str = r#"
dir=$1; shift
start() { "$@" </dev/null >>"$dir/log" 2>&1 & pid=$!; }
start "$@"
while read -r order; do
    case $order in
        start) start "$@" ;;
        *) kill -s "$order" "$pid"; wait "$pid" ;;
    esac
    echo done
done
# Nobody needs the data any more: no checkpoint.
kill -s QUIT "$pid" 2>/dev/null; wait "$pid"
rm -rf "$dir"
"#;

/// A database of its own, on the cluster that the tests of this process share.
pub(crate) struct Database(String);

impl Database {
    /// An empty database.
    pub(crate) async fn fresh() -> Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        Self(SHARED.get_or_init(Cluster::start).fresh_database().await)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.0
    }
}

/// A server of its own.
pub(crate) struct Cluster {
    directory: PathBuf,
    port: u16,
    databases: AtomicUsize,
    keeper: Child,
    answers: BufReader<ChildStdout>,
}

impl Cluster {
    /// A cluster for one test alone, which may stop and start it.
    pub(crate) async fn private() -> Self {
        Self::start()
    }

    /// A new empty database on it; its URL.
    pub(crate) async fn fresh_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        self.url(&name)
    }

    /// Ends the server as a crash would, without a checkpoint.
    pub(crate) async fn stop_immediately(&mut self) {
        self.order("QUIT");
    }

    /// Starts it again after [`Self::stop_immediately`], and waits until it takes connections.
    pub(crate) async fn start_again(&mut self) {
        self.order("start");
        assert!(self.is_ready(), "{}", self.log());
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://reachd@127.0.0.1:{}/{database}", self.port)
    }

    fn start() -> Self {
        let binaries = binaries();
        let directory = tempfile::Builder::new()
            .prefix("reachd-it-")
            .tempdir()
            .unwrap()
            .keep();
        let owner = unprivileged_user();
        if let Some((uid, gid)) = owner {
            chown(&directory, Some(uid), Some(gid)).unwrap();
        }
        let run = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(&directory);
            if let Some((uid, gid)) = owner {
                command.uid(uid).gid(gid);
            }
            command
        };
        let made = run(&binaries.join("initdb"))
            .args([
                "--no-sync",
                "--auth=trust",
                "--username=reachd",
                "--encoding=UTF8",
                "--no-locale",
            ])
            .args(["--pgdata", "data"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for _ in 0..20 {
            let port = free_port();
            let mut keeper = run(Path::new("/bin/sh"))
                .args(["-c", KEEPER, "reachd-it"])
                .arg(&directory)
                .arg(binaries.join("postgres"))
                .args(["-D", "data", "-p", &port.to_string()])
                .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
                .args(["-c", "max_connections=200", "-c", "shared_buffers=32MB"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                // Out of the way of an interrupt from the keyboard.
                .process_group(0)
                .spawn()
                .unwrap();
            let answers = BufReader::new(keeper.stdout.take().unwrap());
            let cluster = Self {
                directory: directory.clone(),
                port,
                databases: AtomicUsize::new(0),
                keeper,
                answers,
            };
            if cluster.is_ready() {
                return cluster;
            }
            let log = cluster.log();
            assert!(log.contains("could not bind"), "{log}");
            // Somebody was quicker with this port. Keep the directory from going with its keeper.
            let mut cluster = cluster;
            cluster.keeper.kill().unwrap();
            cluster.keeper.wait().unwrap();
            fs::write(directory.join("log"), "").unwrap();
        }
        panic!("no free port for Postgres");
    }

    fn order(&mut self, order: &str) {
        let orders = self.keeper.stdin.as_mut().unwrap();
        writeln!(orders, "{order}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "{}", self.log());
    }

    /// Waits until the server says so in its lock file, whose eighth line is its state; false once it has ended.
    fn is_ready(&self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            let state = fs::read_to_string(self.directory.join("data/postmaster.pid")).unwrap_or_default();
            let mut lines = state.lines();
            let (port, state) = (lines.nth(3), lines.nth(3));
            if port == Some(&self.port.to_string()) && state.is_some_and(|state| state.trim() == "ready") {
                return true;
            }
            if self.log().contains("could not bind") {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The folder of the newest installed server.
fn binaries() -> PathBuf {
    let version = |path: &PathBuf| {
        let name = path.parent()?.file_name()?.to_str()?;
        name.parse::<u32>().ok()
    };
    let packaged = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let packaged = packaged.map(|entry| entry.path().join("bin")).max_by_key(version);
    let path = std::env::var_os("PATH").unwrap_or_default();
    packaged
        .into_iter()
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("postgres").exists() && folder.join("initdb").exists())
        .expect(
            "these tests need a Postgres server's binaries; install postgresql: apt-get install postgresql",
        )
}
