//! Questions that are asked once, for somebody who waits: how a device is now.
//!
//! They need references like everything that is asked, but nothing of them is stored: numbers are set aside in blocks, which
//! is durable before the first of a block is given, and after a restart what was given before belongs to nobody.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use smallvec::SmallVec;

use crate::diameter::apps::Monitored;
use crate::diameter::apps::s6t::Notice;
use crate::diameter::apps::s6t::cia::Judgement;
use crate::diameter::apps::s6t::cir::{Configuration, Question};
use crate::domain::{Aspect, Target, Timestamp};

use super::entry::{Seconds, seconds};
use super::{LATE, Outcome, Plan};

/// How long the network may still report what was asked once, in seconds. Much longer than anybody waits, because the
/// network reads it as a time of day, by its own clock.
pub const LIFE: u32 = 300;

/// What is asked: how the device is reached now. An answer tells it at once if it is.
const ASPECTS: [Aspect; 2] = [Aspect::Data, Aspect::Sms];

/// Numbers that are set aside at a time. Half of them used up, the next are.
const BLOCK: u64 = 1024;

/// References that may be open at a time; each takes some 100 octets.
const MOST: usize = 1 << 18;

/// Why a question cannot be asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotYet {
    /// Once the change of that number is durable, it can.
    After(u64),
    /// Too much is open.
    Full,
    /// Nothing is asked here, or what was asked is not known yet.
    Closed,
}

/// What is asked once.
#[derive(Debug, Default)]
pub(super) struct Once {
    /// Numbers that nobody was given, and durably nobody else will be.
    free: VecDeque<Range<u64>>,
    /// Numbers that are free once the change of that number is durable.
    coming: Option<(u64, Range<u64>)>,
    open: HashMap<u32, (Target, Aspect)>,
    /// When open ones end, in that order; what has ended before stands there for a while.
    ends: VecDeque<(Seconds, u32)>,
    /// Numbers that were given one after the other, and until when a late report under them is understood: one place for each
    /// block that was begun within that time.
    given: VecDeque<(Range<u64>, Seconds)>,
}

impl Once {
    /// What a reference stands for.
    pub(super) fn monitored(&self, reference: u64) -> Monitored {
        let Ok(number) = u32::try_from(reference) else {
            return Monitored::Unknown;
        };
        let once = |(target, aspect): &(Target, Aspect)| Some(Monitored::Once(target.subscriber()?, *aspect));
        if let Some(open) = self.open.get(&number).and_then(once) {
            return open;
        }
        // The newest of the numbers that look so on the wire.
        let newest = self.given.back().map_or(0, |(numbers, _)| numbers.end);
        let back = (newest as u32).wrapping_sub(number);
        let Some(number) = newest.checked_sub(u64::from(back)) else {
            return Monitored::Unknown;
        };
        let place = self.given.partition_point(|(numbers, _)| numbers.end <= number);
        match self.given.get(place) {
            Some((numbers, _)) if numbers.contains(&number) => Monitored::Ended,
            _ => Monitored::Unknown,
        }
    }

    /// Nothing more is expected under a reference.
    pub(super) fn end(&mut self, reference: u64) {
        if let Ok(number) = u32::try_from(reference) {
            self.open.remove(&number);
        }
    }

    /// Nothing about a target is expected any more.
    pub(super) fn forget(&mut self, target: &Target) {
        self.open.retain(|_, (of, _)| of != target);
    }

    /// Ends what has lasted long enough, and forgets what no report can be late for any more.
    pub(super) fn pass(&mut self, at: Seconds) {
        while let Some((end, number)) = self.ends.front()
            && (*end <= at || !self.open.contains_key(number))
        {
            self.open.remove(number);
            self.ends.pop_front();
        }
        // Behind one that stays open any number may have ended since.
        if self.ends.len() > 2 * self.open.len() + 1024 {
            let open = &self.open;
            self.ends.retain(|(_, number)| open.contains_key(number));
        }
        while self.given.front().is_some_and(|(_, until)| *until <= at) {
            self.given.pop_front();
        }
    }

    /// A change is durable, and everything before it.
    pub(super) fn saved(&mut self, revision: u64) {
        if let Some((_, numbers)) = self.coming.take_if(|(change, _)| *change <= revision) {
            self.free.push_back(numbers);
        }
    }

    fn left(&self) -> u64 {
        self.free.iter().map(|numbers| numbers.end - numbers.start).sum()
    }

    /// A number that was never given, as far as anyone can remember.
    fn give(&mut self, at: Seconds) -> Option<u32> {
        loop {
            let numbers = self.free.front_mut()?;
            let Some(number) = numbers.next() else {
                self.free.pop_front();
                continue;
            };
            // 0 stands for none.
            if number as u32 == 0 {
                continue;
            }
            let until = at.saturating_add(LIFE + LATE);
            match self.given.back_mut() {
                Some((given, last)) if given.end == number && given.end - given.start < BLOCK => {
                    given.end += 1;
                    *last = until;
                }
                _ => self.given.push_back((number..number + 1, until)),
            }
            return Some(number as u32);
        }
    }
}

impl Plan {
    /// What to ask, to be told how a device is now. May be sent at once.
    ///
    /// # Errors
    /// See [`NotYet`].
    pub fn ask_once(&mut self, target: &Target, now: Timestamp) -> Result<Question, NotYet> {
        if self.settings.is_none() || !self.is_loaded() {
            return Err(NotYet::Closed);
        }
        let at = seconds(now);
        self.once.pass(at);
        let left = self.once.left();
        if left <= BLOCK / 2 && self.once.coming.is_none() {
            let numbers = self.references.set_aside(BLOCK);
            self.set_aside = true;
            self.revision += 1;
            self.once.coming = Some((self.revision, numbers));
        }
        // One of them may be 0.
        if left <= ASPECTS.len() as u64
            && let Some((revision, _)) = self.once.coming
        {
            return Err(NotYet::After(revision));
        }
        if self.once.open.len() + ASPECTS.len() > MOST {
            return Err(NotYet::Full);
        }
        let until = at.saturating_add(LIFE);
        let mut begin = SmallVec::new();
        for aspect in ASPECTS {
            let reference = self.once.give(at).ok_or(NotYet::Full)?;
            self.once.open.insert(reference, (target.clone(), aspect));
            self.once.ends.push_back((until, reference));
            begin.push(Configuration {
                aspect,
                reference,
                replaces: SmallVec::new(),
                until: until.into(),
                once: true,
            });
        }
        Ok(Question {
            target: target.clone(),
            begin,
            end: SmallVec::new(),
        })
    }

    /// Takes what came of a question. What the network may have kept of it stays open until it ends by itself.
    pub fn answered_once(
        &mut self,
        question: &Question,
        outcome: &Outcome,
        notices: &[Notice],
        now: Timestamp,
    ) {
        let references = || question.begin.iter().map(|asked| u64::from(asked.reference));
        match outcome {
            Outcome::Unanswered => {}
            Outcome::NoPeer => references().for_each(|reference| self.once.end(reference)),
            Outcome::Answered { result, refused, .. } => {
                if Judgement::of(*result) == Judgement::Done {
                    for (reference, _) in refused {
                        self.once.end((*reference).into());
                    }
                } else {
                    references().for_each(|reference| self.once.end(reference));
                }
            }
        }
        for notice in notices {
            self.notice(notice, now);
        }
    }

    /// How many references take room, ended ones included.
    #[cfg(test)]
    pub(super) fn once_places(&self) -> usize {
        self.once.open.len().max(self.once.ends.len())
    }

    /// Everything up to that change is durable.
    pub fn saved(&mut self, revision: u64) {
        self.once.saved(revision);
    }

    /// What comes late about a target that was asked about once is nobody's.
    pub fn forget_once(&mut self, target: &Target) {
        self.once.forget(target);
    }
}
