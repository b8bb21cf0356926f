//! Sh, this node being the AS (TS 29.328, TS 29.329): the HSS tells what it was asked to tell.
//!
//! One request comes in, Push-Notification ([`decode`]); two are sent, Subscribe-Notifications
//! ([`write_subscription`]) and User-Data ([`Query`]), whose answers [`Told`] and [`Refusal`] read. What Sh-Data means for a subscriber is in [`changes`](changes()), for both
//! directions.
//!
//! Sh never tells by itself that a subscriber has become unreachable: what it pushes is that one can be reached, once for
//! each subscription. The rest has to be asked for.

mod answer;
mod changes;
pub mod data;
mod identity;
mod pnr;
mod reply;
mod request;
#[cfg(test)]
mod tests;

use super::{Asked, Decoded};
use crate::diameter::codec::{Defect, Message, ResultCode};
use crate::diameter::dict::{check_request, sh};
use crate::domain::Timestamp;

pub use answer::{Refusal, Told, Untold};
pub use changes::{changes, without_gateway};
pub use reply::Reply;
pub use request::{Query, write_subscription};

/// Reads a request of Sh. `asked` knows who is subscribed to.
///
/// # Errors
///
/// 3001 for a command other than Push-Notification, whatever [`check_request`] finds, 5004 for an identity that is nobody's
/// and for User-Data that is not sound, 5012 while it is not known who is subscribed to.
pub fn decode(request: &Message<'_>, received_at: Timestamp, asked: &dyn Asked) -> Result<Decoded, Defect> {
    let command = sh::command_of(request.header().command)
        .ok_or_else(|| Defect::new(ResultCode::COMMAND_UNSUPPORTED))?;
    check_request(request, command)?;
    pnr::read(request, received_at, asked)
}
