//! `reachd subscriptions`: what a running daemon has HSSs notify it of.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::proto::v1;
use crate::proto::v1::admin_service_client::AdminServiceClient;

use super::client::ServerArgs;
use super::lookup::{DeviceName, Discreet, report};
use super::subscriptions_output;

const WITHIN: Duration = Duration::from_secs(60);
/// Users in one message.
const TOGETHER: usize = 5000;

/// Have HSSs notify a running reachd of devices, over Sh.
///
/// Each device that is added is subscribed to as [diameter.sh] of the daemon's configuration says, at its rate; that is kept
/// over restarts.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  reachd subscriptions add +99912345678\n  reachd subscriptions add --file \
                        devices.txt\n  reachd subscriptions status\n  reachd subscriptions remove meter-7@iot.example"
)]
pub struct SubscriptionsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with subscriptions.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Subscribe to devices; of one that is subscribed to, ask again for what the HSS refused
    Add(ChangeArgs),
    /// Subscribe to devices no longer
    Remove(ChangeArgs),
    /// Show how many subscriptions are how far, or those of one device
    Status(StatusArgs),
}

/// Which devices, and where.
#[derive(Clone, Debug, Args)]
pub struct ChangeArgs {
    /// Devices: phone numbers with leading plus, or external identifiers local@domain
    #[arg(value_parser = Discreet(DeviceName::from_str), allow_negative_numbers = true)]
    pub devices: Vec<DeviceName>,
    /// More of them, one on each line; blank lines and lines that begin with # are skipped
    #[arg(long, value_name = "FILE", required_unless_present = "devices")]
    pub file: Option<PathBuf>,
    /// The daemon.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Print JSON, for machines
    #[arg(long)]
    pub json: bool,
}

/// What to show, and from where.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// A device
    #[arg(value_parser = Discreet(DeviceName::from_str), allow_negative_numbers = true)]
    pub device: Option<DeviceName>,
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
/// If nobody answers, or a file cannot be read.
pub async fn run(args: SubscriptionsArgs) -> anyhow::Result<ExitCode> {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let code = match args.action {
        Action::Add(args) => change(args, true, &mut out, &mut err).await,
        Action::Remove(args) => change(args, false, &mut out, &mut err).await,
        Action::Status(args) => status(args, &mut out, &mut err).await,
    };
    code.map(ExitCode::from)
}

/// Adds or removes, with output and exit code in the caller's hands: 1 if any device was refused.
///
/// # Errors
/// If nobody answers, a file cannot be read, or the output cannot be written.
pub async fn change(
    args: ChangeArgs,
    add: bool,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> anyhow::Result<u8> {
    let ChangeArgs {
        devices,
        file,
        server,
        json,
    } = args;
    let mut users: Vec<v1::ShUser> = devices.into_iter().map(v1::ShUser::from).collect();
    if let Some(file) = file {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("--file {}: cannot be read", file.display()))?;
        users.extend(read(&text));
    }
    let requests: Vec<_> = users
        .chunks(TOGETHER)
        .map(|users| {
            let (added, removed) = if add { (users, &[][..]) } else { (&[][..], users) };
            v1::ChangeSubscriptionsRequest {
                add: added.to_vec(),
                remove: removed.to_vec(),
            }
        })
        .collect();
    let mut client = AdminServiceClient::new(server.connect(WITHIN).await?);
    let response = match client.change_subscriptions(tokio_stream::iter(requests)).await {
        Ok(response) => response.into_inner(),
        Err(status) => return report(&status, json, out, err),
    };
    let code = u8::from(response.refused_total > 0);
    if json {
        writeln!(out, "{}", subscriptions_output::changed_json(&response))?;
    } else {
        write!(out, "{}", subscriptions_output::changed(&response, add))?;
    }
    Ok(code)
}

/// Users of a file, by their lines. What is none is left for the daemon to refuse, by its line.
fn read(text: &str) -> impl Iterator<Item = v1::ShUser> + '_ {
    let lines = text.lines().map(str::trim).zip(1..);
    let named = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    named.map(|(line, number)| {
        let (msisdn, external_identifier) = if line.contains('@') {
            (String::new(), line.to_owned())
        } else {
            (line.to_owned(), String::new())
        };
        v1::ShUser {
            line: number,
            msisdn,
            external_identifier,
        }
    })
}

/// Shows, with output and exit code in the caller's hands.
///
/// # Errors
/// If nobody answers, or the output cannot be written.
pub async fn status(
    args: StatusArgs,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> anyhow::Result<u8> {
    let StatusArgs { device, server, json } = args;
    let mut client = AdminServiceClient::new(server.connect(WITHIN).await?);
    let request = v1::ListSubscriptionsRequest {
        user: device.map(v1::ShUser::from),
    };
    let response = match client.list_subscriptions(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return report(&status, json, out, err),
    };
    if json {
        writeln!(out, "{}", subscriptions_output::status_json(&response))?;
    } else {
        write!(out, "{}", subscriptions_output::status(&response))?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_users_by_line_and_may_have_remarks() {
        let users: Vec<_> = read("# ours\n+99912345\n\n  meter@iot.example \nnobody\n").collect();
        let shown: Vec<_> = users
            .iter()
            .map(|user| (user.line, user.msisdn.as_str(), user.external_identifier.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                (2, "+99912345", ""),
                (4, "", "meter@iot.example"),
                (5, "nobody", "")
            ]
        );
    }
}
