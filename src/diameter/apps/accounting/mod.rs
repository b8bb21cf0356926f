//! Accounting (RFC 6733 §9): what a charging client, such as a PDN gateway, tells about data sessions.
//!
//! Two dialects are read at once, because real clients mix them: 3GPP Rf, where things stand in Service-Information and
//! its PS-Information (TS 32.299), and that of network access servers, where they stand at message level (RFC 7155,
//! TS 29.061).
//!
//! | record | event |
//! |---|---|
//! | START, INTERIM | session registered, with its addresses |
//! | STOP | session deregistered, its addresses let go |
//! | EVENT | none |
//!
//! A record that names a number beside an IMSI binds the two, whatever it is about. Sessions that carry no data, and those
//! of access points that do not count, are nothing more. Records are answered as an accounting server must, but what a
//! session cost is kept by nobody here: a client must have another server for that, or hand over copies.

mod address;
mod record;
mod reply;
mod subject;
#[cfg(test)]
mod tests;

pub use reply::Reply;

use super::read::required;
use super::{Decoded, Reply as AnyReply, Terms};
use crate::diameter::codec::{Defect, Message, ResultCode};
use crate::diameter::dict::accounting::{self, record_type};
use crate::diameter::dict::{base, check_request};
use crate::domain::session::session_name;
use crate::domain::{Change, Ends, Event, Gateway, IpChange, IpChangeKind, Node, Slot, Timestamp};

use record::Record;

/// Reads a request of accounting.
///
/// # Errors
///
/// 3007 for another application, 3001 for a command that is not of accounting, whatever [`check_request`] finds, 5004 for an
/// undefined record type, identities that are none and addresses that cannot be.
pub fn decode(request: &Message<'_>, received_at: Timestamp, terms: &Terms) -> Result<Decoded, Defect> {
    let header = request.header();
    if header.application != accounting::APPLICATION {
        return Err(Defect::new(ResultCode::APPLICATION_UNSUPPORTED));
    }
    let command =
        accounting::command_of(header.command).ok_or_else(|| Defect::new(ResultCode::COMMAND_UNSUPPORTED))?;
    check_request(request, command)?;
    let record_type = required(request, &base::ACCOUNTING_RECORD_TYPE)?;
    let kind = match record_type.as_i32()? {
        record_type::START | record_type::INTERIM => Some(IpChangeKind::Started),
        record_type::STOP => Some(IpChangeKind::Ended),
        record_type::EVENT => None,
        _ => return Err(Defect::invalid_value(&record_type)),
    };
    let reply = AnyReply::Accounting(Reply {
        record_type: record_type.as_u32()?,
        record_number: required(request, &base::ACCOUNTING_RECORD_NUMBER)?.as_u32()?,
    });
    let record = Record::of(request)?;
    let Some(subscriber) = subject::subject(&record)? else {
        // A device that may call nobody but for help has no subscription.
        return Ok(Decoded::replying(None, reply));
    };
    let event_time = record.event_time()?.unwrap_or(received_at);
    let event = match kind.filter(|_| record.is_of_data_session(&terms.apns)) {
        None => Event::new(subscriber, event_time, received_at, []),
        Some(kind) => {
            let session = session(request)?;
            let addresses = address::addresses(&record)?.into_iter().map(|address| IpChange {
                address,
                session: session.clone(),
                kind,
            });
            Event::new(
                subscriber,
                event_time,
                received_at,
                [change(kind, session.clone())],
            )
            .with_addresses(addresses)
        }
    };
    let tells = !event.changes.is_empty() || event.subscriber.bindings().next().is_some();
    Ok(Decoded::replying(tells.then_some(event), reply))
}

fn change(kind: IpChangeKind, node: Node) -> Change {
    let slot = Slot::Session;
    match kind {
        IpChangeKind::Started => Change::Registered {
            slot,
            node,
            ends: Ends::default(),
        },
        IpChangeKind::Ended => Change::Deregistered { slot, node },
    }
}

/// The session's name: of Origin-Host, which is its gateway, Session-Id and Accounting-Sub-Session-Id.
fn session(request: &Message<'_>) -> Result<Node, Defect> {
    let id = required(request, &base::SESSION_ID)?;
    let host = required(request, &base::ORIGIN_HOST)?
        .as_identity()?
        .to_ascii_lowercase();
    let sub_session = request.find(&base::ACCOUNTING_SUB_SESSION_ID);
    let sub_session = sub_session
        .map(|avp| avp.as_u64())
        .transpose()?
        .map(u64::to_be_bytes);
    let parts = [host.as_bytes(), id.data];
    let parts = parts
        .into_iter()
        .chain(sub_session.as_ref().map(<[u8; 8]>::as_slice));
    // A name too long for a gateway's is still a host's: such a session ends by itself alone.
    let gateway = Gateway::parse(&host).ok();
    Ok(session_name(gateway.as_ref(), &parts.collect::<Vec<_>>()))
}
