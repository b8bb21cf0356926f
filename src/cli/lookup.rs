//! `reachd lookup`: asks a running daemon about one device.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Command};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::domain::{ExternalIdentifier, Msisdn, Timestamp};
use crate::proto::v1;
use crate::proto::v1::reachability_service_client::ReachabilityServiceClient;

use super::client::ServerArgs;
use super::device::AnyDevice;
use super::lookup_output::{self, Answer};

const WITHIN: Duration = Duration::from_secs(10);

/// Ask a running reachd whether a device can be reached.
///
/// Exits with 0 if there is an answer, also NOT_CONNECTED and UNKNOWN; with 1 if the device is not known or nobody
/// answers; with 2 if it is named wrongly.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  reachd lookup +99912345678\n  reachd lookup meter-7@iot.example --json\n  \
    reachd lookup 192.0.2.1:4711\n  reachd lookup 192.0.2.1,100.64.0.7\n  reachd lookup 2001:db8::1"
)]
pub struct LookupArgs {
    /// The device: a phone number with leading plus, an external identifier local@domain, an IPv6 address, or a public
    /// IPv4 address with its port or, after a comma, with the private address behind it
    // A number without its plus is told so, even if it begins with a minus; it is no option then, which would be shown.
    #[arg(value_parser = Discreet(AnyDevice::from_str), allow_negative_numbers = true)]
    pub device: AnyDevice,
    /// Nothing: a number with blanks in it would otherwise be told as a surplus argument, which shows it.
    #[arg(hide = true, value_parser = Discreet(refuse_more), allow_negative_numbers = true)]
    more: Option<Nothing>,
    /// The daemon.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Call an answer FRESH if it was confirmed within this time, such as 30s or 5m; without it, within what the
    /// daemon is configured to
    #[arg(long, value_name = "TIME", value_parser = humantime_serde::re::humantime::parse_duration)]
    pub max_age: Option<Duration>,
    /// Print JSON, for machines
    #[arg(long)]
    pub json: bool,
}

/// A device as a person names it.
#[derive(Clone, PartialEq, Eq)]
pub enum DeviceName {
    /// E.164 with leading plus.
    PhoneNumber(String),
    /// `local@domain`.
    NetworkAccessIdentifier(String),
}

impl fmt::Debug for DeviceName {
    /// Redacted: a device's name is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceName(redacted)")
    }
}

impl FromStr for DeviceName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('@') {
            return ExternalIdentifier::parse(text)
                .map(|_| Self::NetworkAccessIdentifier(text.to_owned()))
                .map_err(|_| "an external identifier looks like meter-7@iot.example");
        }
        if text.starts_with('+') && Msisdn::parse(text).is_ok() {
            return Ok(Self::PhoneNumber(text.to_owned()));
        }
        Err("a phone number has a leading plus and 5 to 15 digits, such as +99912345678")
    }
}

impl From<DeviceName> for v1::Device {
    fn from(name: DeviceName) -> Self {
        match name {
            DeviceName::PhoneNumber(phone_number) => Self {
                phone_number,
                ..Self::default()
            },
            DeviceName::NetworkAccessIdentifier(network_access_identifier) => Self {
                network_access_identifier,
                ..Self::default()
            },
        }
    }
}

impl From<DeviceName> for v1::ShUser {
    fn from(name: DeviceName) -> Self {
        match name {
            DeviceName::PhoneNumber(msisdn) => Self {
                msisdn,
                ..Self::default()
            },
            DeviceName::NetworkAccessIdentifier(external_identifier) => Self {
                external_identifier,
                ..Self::default()
            },
        }
    }
}

/// There is no value of it.
#[derive(Clone, Copy, Debug)]
pub enum Nothing {}

pub(super) fn refuse_more(_: &str) -> Result<Nothing, &'static str> {
    Err("one device at a time; a phone number is written without blanks")
}

/// Reads an argument and keeps it out of the error: a device's name is personal data, and errors end up in the logs of
/// those who call this command.
#[derive(Clone, Copy)]
pub(super) struct Discreet<T>(pub(super) fn(&str) -> Result<T, &'static str>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Discreet<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let read = value.to_str().ok_or("not UTF-8 text").and_then(self.0);
        read.map_err(|what| clap::Error::raw(ErrorKind::ValueValidation, what).format(&mut command.clone()))
    }
}

/// Runs the command.
///
/// # Errors
/// If nobody answers.
pub async fn run(args: LookupArgs) -> anyhow::Result<ExitCode> {
    look_up(args, &mut std::io::stdout(), &mut std::io::stderr())
        .await
        .map(ExitCode::from)
}

/// The command with its output and exit code in the caller's hands.
///
/// # Errors
/// If nobody answers, or the output cannot be written.
pub async fn look_up(
    args: LookupArgs,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> anyhow::Result<u8> {
    let LookupArgs {
        device,
        server,
        max_age,
        json,
        more: _,
    } = args;
    let mut client = ReachabilityServiceClient::new(server.connect(WITHIN).await?);
    let request = v1::GetReachabilityRequest {
        device: Some(device.into()),
        max_age: max_age.map(prost_types::Duration::try_from).transpose()?,
    };
    let response = match client.get_reachability(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return report(&status, json, out, err),
    };
    let now = Timestamp::from_system_time(SystemTime::now()).unwrap_or(Timestamp::MAX);
    let answer = Answer::from(response.reachability.unwrap_or_default());
    if json {
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
    } else {
        write!(out, "{}", lookup_output::for_a_person(&answer, now))?;
    }
    Ok(0)
}

/// Tells why there is no answer: 2 if the question is wrong, 1 otherwise.
pub(super) fn report(
    status: &Status,
    json: bool,
    out: &mut impl Write,
    err: &mut impl Write,
) -> anyhow::Result<u8> {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.as_str());
    if json {
        writeln!(
            out,
            "{}",
            lookup_output::error_json(status.code(), reason, status.message())
        )?;
    } else {
        match reason {
            Some(reason) => writeln!(err, "{reason}: {}", status.message())?,
            None => writeln!(err, "the daemon did not answer: {}", status.message())?,
        }
    }
    Ok(if status.code() == Code::InvalidArgument {
        2
    } else {
        1
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[derive(clap::Parser)]
    struct LookupCommand {
        #[command(flatten)]
        args: LookupArgs,
    }

    #[test]
    fn the_help_tells_what_it_does_and_gives_examples() {
        let help = LookupCommand::command().render_long_help().to_string();
        assert!(help.starts_with("Ask a running reachd whether"), "{help}");
        assert!(help.contains("reachd lookup +99912345678"), "{help}");
    }

    #[test]
    fn a_device_is_named_by_phone_number_or_external_identifier() {
        for fine in ["+99912345678", "meter-7@iot.example"] {
            assert!(fine.parse::<DeviceName>().is_ok(), "{fine}");
        }
        for wrong in ["99912345678", "+0999", "", "meter", "@", "a@", "+999 12345"] {
            assert!(wrong.parse::<DeviceName>().is_err(), "{wrong}");
        }
    }
}
