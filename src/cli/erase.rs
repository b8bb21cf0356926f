//! `reachd erase`: removes a subscriber, and keeps it removed.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{ArgGroup, Args};

use super::client::ServerArgs;
use super::lookup::{Discreet, report};
use crate::domain::{ExternalIdentifier, Imsi, Msisdn, Timestamp};
use crate::proto::v1;
use crate::proto::v1::admin_service_client::AdminServiceClient;
use crate::sim::format;

/// How long the daemon may take: it waits for what is under way to the store.
const WITHIN: Duration = Duration::from_secs(120);
/// `EX_USAGE` as this program has it.
const EXIT_USAGE: u8 = 2;

/// Erase a subscriber, and keep it erased
///
/// All that is known of it goes: every identifier that belongs to it, its registrations, addresses, and what the network is
/// asked to watch of it. What is told later of the time before is refused, for as long as erasure.keep_removed_for says.
/// What happens to the subscriber from now on begins a new history, unless erasure.refuse is "all".
///
/// Exits with 0 if it is erased; with 1 if nothing is known of it, or nobody answers; with 2 if it is named wrongly, or
/// nobody confirms.
#[derive(Clone, Args)]
#[command(
    group = ArgGroup::new("whom").required(true),
    after_help = "Examples:\n  reachd erase --msisdn +99912345678\n  reachd erase --imsi 001010000000001 --yes --json\n  \
                  reachd erase --external meter-7@iot.example"
)]
pub struct EraseArgs {
    /// By phone number
    #[arg(long, value_name = "NUMBER", group = "whom", value_parser = Discreet(msisdn), allow_hyphen_values = true)]
    msisdn: Option<String>,
    /// By IMSI
    #[arg(long, value_name = "DIGITS", group = "whom", value_parser = Discreet(imsi), allow_hyphen_values = true)]
    imsi: Option<String>,
    /// By external identifier
    #[arg(long, value_name = "LOCAL@DOMAIN", group = "whom", value_parser = Discreet(external))]
    external: Option<String>,
    /// Remember the erasure even if nothing is known of the subscriber
    #[arg(long)]
    even_unknown: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// The daemon.
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON, for machines
    #[arg(long)]
    json: bool,
}

impl std::fmt::Debug for EraseArgs {
    /// Redacted: whom is personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EraseArgs").finish_non_exhaustive()
    }
}

fn msisdn(text: &str) -> Result<String, &'static str> {
    Msisdn::parse(text).map(Msisdn::digits).map_err(
        |_| "--msisdn: an international number (E.164) has 5 to 15 decimal digits, the first of them not 0",
    )
}

fn imsi(text: &str) -> Result<String, &'static str> {
    Imsi::parse(text)
        .map(Imsi::digits)
        .map_err(|_| "--imsi: an IMSI has 6 to 15 decimal digits")
}

fn external(text: &str) -> Result<String, &'static str> {
    ExternalIdentifier::parse(text)
        .map(|external| external.text().to_owned())
        .map_err(|_| "--external: an external identifier has the form local@domain")
}

/// Runs the command.
///
/// # Errors
/// If nobody answers.
pub async fn run(args: EraseArgs) -> anyhow::Result<ExitCode> {
    let EraseArgs {
        msisdn,
        imsi,
        external,
        even_unknown,
        yes,
        server,
        json,
    } = args;
    if !yes && !confirmed()? {
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    let request = v1::EraseSubscriberRequest {
        imsi: imsi.unwrap_or_default(),
        msisdn: msisdn.unwrap_or_default(),
        external_identifier: external.unwrap_or_default(),
        even_unknown,
    };
    let channel = server.connect(WITHIN).await?;
    let (mut out, mut err) = (io::stdout(), io::stderr());
    match AdminServiceClient::new(channel).erase_subscriber(request).await {
        Ok(erased) => {
            let erased = erased.into_inner();
            let text = if json { as_json(&erased) } else { as_text(&erased) };
            writeln!(out, "{text}")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(status) => report(&status, json, &mut out, &mut err).map(ExitCode::from),
    }
}

/// Asks whoever sits there; where nobody does, says how it goes without.
fn confirmed() -> io::Result<bool> {
    let mut err = io::stderr();
    if !io::stdin().is_terminal() {
        writeln!(
            err,
            "reachd: erasing cannot be undone: say --yes where nobody can be asked"
        )?;
        return Ok(false);
    }
    write!(
        err,
        "This erases all that is known of the subscriber and cannot be undone. Type yes to go on: "
    )?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let yes = answer.trim() == "yes";
    if !yes {
        writeln!(err, "nothing was erased")?;
    }
    Ok(yes)
}

fn time(time: Option<&prost_types::Timestamp>) -> Option<String> {
    let time = SystemTime::try_from(*time?).ok()?;
    Timestamp::from_system_time(time).map(|time| time.to_string())
}

fn as_text(erased: &v1::EraseSubscriberResponse) -> String {
    let count = |number, what: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{} {what}{plural}", format::number(number))
    };
    format!(
        "erased: {}, {}, {}, {}\nwhat the network was asked to watch: {}\nkept removed until {}",
        count(erased.identifiers, "identifier"),
        count(erased.registrations, "registration"),
        count(erased.bindings, "binding"),
        count(erased.ip_sessions, "IP session"),
        count(erased.network_requests, "request"),
        time(erased.kept_removed_until.as_ref()).unwrap_or_default(),
    )
}

fn as_json(erased: &v1::EraseSubscriberResponse) -> String {
    serde_json::json!({
        "identifiers": erased.identifiers,
        "registrations": erased.registrations,
        "bindings": erased.bindings,
        "ipSessions": erased.ip_sessions,
        "networkRequests": erased.network_requests,
        "erasedAt": time(erased.erased_at.as_ref()),
        "keptRemovedUntil": time(erased.kept_removed_until.as_ref()),
    })
    .to_string()
}
