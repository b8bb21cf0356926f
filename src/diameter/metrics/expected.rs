//! The series that are to be expected of a configured peer, all at zero from the start: a rate sees the first failure
//! only if the series was there before.

use std::sync::Arc;

use metrics::{counter, histogram};

use super::commands::COMMANDS;
use super::connections::{CONNECT_CAUSES, EndCounter, RefusalCause, side};
use super::messages::{Direction, Outcome, bytes, defects, messages};
use super::names::{CLOSED, CONNECT_FAILURES, OPENED, REFUSED, WATCHDOG_SECONDS};
use crate::diameter::codec::ResultCode;
use crate::diameter::config::{Initiate, PeerConfig};
use crate::diameter::dict::base;
use crate::diameter::peer::fsm::Side;
use crate::diameter::transport::phase::CloseReason;

/// What this node answers a request with that is at fault, or that it cannot serve.
const DEFECT_CODES: [ResultCode; 16] = [
    ResultCode::COMMAND_UNSUPPORTED,
    ResultCode::UNABLE_TO_DELIVER,
    ResultCode::REALM_NOT_SERVED,
    ResultCode::TOO_BUSY,
    ResultCode::LOOP_DETECTED,
    ResultCode::APPLICATION_UNSUPPORTED,
    ResultCode::INVALID_HDR_BITS,
    ResultCode::INVALID_AVP_BITS,
    ResultCode::AVP_UNSUPPORTED,
    ResultCode::INVALID_AVP_VALUE,
    ResultCode::MISSING_AVP,
    ResultCode::AVP_NOT_ALLOWED,
    ResultCode::AVP_OCCURS_TOO_MANY_TIMES,
    ResultCode::UNABLE_TO_COMPLY,
    ResultCode::INVALID_AVP_LENGTH,
    ResultCode::INVALID_MESSAGE_LENGTH,
];

/// Registers what is to be expected of a configured peer that may use these applications.
pub(crate) fn expect_peer(peer: &Arc<str>, applications: &[u32], config: &PeerConfig) {
    // No handle is kept: to be registered is enough.
    let may_use = |id: &u32| *id == base::APPLICATION || applications.contains(id);
    for command in COMMANDS
        .iter()
        .filter(|command| command.applications.iter().any(may_use))
    {
        for way in command.asked {
            let _ = messages(peer, command.name, *way, Outcome::Request);
            for outcome in Outcome::ALL {
                // The base protocol has no results of others.
                let fits = match outcome {
                    Outcome::Request | Outcome::Other => false,
                    Outcome::Experimental => !command.applications.contains(&base::APPLICATION),
                    _ => true,
                };
                if fits {
                    let _ = messages(peer, command.name, way.other(), outcome);
                }
            }
        }
    }
    for code in DEFECT_CODES {
        let _ = defects(peer, code.0);
    }
    for way in Direction::ALL {
        let _ = bytes(peer, way);
    }
    let _ = histogram!(WATCHDOG_SECONDS, "peer" => Arc::clone(peer));
    for reason in CloseReason::LABELS.into_iter().chain([EndCounter::ABORTED]) {
        let _ = counter!(CLOSED, "peer" => Arc::clone(peer), "reason" => reason);
    }
    let opened = |who| {
        let _ = counter!(OPENED, "peer" => Arc::clone(peer), "side" => side(who));
    };
    if config.initiator() != Initiate::Us {
        opened(Side::Responder);
    }
    if config.dials().is_some() {
        opened(Side::Initiator);
        for cause in CONNECT_CAUSES {
            let _ = counter!(CONNECT_FAILURES, "peer" => Arc::clone(peer), "cause" => cause);
        }
    }
}

/// Registers what is to be expected of strangers.
pub(crate) fn expect_refusals() {
    for cause in RefusalCause::ALL {
        let _ = counter!(REFUSED, "cause" => cause.label());
    }
}
