//! Why an event is refused, in the words of the contract.

use crate::ingest;
use crate::proto::v1;

/// What is wrong with an event. Names fields, never their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which kind of wrong.
    pub reason: Reason,
    /// What is wrong with which field.
    pub message: String,
}

/// The reasons of `RefusedEvent`. What is refused is counted under the [`ingest::Refusal`] that each becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A field is absent or malformed.
    InvalidArgument,
    /// The subscriber has no identifier.
    MissingIdentifier,
    /// The sequence is not greater than the one before.
    OutOfOrderSequence,
    /// The store does not take it, and would not the next time.
    StoreRefused,
    /// The source has not told all it has again.
    NotResynchronised,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::InvalidArgument,
        Self::MissingIdentifier,
        Self::OutOfOrderSequence,
        Self::StoreRefused,
        Self::NotResynchronised,
    ];

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::MissingIdentifier => "MISSING_IDENTIFIER",
            Self::OutOfOrderSequence => "OUT_OF_ORDER_SEQUENCE",
            Self::StoreRefused => "STORE_REFUSED",
            Self::NotResynchronised => "NOT_RESYNCHRONISED",
        }
    }
}

impl From<Reason> for ingest::Refusal {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::InvalidArgument | Reason::NotResynchronised => Self::Invalid,
            Reason::MissingIdentifier => Self::MissingIdentifier,
            Reason::OutOfOrderSequence => Self::OutOfOrder,
            Reason::StoreRefused => Self::Store,
        }
    }
}

impl Refusal {
    /// A refusal for this reason.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Reason::InvalidArgument, message)
    }

    pub(super) fn into_proto(self, sequence: u64) -> v1::RefusedEvent {
        v1::RefusedEvent {
            sequence,
            reason: self.reason.name().to_owned(),
            message: self.message,
        }
    }
}
