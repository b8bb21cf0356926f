//! `reachd query`: has a running daemon ask the HSS about one device.

use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use clap::Args;
use serde::Serialize;

use crate::domain::Timestamp;
use crate::proto::v1;
use crate::proto::v1::admin_service_client::AdminServiceClient;
use crate::proto::v1::reachability_service_client::ReachabilityServiceClient;

use super::client::ServerArgs;
use super::lookup::{DeviceName, Discreet, Nothing, refuse_more, report};
use super::lookup_output::{self, Answer};

/// How long the daemon waits for the HSS is its own configuration.
const WITHIN: Duration = Duration::from_secs(660);

/// Ask the HSS now whether a device can be reached, and show what is known then.
///
/// The running reachd sends User-Data-Requests over Sh, takes what the HSS tells like every other report, and answers like
/// `reachd lookup`. The answer can be newer than what the HSS told: whatever the network reported meanwhile counts.
///
/// Exits with 0 if the HSS told something; with 1 if it refused everything or nobody answers; with 2 if the device is named
/// wrongly.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  reachd query +99912345678\n  reachd query meter-7@iot.example --json")]
pub struct QueryArgs {
    /// The device: a phone number with leading plus, or an external identifier local@domain
    #[arg(value_parser = Discreet(DeviceName::from_str), allow_negative_numbers = true)]
    pub device: DeviceName,
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

/// The answer of a lookup, and beside it what was asked.
#[derive(Debug, Serialize)]
struct Queried {
    #[serde(flatten)]
    answer: Answer,
    asked: Vec<Asked>,
}

#[derive(Debug, Serialize)]
struct Asked {
    query: String,
    told: bool,
    message: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// If nobody answers.
pub async fn run(args: QueryArgs) -> anyhow::Result<ExitCode> {
    ask(args, &mut std::io::stdout(), &mut std::io::stderr())
        .await
        .map(ExitCode::from)
}

/// The command with its output and exit code in the caller's hands.
///
/// # Errors
/// If nobody answers, or the output cannot be written.
pub async fn ask(
    args: QueryArgs,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> anyhow::Result<u8> {
    let QueryArgs {
        device,
        server,
        json,
        more: _,
    } = args;
    let channel = server.connect(WITHIN).await?;
    let request = v1::QuerySubscriberRequest {
        user: Some(device.clone().into()),
    };
    let queried = AdminServiceClient::new(channel.clone())
        .query_subscriber(request)
        .await;
    let answers = match queried {
        Ok(response) => response.into_inner().answers,
        Err(status) => return report(&status, json, out, err),
    };
    let request = v1::GetReachabilityRequest {
        device: Some(device.into()),
        max_age: None,
    };
    let known = ReachabilityServiceClient::new(channel)
        .get_reachability(request)
        .await;
    let reachability = match known {
        Ok(response) => response.into_inner().reachability.unwrap_or_default(),
        // The HSS knows the user and told nothing of what matters.
        Err(status) if status.code() == tonic::Code::NotFound => v1::Reachability {
            status: v1::ReachabilityStatus::Unknown.into(),
            freshness: v1::Freshness::Unknown.into(),
            unknown_reason: v1::UnknownReason::NoHistory.into(),
            ..v1::Reachability::default()
        },
        Err(status) => return report(&status, json, out, err),
    };
    let answer = Answer::from(reachability);
    if json {
        let asked = answers.into_iter().map(|answer| Asked {
            query: answer.query,
            told: answer.told,
            message: (!answer.told).then_some(answer.message),
        });
        let queried = Queried {
            answer,
            asked: asked.collect(),
        };
        writeln!(out, "{}", serde_json::to_string(&queried)?)?;
        return Ok(0);
    }
    let now = Timestamp::from_system_time(SystemTime::now()).unwrap_or(Timestamp::MAX);
    write!(out, "{}", lookup_output::for_a_person(&answer, now))?;
    for answer in answers.iter().filter(|answer| !answer.told) {
        writeln!(out, "{:<15} {}", answer.query, answer.message)?;
    }
    Ok(0)
}
