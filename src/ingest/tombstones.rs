//! What was erased, as the lanes have to know it: events about it are not made durable.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::domain::{Erasures, Event, Pseudonym, PseudonymKey, Refuse, Screened, SubscriberId, Timestamp};

/// Every erasure that is remembered, and the key they are remembered with.
#[derive(Debug, Default)]
pub struct Tombstones {
    /// Whether there are any: where nothing was erased, events pay for one look at this.
    any: AtomicBool,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    erasures: Erasures,
    key: Option<PseudonymKey>,
    refuse: Refuse,
}

impl Tombstones {
    /// Says with which key pseudonyms are made, and what is refused. Comes before the first erasure.
    pub fn begin(&self, key: PseudonymKey, refuse: Refuse) {
        let mut known = self.writing();
        known.key = Some(key);
        known.refuse = refuse;
    }

    /// What stands for a subscriber; `None` before [`Self::begin`].
    pub fn pseudonym(&self, subscriber: SubscriberId) -> Option<Pseudonym> {
        self.reading().key.as_ref().map(|key| key.of(subscriber))
    }

    /// Takes erasures, and returns those that say more than was known. Lanes that look from now on see them; what they
    /// looked at before, [`Ingest::settled`](super::Ingest::settled) waits for.
    pub fn note(
        &self,
        erasures: impl IntoIterator<Item = (Pseudonym, Timestamp)>,
    ) -> Vec<(Pseudonym, Timestamp)> {
        let mut known = self.writing();
        let mut new = Vec::new();
        for (who, erased_at) in erasures {
            if known.erasures.note(who, erased_at) {
                new.push((who, erased_at));
            }
        }
        self.any.store(!known.erasures.is_empty(), Ordering::Release);
        new
    }

    /// Up to when what is said of a subscriber is not kept.
    pub fn floor(&self, subscriber: SubscriberId) -> Option<Timestamp> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let known = self.reading();
        known.erasures.floor(&known.key.as_ref()?.of(subscriber))
    }

    /// Whether what is said of a subscriber at a time is refused.
    pub fn refuses(&self, subscriber: SubscriberId, time: Timestamp) -> bool {
        let Some(floor) = self.floor(subscriber) else {
            return false;
        };
        time <= floor || self.reading().refuse == Refuse::All
    }

    /// Forgets erasures that were made before a time.
    pub fn forget(&self, before: Timestamp) {
        let mut known = self.writing();
        known.erasures.forget(before);
        self.any.store(!known.erasures.is_empty(), Ordering::Release);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.reading().erasures.len()
    }

    /// Whether nothing was erased.
    pub fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// Looks at several events; `None` where nothing was erased.
    pub(super) fn screening(&self) -> Option<Screening<'_>> {
        self.any
            .load(Ordering::Acquire)
            .then(|| Screening(self.reading()))
    }

    fn reading(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at the events of one batch.
pub(super) struct Screening<'t>(RwLockReadGuard<'t, Known>);

impl Screening<'_> {
    /// Takes away of an event what must not be kept.
    pub(super) fn screen(&self, event: &mut Event) -> Screened {
        let Known {
            erasures,
            key,
            refuse,
        } = &*self.0;
        key.as_ref()
            .map_or(Screened::Kept, |key| erasures.screen(key, *refuse, event))
    }
}
