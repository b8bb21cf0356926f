//! Applications: what a message of each means, and what is answered. The only part of the stack that knows the domain.
//!
//! Pure functions of a message and the time it was received: no sockets, no clocks, no store. [`decode`] tells what a
//! request means and what its answer will say; [`PendingAnswer`] keeps what the answer needs until the events are durable.
//!
//! To add an application: its commands in `diameter::dict`, a folder here with a `decode` of the same shape, a variant of
//! [`Reply`] if its answers say more than the result, and a line in [`decode`] and in `dict::APPLICATIONS`.

mod answer;
mod asked;
pub mod s6a;
pub mod s6t;

use smallvec::SmallVec;

use super::codec::{Defect, Message, ResultCode};
use crate::domain::{Event, Timestamp};

pub use answer::{Answered, PendingAnswer, Reply, Verdict};
pub use asked::{Asked, Monitored, NothingAsked};

/// What a sound request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What happened; empty if nothing that matters here. More than one only where one message reports on several
    /// subscribers.
    pub events: SmallVec<[Event; 1]>,
    /// What to answer once the events are durable.
    pub reply: Reply,
}

/// Reads a request of any application that is served. `asked` knows what reports may be about.
///
/// # Errors
///
/// 3007 for an application that is not served, and whatever the application finds wrong. The defect is what to answer,
/// at once.
pub fn decode(request: &Message<'_>, received_at: Timestamp, asked: &dyn Asked) -> Result<Decoded, Defect> {
    use super::dict;
    match request.header().application {
        dict::s6a::APPLICATION => s6a::decode(request, received_at),
        dict::s6t::APPLICATION | dict::t6a::APPLICATION => s6t::decode(request, received_at, asked),
        _ => Err(Defect::new(ResultCode::APPLICATION_UNSUPPORTED)),
    }
}
