//! Addresses that a session gives a subscriber for as long as it lasts.

use super::{Node, SessionAddress, Timestamp};

/// A session got or lost an address, at the time of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpChange {
    /// Which address.
    pub address: SessionAddress,
    /// Which session: the node under which it is registered in [`Slot::Session`](super::Slot::Session).
    pub session: Node,
    /// Got or lost.
    pub kind: IpChangeKind,
}

/// What happened to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpChangeKind {
    /// The session has it, from then on or since before.
    Started,
    /// The session has it no longer.
    Ended,
}

/// All that is known of one session's hold on one address: the newest of each, so that facts join in any order.
///
/// The session has the address in the half-open interval from the one to the other. Of several sessions with one
/// address the one that started last has it, even after its end: the earlier ones lost it when the later one began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IpFacts {
    /// Newest time at which the session had it.
    pub started_at: Option<Timestamp>,
    /// Newest time at which the session let it go.
    pub ended_at: Option<Timestamp>,
}

impl IpFacts {
    /// The facts of one change.
    pub fn of(kind: IpChangeKind, at: Timestamp) -> Self {
        match kind {
            IpChangeKind::Started => Self {
                started_at: Some(at),
                ended_at: None,
            },
            IpChangeKind::Ended => Self {
                started_at: None,
                ended_at: Some(at),
            },
        }
    }

    /// Takes the newest of each. Commutative, associative, and joining twice is joining once.
    pub fn join(&mut self, other: &Self) {
        self.started_at = self.started_at.max(other.started_at);
        self.ended_at = self.ended_at.max(other.ended_at);
    }
}
