//! Applications: what a message of each means, and what is answered. The only part of the stack that knows the domain.
//!
//! Pure functions of a message and the time it was received: no sockets, no clocks, no store. [`decode`] tells what a
//! request means and what its answer will say; [`PendingAnswer`] keeps what the answer needs until the events are durable.
//!
//! What several applications read in the same way is in `read`. To add an application: its commands in `diameter::dict`,
//! a folder here with a `decode` of the same shape, a variant of [`Reply`] if its answers say more than the result, and a
//! line in [`decode`] and in `dict::APPLICATIONS`.

pub mod accounting;
mod answer;
mod asked;
mod doubt;
mod read;
pub mod s6a;
pub mod s6c;
pub mod s6t;
pub mod sh;
mod terms;

use smallvec::SmallVec;

use super::codec::{Defect, Message, ResultCode};
use crate::domain::{Event, Timestamp};

pub use answer::{Answered, PendingAnswer, Reply, Verdict};
pub use asked::{Asked, Monitored, NothingAsked};
pub use doubt::{Doubt, ImsiPrefix};
pub use terms::{Apns, Terms};

/// What a sound request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What happened; empty if nothing that matters here. More than one only where one message reports on several
    /// subscribers.
    pub events: SmallVec<[Event; 1]>,
    /// What to answer once the events are durable.
    pub reply: Reply,
    /// What is no longer certain, although nothing is known to have changed.
    pub doubt: Option<Box<Doubt>>,
}

impl Decoded {
    /// An event or none, and the result alone for an answer.
    fn plain(event: Option<Event>) -> Self {
        Self::replying(event, Reply::Plain)
    }

    /// An event or none, and what to answer.
    fn replying(event: Option<Event>, reply: Reply) -> Self {
        Self {
            events: event.into_iter().collect(),
            reply,
            doubt: None,
        }
    }
}

/// Reads a request of any application that is served. `asked` knows what reports may be about; `terms` tell how the peer's
/// requests are to be read.
///
/// # Errors
///
/// 3007 for an application that is not served, and whatever the application finds wrong. The defect is what to answer,
/// at once.
pub fn decode(
    request: &Message<'_>,
    received_at: Timestamp,
    asked: &dyn Asked,
    terms: &Terms,
) -> Result<Decoded, Defect> {
    use super::dict;
    match request.header().application {
        dict::s6a::APPLICATION => s6a::decode(request, received_at),
        dict::s6c::APPLICATION => s6c::decode(request, received_at, terms),
        dict::s6t::APPLICATION | dict::t6a::APPLICATION => s6t::decode(request, received_at, asked),
        dict::accounting::APPLICATION => accounting::decode(request, received_at, terms),
        dict::sh::APPLICATION => sh::decode(request, received_at, asked),
        _ => Err(Defect::new(ResultCode::APPLICATION_UNSUPPORTED)),
    }
}
