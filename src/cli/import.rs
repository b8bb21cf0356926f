//! `reachd import`: binds identifiers to subscribers from a file.
//!
//! ```text
//! file ── csv (a thread) ── chunks of rows ──┬─> AdminService.ImportSubscribers of a running daemon
//!                                            └─> the store, if no daemon is there
//! ```

pub mod csv;
mod direct;
pub mod remote;
mod report;
mod twice;

use std::fs::File;
use std::io::{BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};

use super::ConfigArgs;
use super::client;
use super::say::say;
use crate::audit::{Act, Audit, Caller, Outcome};
use crate::config::Config;
use crate::domain::Timestamp;
use crate::erasure;
use crate::store::AnyStore;

use self::csv::{Row, Rows};
use self::report::Report;
use self::twice::Claims;

/// Rows handed on together.
const CHUNK: usize = 2000;
/// How long to try to reach a daemon.
const CONNECT: Duration = Duration::from_secs(3);

/// Bind phone numbers and external identifiers to subscribers
///
/// Reads a CSV file whose first line names the columns imsi, msisdn and external_id, in any order. Every row needs an
/// IMSI and at least one of the other two. A line that cannot be taken is reported by number and reason and does not
/// stop the rest.
///
/// The rows are true since the file was written, or since --as-of; the newest binding of an identifier wins, whoever told
/// it. So importing a file again changes nothing, an old file takes nothing away from what is newer, and it does not bring
/// back whoever was erased since. Where a number or external identifier belongs to another subscriber, in the store or by an
/// earlier line, that is reported as a conflict.
///
/// If a daemon answers, rows go through it and are effective at once; otherwise they go straight into its store.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example:\n  reachd import subscribers.csv --config /etc/reachd/reachd.toml\n\n\
    with subscribers.csv like\n  imsi,msisdn,external_id\n  999010000000001,+999000000001,meter-1@iot.example\n\n\
    See first what it would do:\n  reachd import subscribers.csv --dry-run\n\n\
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
    /// Say what would be refused and what conflicts, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Refuse rows that conflict with what is bound, or with an earlier line
    #[arg(long)]
    refuse_conflicts: bool,
    /// Go on with this line of the file: where an earlier import said that it stopped
    #[arg(long, value_name = "N", default_value_t = 1)]
    from_line: u64,
    /// Since when the rows are true, such as 2026-01-31T12:00:00Z, instead of when the file was written
    #[arg(long, value_name = "TIME", value_parser = humantime_serde::re::humantime::parse_rfc3339_weak)]
    as_of: Option<SystemTime>,
    /// How long to try again while the daemon does not answer
    #[arg(long, value_name = "TIME", default_value = "30s",
        value_parser = humantime_serde::re::humantime::parse_duration)]
    retry_for: Duration,
    /// Print a JSON report
    #[arg(long)]
    json: bool,
}

/// How rows are to be taken.
#[derive(Clone, Copy, Debug)]
struct How {
    dry_run: bool,
    refuse_conflicts: bool,
    /// Since when they are true.
    as_of: Timestamp,
    /// How long to try while nobody answers.
    retry_for: Duration,
}

/// An import that did not come to its end.
#[derive(Debug)]
struct Stopped {
    /// Every line up to this one is imported, if any.
    through: Option<u64>,
    error: anyhow::Error,
}

impl Stopped {
    fn told(self, from_line: u64) -> anyhow::Error {
        let next = self.through.map_or(from_line, |through| through + 1).max(2);
        self.error.context(format!(
            "the import stopped; everything before line {next} is imported. Once this is solved, go on with --from-line \
             {next}, or import all of the file again, which does no harm"
        ))
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
    let metadata = file
        .metadata()
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let size = metadata.len();
    let now = SystemTime::now();
    let written = args.as_of.or_else(|| metadata.modified().ok());
    let how = How {
        dry_run: args.dry_run,
        refuse_conflicts: args.refuse_conflicts,
        // What is of the future would outweigh everything that is told until then.
        as_of: Timestamp::from_system_time(written.map_or(now, |written| written.min(now)))
            .context("the time since when the rows are true lies before 1970")?,
        retry_for: args.retry_for,
    };
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
    let (from_line, refuse_conflicts) = (args.from_line, args.refuse_conflicts);
    let reading = tokio::task::spawn_blocking(move || read(rows, from_line, refuse_conflicts, &chunks));
    let taken = match &way {
        Way::Daemon(channel, _) => remote::import(channel.clone(), how, received).await,
        Way::Store(store) => {
            let tombstones = erasure::known(&config.erasure, config.audit.key()?, store).await?;
            direct::import(store, how, &tombstones, received).await
        }
    };
    let read = reading.await.context("reading the file")?;
    let taken = taken.map_err(|stopped| stopped.told(from_line))?;
    let mut report = read.context("the import stopped, what was read before is imported")?;
    report.join(taken);
    bar.finish_and_clear();

    let by_daemon = matches!(way, Way::Daemon(..));
    if !by_daemon && !how.dry_run {
        audit(&config, &report).await?;
    }
    if args.json {
        say(&format!("{}\n", report.json(how.dry_run, by_daemon)))?;
    } else {
        eprint!("{}", report.text(how.dry_run, started.elapsed()));
    }
    Ok(ExitCode::from(u8::from(report.refused > 0)))
}

/// What a daemon would have written of it.
async fn audit(config: &Config, report: &Report) -> anyhow::Result<()> {
    let Some(path) = config.audit.path() else {
        return Ok(());
    };
    let audit = Audit::start(Some(path)).context("audit.path: cannot open the audit log")?;
    let by = Caller {
        agent: Some(client::agent()),
        ..Caller::default()
    };
    audit
        .record(&Act {
            what: "import",
            by,
            subscriber: None,
            feed: None,
            counts: vec![
                ("imported", report.imported),
                ("unchanged", report.unchanged),
                ("refused", report.refused),
                ("conflicts", report.conflicts),
            ],
            outcome: Outcome::Done,
        })
        .await;
    Ok(())
}

/// Reads all rows and hands them on in chunks, from a line on. Ends early if nobody takes them.
fn read<R: Read>(
    mut rows: Rows<BufReader<R>>,
    from_line: u64,
    refuse_conflicts: bool,
    chunks: &mpsc::Sender<Vec<Row>>,
) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut claims = Claims::default();
    let mut chunk = Vec::with_capacity(CHUNK);
    while let Some(row) = rows.next_row()? {
        match row {
            Ok(row) => {
                let conflicts = claims.take(&row);
                if row.line < from_line {
                    continue;
                }
                let refused = refuse_conflicts && !conflicts.is_empty();
                conflicts
                    .into_iter()
                    .for_each(|conflict| report.conflict(conflict));
                if refused {
                    report.refuse(row.line, "it conflicts with an earlier line".into());
                } else {
                    chunk.push(row);
                }
            }
            Err((line, refusal)) if line >= from_line => report.refuse(line, refusal.to_string()),
            Err(_) => {}
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
