//! What reports say of what was asked.

use crate::diameter::apps::Answered;
use crate::diameter::apps::s6t::Notice;
use crate::diameter::apps::s6t::cia::Judgement;
use crate::domain::{Aspect, Identifier, MonitoringState, Node, SubscriberIdentifiers, Target, Timestamp};

use super::answers::number;
use super::entry::{NEVER, Seconds, seconds};
use super::{Plan, want};

/// What is over within so many seconds of its beginning is over in haste.
const HASTE: u32 = 10;
/// The longest pause before what keeps being over in haste is asked for again, in seconds.
const LONGEST_PAUSE: u32 = 3600;
/// Members of a group report one after the other. What is one-time is asked for again after that long, in seconds.
const GROUP_PAUSE: u32 = 900;

/// How many entries are looked at in one step when an HSS has lost what it knew.
const STEP: u32 = 2000;

/// A walk over all entries that an HSS answered for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    hss: u8,
    next: u32,
}

impl Plan {
    /// Takes what a report or an answer says of what was asked. Repetition does no harm. Whether anything changed.
    pub fn notice(&mut self, notice: &Notice, now: Timestamp) -> bool {
        let at = seconds(now);
        let before = self.revision;
        if let Notice::Reported(reference) | Notice::Cancelled(reference) | Notice::Refused(reference, _) =
            notice
        {
            self.once.end(*reference);
        }
        match notice {
            Notice::Reported(reference) => {
                self.over(*reference, at, |plan, place| plan.pause_after_report(place))
            }
            Notice::Cancelled(reference) => self.over(*reference, at, |_, _| 0),
            Notice::Suspended(reference) => {
                self.turn(*reference, MonitoringState::Active, MonitoringState::Suspended);
            }
            Notice::Resumed(reference) => {
                self.turn(*reference, MonitoringState::Suspended, MonitoringState::Active);
            }
            Notice::Refused(reference, result) => self.refused(*reference, *result, at),
            Notice::AllCancelled(who) => {
                for place in self.places_of(who) {
                    for aspect in Aspect::ALL {
                        if let Some(reference) = self.part(place, aspect).map(|part| part.reference) {
                            self.over(reference.into(), at, |_, _| 0);
                        }
                    }
                }
            }
            Notice::AuthorisationChanged(who) => {
                for place in self.places_of(who) {
                    for aspect in Aspect::ALL {
                        let failed = |part: &super::Part| part.state == MonitoringState::Failed;
                        if self.part(place, aspect).is_some_and(failed) {
                            self.change(place, aspect, |part| want(part, at));
                        }
                    }
                    self.enqueue(place);
                }
            }
            Notice::State { host, state } => {
                if self.hosts.told(host, *state) {
                    self.walk(host);
                }
            }
            Notice::Reset { host } => {
                if self.hosts.reset(host, now) {
                    self.walk(host);
                }
            }
        }
        self.revision != before
    }

    /// A peer has lost what it knew. One that never answered for anything is none that was asked.
    pub fn restarted(&mut self, peer: &Node, state: u32) {
        if self.hosts.restarted(peer, state) {
            self.walk(peer);
        }
    }

    /// Everything that a host answered for, or may have, is asked for again.
    fn walk(&mut self, host: &Node) {
        let hss = self.hosts.number(host);
        // One that is under way begins anew.
        self.walks.retain(|walk| walk.hss != hss);
        self.walks.push(Walk { hss, next: 0 });
    }

    /// A configuration is over. It is asked for again, the sooner the longer it lasted.
    fn over(&mut self, reference: u64, at: Seconds, least_pause: impl FnOnce(&Self, u32) -> u32) {
        let Some((place, aspect, part)) = self.part_of(reference) else {
            return;
        };
        let number = reference as u32;
        if part.replaced == number {
            self.end_reference(number, at);
            self.change(place, aspect, |part| {
                part.replaced = 0;
                part.expires = 0;
                if part.state == MonitoringState::Renewing {
                    part.state = MonitoringState::Asking;
                }
            });
            return;
        }
        if part.reference != number || self.entry(place).is_none_or(|entry| entry.ending) {
            return;
        }
        let duration = self.settings.map_or(0, |settings| settings.duration);
        let lasted = match part.state {
            MonitoringState::Active | MonitoringState::Suspended => {
                at.saturating_sub(part.expires.saturating_sub(duration))
            }
            _ => 0,
        };
        let hasty = if lasted < HASTE {
            part.hasty.saturating_add(1)
        } else {
            0
        };
        let pause = match hasty {
            0 => 0,
            hasty => 1u32
                .checked_shl(u32::from(hasty) - 1)
                .unwrap_or(LONGEST_PAUSE)
                .min(LONGEST_PAUSE),
        };
        let pause = pause.max(least_pause(self, place));
        self.end_reference(number, at);
        let renewing = part.state == MonitoringState::Renewing;
        self.change(place, aspect, |part| {
            part.reference = 0;
            if !renewing {
                part.expires = 0;
            }
            part.state = MonitoringState::Wanted;
            part.set_result(None);
            part.attempts = 0;
            part.hasty = hasty;
            part.due = at.saturating_add(pause);
        });
        self.enqueue(place);
    }

    fn pause_after_report(&self, place: u32) -> u32 {
        match self.entry(place) {
            Some(entry) if entry.target.is_group() => GROUP_PAUSE,
            _ => 0,
        }
    }

    fn turn(&mut self, reference: u64, from: MonitoringState, to: MonitoringState) {
        if let Some((place, aspect, part)) = self.part_of(reference)
            && part.state == from
        {
            self.change(place, aspect, |part| part.state = to);
        }
    }

    /// A node cannot do what the HSS has taken.
    fn refused(&mut self, reference: u64, result: Answered, at: Seconds) {
        let Some((place, aspect, part)) = self.part_of(reference) else {
            return;
        };
        if u64::from(part.reference) != reference || part.state == MonitoringState::Ending {
            return;
        }
        let result = number_of(result);
        match result {
            (Judgement::Permanent, result) => self.change(place, aspect, |part| {
                part.state = MonitoringState::Failed;
                part.due = NEVER;
                part.set_result(Some(result));
            }),
            (Judgement::Transient, result) => {
                let hasty = part.hasty.saturating_add(1);
                let pause = 1u32.checked_shl(u32::from(hasty) + 1).unwrap_or(LONGEST_PAUSE);
                self.change(place, aspect, |part| {
                    want(part, at.saturating_add(pause.min(LONGEST_PAUSE)));
                    part.hasty = hasty;
                    part.set_result(Some(result));
                });
            }
            (Judgement::Done | Judgement::NothingThere, _) => {}
        }
        self.enqueue(place);
    }

    /// The part that a reference belongs to now.
    fn part_of(&self, reference: u64) -> Option<(u32, Aspect, super::Part)> {
        let number = u32::try_from(reference).ok().filter(|number| *number != 0)?;
        let owner = self.references.owner(number)?;
        let aspect = owner.aspect()?;
        let part = *self.part(owner.place(), aspect)?;
        (part.reference == number || part.replaced == number).then_some((owner.place(), aspect, part))
    }

    /// The targets that a subscriber is watched as.
    fn places_of(&self, who: &SubscriberIdentifiers) -> Vec<u32> {
        let msisdn = who.msisdn().map(Identifier::Msisdn);
        let external = who.external().cloned().map(Identifier::External);
        msisdn
            .iter()
            .chain(&external)
            .filter_map(Target::of)
            .filter_map(|target| self.find(&target))
            .collect()
    }

    pub(super) fn is_renewing_what_was_lost(&self) -> bool {
        !self.walks.is_empty()
    }

    /// Asks again for what an HSS may have lost: one step of the walk over everything that it answered for, or may have.
    pub(super) fn renew_what_was_lost(&mut self, at: Seconds) {
        let Some(walk) = self.walks.last().copied() else {
            return;
        };
        let end = walk.next.saturating_add(STEP);
        for place in walk.next..end {
            let Some(entry) = self.entry(place) else { continue };
            if entry.ending || entry.hss != 0 && entry.hss != walk.hss {
                continue;
            }
            for aspect in Aspect::ALL {
                let held = |part: &super::Part| {
                    matches!(part.state, MonitoringState::Active | MonitoringState::Suspended)
                };
                if self.part(place, aspect).is_some_and(held) {
                    self.change(place, aspect, |part| part.due = at);
                }
            }
            self.enqueue(place);
        }
        self.walks.pop();
        if (end as usize) < self.entries.len() {
            self.walks.push(Walk { next: end, ..walk });
        }
    }
}

fn number_of(result: Answered) -> (Judgement, crate::domain::NetworkResult) {
    (Judgement::of(result), number(result))
}
