//! Registrations by subscriber, in shards.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashMap;

use crate::domain::{Registrations, SubscriberId, Timestamp};

/// While one shard grows only 1/256 of lookups wait, and each growth copies little.
const SHARDS: usize = 256;

/// More ids with facts of their own than any subscriber has.
const MAX_ALIASES: usize = 64;

/// What is kept under one id.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) registrations: Registrations,
    /// Weaker ids whose facts belong to this subscriber. Nearly always none, so one pointer and no list.
    #[expect(
        clippy::box_collection,
        reason = "8 bytes instead of 24 in every entry for a list that is nearly never there"
    )]
    aliases: Option<Box<Vec<SubscriberId>>>,
}

impl Entry {
    /// Ids whose facts count for this subscriber too.
    pub(super) fn aliases(&self) -> &[SubscriberId] {
        self.aliases.as_deref().map_or(&[], Vec::as_slice)
    }

    fn is_empty(&self) -> bool {
        self.registrations.is_empty() && self.aliases.is_none()
    }
}

/// What a change to an entry returned.
pub(super) struct Written<T> {
    pub(super) result: T,
    /// There were no facts before.
    pub(super) was_empty: bool,
}

type Table = HashMap<SubscriberId, Entry>;

/// The table of all subscribers.
#[derive(Debug)]
pub(super) struct Subscribers(Box<[RwLock<Table>]>);

impl Default for Subscribers {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect())
    }
}

impl Subscribers {
    #[expect(
        clippy::indexing_slicing,
        reason = "the top byte is below the number of shards"
    )]
    fn shard(&self, id: SubscriberId) -> &RwLock<Table> {
        &self.0[(id.spread() >> 56) as usize]
    }

    fn reading(&self, id: SubscriberId) -> RwLockReadGuard<'_, Table> {
        // A writer that panicked leaves facts joined or not joined, both of which are sound.
        self.shard(id).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self, id: SubscriberId) -> RwLockWriteGuard<'_, Table> {
        self.shard(id).write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn contains(&self, id: SubscriberId) -> bool {
        self.reading(id).contains_key(&id)
    }

    pub(super) fn read<T>(&self, id: SubscriberId, look: impl FnOnce(Option<&Entry>) -> T) -> T {
        look(self.reading(id).get(&id))
    }

    /// Changes an entry, making it if there is none.
    pub(super) fn write<T>(
        &self,
        id: SubscriberId,
        change: impl FnOnce(&mut Registrations) -> T,
    ) -> Written<T> {
        let mut table = self.writing(id);
        let entry = table.entry(id).or_default();
        let was_empty = entry.registrations.is_empty();
        Written {
            result: change(&mut entry.registrations),
            was_empty,
        }
    }

    pub(super) fn add_alias(&self, id: SubscriberId, alias: SubscriberId) {
        let mut table = self.writing(id);
        let aliases = table.entry(id).or_default().aliases.get_or_insert_default();
        if aliases.len() < MAX_ALIASES && !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }

    /// An entry of which nothing is left goes: of whom nothing is known, nothing may seem to be.
    pub(super) fn remove_alias(&self, id: SubscriberId, alias: SubscriberId) {
        let mut table = self.writing(id);
        let Some(entry) = table.get_mut(&id) else { return };
        if let Some(aliases) = &mut entry.aliases {
            aliases.retain(|known| *known != alias);
            if aliases.is_empty() {
                entry.aliases = None;
            }
        }
        if entry.is_empty() {
            table.remove(&id);
        }
    }

    /// Drops what was known under an id up to a time, and the entry if nothing is left in it.
    pub(super) fn erase(&self, id: SubscriberId, floor: Timestamp) {
        let mut table = self.writing(id);
        let Some(entry) = table.get_mut(&id) else { return };
        entry.registrations.erase(floor);
        if entry.is_empty() {
            table.remove(&id);
        }
    }

    /// Every id that has an entry.
    pub(super) fn ids(&self) -> Vec<SubscriberId> {
        let mut ids = Vec::with_capacity(self.len());
        for shard in &self.0 {
            ids.extend(shard.read().unwrap_or_else(PoisonError::into_inner).keys());
        }
        ids
    }

    /// Every id with each of its aliases.
    pub(super) fn all_aliases(&self) -> Vec<(SubscriberId, SubscriberId)> {
        let mut all = Vec::new();
        for shard in &self.0 {
            let table = shard.read().unwrap_or_else(PoisonError::into_inner);
            for (id, entry) in &*table {
                all.extend(entry.aliases().iter().map(|alias| (*id, *alias)));
            }
        }
        all
    }

    pub(super) fn len(&self) -> usize {
        self.0
            .iter()
            .map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    pub(super) fn for_each_id_in(&self, shard: usize, each: impl FnMut(SubscriberId)) {
        if let Some(shard) = self.0.get(shard) {
            let table = shard.read().unwrap_or_else(PoisonError::into_inner);
            table.keys().copied().for_each(each);
        }
    }

    /// Changes all entries, one shard at a time.
    pub(super) fn for_each_mut(&self, mut each: impl FnMut(SubscriberId, &mut Registrations)) {
        for shard in &self.0 {
            let mut table = shard.write().unwrap_or_else(PoisonError::into_inner);
            for (id, entry) in table.iter_mut() {
                each(*id, &mut entry.registrations);
            }
        }
    }

    pub(super) fn for_each(&self, mut each: impl FnMut(&Registrations)) {
        for shard in &self.0 {
            let table = shard.read().unwrap_or_else(PoisonError::into_inner);
            table.values().for_each(|entry| each(&entry.registrations));
        }
    }
}
