//! `reachd monitor`: what the network is asked to watch.

pub mod output;
pub mod targets;

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use clap::{Args, Subcommand};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic_types::StatusExt;

use super::client::ServerArgs;
use super::import::progress_bar;
use super::lookup::{Discreet, Nothing, refuse_more};
use super::lookup_output;
use crate::domain::Timestamp;
use crate::proto::v1;
use crate::proto::v1::admin_service_client::AdminServiceClient;

use output::{Changes, Status as Shown};
use targets::{Named, Targets};

const WITHIN: Duration = Duration::from_secs(10);
/// Targets handed on together.
const CHUNK: usize = 2000;
/// How many refused targets are named.
const SHOWN: usize = 20;

/// Have the network watch subscribers and groups, and see how far that is
///
/// For each target the HSS is asked, over S6t, to report when the device is lost, when it can be reached for data, and
/// when it can be reached for SMS. The daemon asks at the rate that [diameter.s6t] sets, asks again before that ends, and
/// goes on after a restart.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  reachd monitor add +99912345678 meter-7@iot.example\n  reachd monitor add --group meters@iot.example\n  \
    reachd monitor import targets.csv\n  reachd monitor status\n  reachd monitor status +99912345678 --json"
)]
pub struct MonitorArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with what is watched.
#[derive(Clone, Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "each is documented by its arguments, which clap shows"
)]
pub enum Action {
    /// Begin to watch targets; what was refused of one that is watched already is asked for again
    #[command(after_help = "Example:\n  reachd monitor add +99912345678 --group meters@iot.example")]
    Add(NamedArgs),
    /// Cease to watch targets; the HSS is asked to end what it watches
    #[command(after_help = "Example:\n  reachd monitor remove +99912345678")]
    Remove(NamedArgs),
    /// Show how many are how far, and why the network refused; of one target if it is named
    #[command(after_help = "Examples:\n  reachd monitor status\n  reachd monitor status +99912345678 --json")]
    Status(StatusArgs),
    Import(ImportArgs),
}

/// Targets by name.
#[derive(Clone, Debug, Args)]
pub struct NamedArgs {
    /// Subscribers: phone numbers with leading plus, or external identifiers local@domain
    #[arg(
        value_name = "SUBSCRIBER",
        value_parser = Discreet(Named::subscriber),
        required_unless_present = "group",
        allow_negative_numbers = true
    )]
    subscribers: Vec<Named>,
    /// A group, by its external group identifier local@domain; may be repeated
    #[arg(long, value_name = "GROUP", value_parser = Discreet(Named::group))]
    group: Vec<Named>,
    /// The daemon.
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON, for machines
    #[arg(long)]
    json: bool,
}

/// One target or none.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// A subscriber: a phone number with leading plus, or an external identifier local@domain
    #[arg(value_name = "SUBSCRIBER", value_parser = Discreet(Named::subscriber), allow_negative_numbers = true)]
    subscriber: Option<Named>,
    /// Nothing: see `reachd lookup`.
    #[arg(hide = true, value_parser = Discreet(refuse_more), allow_negative_numbers = true)]
    more: Option<Nothing>,
    /// A group, by its external group identifier local@domain
    #[arg(long, value_name = "GROUP", value_parser = Discreet(Named::group), conflicts_with = "subscriber")]
    group: Option<Named>,
    /// The daemon.
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON, for machines
    #[arg(long)]
    json: bool,
}

/// Begin to watch every target of a file, or cease to
///
/// Reads a CSV file whose first line names its columns: msisdn, external_id, external_group_id, at least one of them, in
/// any order. A column imsi is passed over, so that a file for `reachd import` will do. Of a line, the phone number is
/// taken, or else the external identifier; a group stands alone on its line. A line that cannot be taken is reported by
/// number and reason and does not stop the rest. Importing a file again does no harm.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  reachd monitor import targets.csv\n  reachd monitor import left.csv --remove\n\n\
    with targets.csv like\n  msisdn,external_id,external_group_id\n  +999000000001,,\n  ,meter-1@iot.example,\n  ,,meters@iot.example\n\n\
    Exit status: 0 every line was taken, 1 some were refused (the rest is taken)"
)]
pub struct ImportArgs {
    /// The file to read
    file: PathBuf,
    /// Cease to watch the targets instead
    #[arg(long)]
    remove: bool,
    /// The daemon.
    #[command(flatten)]
    server: ServerArgs,
    /// Print a JSON report
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A file that cannot be read, or nobody answers.
pub async fn run(args: MonitorArgs) -> anyhow::Result<ExitCode> {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let code = match args.action {
        Action::Add(args) => change(args, false, &mut out, &mut err).await,
        Action::Remove(args) => change(args, true, &mut out, &mut err).await,
        Action::Status(args) => status(args, &mut out, &mut err).await,
        Action::Import(args) => import(args, &mut out, &mut err).await,
    };
    code.map(ExitCode::from)
}

async fn change(
    args: NamedArgs,
    remove: bool,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> anyhow::Result<u8> {
    let NamedArgs {
        subscribers,
        group,
        server,
        json,
    } = args;
    let targets: Vec<_> = (1..)
        .zip(subscribers.into_iter().chain(group))
        .map(|(line, target)| target.on_line(line))
        .collect();
    let mut client = AdminServiceClient::new(server.connect(WITHIN).await?);
    let requests = tokio_stream::once(request(targets, remove));
    match client.monitor_subscribers(requests).await {
        Ok(response) => {
            let changes = Changes::from(response.into_inner());
            tell(&changes, json, "argument", out, err)
        }
        Err(status) => refused(&status, json, out, err),
    }
}

async fn status(
    args: StatusArgs,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> anyhow::Result<u8> {
    let StatusArgs {
        subscriber,
        more: _,
        group,
        server,
        json,
    } = args;
    let target = subscriber.or(group).map(|target| target.on_line(1));
    let mut client = AdminServiceClient::new(server.connect(WITHIN).await?);
    match client.list_monitoring(v1::ListMonitoringRequest { target }).await {
        Ok(response) => {
            let shown = Shown::from(response.into_inner());
            if json {
                writeln!(out, "{}", serde_json::to_string(&shown)?)?;
            } else {
                let now = Timestamp::from_system_time(SystemTime::now()).unwrap_or(Timestamp::MAX);
                write!(out, "{}", output::for_a_person(&shown, now))?;
            }
            Ok(0)
        }
        Err(status) => refused(&status, json, out, err),
    }
}

async fn import(
    args: ImportArgs,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> anyhow::Result<u8> {
    let ImportArgs {
        file: path,
        remove,
        server,
        json,
    } = args;
    let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    let size = file
        .metadata()
        .with_context(|| format!("cannot read {}", path.display()))?
        .len();
    let bar = if json {
        indicatif::ProgressBar::hidden()
    } else {
        progress_bar(size)
    };
    let targets = Targets::new(BufReader::with_capacity(64 * 1024, bar.wrap_read(file)))?;
    let mut client = AdminServiceClient::new(server.connect_without_deadline(WITHIN).await?);

    let begun = Instant::now();
    let (chunks, received) = mpsc::channel(2);
    let reading = tokio::task::spawn_blocking(move || read(targets, &chunks));
    let requests = ReceiverStream::new(received).map(move |targets| request(targets, remove));
    let response = client.monitor_subscribers(requests).await;
    let read = reading.await.context("reading the file")?;
    bar.finish_and_clear();
    let response = match response {
        Ok(response) => response.into_inner(),
        Err(status) => return refused(&status, json, out, err),
    };
    let not_taken = read.context("the import stopped, what was read before is taken")?;
    let mut changes = Changes::from(response);
    changes.refused += not_taken.0;
    changes.refusals.extend(not_taken.1);
    changes.refusals.sort_by_key(|refusal| refusal.line);
    changes.refusals.truncate(SHOWN);
    changes.seconds = Some(begun.elapsed().as_secs_f64());
    tell(&changes, json, "line", out, err)
}

/// How many lines were refused, and the first of them.
type NotTaken = (u64, Vec<output::Refusal>);

/// Reads all targets and hands them on in chunks. Ends early if nobody takes them.
fn read<R: Read>(
    mut targets: Targets<BufReader<R>>,
    chunks: &mpsc::Sender<Vec<v1::MonitoringTarget>>,
) -> anyhow::Result<NotTaken> {
    let (mut refused, mut named) = (0, Vec::new());
    let mut chunk = Vec::with_capacity(CHUNK);
    while let Some(target) = targets.next_target()? {
        match target {
            Ok((line, target)) => chunk.push(target.on_line(line)),
            Err((line, refusal)) => {
                refused += 1;
                if named.len() < SHOWN {
                    named.push(output::Refusal {
                        line,
                        reason: refusal.to_string(),
                    });
                }
            }
        }
        if chunk.len() == CHUNK {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
            if chunks.blocking_send(full).is_err() {
                return Ok((refused, named));
            }
        }
    }
    if !chunk.is_empty() {
        // Whoever does not take it says why.
        let _ = chunks.blocking_send(chunk);
    }
    Ok((refused, named))
}

fn request(targets: Vec<v1::MonitoringTarget>, remove: bool) -> v1::MonitorSubscribersRequest {
    if remove {
        v1::MonitorSubscribersRequest {
            add: Vec::new(),
            remove: targets,
        }
    } else {
        v1::MonitorSubscribersRequest {
            add: targets,
            remove: Vec::new(),
        }
    }
}

/// Tells what came of a change: 1 if something was refused.
fn tell(
    changes: &Changes,
    json: bool,
    place: &str,
    out: &mut impl Write,
    err: &mut impl Write,
) -> anyhow::Result<u8> {
    if json {
        writeln!(out, "{}", serde_json::to_string(changes)?)?;
    } else {
        write!(err, "{}", changes.text(place))?;
    }
    Ok(u8::from(changes.refused > 0))
}

/// Tells why the daemon did nothing.
fn refused(status: &Status, json: bool, out: &mut impl Write, err: &mut impl Write) -> anyhow::Result<u8> {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.as_str());
    if json {
        let error = lookup_output::error_json(status.code(), reason, status.message());
        writeln!(out, "{error}")?;
    } else {
        match reason {
            Some(reason) => writeln!(err, "{reason}: {}", status.message())?,
            None => writeln!(err, "the daemon did not answer: {}", status.message())?,
        }
    }
    Ok(1)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[derive(clap::Parser)]
    struct MonitorCommand {
        #[command(flatten)]
        args: MonitorArgs,
    }

    #[test]
    fn every_part_has_a_help_text_with_an_example() {
        let mut command = MonitorCommand::command();
        let help = command.render_long_help().to_string();
        assert!(help.contains("reachd monitor add +99912345678"), "{help}");
        for part in ["add", "remove", "status", "import"] {
            let help = command
                .find_subcommand_mut(part)
                .map(|part| part.render_long_help().to_string());
            let help = help.unwrap_or_default();
            assert!(help.contains(&format!("reachd monitor {part} ")), "{help}");
        }
    }

    #[test]
    fn a_target_is_named_in_one_way_or_the_other() {
        let parse = |arguments: &[&str]| {
            let arguments = ["reachd"].iter().chain(arguments);
            MonitorCommand::command()
                .try_get_matches_from(arguments)
                .map(|_| ())
        };
        assert!(parse(&["add", "+99912345678", "meter-7@iot.example"]).is_ok());
        assert!(parse(&["add", "--group", "a@b.example", "--group", "c@b.example"]).is_ok());
        assert!(parse(&["status"]).is_ok());
        for wrong in [
            vec!["add"],
            vec!["remove"],
            vec!["add", "99977777"],
            vec!["add", "--group", "+99977777"],
            vec!["status", "+99977777", "--group", "a@b.example"],
        ] {
            let told = parse(&wrong).map_err(|error| error.to_string());
            assert!(told.is_err_and(|told| !told.contains("99977777")), "{wrong:?}");
        }
    }
}
