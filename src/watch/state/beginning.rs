//! How a stream begins: where its cursor is, or with how things stand.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashSet;
use smallvec::SmallVec;

use super::{All, Interest, Look, State};
use crate::domain::Identifier;
use crate::index::Index;
use crate::watch::cursor::Cursor;
use crate::watch::watcher::{Kind, Signal, Watcher};
use crate::watch::{Begin, Refused};

impl State {
    /// Watches a list of names, each of them once, from a place on or from how they stand.
    pub(in crate::watch) fn begin_list(
        &mut self,
        identifiers: &[Identifier],
        from: Option<Cursor>,
        look: Look<'_>,
    ) -> Result<(u64, Arc<Signal>, Begin), Refused> {
        while self.listed + identifiers.len() > self.max_devices {
            let longest_gone = self.leaving.iter().position(|(_, id)| self.is_list(*id));
            let longest_gone = longest_gone.and_then(|place| self.leaving.remove(place));
            let (_, id) = longest_gone.ok_or(Refused::TooManyDevices)?;
            self.remove(id);
        }
        let names: Arc<[_]> = identifiers.iter().map(Identifier::subscriber).collect();
        let since_all = self.all.as_ref().and_then(|all| all.since);
        let watched_since = |from: u64| {
            let complete = |name| self.interest.get(name).is_some_and(|known| known.since <= from);
            since_all.is_some_and(|since| since <= from) || names.iter().all(complete)
        };
        let from_watched = from.filter(|from| watched_since(from.sequence));
        let since = self.history.head();
        for name in names.iter() {
            let nobody = || Interest {
                since,
                watchers: SmallVec::new(),
            };
            self.interest.entry(*name).or_insert_with(nobody);
        }
        let answers = identifiers
            .iter()
            .map(|identifier| self.ensure(identifier, look))
            .collect();
        // Only now: looking may have pushed changes out of the history.
        let resumed = from_watched.and_then(|from| self.known_place(from));
        let mut pending = VecDeque::new();
        if let Some(missed) = resumed.and_then(|from| self.history.after(from)) {
            let wanted: HashSet<_> = names.iter().collect();
            let missed = missed.filter(|change| wanted.contains(&change.name));
            pending.extend(missed.map(|change| change.sequence));
        }
        let id = self.new_id();
        for name in names.iter() {
            if let Some(interest) = self.interest.get_mut(name) {
                interest.watchers.push(id);
            }
        }
        self.listed += names.len();
        let begin = match resumed {
            Some(_) => Begin::Resumed,
            None => Begin::List {
                answers,
                expired: from.is_some(),
            },
        };
        let watcher = Watcher::new(
            Kind::List { names, pending },
            resumed.unwrap_or_else(|| self.history.head()),
        );
        let signal = self.admit(id, watcher);
        self.signal();
        Ok((id, signal, begin))
    }

    /// Watches all names, from a place on or from how they stand.
    pub(in crate::watch) fn begin_all(&mut self, from: Option<Cursor>) -> (u64, Arc<Signal>, Begin) {
        let all = self.all.get_or_insert_with(|| All {
            complete: std::iter::repeat_n(false, Index::PARTS).collect(),
            since: None,
            watchers: 0,
        });
        all.watchers += 1;
        let since = all.since;
        let resumed = from
            .and_then(|from| self.known_place(from))
            .filter(|from| since.is_some_and(|since| since <= *from));
        let taken = match resumed {
            Some(_) => None,
            None => Some(std::iter::repeat_n(0, Index::PARTS).collect()),
        };
        let id = self.new_id();
        let watcher = Watcher::new(
            Kind::All { taken },
            resumed.unwrap_or_else(|| self.history.head()),
        );
        let signal = self.admit(id, watcher);
        let begin = match resumed {
            Some(_) => Begin::Resumed,
            None => Begin::All {
                expired: from.is_some(),
            },
        };
        self.signal();
        (id, signal, begin)
    }

    /// The place of a cursor, if the history reaches back to it.
    fn known_place(&self, cursor: Cursor) -> Option<u64> {
        let is_here = cursor.epoch == self.epoch && self.history.after(cursor.sequence).is_some();
        is_here.then_some(cursor.sequence)
    }

    fn is_list(&self, id: u64) -> bool {
        let watcher = self.watchers.get(&id);
        watcher.is_some_and(|watcher| matches!(watcher.kind, Kind::List { .. }))
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn admit(&mut self, id: u64, watcher: Watcher) -> Arc<Signal> {
        let signal = Arc::clone(&watcher.signal);
        self.watchers.insert(id, watcher);
        signal
    }
}
