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
//! | AIR, DSR, RSR | none |
//!
//! AIR tells that a device is asking for service, not that it got any. RSR tells that an HSS restarted: nodes will
//! register their devices again, and nothing is lost meanwhile.

mod clr;
mod idr;
mod nor;
mod pur;
mod reply;
#[cfg(test)]
mod tests;
mod ulr;

pub use reply::Reply;

use smallvec::SmallVec;

use super::{Decoded, Reply as AnyReply};
use crate::diameter::codec::{Avp, Defect, Message, ResultCode};
use crate::diameter::dict::{AvpDef, base, check_request, s6a, tgpp};
use crate::domain::{
    Change, Event, ExternalIdentifier, Imsi, Msisdn, Node, SubscriberIdentifiers, Timestamp,
};

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
        // Authentication-Information, Delete-Subscriber-Data, Reset.
        _ => {
            return Ok(Decoded {
                events: SmallVec::new(),
                reply: AnyReply::Plain,
            });
        }
    };
    let (subscriber, binds) = subscriber(request)?;
    let event = (binds || !changes.is_empty()).then(|| Event {
        subscriber,
        event_time: received_at,
        received_at,
        changes,
    });
    Ok(Decoded {
        events: event.into_iter().collect(),
        reply,
    })
}

/// Whom it is about: the IMSI in User-Name, and what Subscription-Data adds to it. Also whether it adds anything.
///
/// A second number (A-MSISDN) is left out: a subscriber has one MSISDN here.
fn subscriber(request: &Message<'_>) -> Result<(SubscriberIdentifiers, bool), Defect> {
    let user_name = required(request, &base::USER_NAME)?;
    let imsi = Imsi::parse(user_name.as_utf8()?).map_err(|_| Defect::invalid_value(&user_name))?;
    let Some(profile) = request.find(&tgpp::SUBSCRIPTION_DATA) else {
        return Ok((imsi.into(), false));
    };
    let profile = profile.grouped()?;
    let msisdn = match profile.find(&tgpp::MSISDN) {
        Some(avp) => {
            let digits = avp.as_tbcd()?;
            Some(Msisdn::parse(digits.as_str()).map_err(|_| Defect::invalid_value(&avp))?)
        }
        None => None,
    };
    let external = match profile.find(&tgpp::EXTERNAL_IDENTIFIER) {
        Some(avp) => {
            Some(ExternalIdentifier::parse(avp.as_utf8()?).map_err(|_| Defect::invalid_value(&avp))?)
        }
        None => None,
    };
    let binds = msisdn.is_some() || external.is_some();
    let identifiers = SubscriberIdentifiers::new(Some(imsi), msisdn, external).unwrap_or_else(|| imsi.into());
    Ok((identifiers, binds))
}

/// An AVP that the command's grammar requires.
fn required<'a>(request: &Message<'a>, def: &AvpDef) -> Result<Avp<'a>, Defect> {
    request.find(def).ok_or_else(|| Defect::missing(def))
}

/// The node that sent the request, whatever agents it came through.
fn origin_host(request: &Message<'_>) -> Result<Node, Defect> {
    node(&required(request, &base::ORIGIN_HOST)?)
}

/// The node that the HSS addressed.
fn destination_host(request: &Message<'_>) -> Result<Node, Defect> {
    node(&required(request, &base::DESTINATION_HOST)?)
}

fn node(identity: &Avp<'_>) -> Result<Node, Defect> {
    Node::parse(identity.as_identity()?).map_err(|_| Defect::invalid_value(identity))
}

/// A mask: absent means all bits clear (TS 29.272 §7.3.1). Unknown bits are ignored.
fn mask(request: &Message<'_>, def: &AvpDef) -> Result<Option<u32>, Defect> {
    request.find(def).map(|avp| avp.as_u32()).transpose()
}
