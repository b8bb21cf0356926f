//! What answers of S6a/S6d say beyond the result (TS 29.272 §7.2).

use crate::diameter::apps::{Answered, Verdict};
use crate::diameter::codec::MessageBuilder;
use crate::diameter::dict::s6a::{self, pua_flags, ula_flags};
use crate::diameter::dict::tgpp;
use crate::domain::{Effect, Outcome};

/// Which answer a request gets. CLA, AIA, IDA, DSA and RSA are the result alone and have no place here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// ULA, with ULA-Flags.
    UpdateLocation,
    /// PUA, with PUA-Flags for the slots that were purged.
    Purge {
        /// The MME slot.
        mme: bool,
        /// The SGSN slot.
        sgsn: bool,
    },
    /// NOA.
    Notify {
        /// How many changes, the first of the event, tell if the sender is the registered node.
        reports: u8,
    },
}

impl Reply {
    /// A purge succeeds with the PUA-Flags bit of each slot that its node held, so without any for a node that holds none
    /// (TS 29.272 §5.2.1.3.3); a report by one gets DIAMETER_ERROR_UNKNOWN_SERVING_NODE (§5.2.5.1.3).
    pub(in crate::diameter::apps) fn verdict(self, effect: Option<Effect>) -> Verdict {
        match (self, effect) {
            (Self::Notify { reports }, Some(effect)) if is_unknown(reports, effect) => Verdict {
                answered: Answered::Experimental(s6a::UNKNOWN_SERVING_NODE),
                detail: 0,
            },
            (Self::Purge { mme, sgsn }, Some(effect)) => {
                // The halves stand in this order among the event's changes.
                let bit =
                    |slot: bool, place: usize, bit: u32| if slot && effect.stands(place) { bit } else { 0 };
                Verdict {
                    detail: bit(mme, 0, pua_flags::FREEZE_M_TMSI)
                        | bit(sgsn, usize::from(mme), pua_flags::FREEZE_P_TMSI),
                    ..Verdict::SUCCESS
                }
            }
            _ => Verdict::SUCCESS,
        }
    }

    /// Appends what a success answer says beside the result.
    pub(in crate::diameter::apps) fn write(self, answer: &mut MessageBuilder<'_>, verdict: Verdict) {
        if verdict.answered != Verdict::SUCCESS.answered {
            return;
        }
        match self {
            Self::UpdateLocation => {
                answer.avp_u32(&tgpp::ULA_FLAGS, ula_flags::SEPARATION);
            }
            Self::Purge { .. } => {
                answer.avp_u32(&tgpp::PUA_FLAGS, verdict.detail);
            }
            Self::Notify { .. } => {}
        }
    }
}

/// Whether nothing that a node reported is true of it, because another node is the registered one. What else it said,
/// of SMS that it served, does not make it known again.
fn is_unknown(reports: u8, effect: Effect) -> bool {
    let none_stands = (0..reports).all(|place| !effect.stands(place.into()));
    reports > 0 && none_stands && effect.outcome >= Outcome::NotHolder
}
