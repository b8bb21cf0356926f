//! What came of a question.

use smallvec::SmallVec;

use crate::diameter::apps::Answered;
use crate::diameter::apps::s6t::cia::Judgement;
use crate::diameter::apps::s6t::cir::Configuration;
use crate::diameter::codec::ResultCode;
use crate::domain::{Aspect, MonitoringState, NetworkResult, Node, Timestamp};

use super::entry::{NEVER, Seconds, seconds};
use super::{Ask, Plan};

/// The pauses of a part that fails again and again: they double from the first to the longest, in seconds.
const FIRST_RETRY: u32 = 5;
const LONGEST_RETRY: u32 = 900;

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer.
    Answered {
        /// Who gave it.
        host: Option<Node>,
        /// Its result.
        result: Answered,
        /// References that were refused although the whole was not.
        refused: SmallVec<[(u32, Answered); 3]>,
    },
    /// It left, and no answer that can be used came in time. The HSS may have acted upon it.
    Unanswered,
    /// It never left.
    NoPeer,
}

/// What is made of one part.
enum Fate {
    Done,
    NothingThere,
    /// Later; with the result, if there was one.
    Later(Option<NetworkResult>),
    /// As soon as anybody can be asked: it is not this target's fault.
    Again,
    Refused(NetworkResult),
}

impl Plan {
    /// Takes what came of a question. Whatever has changed about the target meanwhile is respected.
    pub fn answered(&mut self, ask: &Ask, outcome: &Outcome, now: Timestamp) {
        let at = seconds(now);
        let place = ask.place;
        self.under_way = self.under_way.saturating_sub(1);
        match outcome {
            Outcome::Answered {
                result: Answered::Base(ResultCode::TOO_BUSY),
                ..
            }
            | Outcome::NoPeer => self.pause.begin(now),
            Outcome::Answered { .. } => self.pause.end(),
            Outcome::Unanswered => {}
        }
        let answered_by = match outcome {
            Outcome::Answered { host: Some(host), .. } => Some(self.hosts.number(host)),
            _ => None,
        };
        let Some(entry) = self.entry_mut(place) else {
            return;
        };
        entry.asked = false;
        entry.hss = answered_by.unwrap_or(entry.hss);
        for configuration in &ask.question.begin {
            self.settle(place, configuration, &fate(outcome, configuration.reference), at);
        }
        if !ask.question.end.is_empty() {
            self.settle_end(ask, outcome, at);
        }
        self.enqueue(place);
    }

    fn settle(&mut self, place: u32, asked: &Configuration, fate: &Fate, at: Seconds) {
        let aspect = asked.aspect;
        let Some(part) = self.part(place, aspect).copied() else {
            return;
        };
        if matches!(fate, Fate::Done | Fate::NothingThere) && asked.replaces.contains(&part.replaced) {
            self.end_reference(part.replaced, at);
            self.change(place, aspect, |part| part.replaced = 0);
        }
        let waits = matches!(part.state, MonitoringState::Asking | MonitoringState::Renewing);
        if part.reference != asked.reference || !waits {
            // It was reported, cancelled or ended before the answer came. An end takes the reference with it.
            if matches!(fate, Fate::Done) && part.reference == asked.reference {
                let until = Seconds::try_from(asked.until).unwrap_or(NEVER);
                self.change(place, aspect, |part| part.expires = until);
            }
            return;
        }
        match fate {
            Fate::Done => {
                let until = Seconds::try_from(asked.until).unwrap_or(NEVER);
                self.change(place, aspect, |part| {
                    part.state = MonitoringState::Active;
                    part.expires = until;
                    part.attempts = 0;
                    part.set_result(None);
                });
                let due = self.renewal_of(place, aspect);
                self.change(place, aspect, |part| part.due = due);
            }
            Fate::NothingThere => self.change(place, aspect, |part| {
                part.state = MonitoringState::Asking;
                part.expires = 0;
                // The first time at once: without what is to be replaced it may well succeed.
                part.due = if part.attempts == 0 {
                    at
                } else {
                    at.saturating_add(backoff(part.attempts))
                };
                part.attempts = part.attempts.saturating_add(1);
            }),
            Fate::Later(result) => {
                let result = *result;
                self.change(place, aspect, |part| {
                    part.attempts = part.attempts.saturating_add(1);
                    part.due = at.saturating_add(backoff(part.attempts));
                    part.set_result(result);
                });
            }
            Fate::Again => self.change(place, aspect, |part| part.due = at),
            Fate::Refused(result) => {
                let result = Some(*result);
                self.end_reference(part.reference, at);
                self.change(place, aspect, |part| {
                    part.state = MonitoringState::Failed;
                    // What was to be replaced stands until it ends by itself.
                    part.reference = part.replaced;
                    part.replaced = 0;
                    part.due = NEVER;
                    part.set_result(result);
                });
            }
        }
    }

    /// An end that was done, or that the HSS knows nothing of, is the end of the target. Anything else is tried again until
    /// everything has ended by itself.
    fn settle_end(&mut self, ask: &Ask, outcome: &Outcome, at: Seconds) {
        let place = ask.place;
        let fate = fate(outcome, 0);
        let over = matches!(fate, Fate::Done | Fate::NothingThere | Fate::Refused(_));
        let Some(ending) = self.entry(place).map(|entry| entry.ending) else {
            return;
        };
        if ending && over {
            return self.drop_entry(place, at);
        }
        for aspect in Aspect::ALL {
            let ended = |part: &super::Part| ask.question.end.contains(&part.reference);
            if over {
                // Wanted again meanwhile: from the beginning.
                if let Some(part) = self.part(place, aspect).copied()
                    && ended(&part)
                {
                    self.end_reference(part.reference, at);
                    self.end_reference(part.replaced, at);
                    self.change(place, aspect, |part| *part = super::Part::wanted(at));
                }
            } else {
                let again = matches!(fate, Fate::Again);
                self.change(place, aspect, |part| {
                    if ending {
                        // One that is asked for again after this must not be taken for certain.
                        part.attempts = part.attempts.saturating_add(1);
                        part.due = if again {
                            at
                        } else {
                            at.saturating_add(backoff(part.attempts))
                        };
                    }
                });
            }
        }
    }
}

fn backoff(attempts: u8) -> u32 {
    let doublings = u32::from(attempts.saturating_sub(1)).min(16);
    FIRST_RETRY.saturating_mul(1 << doublings).min(LONGEST_RETRY)
}

/// What an outcome means for one reference.
fn fate(outcome: &Outcome, reference: u32) -> Fate {
    match outcome {
        Outcome::NoPeer => Fate::Again,
        Outcome::Unanswered => Fate::Later(None),
        Outcome::Answered { result, refused, .. } => {
            let own = refused.iter().find(|(of, _)| *of == reference);
            let result = match own {
                _ if *result == Answered::Base(ResultCode::TOO_BUSY) => return Fate::Again,
                // What the whole was refused for outweighs what was taken.
                Some((_, own)) if Judgement::of(*result) == Judgement::Done => *own,
                _ => *result,
            };
            match Judgement::of(result) {
                Judgement::Done => Fate::Done,
                Judgement::NothingThere => Fate::NothingThere,
                Judgement::Transient => Fate::Later(Some(number(result))),
                Judgement::Permanent => Fate::Refused(number(result)),
            }
        }
    }
}

/// A result as a number.
pub(super) fn number(result: Answered) -> NetworkResult {
    match result {
        Answered::Base(code) => NetworkResult {
            vendor: 0,
            code: code.0,
        },
        Answered::Experimental(result) => NetworkResult {
            vendor: result.vendor,
            code: result.code,
        },
    }
}
