//! `reachd watch`: shows how devices stand, and what changes, until it is told to stop.

use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tonic::Status;

use crate::proto::v1;
use crate::proto::v1::device_reachability::Result as Of;
use crate::proto::v1::reachability_service_client::ReachabilityServiceClient;
use crate::proto::v1::watch_reachability_response::Message;

use super::client::ServerArgs;
use super::lookup::{DeviceName, Discreet, report};
use super::lookup_output::Answer;

const WITHIN: Duration = Duration::from_secs(10);

/// Show the reachability of devices, and then every change of it.
///
/// First comes a line for each device as it stands, then, behind an arrow, one for each change: device, status,
/// connectivity, time of the status. Ends with Ctrl-C; on standard error it then says the cursor by which --cursor goes on
/// from there. If the daemon cannot go on from it, it says so and begins again.
///
/// Exits with 0 when told to stop, with 1 if the stream breaks or is refused, with 2 if a device is named wrongly.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  reachd watch +99912345678 meter-7@iot.example\n  reachd watch --all --changes-only --json \
                  | jq -r 'select(.event == \"change\") | .device.phone_number'"
)]
pub struct WatchArgs {
    /// Devices: phone numbers with leading plus, or external identifiers local@domain
    #[arg(
        value_parser = Discreet(DeviceName::from_str),
        required_unless_present = "all",
        conflicts_with = "all",
        allow_negative_numbers = true
    )]
    pub devices: Vec<DeviceName>,
    /// All devices that have a phone number or an external identifier
    #[arg(long)]
    pub all: bool,
    /// Go on where an earlier watch ended
    #[arg(long, value_name = "CURSOR", default_value = "", hide_default_value = true)]
    pub cursor: String,
    /// Do not show how devices stand, only what changes
    #[arg(long)]
    pub changes_only: bool,
    /// The daemon.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Print a JSON object a line, for machines
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// If nobody answers.
pub async fn run(args: WatchArgs) -> anyhow::Result<ExitCode> {
    let stop = async {
        // Without a handler Ctrl-C ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    watch(args, stop, &mut std::io::stdout(), &mut std::io::stderr())
        .await
        .map(ExitCode::from)
}

/// The command with its end, its output and its exit code in the caller's hands.
///
/// # Errors
/// If nobody answers, or the output cannot be written.
pub async fn watch(
    args: WatchArgs,
    stop: impl Future<Output = ()>,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> anyhow::Result<u8> {
    let WatchArgs {
        devices,
        all,
        mut cursor,
        changes_only,
        server,
        json,
    } = args;
    let request = v1::WatchReachabilityRequest {
        devices: devices.into_iter().map(Into::into).collect(),
        all,
        cursor: cursor.clone(),
        omit_snapshot: changes_only,
        ..v1::WatchReachabilityRequest::default()
    };
    let mut client = ReachabilityServiceClient::new(server.connect_without_deadline(WITHIN).await?);
    let mut stream = match client.watch_reachability(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return report(&status, json, out, err),
    };
    let mut stop = std::pin::pin!(stop);
    let ended = loop {
        let message = tokio::select! {
            () = &mut stop => break None,
            message = stream.message() => message,
        };
        match message {
            Ok(Some(response)) => {
                if !response.cursor.is_empty() {
                    cursor.clone_from(&response.cursor);
                }
                if let Some(message) = response.message {
                    show(message, &response.cursor, json, out, err)?;
                }
            }
            Ok(None) => break Some(Status::unavailable("the daemon ended the stream")),
            Err(status) => break Some(status),
        }
    };
    let code = match ended {
        None => 0,
        Some(status) => report(&status, json, out, err)?,
    };
    if !cursor.is_empty() && !json {
        writeln!(err, "to go on from here: --cursor {cursor}")?;
    }
    Ok(code)
}

/// A message as machines get it.
#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    /// Absent while nobody can come back.
    cursor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Device>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reachability: Option<Answer>,
    /// Why there is no reachability.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Device {
    #[serde(skip_serializing_if = "String::is_empty")]
    phone_number: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    network_access_identifier: String,
}

fn show(
    message: Message,
    cursor: &str,
    json: bool,
    out: &mut impl Write,
    err: &mut impl Write,
) -> anyhow::Result<()> {
    let (event, entry) = match message {
        Message::Snapshot(entry) => ("snapshot", Some(entry)),
        Message::SnapshotComplete(_) => ("snapshot_complete", None),
        Message::Change(entry) => ("change", Some(entry)),
        Message::Heartbeat(_) => ("heartbeat", None),
        Message::CursorExpired(_) => ("cursor_expired", None),
    };
    let Some(entry) = entry else {
        if json {
            writeln!(out, "{}", serde_json::to_string(&line(event, cursor, None))?)?;
            out.flush()?;
        } else if event == "cursor_expired" {
            writeln!(
                err,
                "what changed after the cursor is not known any more; this is how devices stand"
            )?;
        }
        return Ok(());
    };
    if json {
        writeln!(
            out,
            "{}",
            serde_json::to_string(&line(event, cursor, Some(entry)))?
        )?;
    } else {
        let arrow = if event == "change" { "->" } else { "  " };
        writeln!(out, "{arrow} {}", for_a_person(entry))?;
    }
    // Whoever reads from a pipe wants it now.
    out.flush()?;
    Ok(())
}

fn line<'a>(event: &'static str, cursor: &'a str, entry: Option<v1::DeviceReachability>) -> Line<'a> {
    let (mut device, mut reachability, mut error) = (None, None, None);
    if let Some(entry) = entry {
        let named = entry.device.unwrap_or_default();
        device = Some(Device {
            phone_number: named.phone_number,
            network_access_identifier: named.network_access_identifier,
        });
        match entry.result {
            Some(Of::Reachability(answer)) => reachability = Some(answer.into()),
            Some(Of::Error(why)) => error = Some(why.reason),
            None => {}
        }
    }
    Line {
        event,
        cursor: Some(cursor).filter(|cursor| !cursor.is_empty()),
        device,
        reachability,
        error,
    }
}

/// Device, status, connectivity and the time of the status.
fn for_a_person(entry: v1::DeviceReachability) -> String {
    let device = entry.device.unwrap_or_default();
    let name = if device.phone_number.is_empty() {
        device.network_access_identifier
    } else {
        device.phone_number
    };
    match entry.result {
        Some(Of::Reachability(answer)) => {
            let answer = Answer::from(answer);
            let connectivity = answer.connectivity.join("+");
            let since = answer.last_status_time.map(|time| time.to_string());
            let line = format!(
                "{name:<17} {:<15} {connectivity:<9} {}",
                answer.status,
                since.unwrap_or_default()
            );
            line.trim_end().to_owned()
        }
        Some(Of::Error(why)) => format!("{name:<17} {}", why.reason),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(result: Of) -> v1::DeviceReachability {
        v1::DeviceReachability {
            device: Some(v1::Device {
                phone_number: "+99912345678".to_owned(),
                ..v1::Device::default()
            }),
            result: Some(result),
        }
    }

    fn connected() -> Of {
        Of::Reachability(v1::Reachability {
            status: v1::ReachabilityStatus::ConnectedData.into(),
            reachable: Some(true),
            connectivity: vec![v1::Connectivity::Data.into(), v1::Connectivity::Sms.into()],
            last_status_time: Some(prost_types::Timestamp {
                seconds: 1_700_000_000,
                nanos: 0,
            }),
            ..v1::Reachability::default()
        })
    }

    fn shown(message: Message, json: bool) -> (String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        show(message, "1-2", json, &mut out, &mut err).unwrap();
        (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn a_person_sees_a_line_for_each_device_and_an_arrow_before_a_change() {
        let (line, _) = shown(Message::Snapshot(entry(connected())), false);
        assert_eq!(
            line,
            "   +99912345678      CONNECTED_DATA  DATA+SMS  2023-11-14T22:13:20.000000Z\n"
        );
        let gone = Of::Error(v1::LookupError {
            reason: "IDENTIFIER_NOT_FOUND".to_owned(),
            ..v1::LookupError::default()
        });
        let (line, _) = shown(Message::Change(entry(gone)), false);
        assert_eq!(line, "-> +99912345678      IDENTIFIER_NOT_FOUND\n");
        assert_eq!(
            shown(Message::Heartbeat(v1::WatchHeartbeat {}), false),
            Default::default()
        );
        let (out, err) = shown(Message::CursorExpired(v1::CursorExpired {}), false);
        assert!(out.is_empty() && err.contains("not known any more"));
    }

    #[test]
    fn a_machine_gets_an_object_for_every_message() {
        let (line, _) = shown(Message::Change(entry(connected())), true);
        assert!(
            line.starts_with(
                r#"{"event":"change","cursor":"1-2","device":{"phone_number":"+99912345678"},"reachability":{"status":"CONNECTED_DATA","#
            ),
            "{line}"
        );
        let (line, _) = shown(Message::Heartbeat(v1::WatchHeartbeat {}), true);
        assert_eq!(line, "{\"event\":\"heartbeat\",\"cursor\":\"1-2\"}\n");
    }
}
