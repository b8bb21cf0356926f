//! Why a request of our own has no answer.

use super::LONGEST;
use crate::diameter::codec::Defect;

/// Why a request of our own has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It never left: until its deadline there was no peer that could take it.
    #[error("no Diameter peer takes this request")]
    NoPeer,
    /// It never left: too many requests waited, or those peers that could take it had no room until its deadline.
    #[error("too many Diameter requests are under way")]
    Congested,
    /// It was sent, once or more often, and nobody answered before its deadline. Whether it was acted upon is unknown.
    #[error("the Diameter request was not answered in time")]
    Unanswered,
    /// It was answered, but the answer breaks the protocol: its structure, an unknown AVP with M, another session, or no
    /// result. The transaction has failed (RFC 6733 §4.1).
    #[error("the answer to the Diameter request is unusable: {0}")]
    Unusable(Defect),
    /// It is longer than [`LONGEST`](super::LONGEST) octets.
    #[error("the Diameter request is longer than {LONGEST} octets")]
    TooLong,
    /// The node stops.
    #[error("the Diameter node is stopping")]
    Stopped,
}
