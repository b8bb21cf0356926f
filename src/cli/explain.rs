//! `reachd explain`: why a running daemon answers as it does about one device.

use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use clap::Args;

use crate::domain::Timestamp;
use crate::proto::v1;
use crate::proto::v1::admin_service_client::AdminServiceClient;

use super::client::ServerArgs;
use super::device::AnyDevice;
use super::explain_output::{Explanation, for_a_person};
use super::lookup::{Discreet, Nothing, refuse_more, report};

const WITHIN: Duration = Duration::from_secs(10);

/// Show why the answer about a device is as it is.
///
/// Every registration that is known, with its slot, node, times and the feed that told it; the rule that gave the answer; what
/// its freshness rests on; and which reports were ignored lately, and why. No identifier is shown but the one that is asked
/// for.
///
/// Exits with 0 if the device is known, with 1 if not, with 2 if it is named wrongly.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  reachd explain +99912345678\n  reachd explain meter-7@iot.example --json\n  \
    reachd explain 192.0.2.1:4711"
)]
pub struct ExplainArgs {
    /// The device: as for `reachd lookup`
    #[arg(value_parser = Discreet(AnyDevice::from_str), allow_negative_numbers = true)]
    pub device: AnyDevice,
    /// Nothing: see `reachd lookup`.
    #[arg(hide = true, value_parser = Discreet(refuse_more), allow_negative_numbers = true)]
    more: Option<Nothing>,
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
pub async fn run(args: ExplainArgs) -> anyhow::Result<ExitCode> {
    ask(args, &mut std::io::stdout(), &mut std::io::stderr())
        .await
        .map(ExitCode::from)
}

/// The command with its output and exit code in the caller's hands.
///
/// # Errors
/// If nobody answers, or the output cannot be written.
pub async fn ask(
    args: ExplainArgs,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> anyhow::Result<u8> {
    let ExplainArgs {
        device,
        server,
        json,
        more: _,
    } = args;
    let request = v1::ExplainSubscriberRequest {
        device: Some(device.into()),
        max_age: None,
    };
    let mut client = AdminServiceClient::new(server.connect(WITHIN).await?);
    let explanation = match client.explain_subscriber(request).await {
        Ok(response) => Explanation::from(response.into_inner()),
        Err(status) => return report(&status, json, out, err),
    };
    if json {
        writeln!(out, "{}", serde_json::to_string(&explanation)?)?;
    } else {
        let now = Timestamp::from_system_time(SystemTime::now()).unwrap_or(Timestamp::MAX);
        write!(out, "{}", for_a_person(&explanation, now))?;
    }
    Ok(0)
}
