//! `reachd import` through the real binary: twice is once, conflicts are told by line, and a broken import goes on.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use reachd::store::{AnyStore, Loaded, Store, StoreConfig};
use tokio::net::{TcpListener, TcpStream};

use crate::support::daemon::{Daemon, Home, reachd, run};
use crate::support::{Subscriber, eventually, on_each_engine};

const HEADER: &str = "imsi,msisdn,external_id\n";

/// A file of subscribers from line 2 on.
fn rows(range: std::ops::RangeInclusive<usize>) -> String {
    let mut csv = HEADER.to_owned();
    for subscriber in range.map(Subscriber::nth) {
        writeln!(csv, "{},{},", subscriber.imsi, subscriber.number()).unwrap();
    }
    csv
}

fn through(server: &str, csv: &Path, more: &[&str]) -> Command {
    let mut command = reachd();
    command
        .arg("import")
        .arg(csv)
        .args(["--server", server])
        .args(more);
    command
}

async fn through_daemon(daemon: &Daemon, csv: &Path, more: &[&str]) -> Output {
    run(through(&format!("http://{}", daemon.grpc()), csv, more)).await
}

/// While no daemon runs.
async fn straight(home: &Home, csv: &Path, more: &[&str]) -> Output {
    let mut command = reachd();
    command
        .arg("import")
        .arg(csv)
        .arg("--config")
        .arg(home.config())
        .args(more);
    run(command).await
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Every row that is stored.
async fn stored(home: &Home) -> Vec<String> {
    let config = StoreConfig {
        url: home.store_url().to_owned(),
        ..StoreConfig::default()
    };
    let store = AnyStore::open(&config).await.unwrap();
    let mut rows = Vec::new();
    let mut take = |row: Loaded| {
        // `Debug` redacts, so the values are told apart by what they are derived from.
        rows.push(match row {
            Loaded::Binding(row) => format!(
                "{} {} {}",
                row.identifier.subscriber().as_i64(),
                row.subscriber.as_i64(),
                row.bound_at
            ),
            other => format!("{other:?}"),
        });
    };
    store.load(&mut take).await.unwrap();
    store.close().await;
    rows.sort();
    rows
}

/// Sets when a file was written.
fn written(path: &Path, ago: Duration) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - ago).unwrap();
}

/// A file in which a number, and an external identifier, are there for two subscribers each.
fn with_conflicts(home: &Home) -> PathBuf {
    let csv = format!(
        "{HEADER}001010000000001,+999000000001,a@iot.example\n001010000000002,+999000000002,\n\
         001010000000003,+999000000001,\n001010000000004,,A@iot.example\n001010000000005,,a@IOT.example\n"
    );
    home.write("conflicts.csv", &csv)
}

on_each_engine! {
    async fn a_file_imported_twice_gives_the_same_rows_either_way(engine) {
        let home = Home::new(engine).await;
        let csv = home.write("subscribers.csv", &rows(1..=3000));
        let daemon = home.start().await;
        let first = json(&through_daemon(&daemon, &csv, &["--json"]).await);
        assert_eq!((first["imported"].as_u64(), first["unchanged"].as_u64()), (Some(3000), Some(0)), "{first}");
        let once = stored(&home).await;
        assert_eq!(once.len(), 3000);
        let again = json(&through_daemon(&daemon, &csv, &["--json"]).await);
        assert_eq!((again["imported"].as_u64(), again["unchanged"].as_u64()), (Some(3000), Some(3000)), "{again}");
        assert_eq!(again["conflicts"], 0);
        assert_eq!(stored(&home).await, once);
        daemon.stop().await;
        let again = json(&straight(&home, &csv, &["--json"]).await);
        assert_eq!((again["imported"].as_u64(), again["unchanged"].as_u64()), (Some(3000), Some(3000)), "{again}");
        assert_eq!(again["way"], "store");
        assert_eq!(stored(&home).await, once);
    }

    async fn a_dry_run_tells_everything_and_changes_nothing(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        daemon.import_rows(&[Subscriber::nth(2)]).await;
        let before = stored(&home).await;
        // The number of line 3 belongs to somebody else, who was there before the file is of.
        let csv = home.write(
            "subscribers.csv",
            &format!("{HEADER}001010000000001,+999000000001,\n001010000000009,+999000000002,\n12,+999000000003,\n"),
        );
        let seen = through_daemon(&daemon, &csv, &["--json", "--dry-run"]).await;
        assert_eq!(seen.status.code(), Some(1));
        let seen = json(&seen);
        let expected = serde_json::json!([{ "line": 3, "column": "msisdn", "what": "moves" }]);
        assert_eq!(seen["conflicting"], expected, "{seen}");
        assert_eq!((seen["imported"].as_u64(), seen["refused"].as_u64()), (Some(2), Some(1)), "{seen}");
        assert_eq!(seen["dryRun"], true);
        assert_eq!(stored(&home).await, before);
        assert!(daemon.lookups().try_phone("+999000000001").await.is_err());
        daemon.stop().await;
        let straight = json(&straight(&home, &csv, &["--json", "--dry-run"]).await);
        assert_eq!(straight["conflicting"], expected);
        assert_eq!(stored(&home).await, before);
    }

    async fn conflicts_are_named_by_line_and_never_by_number(engine) {
        let home = Home::new(engine).await;
        let csv = with_conflicts(&home);
        let daemon = home.start().await;
        let output = through_daemon(&daemon, &csv, &[]).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("line 4: column msisdn: line 2 has it for another subscriber\n"), "{said}");
        assert!(said.contains("line 6: column external_id: line 2 has it for another subscriber\n"), "{said}");
        assert!(!said.contains("line 5"), "the local part keeps its case: {said}");
        assert!(said.contains("5 rows imported, 0 refused, 2 conflicts"), "{said}");
        for secret in ["999000000001", "001010000000003", "a@"] {
            assert!(!said.contains(secret), "{said}");
        }
        let taken = stored(&home).await;
        daemon.stop().await;
        // Straight into another store, the same: of two claims of one time the greater subscriber's wins.
        let other = Home::new(engine).await;
        let modified = std::fs::metadata(&csv).unwrap().modified().unwrap();
        let copy = other.write("copy.csv", &std::fs::read_to_string(&csv).unwrap());
        std::fs::File::options().write(true).open(&copy).unwrap().set_modified(modified).unwrap();
        let output = straight(&other, &copy, &["--json"]).await;
        assert_eq!(json(&output)["conflicts"], 2);
        let daemon = other.start().await;
        let mut numbers = daemon.lookups();
        assert!(numbers.try_phone("+999000000001").await.is_ok());
        daemon.stop().await;
        assert!(stored(&other).await.iter().all(|row| taken.contains(row)));
    }

    async fn rows_that_conflict_are_refused_where_that_is_asked_for(engine) {
        let home = Home::new(engine).await;
        let csv = with_conflicts(&home);
        let daemon = home.start().await;
        daemon.import_rows(&[Subscriber { imsi: "001010000000009".into(), digits: "999000000002".into() }]).await;
        let before = stored(&home).await;
        let output = through_daemon(&daemon, &csv, &["--refuse-conflicts", "--json"]).await;
        assert_eq!(output.status.code(), Some(1));
        let told = json(&output);
        assert_eq!((told["imported"].as_u64(), told["refused"].as_u64()), (Some(2), Some(3)), "{told}");
        let lines: Vec<_> = told["refusals"].as_array().unwrap().iter().map(|row| row["line"].as_u64()).collect();
        assert_eq!(lines, [Some(3), Some(4), Some(6)], "{told}");
        let after = stored(&home).await;
        assert!(before.iter().all(|row| after.contains(row)));
        assert_eq!(after.len(), before.len() + 3);
        daemon.stop().await;
    }

    async fn an_old_file_takes_nothing_from_what_is_newer_and_brings_nobody_back(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let old = home.write("old.csv", &rows(1..=2));
        written(&old, Duration::from_secs(3600));
        // Since then the first number went to somebody else, and the second subscriber was erased.
        daemon.import_rows(&[Subscriber { imsi: "001010000000009".into(), ..Subscriber::nth(1) }, Subscriber::nth(2)]).await;
        let mut erase = reachd();
        erase.args(["erase", "--msisdn", &Subscriber::nth(2).number(), "--yes", "--server"]);
        erase.arg(format!("http://{}", daemon.grpc()));
        assert!(run(erase).await.status.success());
        let check = |told: serde_json::Value| {
            assert_eq!(told["conflicting"], serde_json::json!([{ "line": 2, "column": "msisdn", "what": "stays" }]), "{told}");
            assert_eq!((told["imported"].as_u64(), told["refused"].as_u64()), (Some(1), Some(1)), "{told}");
            assert_eq!(told["refusals"][0]["line"], 3, "{told}");
        };
        check(json(&through_daemon(&daemon, &old, &["--json", "--dry-run"]).await));
        check(json(&through_daemon(&daemon, &old, &["--json"]).await));
        assert!(daemon.lookups().try_phone(&Subscriber::nth(2).number()).await.is_err());
        daemon.stop().await;
        check(json(&straight(&home, &old, &["--json"]).await));
        let daemon = home.start().await;
        assert!(daemon.lookups().try_phone(&Subscriber::nth(2).number()).await.is_err());
        // What is said as of now is new.
        let now = ["--json", "--as-of", "2999-01-01T00:00:00Z"];
        let told = json(&through_daemon(&daemon, &old, &now).await);
        assert_eq!((told["imported"].as_u64(), told["refused"].as_u64()), (Some(2), Some(0)), "{told}");
        assert!(daemon.lookups().try_phone(&Subscriber::nth(2).number()).await.is_ok());
        daemon.stop().await;
    }

    async fn an_import_goes_on_by_itself_when_the_daemon_is_back(engine) {
        let home = Home::new(engine).await;
        let csv = home.write("subscribers.csv", &rows(1..=120_000));
        let daemon = home.start().await;
        let front = Front::before(daemon.grpc()).await;
        let importing = tokio::spawn(run(through(&front.url(), &csv, &["--json", "--retry-for", "60s"])));
        known(&daemon, 10).await;
        daemon.kill();
        let daemon = home.start().await;
        front.lead_to(daemon.grpc());
        let output = importing.await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(json(&output)["imported"], 120_000);
        daemon.stop().await;
        assert_eq!(stored(&home).await.len(), 120_000);
    }

    async fn a_broken_import_says_with_which_line_to_go_on(engine) {
        let home = Home::new(engine).await;
        let csv = home.write("subscribers.csv", &rows(1..=120_000));
        let daemon = home.start().await;
        let front = Front::before(daemon.grpc()).await;
        let importing = tokio::spawn(run(through(&front.url(), &csv, &["--retry-for", "0s"])));
        // Into the second part.
        known(&daemon, 55_000).await;
        daemon.kill();
        let output = importing.await.unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let (_, behind) = said.split_once("--from-line ").expect(&said);
        let line: String = behind.chars().take_while(char::is_ascii_digit).collect();
        assert!(line.parse::<u64>().unwrap() > 40_000, "{said}");

        let daemon = home.start().await;
        let rest = json(&through_daemon(&daemon, &csv, &["--json", "--from-line", &line]).await);
        assert_eq!(rest["imported"].as_u64(), Some(120_002 - line.parse::<u64>().unwrap()), "{rest}");
        daemon.stop().await;
        assert_eq!(stored(&home).await.len(), 120_000);
    }
}

/// Waits until the number of a subscriber is known.
async fn known(daemon: &Daemon, nth: usize) {
    let number = Subscriber::nth(nth).number();
    let mut lookups = daemon.lookups();
    eventually("a row is known", async || {
        lookups.try_phone(&number).await.is_ok().then_some(())
    })
    .await;
}

/// An address that stays while the daemon behind it changes.
struct Front {
    address: SocketAddr,
    behind: Arc<Mutex<SocketAddr>>,
}

impl Front {
    async fn before(daemon: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let behind = Arc::new(Mutex::new(daemon));
        let leads_to = Arc::clone(&behind);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let daemon = *leads_to.lock().unwrap();
                tokio::spawn(async move {
                    if let Ok(mut daemon) = TcpStream::connect(daemon).await {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut daemon).await;
                    }
                });
            }
        });
        Self { address, behind }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn lead_to(&self, daemon: SocketAddr) {
        *self.behind.lock().unwrap() = daemon;
    }
}
