//! A table by name that can be walked part by part, in the parts of the index.

use hashbrown::HashMap;

use crate::domain::SubscriberId;
use crate::index::Index;

/// As many tables as the index has parts, so that a snapshot of one part meets the names of that part alone.
#[derive(Debug)]
pub(super) struct Parts<T>(Box<[HashMap<SubscriberId, T>]>);

impl<T> Default for Parts<T> {
    fn default() -> Self {
        Self((0..Index::PARTS).map(|_| HashMap::new()).collect())
    }
}

impl<T> Parts<T> {
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(HashMap::len).sum()
    }

    pub(super) fn get(&self, name: SubscriberId) -> Option<&T> {
        self.0.get(Index::part_of(name))?.get(&name)
    }

    pub(super) fn get_mut(&mut self, name: SubscriberId) -> Option<&mut T> {
        self.0.get_mut(Index::part_of(name))?.get_mut(&name)
    }

    pub(super) fn insert(&mut self, name: SubscriberId, value: T) {
        if let Some(part) = self.0.get_mut(Index::part_of(name)) {
            part.insert(name, value);
        }
    }

    pub(super) fn remove(&mut self, name: SubscriberId) -> Option<T> {
        self.0.get_mut(Index::part_of(name))?.remove(&name)
    }

    /// The names of one part.
    pub(super) fn names_in(&self, part: usize) -> impl Iterator<Item = SubscriberId> {
        self.0.get(part).into_iter().flat_map(HashMap::keys).copied()
    }
}
