//! What a report or an answer says of what was asked, rather than of a subscriber.

use crate::diameter::apps::Answered;
use crate::domain::{Node, SubscriberIdentifiers};

/// Something that whoever keeps the configurations has to know.
///
/// | in a report | notice |
/// |---|---|
/// | anything, under the reference of a one-time configuration | [`Reported`](Self::Reported) |
/// | Event-Handling SUSPEND | [`Suspended`](Self::Suspended) |
/// | Event-Handling RESUME | [`Resumed`](Self::Resumed) |
/// | Event-Handling CANCEL | [`Cancelled`](Self::Cancelled) |
/// | SCEF-Reference-ID-for-Deletion | [`Cancelled`](Self::Cancelled) of that one |
/// | Service-Report with an error | [`Refused`](Self::Refused) |
/// | RIR-Flags bit 1 | [`AllCancelled`](Self::AllCancelled) |
/// | RIR-Flags bit 2 | [`AuthorisationChanged`](Self::AuthorisationChanged) |
///
/// None of the first four says anything about the subscriber: while nothing is watched, nothing is known, and what was
/// known stands with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A one-time configuration has been reported on: the HSS has forgotten it.
    Reported(u64),
    /// Nothing will be reported for a while.
    Suspended(u64),
    /// Reports come again.
    Resumed(u64),
    /// The configuration is gone.
    Cancelled(u64),
    /// A node cannot do what was asked.
    Refused(u64, Answered),
    /// Every configuration about this subscriber is gone.
    AllCancelled(SubscriberIdentifiers),
    /// What was refused for this subscriber may be allowed now.
    AuthorisationChanged(SubscriberIdentifiers),
    /// An HSS tells its Origin-State-Id: once it has grown, the HSS may have lost what was asked of it (RFC 6733 §8.16).
    State {
        /// Origin-Host.
        host: Node,
        /// Origin-State-Id, not 0.
        state: u32,
    },
    /// An HSS is known in another way to have lost what was asked of it, such as by its Reset-Request on S6a.
    Reset {
        /// Origin-Host.
        host: Node,
    },
}
