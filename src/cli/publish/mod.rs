//! `reachd publish`: events from a file, over `IngestService.PublishEvents`.
//!
//! ```text
//! file ── source (a thread) ── backlog ──> stream ──> daemon
//!                                 └──── acknowledged <──┘
//! ```
//!
//! A stream that breaks is followed by another on which everything unacknowledged is sent again.

mod backlog;
mod checkpoint;
pub mod json;
mod object;
mod report;
mod source;
mod stream;
mod telling;

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, anyhow};
use clap::Args;
use indicatif::ProgressBar;
use tokio::time::sleep;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::client::ServerArgs;
use super::say::say;
use crate::ops::lifecycle::Stop;

use checkpoint::Checkpoint;
use report::{Outcome, Report};
use source::Source;
use stream::{Ended, Publishing};
use telling::Telling;

pub use backlog::MAX_UNACKNOWLEDGED;
pub use object::JsonError;

/// How long to try to reach a daemon.
const CONNECT: Duration = Duration::from_secs(3);
/// How long the last acknowledgements are waited for when told to stop.
const LAST_ACKNOWLEDGEMENTS: Duration = Duration::from_secs(3);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Publish events from a file of JSON lines
///
/// Every line is one event as docs/ingest.md tells. Lines become durable in the daemon, in any number and order; to
/// publish a line again does no harm. A line that cannot be taken is reported by number and reason and does not stop the
/// rest. A stream that breaks is opened again, and what was not acknowledged is sent again.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  reachd publish events.jsonl --feed mediation.north\n  \
        tail -F -n +1 events.jsonl | reachd publish - --feed mediation.north\n  \
        reachd publish events.jsonl --checkpoint events.jsonl.done\n  \
        reachd publish dump.jsonl --feed mediation.north --resynchronise\n\n\
        with events.jsonl like\n  {\"subscriber\":{\"imsi\":\"999010000000001\"},\"eventTime\":\"2026-01-31T12:00:00Z\",\n   \
        \"registration\":{\"slot\":\"SLOT_MME\",\"node\":\"mme1.epc.example\",\"change\":\"REGISTRATION_CHANGE_REGISTERED\"}}\n\
        (on one line)\n\n\
        Exit status: 0 every line was taken, 1 some were refused (the rest is durable), it was stopped, or not resynchronised"
)]
pub struct PublishArgs {
    /// The file to read, or - for standard input
    pub file: PathBuf,
    /// The daemon.
    #[command(flatten)]
    pub server: ServerArgs,
    /// The name of this feed, as `reachd feeds` and the metrics show it [default: grpc]
    #[arg(long, value_name = "NAME")]
    pub feed: Option<String>,
    /// Begin with this line
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub from_line: u64,
    /// Keep in this file how far it is, and go on from there when started again; one for each file that is published
    #[arg(long, value_name = "FILE", conflicts_with = "from_line")]
    pub checkpoint: Option<PathBuf>,
    /// Stop at the first line that is refused
    #[arg(long)]
    pub strict: bool,
    /// The file is all that the feed has: whom it does not name was not there when it was written. The feed is taken for
    /// resynchronised then
    #[arg(long, requires = "feed", conflicts_with_all = ["from_line", "checkpoint"])]
    pub resynchronise: bool,
    /// Of which moment all of it is, such as 2026-01-31T12:00:00Z, instead of when the file was written
    #[arg(long, value_name = "TIME", requires = "resynchronise",
        value_parser = humantime_serde::re::humantime::parse_rfc3339_weak)]
    pub as_of: Option<SystemTime>,
    /// Give up when nothing was acknowledged for so long because streams break
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub retry_for: u64,
    /// Print nothing but a JSON report at the end, for machines
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// A file that cannot be read, no daemon at the start, or one that does not come back.
pub async fn run(args: PublishArgs) -> anyhow::Result<ExitCode> {
    let stop = Stop::on_signals()?;
    let telling = args
        .resynchronise
        .then(|| telling(&args.file, args.as_of))
        .transpose()?;
    let (source, bar) = open(&args.file)?;
    let (checkpoint, from_line) = match args.checkpoint {
        None => (None, args.from_line),
        Some(path) => {
            let (checkpoint, line) = Checkpoint::open(path)?;
            (Some(checkpoint), line.saturating_add(1))
        }
    };
    let feed = args.feed.map(|name| name.parse()).transpose();
    let feed = feed.map_err(|_| anyhow!("--feed: not a name"))?;
    let channel = args.server.connect_without_deadline(CONNECT).await?;

    let report = Report::new((!args.json).then_some(bar));
    let source = Source::read(source, from_line).context("cannot read the file")?;
    let mut publishing = Publishing::new(source, from_line, report)
        .with_checkpoint(checkpoint)
        .strict(args.strict);
    publishing.feed = feed;
    publishing.telling = telling;
    let started = Instant::now();
    let published = publish(
        &mut publishing,
        &channel,
        &stop,
        Duration::from_secs(args.retry_for),
    )
    .await;
    let finished = publishing.finish();
    let outcome = Outcome {
        line: publishing.settled_line(),
        complete: publishing.is_complete(),
        took: started.elapsed(),
        resynchronised: publishing.telling.as_ref().map(Telling::outcome),
    };
    let report = &publishing.report;
    report.end();
    if args.json {
        say(&format!("{}\n", report.json(outcome)))?;
    } else {
        eprint!("{}", report.text(outcome));
    }
    published.and(finished)?;
    let wrong = report.refused > 0 || !outcome.complete || matches!(outcome.resynchronised, Some(Err(_)));
    Ok(ExitCode::from(u8::from(wrong)))
}

/// The whole file, as of when it was written.
fn telling(path: &Path, as_of: Option<SystemTime>) -> anyhow::Result<Telling> {
    let metadata = path
        .metadata()
        .with_context(|| format!("cannot read {}", path.display()))?;
    if !metadata.is_file() {
        return Err(anyhow!(
            "--resynchronise: has to be a file that can be read again"
        ));
    }
    let written = as_of.or_else(|| metadata.modified().ok());
    // What is of the future is refused; this machine's clock may be a little ahead of the file's.
    let as_of = written.map(|written| written.min(SystemTime::now()));
    Ok(Telling::new(path.to_owned(), as_of))
}

/// The file, and what shows how far it is read.
fn open(path: &Path) -> anyhow::Result<(Box<dyn BufRead + Send>, ProgressBar)> {
    const BUFFER: usize = 64 * 1024;
    if path.as_os_str() == "-" {
        let source = BufReader::with_capacity(BUFFER, stdin());
        return Ok((Box::new(source), report::progress(None)));
    }
    let cannot = |what: &str| format!("cannot {what} {}", path.display());
    let file = File::open(path).with_context(|| cannot("open"))?;
    let metadata = file.metadata().with_context(|| cannot("read"))?;
    // A pipe has no size.
    let bar = report::progress(metadata.is_file().then_some(metadata.len()));
    let source = BufReader::with_capacity(BUFFER, bar.wrap_read(file));
    Ok((Box::new(source), bar))
}

/// Opens streams until everything is acknowledged, it is told to stop, or it is in vain.
async fn publish(
    publishing: &mut Publishing,
    channel: &Channel,
    stop: &Stop,
    retry_for: Duration,
) -> anyhow::Result<()> {
    let (mut pause, mut settled, mut since) = (FIRST_RETRY, publishing.settled_line(), Instant::now());
    loop {
        let ended = tokio::select! {
            ended = publishing.stream(channel.clone(), &stop.orderly) => ended?,
            () = last_moment(stop) => return Ok(()),
        };
        let Ended::Broken(status) = ended else {
            return Ok(());
        };
        if !may_come_back(&status) {
            return Err(anyhow!("the daemon refuses the stream: {}", status.message()));
        }
        publishing.report.broken += 1;
        if publishing.settled_line() > settled {
            (pause, settled, since) = (FIRST_RETRY, publishing.settled_line(), Instant::now());
        }
        if since.elapsed() >= retry_for {
            return Err(anyhow!(
                "nothing was acknowledged for {} s: {}",
                since.elapsed().as_secs(),
                status.message()
            ));
        }
        if pause == FIRST_RETRY {
            let message = status.message();
            publishing.report.say(&format!(
                "the stream broke after line {settled}, trying again: {message}"
            ));
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.orderly.cancelled() => return Ok(()),
        }
        pause = (pause * 2).min(LAST_RETRY);
    }
}

/// Told to stop, and the time for the last acknowledgements is over.
async fn last_moment(stop: &Stop) {
    tokio::select! {
        () = stop.at_once.cancelled() => {}
        () = async {
            stop.orderly.cancelled().await;
            sleep(LAST_ACKNOWLEDGEMENTS).await;
        } => {}
    }
}

/// Whether the same may succeed later.
fn may_come_back(status: &Status) -> bool {
    !matches!(
        status.code(),
        Code::InvalidArgument
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated
            | Code::PermissionDenied
    )
}
