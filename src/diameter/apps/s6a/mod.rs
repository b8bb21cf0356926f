//! S6a (MME) and S6d (SGSN) in feed mode `copy`: an agent hands over copies of the requests that MMEs, SGSNs and the
//! HSS send each other, and discards our answers (TS 29.272).
//!
//! Only requests are visible, so a request is taken as what happened, although the HSS may have refused it. S6a
//! carries no time: everything happened when it was received. [`decode`] tells what a request means.
//!
//! Each request has its own file, where its rules stand:
//!
//! | request | event |
//! |---|---|
//! | ULR | registered |
//! | PUR | deregistered |
//! | CLR | deregistered or unreachable, or nothing where the device only moved |
//! | NOR | reachable, unreachable, deregistered, cleared |
//! | IDR | identifiers; SMS deregistered |
//! | AIR, DSR | none |
//! | RSR | none, but what that HSS knows is in doubt |
//!
//! AIR tells that a device is asking for service, not that it got any; it comes before every attach, also those that are
//! refused. DSR takes something out of a profile. RSR tells that an HSS restarted: nodes will register their devices
//! again, and nothing is lost meanwhile.
//!
//! S6a is read from copies only. A node that is *addressed* with an Update-Location-Request is taken for an HSS that has
//! the profile, which this one is not; peers of mode `endpoint` are not offered the application (ADR 10).

mod clr;
mod idr;
mod nor;
mod pur;
mod reply;
mod rsr;
#[cfg(test)]
mod tests;
mod ulr;

pub use reply::Reply;

use smallvec::SmallVec;

use super::read::{external_identifier, imsi, msisdn, required};
use super::{Decoded, Reply as AnyReply};
use crate::diameter::codec::{Defect, Message, ResultCode};
use crate::diameter::dict::{base, check_request, s6a, tgpp};
use crate::domain::{Change, Event, SubscriberIdentifiers, Timestamp};

/// The changes of one request: seldom more than one.
type Changes = SmallVec<[Change; 1]>;

/// Reads a request of S6a/S6d.
///
/// # Errors
///
/// 3007 for another application, 3001 for a command that is not of S6a/S6d, whatever [`check_request`] finds, and 5004 for a User-Name that is no
/// IMSI, an identity that is no host name, digits that are not TBCD and undefined enumerated values. The defect is
/// what to answer, at once.
pub fn decode(request: &Message<'_>, received_at: Timestamp) -> Result<Decoded, Defect> {
    let header = request.header();
    if header.application != s6a::APPLICATION {
        return Err(Defect::new(ResultCode::APPLICATION_UNSUPPORTED));
    }
    let command =
        s6a::command_of(header.command).ok_or_else(|| Defect::new(ResultCode::COMMAND_UNSUPPORTED))?;
    check_request(request, command)?;
    let mut changes = Changes::new();
    let reply = match command.code {
        316 => ulr::read(request, &mut changes)?,
        317 => clr::read(request, &mut changes)?,
        319 => idr::read(request, &mut changes)?,
        321 => pur::read(request, &mut changes)?,
        323 => nor::read(request, received_at, &mut changes)?,
        322 => {
            return Ok(Decoded {
                doubt: Some(Box::new(rsr::read(request)?)),
                ..Decoded::plain(None)
            });
        }
        // Authentication-Information, Delete-Subscriber-Data.
        _ => return Ok(Decoded::plain(None)),
    };
    let (subscriber, binds) = subscriber(request)?;
    let event =
        (binds || !changes.is_empty()).then(|| Event::new(subscriber, received_at, received_at, changes));
    Ok(Decoded::replying(event, reply))
}

/// Whom it is about: the IMSI in User-Name, and what Subscription-Data adds to it. Also whether it adds anything.
///
/// A second number (A-MSISDN) is left out: a subscriber has one MSISDN here.
fn subscriber(request: &Message<'_>) -> Result<(SubscriberIdentifiers, bool), Defect> {
    let imsi = imsi(&required(request, &base::USER_NAME)?)?;
    let Some(profile) = request.find(&tgpp::SUBSCRIPTION_DATA) else {
        return Ok((imsi.into(), false));
    };
    let profile = profile.grouped()?;
    let number = profile.find(&tgpp::MSISDN);
    let msisdn = number.map(|avp| msisdn(&avp)).transpose()?;
    let external = profile.find(&tgpp::EXTERNAL_IDENTIFIER);
    let external = external.map(|avp| external_identifier(&avp)).transpose()?;
    let binds = msisdn.is_some() || external.is_some();
    let identifiers = SubscriberIdentifiers::new(Some(imsi), msisdn, external).unwrap_or_else(|| imsi.into());
    Ok((identifiers, binds))
}
