//! What to ask the network next: a value without clock, socket or store.
//!
//! ```text
//!            add                    next                    answered: taken
//!  (nothing) ───> Wanted ───────────────────> Asking ───────────────────────────> Active ──> Suspended
//!                   ▲                           │  └─ refused for good ─> Failed    │  ▲        │
//!                   │                           └─ later, once more: Asking         │  └────────┘
//!                   └────────── reported once, cancelled, HSS lost it ──────────────┤
//!                                                                    due for renewal│
//!            remove                     next              answered                  ▼
//!  any state ───> Ending ──────────────────────────────> (nothing)              Renewing ── taken ──> Active
//! ```
//!
//! Whoever drives it takes [`Plan::next`] as long as there is something, makes what [`Plan::take_dirty`] gives durable, and
//! only then sends: a reference is known durably before the network hears of it, so that nothing it reports is unknown
//! here, whatever crashes. An answer comes back by [`Plan::answered`], what reports say of configurations by
//! [`Plan::notice`].
//!
//! All aspects of a target that are due travel in one question. A target never has two questions under way.
//!
//! Memory: 170 to 190 octets for each target with three references (measured with a million), most of them in
//! `Entry`.

mod answers;
mod census;
mod entry;
mod next;
mod notices;
mod once;
mod references;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::diameter::apps::Monitored;
use crate::domain::{Aspect, MonitoringState, Target, Timestamp};
use crate::pace::{Budget, Hosts, Pause};

use census::Counts;
use entry::{Entry, NEVER, Part, Seconds, seconds};
use notices::Walk;
use once::Once;
use references::{Owner, References};

pub use answers::Outcome;
pub use census::{Census, PartStatus};
pub use next::Ask;
pub use once::{LIFE, NotYet};

/// A late report under a reference that is over is understood for so long, in seconds.
pub const LATE: u32 = 3600;

/// How much to ask, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a configuration lasts, in seconds.
    pub duration: u32,
    /// How long before its end it is renewed, in seconds.
    pub renew_before: u32,
    /// Questions in any second.
    pub rate: u32,
    /// Questions under way at a time.
    pub in_flight: usize,
}

/// What came of adding a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It was not there.
    New,
    /// It was there; what was refused or to be ended is asked for again.
    Again,
    /// It was there.
    Unchanged,
    /// There is no room for more targets.
    Full,
}

/// Everything that is to be watched, and how far that has come.
#[derive(Debug)]
pub struct Plan {
    /// `None`: nothing is asked here.
    settings: Option<Settings>,
    entries: Vec<Option<Entry>>,
    /// Free places among the entries, and from when on they may be used again: references of who was there before may
    /// still be reported under until then.
    free: VecDeque<(Seconds, u32)>,
    by_target: HashTable<u32>,
    hasher: DefaultHashBuilder,
    references: References,
    once: Once,
    /// Numbers were set aside, which is not durable yet.
    set_aside: bool,
    /// When something is to be done about whom. Whoever is asked about is not in it.
    queue: BTreeSet<(Seconds, u32)>,
    budget: Budget,
    pause: Pause,
    under_way: usize,
    dirty: Vec<u32>,
    removed: Vec<Target>,
    /// Counts every change that has to become durable.
    revision: u64,
    counts: Counts,
    hosts: Hosts,
    /// HSSs that may have lost what they knew, and how far their targets have been gone through.
    walks: Vec<Walk>,
    /// While loading: the references of each row.
    loading: Option<Vec<(u32, Owner)>>,
}

impl Plan {
    /// A plan that knows nothing yet: until [`Self::loaded`], nothing can be told.
    pub fn new(settings: Option<Settings>) -> Self {
        Self {
            settings,
            entries: Vec::new(),
            free: VecDeque::new(),
            by_target: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            references: References::new(),
            once: Once::default(),
            set_aside: false,
            queue: BTreeSet::new(),
            budget: Budget::new(settings.map_or(1, |settings| settings.rate)),
            pause: Pause::default(),
            under_way: 0,
            dirty: Vec::new(),
            removed: Vec::new(),
            revision: 0,
            counts: Counts::default(),
            hosts: Hosts::default(),
            walks: Vec::new(),
            loading: Some(Vec::new()),
        }
    }

    /// How much it asks, and when.
    pub fn settings(&self) -> Option<Settings> {
        self.settings
    }

    /// Whether targets may be added here.
    pub fn is_enabled(&self) -> bool {
        self.settings.is_some()
    }

    /// Whether everything that was stored is known.
    pub fn is_loaded(&self) -> bool {
        self.loading.is_none()
    }

    /// The number of the last change. What [`Self::take_dirty`] gave once nothing was left holds every change up to it.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What a reference stands for.
    pub fn monitored(&self, reference: u64) -> Monitored {
        if !self.is_loaded() {
            return Monitored::Unavailable;
        }
        let owner = u32::try_from(reference)
            .ok()
            .and_then(|reference| self.references.owner(reference));
        let Some((owner, aspect)) = owner.and_then(|owner| Some((owner, owner.aspect()?))) else {
            return self.once.monitored(reference);
        };
        match self.entry(owner.place()) {
            Some(entry) if !entry.ending => match entry.target.subscriber() {
                Some(who) => Monitored::Subscriber(who, aspect),
                None => Monitored::Group(aspect),
            },
            _ => Monitored::Ended,
        }
    }

    /// Begins to watch a target.
    pub fn add(&mut self, target: Target, now: Timestamp) -> Added {
        let at = seconds(now);
        if let Some(place) = self.find(&target) {
            return self.add_again(place, at);
        }
        let Some(place) = self.make_room(at) else {
            return Added::Full;
        };
        let hash = self.hasher.hash_one(&target);
        if let Some(slot) = self.entries.get_mut(place as usize) {
            *slot = Some(Entry::new(target, at));
        }
        let Self {
            by_target,
            entries,
            hasher,
            ..
        } = self;
        by_target.insert_unique(hash, place, |other| hash_at(entries, hasher, *other));
        for aspect in Aspect::ALL {
            self.counts.enter(aspect, MonitoringState::Wanted, None);
            self.touch(place, aspect);
        }
        self.enqueue(place);
        Added::New
    }

    fn add_again(&mut self, place: u32, at: Seconds) -> Added {
        let Some(entry) = self.entry(place) else {
            return Added::Unchanged;
        };
        let was_ending = entry.ending;
        let failed: Vec<Aspect> = Aspect::ALL
            .into_iter()
            .filter(|aspect| entry.part(*aspect).state == MonitoringState::Failed)
            .collect();
        if was_ending {
            self.take_back(place, at);
        }
        for aspect in &failed {
            self.change(place, *aspect, |part| want(part, at));
        }
        self.enqueue(place);
        if was_ending || !failed.is_empty() {
            Added::Again
        } else {
            Added::Unchanged
        }
    }

    /// A target is no longer to be ended. What the HSS still holds for certain stays as it is; whatever an end may have
    /// reached is asked for again.
    fn take_back(&mut self, place: u32, at: Seconds) {
        let Some(entry) = self.entry_mut(place) else {
            return;
        };
        entry.ending = false;
        let asked = entry.asked;
        for aspect in Aspect::ALL {
            self.change(place, aspect, |part| {
                let certain = !asked && part.attempts == 0 && part.is_held(at);
                part.state = match (part.reference, part.replaced) {
                    (0, _) => MonitoringState::Wanted,
                    (_, 0) if certain => MonitoringState::Active,
                    _ => MonitoringState::Asking,
                };
                part.due = at;
            });
            if self
                .part(place, aspect)
                .is_some_and(|part| part.state == MonitoringState::Active)
            {
                let due = self.renewal_of(place, aspect);
                self.change(place, aspect, |part| part.due = due);
            }
        }
    }

    /// Ceases to watch a target. Whether there was such a target.
    pub fn remove(&mut self, target: &Target, now: Timestamp) -> bool {
        let Some(place) = self.find(target) else {
            return false;
        };
        let at = seconds(now);
        let Some(entry) = self.entry_mut(place) else {
            return false;
        };
        if entry.ending {
            return true;
        }
        entry.ending = true;
        let asked = entry.asked;
        let given = entry
            .parts
            .iter()
            .any(|part| part.reference != 0 || part.replaced != 0);
        for aspect in Aspect::ALL {
            self.change(place, aspect, |part| {
                part.state = MonitoringState::Ending;
                part.attempts = 0;
                part.due = at;
            });
        }
        if asked || given {
            self.enqueue(place);
        } else {
            self.drop_entry(place, at);
        }
        true
    }

    /// Forgets an entry. The place is used again once no late report can be mistaken.
    fn drop_entry(&mut self, place: u32, at: Seconds) {
        self.unqueue(place);
        let Some(entry) = self.entries.get_mut(place as usize).and_then(Option::take) else {
            return;
        };
        let hash = self.hasher.hash_one(&entry.target);
        if let Ok(found) = self.by_target.find_entry(hash, |other| *other == place) {
            found.remove();
        }
        for aspect in Aspect::ALL {
            let part = entry.part(aspect);
            self.counts.leave(aspect, part.state, part.result());
            for reference in [part.reference, part.replaced] {
                self.references.end(reference, at.saturating_add(LATE));
            }
        }
        self.free.push_back((at.saturating_add(LATE), place));
        self.removed.push(entry.target);
        self.revision += 1;
    }

    fn make_room(&mut self, at: Seconds) -> Option<u32> {
        if let Some((from, place)) = self.free.front().copied()
            && from <= at
        {
            self.free.pop_front();
            return Some(place);
        }
        if self.entries.len() >= Owner::MAX_PLACES {
            return None;
        }
        self.entries.push(None);
        u32::try_from(self.entries.len() - 1).ok()
    }

    fn find(&self, target: &Target) -> Option<u32> {
        let hash = self.hasher.hash_one(target);
        self.by_target
            .find(hash, |place| {
                self.entry(*place).is_some_and(|entry| entry.target == *target)
            })
            .copied()
    }

    fn entry(&self, place: u32) -> Option<&Entry> {
        self.entries.get(place as usize)?.as_ref()
    }

    fn entry_mut(&mut self, place: u32) -> Option<&mut Entry> {
        self.entries.get_mut(place as usize)?.as_mut()
    }

    fn part(&self, place: u32, aspect: Aspect) -> Option<&Part> {
        Some(self.entry(place)?.part(aspect))
    }

    /// Changes a part, keeps the counts, and has it written if something changed that is stored.
    fn change(&mut self, place: u32, aspect: Aspect, change: impl FnOnce(&mut Part)) {
        let Some(entry) = self.entries.get_mut(place as usize).and_then(Option::as_mut) else {
            return;
        };
        let part = entry.part_mut(aspect);
        let before = *part;
        change(part);
        let after = *part;
        let of = |part: &Part| (part.state, part.result());
        if of(&before) != of(&after) {
            self.counts.leave(aspect, before.state, before.result());
            self.counts.enter(aspect, after.state, after.result());
        }
        let rest = |part: &Part| (part.reference, part.replaced, part.expires);
        if of(&before) != of(&after) || rest(&before) != rest(&after) {
            self.touch(place, aspect);
        }
    }

    /// Has a part written.
    fn touch(&mut self, place: u32, aspect: Aspect) {
        if let Some(entry) = self.entries.get_mut(place as usize).and_then(Option::as_mut) {
            if entry.dirty == 0 {
                self.dirty.push(place);
            }
            entry.dirty |= 1 << aspect.number();
            self.revision += 1;
        }
    }

    /// A reference of an entry is over.
    fn end_reference(&mut self, number: u32, at: Seconds) {
        self.references.end(number, at.saturating_add(LATE));
    }

    /// Puts an entry where its parts want it, unless it is asked about.
    fn enqueue(&mut self, place: u32) {
        self.unqueue(place);
        let Some(entry) = self.entry_mut(place) else {
            return;
        };
        let due = entry.due();
        if !entry.asked && due != NEVER {
            entry.queued = Some(due);
            self.queue.insert((due, place));
        }
    }

    fn unqueue(&mut self, place: u32) {
        if let Some(due) = self.entry_mut(place).and_then(|entry| entry.queued.take()) {
            self.queue.remove(&(due, place));
        }
    }

    /// When a part that the HSS holds is to be renewed.
    fn renewal_of(&self, place: u32, aspect: Aspect) -> Seconds {
        let expires = self.part(place, aspect).map_or(0, |part| part.expires);
        let before = self.settings.map_or(0, |settings| settings.renew_before);
        expires.saturating_sub(before)
    }
}

fn hash_at(entries: &[Option<Entry>], hasher: &DefaultHashBuilder, place: u32) -> u64 {
    match entries.get(place as usize) {
        Some(Some(entry)) => hasher.hash_one(&entry.target),
        // Never looked for again.
        _ => 0,
    }
}

/// A part is to be asked for anew. What the HSS may hold of it is replaced then.
fn want(part: &mut Part, due: Seconds) {
    part.state = MonitoringState::Wanted;
    match (part.reference, part.replaced) {
        (0, _) => {}
        (reference, 0) => {
            part.replaced = reference;
            part.reference = 0;
        }
        // There is room for one that is replaced: the newer reference is asked for once more.
        _ => part.state = MonitoringState::Asking,
    }
    part.set_result(None);
    part.attempts = 0;
    part.due = due;
}
