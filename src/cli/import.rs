//! `reachd import`: binds identifiers to subscribers from a file.
//!
//! ```text
//! file ── csv (a thread) ── chunks of rows ──┬─> AdminService.ImportSubscribers of a running daemon
//!                                            └─> the store, if no daemon is there
//! ```

pub mod csv;
pub mod direct;
pub mod remote;

use std::fs::File;
use std::io::{BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};

use super::ConfigArgs;
use super::client;
use super::say::say;
use crate::config::Config;
use crate::sim::format;
use crate::store::AnyStore;

use self::csv::{Row, Rows};

/// How many refused lines are named.
const SHOWN: usize = 20;
/// Rows handed on together.
const CHUNK: usize = 2000;
/// How long to try to reach a daemon.
const CONNECT: Duration = Duration::from_secs(3);

/// Bind phone numbers and external identifiers to subscribers
///
/// Reads a CSV file whose first line names the columns imsi, msisdn and external_id, in any order. Every row needs an
/// IMSI and at least one of the other two. A line that cannot be taken is reported by number and reason and does not
/// stop the rest. Importing a file again does no harm; the newest binding of an identifier wins.
///
/// If a daemon answers, rows go through it and are effective at once; otherwise they go straight into its store.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example:\n  reachd import subscribers.csv --config /etc/reachd/reachd.toml\n\n\
    with subscribers.csv like\n  imsi,msisdn,external_id\n  999010000000001,+999000000001,meter-1@iot.example\n\n\
    Exit status: 0 every row was imported, 1 some were refused (the rest is imported)"
)]
pub struct ImportArgs {
    /// The file to read
    file: PathBuf,
    /// The configuration, which names the daemon's address and its store.
    #[command(flatten)]
    config: ConfigArgs,
    /// The daemon to import through, instead of grpc.listen of the configuration; must be there
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Print a JSON report
    #[arg(long)]
    json: bool,
}

/// What came of an import.
#[derive(Debug, Default)]
struct Report {
    imported: u64,
    refused: u64,
    /// The first of them, by line.
    named: Vec<(u64, String)>,
}

impl Report {
    fn refuse(&mut self, line: u64, reason: String) {
        self.refused += 1;
        if self.named.len() < SHOWN {
            self.named.push((line, reason));
        }
    }
}

/// Where rows go.
enum Way {
    Daemon(Channel, String),
    Store(AnyStore),
}

/// Runs the command.
///
/// # Errors
/// A file or configuration that cannot be used, a daemon or store that failed on the way.
pub async fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    let file = File::open(&args.file).with_context(|| format!("cannot open {}", args.file.display()))?;
    let size = file
        .metadata()
        .with_context(|| format!("cannot read {}", args.file.display()))?
        .len();
    let bar = if args.json {
        ProgressBar::hidden()
    } else {
        progress_bar(size)
    };
    let rows = Rows::new(BufReader::with_capacity(64 * 1024, bar.wrap_read(file)))?;

    let way = choose(args.server.as_deref(), &config).await?;
    let said = match &way {
        Way::Daemon(_, url) => format!("importing through the daemon at {url}"),
        Way::Store(store) => format!(
            "no daemon answers at {}: importing straight into the {} store (a daemon started later will know)",
            config.grpc.listen,
            store.engine()
        ),
    };
    if !args.json {
        bar.suspend(|| eprintln!("{said}"));
    }

    let started = Instant::now();
    let (chunks, received) = mpsc::channel(2);
    let reading = tokio::task::spawn_blocking(move || read(rows, &chunks));
    let taken = match &way {
        Way::Daemon(channel, _) => remote::import(channel.clone(), received).await,
        Way::Store(store) => direct::import(store, received).await,
    };
    let read = reading.await.context("reading the file")?;
    let taken = taken
        .context("the import stopped; import the file again once this is solved, repetition does no harm")?;
    let mut report = read.context("the import stopped, what was read before is imported")?;
    report.imported = taken.imported;
    report.refused += taken.refused;
    report.named.extend(taken.named);
    report.named.sort_unstable();
    report.named.truncate(SHOWN);
    bar.finish_and_clear();

    if args.json {
        say(&format!("{}\n", json(&report, matches!(way, Way::Daemon(..)))))?;
    } else {
        eprint!("{}", text(&report, started.elapsed()));
    }
    Ok(ExitCode::from(u8::from(report.refused > 0)))
}

/// Reads all rows and hands them on in chunks. Ends early if nobody takes them.
fn read<R: Read>(mut rows: Rows<BufReader<R>>, chunks: &mpsc::Sender<Vec<Row>>) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut chunk = Vec::with_capacity(CHUNK);
    while let Some(row) = rows.next_row()? {
        match row {
            Ok(row) => chunk.push(row),
            Err((line, refusal)) => report.refuse(line, refusal.to_string()),
        }
        if chunk.len() == CHUNK {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
            if chunks.blocking_send(full).is_err() {
                return Ok(report);
            }
        }
    }
    if !chunk.is_empty() {
        // Whoever does not take it says why.
        let _ = chunks.blocking_send(chunk);
    }
    Ok(report)
}

/// A daemon that was named must be there. Otherwise the daemon of the configuration, if it listens, else its store.
async fn choose(server: Option<&str>, config: &Config) -> anyhow::Result<Way> {
    if let Some(url) = server {
        let channel = connect(url)
            .await
            .with_context(|| format!("no daemon answers at {url}"))?;
        return Ok(Way::Daemon(channel, url.to_owned()));
    }
    let url = format!("http://{}", reachable(config.grpc.listen));
    match connect(&url).await {
        Ok(channel) => Ok(Way::Daemon(channel, url)),
        Err(error) if is_refused(&error) || config.grpc.listen.port() == 0 => {
            let store = AnyStore::open(&config.store).await?;
            store.migrate().await?;
            Ok(Way::Store(store))
        }
        Err(error) => Err(anyhow!(error).context(format!(
            "cannot tell whether a daemon runs at {url}; name it with --server, or stop it"
        ))),
    }
}

async fn connect(url: &str) -> Result<Channel, tonic::transport::Error> {
    let url = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    Endpoint::from_shared(url)?
        .user_agent(client::agent())?
        .connect_timeout(CONNECT)
        .connect()
        .await
}

/// Nothing listens there.
fn is_refused(error: &tonic::transport::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::ConnectionRefused;
        }
        source = error.source();
    }
    false
}

/// A listener on every address is reached on the loopback one.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listen
}

pub(super) fn progress_bar(size: u64) -> ProgressBar {
    let template = "{wide_bar} {percent:>3} %  {bytes}/{total_bytes}  {eta} left";
    let bar = ProgressBar::new(size);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The report for a person.
fn text(report: &Report, took: Duration) -> String {
    let mut text: String = report
        .named
        .iter()
        .map(|(line, reason)| format!("line {line}: {reason}\n"))
        .collect();
    let more = report.refused - report.named.len() as u64;
    if more > 0 {
        text += &format!("and {} more lines\n", format::number(more));
    }
    text += &format!(
        "{} rows imported, {} refused, in {}\n",
        format::number(report.imported),
        format::number(report.refused),
        format::duration(took)
    );
    text
}

fn json(report: &Report, by_daemon: bool) -> serde_json::Value {
    let refusals: Vec<_> = report
        .named
        .iter()
        .map(|(line, reason)| serde_json::json!({ "line": line, "reason": reason }))
        .collect();
    serde_json::json!({
        "imported": report.imported,
        "refused": report.refused,
        "refusals": refusals,
        "way": if by_daemon { "daemon" } else { "store" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_reached_on_the_loopback_one() {
        for (listen, reached) in [
            ("0.0.0.0:50051", "127.0.0.1:50051"),
            ("[::]:1", "[::1]:1"),
            ("10.0.0.1:2", "10.0.0.1:2"),
        ] {
            assert_eq!(
                listen.parse().map(reachable),
                reached.parse::<SocketAddr>(),
                "{listen}"
            );
        }
    }

    #[test]
    fn a_report_names_the_first_refused_lines_and_counts_the_rest() {
        let mut report = Report {
            imported: 1_000_000,
            ..Report::default()
        };
        for line in 2..1200 {
            report.refuse(line, "column imsi: it is empty".into());
        }
        let text = text(&report, Duration::from_secs(3));
        assert_eq!(text.lines().count(), SHOWN + 2);
        assert!(text.starts_with("line 2: column imsi: it is empty\n"));
        assert!(
            text.ends_with("and 1,178 more lines\n1,000,000 rows imported, 1,198 refused, in 3.0 s\n"),
            "{text}"
        );
        let json = json(&report, true);
        assert_eq!(json.pointer("/refused"), Some(&1198.into()));
        assert_eq!(json.pointer("/way"), Some(&"daemon".into()));
    }

    #[tokio::test]
    async fn nothing_listening_is_told_from_other_trouble() -> anyhow::Result<()> {
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let Err(refused) = connect(&format!("http://{free}")).await else {
            anyhow::bail!("nothing listens there")
        };
        assert!(is_refused(&refused));
        let Err(wrong) = connect("not a url").await else {
            anyhow::bail!("no URL")
        };
        assert!(!is_refused(&wrong));
        Ok(())
    }
}
