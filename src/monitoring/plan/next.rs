//! The next question.

use std::time::Duration;

use smallvec::SmallVec;

use crate::diameter::apps::s6t::cir::{Configuration, Question};
use crate::domain::{Aspect, MonitoringState, Timestamp};

use super::entry::{NEVER, Seconds, seconds, timestamp};
use super::references::Owner;
use super::{Plan, Settings};

/// Renewals that are due within so many seconds travel with what is due now, unless the margin is short.
const COMPANY: u32 = 60;

/// A question to be sent once what has changed is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Of whom.
    pub(super) place: u32,
    /// What to send.
    pub question: Question,
}

impl Plan {
    /// What to ask now; `None` if nothing is due or allowed.
    pub fn next(&mut self, now: Timestamp) -> Option<Ask> {
        let settings = self.settings.filter(|_| self.is_loaded())?;
        let at = seconds(now);
        self.references.forget(at);
        self.once.pass(at);
        self.renew_what_was_lost(at);
        loop {
            if self.under_way >= settings.in_flight
                || self.pause.until(now).is_some()
                || !self.budget.allows(now)
            {
                return None;
            }
            let (due, place) = *self.queue.first()?;
            if due > at {
                return None;
            }
            self.unqueue(place);
            if let Some(question) = self.question(place, at, &settings) {
                self.budget.spend();
                self.under_way += 1;
                if let Some(entry) = self.entry_mut(place) {
                    entry.asked = true;
                }
                return Some(Ask { place, question });
            }
            self.enqueue(place);
        }
    }

    /// When [`Self::next`] may have something; `None` if only an answer or a change can bring that about.
    pub fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let settings = self.settings.filter(|_| self.is_loaded())?;
        if self.under_way >= settings.in_flight {
            return None;
        }
        if self.is_renewing_what_was_lost() {
            return Some(now.plus(Duration::from_millis(1)));
        }
        let (due, _) = self.queue.first()?;
        let due = timestamp(*due).unwrap_or(now);
        let allowed = self.budget.next_at(now);
        let paused = self.pause.until(now).unwrap_or(now);
        Some(due.max(allowed).max(paused))
    }

    /// What is to be asked about an entry, if there is anything.
    fn question(&mut self, place: u32, at: Seconds, settings: &Settings) -> Option<Question> {
        let entry = self.entry(place)?;
        let target = entry.target.clone();
        if entry.ending {
            let end = self.to_be_ended(place, at);
            if end.is_empty() {
                self.drop_entry(place, at);
                return None;
            }
            return Some(Question {
                target,
                begin: SmallVec::new(),
                end,
            });
        }
        let until = at.saturating_add(settings.duration);
        let company = COMPANY.min(settings.renew_before / 4);
        let mut begin = SmallVec::new();
        for aspect in Aspect::ALL {
            let is_due = self.part(place, aspect).is_some_and(|part| {
                part.due <= at
                    || part.state == MonitoringState::Active && part.due <= at.saturating_add(company)
            });
            if is_due && let Some(configuration) = self.configuration(place, aspect, at, until) {
                begin.push(configuration);
            }
        }
        (!begin.is_empty()).then_some(Question {
            target,
            begin,
            end: SmallVec::new(),
        })
    }

    /// Every reference that the HSS may hold.
    fn to_be_ended(&self, place: u32, at: Seconds) -> SmallVec<[u32; 3]> {
        let Some(entry) = self.entry(place) else {
            return SmallVec::new();
        };
        let may_be_held = |part: &&super::Part| part.expires == 0 || part.is_held(at);
        entry
            .parts
            .iter()
            .filter(may_be_held)
            .flat_map(|part| [part.reference, part.replaced])
            .filter(|reference| *reference != 0)
            .collect()
    }

    fn configuration(
        &mut self,
        place: u32,
        aspect: Aspect,
        at: Seconds,
        until: Seconds,
    ) -> Option<Configuration> {
        let part = *self.part(place, aspect)?;
        // What has ended by itself needs no replacement.
        let lapsed = part.expires != 0 && !part.is_held(at);
        let (state, over, replaced, is_new) = match part.state {
            MonitoringState::Wanted if lapsed => (MonitoringState::Asking, part.replaced, 0, true),
            MonitoringState::Wanted => (MonitoringState::Asking, 0, part.replaced, true),
            MonitoringState::Active | MonitoringState::Suspended if lapsed => {
                (MonitoringState::Asking, part.reference, 0, true)
            }
            MonitoringState::Active | MonitoringState::Suspended => {
                (MonitoringState::Renewing, 0, part.reference, true)
            }
            MonitoringState::Asking | MonitoringState::Renewing if lapsed => {
                (MonitoringState::Asking, part.replaced, 0, false)
            }
            MonitoringState::Asking | MonitoringState::Renewing => (part.state, 0, part.replaced, false),
            MonitoringState::Failed | MonitoringState::Ending => {
                self.change(place, aspect, |part| part.due = NEVER);
                return None;
            }
        };
        self.end_reference(over, at);
        let reference = if is_new {
            self.references.give(Owner::new(place, aspect))
        } else {
            part.reference
        };
        self.change(place, aspect, |part| {
            part.state = state;
            part.reference = reference;
            part.replaced = replaced;
            if lapsed {
                part.expires = 0;
            }
        });
        Some(Configuration {
            aspect,
            reference,
            replaces: Some(replaced)
                .filter(|replaced| *replaced != 0)
                .into_iter()
                .collect(),
            until: until.into(),
            once: false,
        })
    }
}
