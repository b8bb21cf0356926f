//! S6t and T6a/T6b in the role of a SCEF (TS 29.336, TS 29.128): this node asks the HSS to watch subscribers and groups,
//! and is told what becomes of them.
//!
//! [`cir`] writes what is asked, [`cia`] reads what is answered to it, [`decode`] reads reports. The HSS sends them on
//! S6t and names no serving node; MMEs and SGSNs send theirs on T6a/T6b, and their Origin-Host is the serving node. Whom a
//! report is about is told by its reference, which this node chose itself, or, of a group, by a User-Identifier.
//!
//! What a report means stands in `report`, what it says of the configuration itself in `notice`.

pub mod cia;
pub mod cir;
mod lost;
mod notice;
mod pdn;
mod reading;
mod reply;
mod report;
mod serving;
#[cfg(test)]
mod tests;
mod user;

pub use lost::absent;
pub use notice::Notice;
pub use reply::Reply;
pub use report::ReportKind;

use super::{Asked, Decoded, Reply as AnyReply};
use crate::diameter::codec::{Defect, Message, ResultCode};
use crate::diameter::dict::{base, check_request, s6t, t6a, tgpp};
use crate::domain::{Node, Timestamp};

use reading::Reading;

/// The features of S6t that this node has (TS 29.336 §8.4.38, list 1).
pub const FEATURES: u32 =
    s6t::features::MONTE | s6t::features::REPORT_EFF_MONTE | s6t::features::EVENT_CANCELLATION_REPORT;

/// Reads a Reporting-Information-Request of S6t or T6a/T6b.
///
/// # Errors
///
/// 3007 for another application, 3001 for another command, whatever [`check_request`] finds, 5004 for values that are
/// undefined or ill-formed, 5005 for members that a report needs, 5012 for more reports than are read, and 3004 while it
/// cannot be told what was asked: then the reporting node keeps its configuration.
pub fn decode(request: &Message<'_>, received_at: Timestamp, asked: &dyn Asked) -> Result<Decoded, Defect> {
    let header = request.header();
    let command = match header.application {
        s6t::APPLICATION => s6t::command_of(header.command),
        t6a::APPLICATION => t6a::command_of(header.command),
        _ => return Err(Defect::new(ResultCode::APPLICATION_UNSUPPORTED)),
    };
    let command = command.ok_or_else(|| Defect::new(ResultCode::COMMAND_UNSUPPORTED))?;
    check_request(request, command)?;
    let sender = if header.application == t6a::APPLICATION {
        Some(origin_host(request)?)
    } else {
        None
    };
    let mut reading = Reading::new(asked, sender.as_ref(), received_at);
    reading.message(request)?;
    if sender.is_none() {
        reading.flags(request)?;
        reading.state(request)?;
    }
    let features = offered_features(request)?;
    Ok(reading.decoded(|unknown, notices, kinds| {
        AnyReply::S6t(Reply::new(
            unknown,
            notices,
            kinds,
            features.map(|offered| offered & FEATURES),
        ))
    }))
}

/// The node that sent the message, whatever agents it came through.
fn origin_host(message: &Message<'_>) -> Result<Node, Defect> {
    let avp = message
        .find(&base::ORIGIN_HOST)
        .ok_or_else(|| Defect::missing(&base::ORIGIN_HOST))?;
    Node::parse(avp.as_identity()?).map_err(|_| Defect::invalid_value(&avp))
}

/// Feature-List 1 of 3GPP among Supported-Features, if there is one.
fn offered_features(request: &Message<'_>) -> Result<Option<u32>, Defect> {
    for avp in request.find_all(&tgpp::SUPPORTED_FEATURES) {
        let group = avp.grouped()?;
        let number = |def| group.find(def).map(|avp| avp.as_u32()).transpose();
        if number(&base::VENDOR_ID)? == Some(tgpp::VENDOR_ID)
            && number(&tgpp::FEATURE_LIST_ID)? == Some(s6t::features::LIST_ID)
        {
            return number(&tgpp::FEATURE_LIST);
        }
    }
    Ok(None)
}
