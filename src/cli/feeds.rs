//! `reachd feeds`: asks a running daemon what its sources of events are doing, and has it forget one that is gone.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use crate::domain::Timestamp;
use crate::proto::v1;
use crate::proto::v1::admin_service_client::AdminServiceClient;
use clap::{Args, Subcommand};

use super::client::ServerArgs;
use super::feeds_output::Feeds;
use super::feeds_table;
use super::lookup::report;

const WITHIN: Duration = Duration::from_secs(10);

/// Show the feeds of a running reachd: Diameter peers, gRPC streams and provisioning.
///
/// The table has one line for each feed: its state, since when (open) or since it went down (closed), when anything last
/// came, how long the last watchdog request took, messages in and out, requests that wait for their answer now, and
/// events taken and refused. Below a line stands what the columns have no room for: the connection, what was answered,
/// defects by Result-Code, how connections ended, restarts of the peer; and of a feed that no device is confirmed to be absent
/// without, whether it is away.
#[derive(Clone, Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  reachd feeds\n  reachd feeds --json | jq '.feeds[] | select(.life.counts and .life.away_since)'\n  \
                  reachd feeds forget mediation.north"
)]
pub struct FeedsArgs {
    /// What to do instead.
    #[command(subcommand)]
    pub action: Option<Action>,
    /// The daemon.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Print JSON, for machines
    #[arg(long)]
    pub json: bool,
}

/// What to do with feeds.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Forget the promise of a stream that is gone for good
    ///
    /// By its first heartbeat a stream promises to show that it lives, and no device is confirmed to be absent while it does
    /// not, over restarts of the daemon. What it told stays. It may come back, and promises again by its next heartbeat.
    #[command(after_help = "Example:\n  reachd feeds forget mediation.north\n\n\
                            Exit status: 0 it is forgotten, 1 it is unknown, configured, or has a stream open")]
    Forget(ForgetArgs),
}

/// Which feed, and where.
#[derive(Clone, Debug, Args)]
pub struct ForgetArgs {
    /// Its name
    pub name: String,
    /// The daemon.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Print JSON, for machines
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// If nobody answers.
pub async fn run(args: FeedsArgs) -> anyhow::Result<ExitCode> {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let code = match args.action {
        None => list(args, &mut out, &mut err).await,
        Some(Action::Forget(args)) => forget(args, &mut out, &mut err).await,
    };
    code.map(ExitCode::from)
}

async fn forget(
    args: ForgetArgs,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> anyhow::Result<u8> {
    let ForgetArgs { name, server, json } = args;
    let mut client = AdminServiceClient::new(server.connect(WITHIN).await?);
    match client.forget_feed(v1::ForgetFeedRequest { name }).await {
        Ok(forgot) => {
            let promised = forgot.into_inner().promised;
            let text = match promised {
                true => "forgotten: nobody's absence waits for it any more",
                false => "nothing to forget: nobody's absence waited for it",
            };
            match json {
                true => writeln!(out, "{}", serde_json::json!({"promised": promised}))?,
                false => writeln!(out, "{text}")?,
            }
            Ok(0)
        }
        Err(status) => report(&status, json, out, err),
    }
}

/// The command with its output and exit code in the caller's hands.
///
/// # Errors
/// If nobody answers, or the output cannot be written.
pub async fn list(
    args: FeedsArgs,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> anyhow::Result<u8> {
    let FeedsArgs {
        action: _,
        server,
        json,
    } = args;
    let mut client = AdminServiceClient::new(server.connect(WITHIN).await?);
    let response = match client.list_feeds(v1::ListFeedsRequest {}).await {
        Ok(response) => response.into_inner(),
        Err(status) => return report(&status, json, out, err),
    };
    let feeds = Feeds::from(response);
    if json {
        writeln!(out, "{}", serde_json::to_string(&feeds)?)?;
    } else {
        let now = Timestamp::from_system_time(SystemTime::now()).unwrap_or(Timestamp::MAX);
        write!(out, "{}", feeds_table::for_a_person(&feeds, now))?;
    }
    Ok(0)
}
