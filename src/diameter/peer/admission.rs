//! Which requests are let through to whoever serves the applications (RFC 6733 §6.1.4, §6.1.5, §7.1.3).
//!
//! Looks at the header, Destination-Host and Destination-Realm only. The grammar of a command is the application's.

use super::capabilities::Local;
use crate::diameter::codec::{CommandFlags, Message, ResultCode};
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
/// application that was not negotiated, 3003 for another realm, 3002 for another host.
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
    if addressing == Addressing::Ignored {
        return Ok(());
    }
    for avp in request.avps() {
        let (own, otherwise) = if avp.is(&base::DESTINATION_HOST) {
            (&local.identity.origin_host, ResultCode::UNABLE_TO_DELIVER)
        } else if avp.is(&base::DESTINATION_REALM) {
            (&local.identity.origin_realm, ResultCode::REALM_NOT_SERVED)
        } else {
            continue;
        };
        if !avp.data.eq_ignore_ascii_case(own.as_bytes()) {
            return Err(otherwise);
        }
    }
    Ok(())
}
