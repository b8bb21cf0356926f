//! S6c: what HSS, SMS-GMSC and SMS-IWMSC tell each other about short messages (TS 29.338 §5).
//!
//! | message | copy | endpoint | event |
//! |---|---|---|---|
//! | ALR | read | read: we are the SMS-IWMSC | reachable for SMS, or moved to another node |
//! | RDR | read | 3001: we are no HSS | reachable or unreachable by each path that was tried |
//! | SRR | answered | 3001 | none: somebody wants to send a message |
//! | SRA | not shown | answer to our own | see [`read_sra`] |
//!
//! These messages name the path of a short message but not, or not always, the node that serves it; what they say is said
//! of whoever does ([`Node::unnamed`](crate::domain::Node::unnamed)). SGd and Gdd are not served: a message that is handed
//! to a node says nothing by itself, and a copy does not show the answer that would.

mod alr;
mod rdr;
mod sra;
#[cfg(test)]
mod tests;

pub use sra::{Routing, read_sra};

use smallvec::SmallVec;

use super::read::{required, user_identifier};
use super::{Decoded, Terms};
use crate::diameter::codec::{Defect, Message, ResultCode};
use crate::diameter::dict::{check_request, s6c, tgpp};
use crate::domain::{Change, Event, Node, Slot, Timestamp};

/// The changes of one message.
type Changes = SmallVec<[Change; 1]>;

/// Reads a request of S6c.
///
/// # Errors
///
/// 3007 for another application, 3001 for a command that is not of S6c or that only an HSS can serve, whatever
/// [`check_request`] finds, and 5004 for identities that are none and undefined enumerated values.
pub fn decode(request: &Message<'_>, received_at: Timestamp, terms: &Terms) -> Result<Decoded, Defect> {
    let header = request.header();
    if header.application != s6c::APPLICATION {
        return Err(Defect::new(ResultCode::APPLICATION_UNSUPPORTED));
    }
    let command = s6c::command_of(header.command)
        .filter(|command| terms.copies || command.code == s6c::ALERT_SERVICE_CENTRE.code)
        .ok_or_else(|| Defect::new(ResultCode::COMMAND_UNSUPPORTED))?;
    check_request(request, command)?;
    let changes = match command.code {
        8_388_648 => alr::read(request, received_at)?,
        8_388_649 => rdr::read(request)?,
        _ => return Ok(Decoded::plain(None)),
    };
    let subscriber = user_identifier(&required(request, &tgpp::USER_IDENTIFIER)?.grouped()?)?;
    // A subscriber without a number may be named by SIP URIs alone, which are not known here.
    let event = subscriber.map(|subscriber| Event::new(subscriber, received_at, received_at, changes));
    Ok(Decoded::plain(event.filter(|event| {
        !event.changes.is_empty() || event.subscriber.bindings().next().is_some()
    })))
}

/// Somebody reaches the subscriber there.
fn found(slot: Slot, until: Option<Timestamp>) -> Change {
    Change::Reachable {
        slot,
        node: Node::unnamed(),
        until,
    }
}

/// Nobody reaches the subscriber there.
fn lost(slot: Slot, node: Node) -> Change {
    Change::Unreachable {
        slot,
        node,
        until: None,
    }
}
