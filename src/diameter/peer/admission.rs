//! Which requests are let through to whoever serves the applications (RFC 6733 §2.9, §6.1.3 to §6.1.5, §7.1.3).
//!
//! Looks at the header, Route-Record, Destination-Host and Destination-Realm, Origin-Host and Origin-Realm only. The
//! grammar of a command is the application's.

use super::capabilities::Local;
use crate::diameter::codec::{Avp, CommandFlags, LocalIdentity, Message, ResultCode};
use crate::diameter::dict::base;

/// Whether Destination-Host and Destination-Realm have to name this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// They do: this node is the end of the way and forwards nothing.
    Checked,
    /// They name the original addressee, because the peer sends copies of requests meant for another host.
    Ignored,
}

/// Judges a request that is none of the base protocol's own.
///
/// # Errors
///
/// The protocol error to answer: 3008 for R with E, 3001 for an unknown command of the base protocol, 3007 for an
/// application that was not negotiated, 3005 for a request that has been here before, 3003 for another realm, 3002 for
/// another host.
///
/// An agent puts the name of the peer that it had a request from into Route-Record (§6.1.9). One that names this node was
/// sent by this node and comes back to it, which is a loop (§6.1.3) whether it comes as a copy or not.
pub fn admit(
    request: &Message<'_>,
    local: &Local,
    negotiated: &[u32],
    addressing: Addressing,
) -> Result<(), ResultCode> {
    let header = request.header();
    if header.flags.contains(CommandFlags::ERROR) {
        return Err(ResultCode::INVALID_HDR_BITS);
    }
    if header.application == base::APPLICATION {
        return Err(ResultCode::COMMAND_UNSUPPORTED);
    }
    if !negotiated.contains(&header.application) {
        return Err(ResultCode::APPLICATION_UNSUPPORTED);
    }
    let LocalIdentity {
        origin_host,
        origin_realm,
    } = &local.identity;
    let names = |avp: &Avp<'_>, own: &str| avp.data.eq_ignore_ascii_case(own.as_bytes());
    let mut addressee = Ok(());
    for avp in request.avps() {
        if avp.is(&base::ROUTE_RECORD) {
            if names(&avp, origin_host) {
                return Err(ResultCode::LOOP_DETECTED);
            }
        } else if addressing == Addressing::Ignored || addressee.is_err() {
            // Only Route-Record is of interest.
        } else if avp.is(&base::DESTINATION_HOST) && !names(&avp, origin_host) {
            addressee = Err(ResultCode::UNABLE_TO_DELIVER);
        } else if avp.is(&base::DESTINATION_REALM) && !names(&avp, origin_realm) {
            addressee = Err(ResultCode::REALM_NOT_SERVED);
        }
    }
    addressee
}

/// Judges whether a peer may hand over what comes from there (§2.9): one of `realms` has to be its Origin-Realm, and its
/// Origin-Host a name within that one. Without realms a peer may speak for anybody.
///
/// # Errors
///
/// 5003 if it may not. A request without the one or the other is let pass: its command's grammar misses it.
pub fn authorize(request: &Message<'_>, realms: &[Box<str>]) -> Result<(), ResultCode> {
    if realms.is_empty() {
        return Ok(());
    }
    let (Some(host), Some(realm)) = (
        request.find(&base::ORIGIN_HOST),
        request.find(&base::ORIGIN_REALM),
    ) else {
        return Ok(());
    };
    let allowed = realms.iter().any(|allowed| {
        let allowed = allowed.as_bytes();
        realm.data.eq_ignore_ascii_case(allowed) && is_within(host.data, allowed)
    });
    if allowed {
        Ok(())
    } else {
        Err(ResultCode::AUTHORIZATION_REJECTED)
    }
}

/// Whether a host's name is that of a realm, or ends in it behind a dot.
fn is_within(host: &[u8], realm: &[u8]) -> bool {
    let Some((first, last)) = host
        .len()
        .checked_sub(realm.len())
        .and_then(|at| host.split_at_checked(at))
    else {
        return false;
    };
    last.eq_ignore_ascii_case(realm) && first.last().is_none_or(|before| *before == b'.')
}
