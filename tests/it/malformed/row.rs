//! One row of the table: what is sent, on what connection, and what has to come of it.

use crate::support::wire::{Message, code};

/// The Hop-by-Hop Identifier of what a row sends.
pub(super) const HOP_BY_HOP: u32 = 0x00ab_cdef;

/// A row.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) sent: Sent,
    pub(super) outcome: Outcome,
}

/// Octets, and where they go.
pub(super) struct Sent {
    pub(super) to: To,
    pub(super) octets: Vec<u8>,
    /// Each octet in a segment of its own.
    pub(super) one_by_one: bool,
}

/// The connection that a row is played on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// Open, with a peer that hands over copies.
    Copies,
    /// Open, with a peer whose requests are addressed to us.
    Endpoint,
    /// Fresh: nothing was said yet.
    Fresh,
}

/// What comes of a row.
pub(super) struct Outcome {
    pub(super) answer: Option<Answer>,
    pub(super) then: Then,
    pub(super) counted: Counted,
    /// It takes a timer.
    pub(super) slow: bool,
}

/// What an answer must say.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) result: u32,
    /// Code and vendor of the AVP in Failed-AVP.
    pub(super) failed: Option<(u32, u32)>,
    /// Whether it takes the error form though its result does not ask for it: only the header could be read.
    pub(super) header_only: bool,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    ServesOn,
    Ends,
}

/// Where operators see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// `reachd_diameter_defects_total`, by Result-Code.
    Defect(u32),
    /// `reachd_diameter_connections_closed_total`, by reason.
    Closed(&'static str),
    /// `reachd_diameter_connections_refused_total`, by cause.
    Refused(&'static str),
    /// `reachd_diameter_messages_total`, by direction, command and result.
    Message(&'static str, &'static str, &'static str),
}

impl Answer {
    /// Fails unless the message is this answer.
    #[track_caller]
    pub(super) fn assert_is(&self, message: &Message) {
        assert_eq!(message.hop_by_hop, HOP_BY_HOP, "{message:#?}");
        assert_eq!(message.result_code(), Some(self.result), "{message:#?}");
        let error_form = self.header_only || self.result / 1000 == 3;
        assert_eq!(message.is_error(), error_form, "the E bit: {message:#?}");
        let failed = message.find(code::FAILED_AVP).map(|_| message.failed_avp());
        assert_eq!(
            failed.as_ref().map(|failed| (failed.code, failed.vendor)),
            self.failed,
            "Failed-AVP: {message:#?}"
        );
        assert!(
            failed.is_none_or(|failed| failed.data.len() <= 256),
            "Failed-AVP does not grow with the attack"
        );
    }
}

// === What comes of a row, in words ===

/// Answered with an error; the connection serves on.
pub(super) fn refused(result: u32, failed: impl Into<Option<(u32, u32)>>) -> Outcome {
    Outcome {
        answer: Some(Answer {
            result,
            failed: failed.into(),
            header_only: false,
        }),
        then: Then::ServesOn,
        counted: Counted::Defect(result),
        slow: false,
    }
}

/// Nothing is found wrong.
pub(super) fn success(command: &'static str) -> Outcome {
    Outcome {
        counted: Counted::Message("out", command, "success"),
        ..refused(2001, None)
    }
}

/// Neither answered nor taken amiss.
pub(super) fn passed_over(command: &'static str, result: &'static str) -> Outcome {
    Outcome {
        answer: None,
        counted: Counted::Message("in", command, result),
        ..refused(0, None)
    }
}

/// The boundaries are lost: answered if the header could be read, and the connection ends.
pub(super) fn lost(result: impl Into<Option<u32>>) -> Outcome {
    let result = result.into();
    Outcome {
        answer: result.map(|result| Answer {
            result,
            failed: None,
            header_only: true,
        }),
        then: Then::Ends,
        counted: Counted::Closed("framing"),
        slow: false,
    }
}

/// The connection ends without a word, after a while.
pub(super) fn given_up(counted: Counted) -> Outcome {
    Outcome {
        answer: None,
        then: Then::Ends,
        counted,
        slow: true,
    }
}

/// Before the connection opened: it ends without a word.
pub(super) fn cut_off(cause: &'static str) -> Outcome {
    Outcome {
        answer: None,
        then: Then::Ends,
        counted: Counted::Refused(cause),
        slow: false,
    }
}

/// Before the connection opened: answered, and it ends.
pub(super) fn turned_away(
    result: u32,
    failed: impl Into<Option<(u32, u32)>>,
    cause: &'static str,
) -> Outcome {
    Outcome {
        then: Then::Ends,
        counted: Counted::Refused(cause),
        ..refused(result, failed)
    }
}
