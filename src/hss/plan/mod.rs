//! What to have HSSs notify of, and when to ask for it: a value without clock, socket or store.
//!
//! ```text
//!         add                 next, answered: taken
//! (none) ───> Wanted ──────────────────────────────────> Active
//!               ▲  └── refused for good ──> Failed         │
//!               ├──────────── add ────────────┘            │
//!               └── used up, due for renewal ──────────────┘
//!
//!             remove            next, answered
//! any state ───────> Ending ──────────────────────> (none)
//! ```
//!
//! Each topic of a user is subscribed to by itself: several at once need a feature that not every HSS has. After a restart
//! everything is asked for again: a notification that came meanwhile has used its subscription up. When an HSS has lost
//! what it knew, everything that it had taken is asked for again.

mod answers;
mod counts;
mod losses;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use crate::domain::{NetworkResult, SubscriberIdentifiers, SubscriptionState, Timestamp, Topic, User};
use crate::pace::{Budget, Hosts, Pause};

pub use counts::Counts;

use losses::Losses;

/// How much to ask, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What is subscribed to of every user.
    pub topics: Vec<Topic>,
    /// How long a subscription is asked for.
    pub duration: Duration,
    /// How long before its end it is asked for anew.
    pub renew_before: Duration,
    /// Requests in any second.
    pub rate: u32,
    /// Requests under way at a time.
    pub in_flight: usize,
}

/// The most subscriptions, at some 400 octets each.
pub const MOST: usize = 1_000_000;

/// One subscription.
type Key = (User, Topic);

/// A question to the network: have me notified of this until then; `None`: no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Of whom.
    pub user: User,
    /// Of what.
    pub topic: Topic,
    /// Until when.
    pub until: Option<Timestamp>,
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Success; what the HSS holds ends then, where it said so.
    Taken {
        /// Expiry-Time of the answer.
        expires: Option<Timestamp>,
    },
    /// Refused, and would be again.
    Refused(NetworkResult),
    /// Refused, but may be taken later.
    NotNow(NetworkResult),
    /// It left, and nobody answered.
    Unanswered,
    /// It never left: nobody could be asked.
    NoPeer,
}

/// What came of adding a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It was not there.
    New,
    /// It was there; what was refused or to be ended is asked for again.
    Again,
    /// It was there.
    Unchanged,
    /// There is no room for more.
    Full,
}

/// How far one subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// What is subscribed to.
    pub topic: Topic,
    /// How far it has come.
    pub state: SubscriptionState,
    /// When what the HSS holds ends by itself.
    pub expires: Option<Timestamp>,
    /// The last result that was no success.
    pub result: Option<NetworkResult>,
}

#[derive(Clone, Debug)]
struct Part {
    state: SubscriptionState,
    expires: Option<Timestamp>,
    result: Option<NetworkResult>,
    changed: Timestamp,
    /// Where it stands in the queue.
    due: Option<Timestamp>,
    /// A question about it is under way.
    asked: bool,
    /// It was used up while it was asked for: ask again when the answer is there.
    again: bool,
    /// When it was last taken.
    taken: Option<Timestamp>,
    /// The number of the HSS that took it; 0 if that is not known.
    hss: u8,
    /// Attempts in a row that failed.
    attempts: u8,
    /// Notifications in a row that came in haste.
    hasty: u8,
}

impl Part {
    fn new(state: SubscriptionState, changed: Timestamp) -> Self {
        Self {
            state,
            expires: None,
            result: None,
            changed,
            due: None,
            asked: false,
            again: false,
            taken: None,
            hss: 0,
            attempts: 0,
            hasty: 0,
        }
    }
}

/// Everything that is to be notified of, and how far that has come.
#[derive(Debug)]
pub struct Plan {
    settings: Settings,
    parts: HashMap<Key, Part>,
    /// When something is to be done about what. Whoever is asked about is not in it.
    queue: BTreeSet<(Timestamp, Key)>,
    budget: Budget,
    pause: Pause,
    /// The HSSs that answered.
    hosts: Hosts,
    losses: Losses,
    under_way: usize,
    dirty: HashSet<Key>,
    removed: HashSet<Key>,
    /// Counts every change that has to become durable.
    revision: u64,
    counts: Counts,
    loaded: bool,
}

impl Plan {
    /// A plan that knows nothing yet: until [`Self::loaded`], nothing can be told and nothing is asked.
    pub fn new(settings: Settings) -> Self {
        let budget = Budget::new(settings.rate);
        Self {
            settings,
            parts: HashMap::new(),
            queue: BTreeSet::new(),
            budget,
            pause: Pause::default(),
            hosts: Hosts::default(),
            losses: Losses::default(),
            under_way: 0,
            dirty: HashSet::new(),
            removed: HashSet::new(),
            revision: 0,
            counts: Counts::default(),
            loaded: false,
        }
    }

    /// Whether every row of the store is known.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// The number of the last change. What [`Self::take_dirty`] gave once nothing was left holds every change up to it.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether notifications of a subscriber are wanted; `None` if it cannot be told yet.
    pub fn subscribed(&self, subscriber: &SubscriberIdentifiers) -> Option<bool> {
        self.loaded.then(|| {
            User::all_of(subscriber)
                .flat_map(|user| Topic::ALL.map(|topic| (user.clone(), topic)))
                .filter_map(|key| self.parts.get(&key))
                .any(|part| part.state != SubscriptionState::Ending)
        })
    }

    /// Begins to subscribe to a user.
    pub fn add(&mut self, user: &User, now: Timestamp) -> Added {
        if self.parts.len() + self.settings.topics.len() > MOST {
            return Added::Full;
        }
        let (mut new, mut again) = (false, false);
        for topic in self.settings.topics.clone() {
            let key = (user.clone(), topic);
            match self.parts.get(&key).map(|part| part.state) {
                None => {
                    self.want_new(key, now);
                    new = true;
                }
                Some(SubscriptionState::Ending | SubscriptionState::Failed) => {
                    self.want(&key, now, now);
                    again = true;
                }
                Some(SubscriptionState::Wanted | SubscriptionState::Active) => {}
            }
        }
        match (new, again) {
            (true, _) => Added::New,
            (false, true) => Added::Again,
            (false, false) => Added::Unchanged,
        }
    }

    /// Ceases to subscribe to a user. Whether there was anything to cease.
    pub fn remove(&mut self, user: &User, now: Timestamp) -> bool {
        let mut was_there = false;
        for topic in Topic::ALL {
            let key = (user.clone(), topic);
            if let Some(part) = self.parts.get(&key) {
                was_there |= part.state != SubscriptionState::Ending;
                self.end(&key, now);
            }
        }
        was_there
    }

    /// The next question, if one may be asked now.
    pub fn next(&mut self, now: Timestamp) -> Option<Ask> {
        let may = self.loaded
            && self.under_way < self.settings.in_flight
            && self.pause.until(now).is_none()
            && self.queue.first().is_some_and(|(due, _)| *due <= now)
            && self.budget.allows(now);
        if !may {
            return None;
        }
        let (_, key) = self.queue.pop_first()?;
        let part = self.parts.get_mut(&key)?;
        part.due = None;
        part.asked = true;
        part.again = false;
        self.budget.spend();
        self.under_way += 1;
        let until = (part.state != SubscriptionState::Ending).then(|| now.plus(self.settings.duration));
        let (user, topic) = key;
        Some(Ask { user, topic, until })
    }

    /// When [`Self::next`], or [`Self::look_on`], may have something; `None` if only a change can bring it about.
    pub fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.losses.is_under_way() {
            return Some(now);
        }
        if !self.loaded || self.under_way >= self.settings.in_flight {
            return None;
        }
        let (due, _) = self.queue.first()?;
        let pause = self.pause.until(now).unwrap_or(now);
        Some((*due).max(pause).max(self.budget.next_at(now)))
    }

    fn want_new(&mut self, key: Key, now: Timestamp) {
        self.insert(key.clone(), Part::new(SubscriptionState::Wanted, now));
        self.removed.remove(&key);
        self.touch(&key);
        self.enqueue(&key, now);
    }

    /// To be asked for, as if it had never been: at once, or when the question under way has ended.
    fn want(&mut self, key: &Key, due: Timestamp, now: Timestamp) {
        if let Some(part) = self.parts.get_mut(key) {
            part.result = None;
            part.attempts = 0;
        }
        self.set(key, SubscriptionState::Wanted, now);
        self.enqueue(key, due);
    }

    fn set(&mut self, key: &Key, state: SubscriptionState, now: Timestamp) {
        if let Some(part) = self.parts.get_mut(key) {
            self.counts.leave(key.1, part.state);
            self.counts.enter(key.1, state);
            part.state = state;
            part.changed = now;
            self.touch(key);
        }
    }

    fn end(&mut self, key: &Key, now: Timestamp) {
        let Some(part) = self.parts.get_mut(key) else {
            return;
        };
        if part.state == SubscriptionState::Ending {
            return;
        }
        let never_asked = part.taken.is_none() && part.expires.is_none() && part.attempts == 0 && !part.asked;
        if never_asked {
            return self.forget(key);
        }
        part.attempts = 0;
        self.set(key, SubscriptionState::Ending, now);
        self.enqueue(key, now);
    }

    fn insert(&mut self, key: Key, part: Part) {
        self.counts.enter(key.1, part.state);
        self.parts.insert(key, part);
    }

    fn forget(&mut self, key: &Key) {
        self.unqueue(key);
        if let Some(part) = self.parts.remove(key) {
            self.counts.leave(key.1, part.state);
        }
        self.dirty.remove(key);
        self.removed.insert(key.clone());
        self.revision += 1;
    }

    fn touch(&mut self, key: &Key) {
        self.dirty.insert(key.clone());
        self.revision += 1;
    }

    /// Puts it where it is due, unless it is being asked about.
    fn enqueue(&mut self, key: &Key, due: Timestamp) {
        self.unqueue(key);
        if let Some(part) = self.parts.get_mut(key).filter(|part| !part.asked) {
            part.due = Some(due);
            self.queue.insert((due, key.clone()));
        }
    }

    fn unqueue(&mut self, key: &Key) {
        if let Some(due) = self.parts.get_mut(key).and_then(|part| part.due.take()) {
            self.queue.remove(&(due, key.clone()));
        }
    }

    /// How far the subscriptions of one user are; empty if there are none.
    pub fn status(&self, user: &User) -> Vec<Status> {
        let of = |topic| {
            let part = self.parts.get(&(user.clone(), topic))?;
            Some(Status {
                topic,
                state: part.state,
                expires: part.expires,
                result: part.result,
            })
        };
        Topic::ALL.into_iter().filter_map(of).collect()
    }

    /// How many subscriptions are how far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many questions are under way.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// How long what is due first has been due.
    pub fn lag(&self, now: Timestamp) -> Duration {
        self.queue
            .first()
            .map_or(Duration::ZERO, |(due, _)| now.since(*due))
    }
}
