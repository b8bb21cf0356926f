//! What a Push-Notification-Answer says (TS 29.329 §6.1.8).

use crate::diameter::apps::{Answered, Verdict};
use crate::diameter::codec::ExperimentalResult;
use crate::domain::SubscriberIdentifiers;

/// Which result a Push-Notification-Request gets once what it told is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// DIAMETER_SUCCESS.
    Taken {
        /// Whose subscription to reachability the notification used up.
        used_up: Option<Box<SubscriberIdentifiers>>,
    },
    /// Nothing was taken of it, for a reason that only Sh has a number for.
    Refused(ExperimentalResult),
}

impl Reply {
    /// The result, which no effect changes.
    pub(in crate::diameter::apps) fn verdict(&self) -> Verdict {
        match self {
            Self::Taken { .. } => Verdict::SUCCESS,
            Self::Refused(result) => Verdict {
                answered: Answered::Experimental(*result),
                detail: 0,
            },
        }
    }
}
