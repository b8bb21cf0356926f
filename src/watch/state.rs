//! What is watched, by whom, and how far each of them is. A value: time and the index come in, nothing is waited for.
//!
//! Whoever's facts changed is looked at again, and what differs from what was last told becomes a change in the history.
//! The history is the queue of everybody who watches all; who watches a list has the numbers of its own changes. So a slow
//! stream holds nothing but a number or a few, and loses its place when that is too far back.
//!
//! How a stream begins is in `beginning`, how it is told of all in `snapshot`.

mod beginning;
mod snapshot;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::config::WatchConfig;
use super::cursor::Cursor;
use super::history::{Change, History};
use super::names::Names;
use super::watcher::{Kind, Slow, Watcher};
use crate::domain::{ExternalIdentifier, Identifier, Reachability, SubscriberId, Timestamp};
use crate::index::Index;

/// Names looked at in one go, so that nobody waits long for the state.
const AT_ONCE: usize = 256;

/// With what a name is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    pub(super) index: &'a Index,
    pub(super) now: Timestamp,
    /// When what is looked at may have changed at the earliest.
    pub(super) seen: Instant,
}

/// Who wants to know of one name, in lists.
#[derive(Debug)]
struct Interest {
    /// Every change of the name after this one is in the history.
    since: u64,
    watchers: SmallVec<[u64; 1]>,
}

/// That all names are watched.
#[derive(Debug)]
struct All {
    /// Which parts of the index have been gone through once.
    complete: Box<[bool]>,
    /// Every change of any name after this one is in the history; once every part is complete.
    since: Option<u64>,
    watchers: usize,
}

/// See the module.
#[derive(Debug)]
pub(super) struct State {
    epoch: u64,
    queue: u64,
    history_bound: u64,
    max_devices: usize,
    max_leaving: usize,
    linger: Duration,
    history: History,
    names: Names,
    watchers: HashMap<u64, Watcher>,
    interest: HashMap<SubscriberId, Interest>,
    all: Option<All>,
    /// Those that have ended, by when they are forgotten.
    leaving: VecDeque<(Instant, u64)>,
    next_id: u64,
    /// Names in lists, counted as often as they are listed.
    listed: usize,
}

impl State {
    pub(super) fn new(config: &WatchConfig, epoch: u64) -> Self {
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Self {
            epoch,
            queue: number(config.queue),
            history_bound: number(config.history),
            max_devices: config.max_devices,
            max_leaving: config.max_streams,
            linger: config.linger,
            history: History::new(config.history),
            names: Names::default(),
            watchers: HashMap::new(),
            interest: HashMap::new(),
            all: None,
            leaving: VecDeque::new(),
            next_id: 0,
            listed: 0,
        }
    }

    // === Changes ===

    /// Looks at everybody whose answer may differ since facts under these ids changed.
    pub(super) fn changed(
        &mut self,
        ids: &[SubscriberId],
        externals: &HashMap<SubscriberId, ExternalIdentifier>,
        look: Look<'_>,
    ) {
        for id in ids {
            if !self.names.contains(*id)
                && self.is_complete(Index::part_of(*id))
                && let Some(identifier) = id
                    .as_msisdn()
                    .map(Identifier::Msisdn)
                    .or_else(|| externals.get(id).cloned().map(Identifier::External))
            {
                self.names.insert(&identifier);
            }
            for name in self.names.resting_on(*id) {
                self.look_again(name, look);
            }
        }
        self.signal();
    }

    /// Looks at those whose answers may differ since time has passed. Returns whether there are more of them.
    pub(super) fn time_passed(&mut self, look: Look<'_>) -> bool {
        let due = self.names.due_by(look.now, AT_ONCE);
        for name in &due {
            self.look_again(*name, look);
        }
        self.signal();
        due.len() == AT_ONCE
    }

    /// Whether every name of a part is watched.
    fn is_complete(&self, part: usize) -> bool {
        let complete = self.all.as_ref().and_then(|all| all.complete.get(part));
        complete.is_some_and(|complete| *complete)
    }

    /// Watches a name from now on, if it is not watched yet, and says how it stands.
    fn ensure(&mut self, identifier: &Identifier, look: Look<'_>) -> Option<Reachability> {
        let name = identifier.subscriber();
        if self.names.contains(name) {
            return self.look_again(name, look);
        }
        self.names.insert(identifier);
        if self.is_complete(Index::part_of(name)) {
            // To those who watch all it is news.
            return self.look_again(name, look);
        }
        self.names.look(name, look.index, look.now)?.answer
    }

    fn look_again(&mut self, name: SubscriberId, look: Look<'_>) -> Option<Reachability> {
        let looked = self.names.look(name, look.index, look.now)?;
        let interest = self.interest.get(&name);
        if looked.answer.is_none() && interest.is_none() {
            self.names.forget(name);
        }
        if looked.differs {
            let sequence = self
                .history
                .push(name, looked.identifier, looked.answer, look.seen);
            for id in interest.into_iter().flat_map(|interest| &interest.watchers) {
                if let Some(watcher) = self.watchers.get_mut(id) {
                    watcher.concerns(sequence);
                }
            }
        }
        looked.answer
    }

    /// Wakes whoever has something to take, and gives up whoever is too far behind.
    fn signal(&mut self) {
        let head = self.history.head();
        for watcher in self.watchers.values_mut() {
            watcher.moved(head, self.queue, self.history_bound);
        }
    }

    // === Taking ===

    /// The next changes of a watcher, at most so many.
    pub(super) fn take(&mut self, id: u64, most: usize) -> Result<Vec<Change>, Slow> {
        let watcher = self.watchers.get_mut(&id).ok_or(Slow)?;
        watcher.take(&self.history, most)
    }

    /// Where a watcher is: it has everything before.
    pub(super) fn cursor(&self, id: u64) -> Cursor {
        let head = self.history.head();
        let watcher = self.watchers.get(&id);
        Cursor {
            epoch: self.epoch,
            sequence: watcher.map_or(head, |watcher| watcher.place(head)),
        }
    }

    // === Ending ===

    /// A stream has ended. What it watched is watched on for a while, unless more have ended since than may be open.
    pub(super) fn leave(&mut self, id: u64, now: Instant) {
        let Some(watcher) = self.watchers.get_mut(&id) else {
            return;
        };
        watcher.leave();
        self.leaving.push_back((now + self.linger, id));
        if self.leaving.len() > self.max_leaving
            && let Some((_, longest_gone)) = self.leaving.pop_front()
        {
            self.remove(longest_gone);
        }
    }

    /// Forgets those that ended long enough ago. True if nobody is left.
    pub(super) fn forget_left(&mut self, now: Instant) -> bool {
        while self.leaving.front().is_some_and(|(due, _)| *due <= now)
            && let Some((_, id)) = self.leaving.pop_front()
        {
            self.remove(id);
        }
        self.watchers.is_empty()
    }

    fn remove(&mut self, id: u64) {
        let Some(watcher) = self.watchers.remove(&id) else {
            return;
        };
        match watcher.kind {
            Kind::List { names, .. } => {
                self.listed -= names.len();
                for name in names.iter() {
                    let Some(interest) = self.interest.get_mut(name) else {
                        continue;
                    };
                    interest.watchers.retain(|other| *other != id);
                    if interest.watchers.is_empty() {
                        self.interest.remove(name);
                        // Who watches all watches whoever is found, and nobody else.
                        if self.all.is_none() || !self.names.is_found(*name) {
                            self.names.forget(*name);
                        }
                    }
                }
            }
            Kind::All { .. } => {
                if let Some(all) = &mut self.all {
                    all.watchers -= 1;
                    if all.watchers == 0 {
                        self.all = None;
                        self.names.keep_only(self.interest.keys().copied());
                    }
                }
            }
        }
        if self.watchers.is_empty() {
            self.history.forget();
        }
    }

    // === Looking on ===

    /// When something is to be done though nothing happens: an answer that time may change, a stream to be forgotten.
    pub(super) fn next_due(&self) -> (Option<Timestamp>, Option<Instant>) {
        (self.names.next_due(), self.leaving.front().map(|(due, _)| *due))
    }

    /// Names that are watched.
    pub(super) fn devices(&self) -> usize {
        self.names.len()
    }

    /// The number of the last change.
    pub(super) fn changes(&self) -> u64 {
        self.history.head()
    }

    /// Streams of lists, and of all, that are open.
    pub(super) fn streams(&self) -> (usize, usize) {
        let open = self.watchers.values().filter(|watcher| !watcher.has_left());
        let (lists, all): (Vec<_>, Vec<_>) =
            open.partition(|watcher| matches!(watcher.kind, Kind::List { .. }));
        (lists.len(), all.len())
    }
}
