//! `reachd feeds`: asks a running daemon what its sources of events are doing.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use tonic_types::StatusExt;

use crate::domain::Timestamp;
use crate::proto::v1;
use crate::proto::v1::admin_service_client::AdminServiceClient;

use super::client::ServerArgs;
use super::feeds_output::Feeds;
use super::feeds_table;
use super::lookup_output;

const WITHIN: Duration = Duration::from_secs(10);

/// Show the feeds of a running reachd: Diameter peers, gRPC streams and provisioning.
///
/// The table has one line for each feed: its state, since when (open) or since it went down (closed), when anything last
/// came, how long the last watchdog request took, messages in and out, requests that wait for their answer now, and
/// events taken and refused. Below a line stands what the columns have no room for: the connection, what was answered,
/// defects by Result-Code, how connections ended, restarts of the peer.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  reachd feeds\n  reachd feeds --json | jq '.feeds[] | select(.state != \"open\")'"
)]
pub struct FeedsArgs {
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
    list(args, &mut std::io::stdout(), &mut std::io::stderr())
        .await
        .map(ExitCode::from)
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
    let FeedsArgs { server, json } = args;
    let mut client = AdminServiceClient::new(server.connect(WITHIN).await?);
    let response = match client.list_feeds(v1::ListFeedsRequest {}).await {
        Ok(response) => response.into_inner(),
        Err(status) => {
            let details = status.get_error_details();
            let reason = details.error_info().map(|info| info.reason.as_str());
            if json {
                let error = lookup_output::error_json(status.code(), reason, status.message());
                writeln!(out, "{error}")?;
            } else {
                writeln!(err, "the daemon did not answer: {}", status.message())?;
            }
            return Ok(1);
        }
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
