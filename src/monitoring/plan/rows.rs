//! Between the plan and the store.

use std::hash::BuildHasher;

use crate::domain::{Aspect, MonitoringState, Timestamp};
use crate::store::{MonitoringBatch, MonitoringRow};

use super::entry::{Entry, NEVER, Part, seconds};
use super::references::Owner;
use super::{Plan, hash_at};

impl Plan {
    /// Takes a row of the store, before [`Self::loaded`].
    pub fn load(&mut self, row: MonitoringRow) {
        let place = match self.find(&row.target) {
            Some(place) => place,
            None => {
                let Some(place) = self.make_room(0) else { return };
                let hash = self.hasher.hash_one(&row.target);
                let mut entry = Entry::new(row.target, 0);
                // Rows that are missing, as from an earlier version, are wanted.
                entry.parts = [Part::wanted(0); 3];
                if let Some(slot) = self.entries.get_mut(place as usize) {
                    *slot = Some(entry);
                }
                let Self {
                    by_target,
                    entries,
                    hasher,
                    ..
                } = self;
                by_target.insert_unique(hash, place, |other| hash_at(entries, hasher, *other));
                place
            }
        };
        if let Some(given) = &mut self.loading {
            for reference in [row.reference, row.replaced] {
                if reference != 0 {
                    given.push((reference, Owner::new(place, row.aspect)));
                }
            }
        }
        if let Some(entry) = self.entry_mut(place) {
            entry.ending |= row.state == MonitoringState::Ending;
            let part = entry.part_mut(row.aspect);
            part.state = row.state;
            part.reference = row.reference;
            part.replaced = row.replaced;
            part.expires = row.expires_at.map_or(0, seconds);
            part.set_result(row.result);
        }
    }

    /// Every row was taken; numbers of references go on there.
    pub fn loaded(&mut self, next_reference: u64, now: Timestamp) {
        let Some(given) = self.loading.take() else { return };
        self.references.load(given, next_reference);
        let at = seconds(now);
        let before = self.settings.map_or(0, |settings| settings.renew_before);
        for place in 0..u32::try_from(self.entries.len()).unwrap_or(u32::MAX) {
            let Some(entry) = self.entry_mut(place) else {
                continue;
            };
            let ending = entry.ending;
            for aspect in Aspect::ALL {
                let part = entry.part_mut(aspect);
                if ending {
                    part.state = MonitoringState::Ending;
                }
                part.due = match part.state {
                    MonitoringState::Active | MonitoringState::Suspended => {
                        part.expires.saturating_sub(before)
                    }
                    MonitoringState::Failed => NEVER,
                    _ => at,
                };
            }
            let parts = entry.parts;
            for (aspect, part) in Aspect::ALL.into_iter().zip(parts) {
                self.counts.enter(aspect, part.state, part.result());
            }
            self.enqueue(place);
        }
    }

    /// What has changed since, at most so many rows. Call again until it is empty.
    pub fn take_dirty(&mut self, most: usize, now: Timestamp) -> MonitoringBatch {
        let mut batch = MonitoringBatch {
            next_reference: self.references.next(),
            set_aside: std::mem::take(&mut self.set_aside),
            ..MonitoringBatch::default()
        };
        while batch.rows.len() + 3 <= most.max(3) {
            let Some(place) = self.dirty.pop() else { break };
            let Some(entry) = self.entry_mut(place) else {
                continue;
            };
            let dirty = std::mem::take(&mut entry.dirty);
            for aspect in Aspect::ALL {
                if dirty & 1 << aspect.number() != 0 {
                    batch.rows.push(entry.row(aspect, now));
                }
            }
        }
        // A target that was forgotten and added again meanwhile has rows that must outlive the forgetting: those are
        // written in a batch of their own, later.
        let forgotten = self.removed.len().min(most);
        batch.removed = self.removed.drain(..forgotten).collect();
        let removed: std::collections::HashSet<_> = batch.removed.iter().collect();
        let (kept, early): (Vec<_>, Vec<_>) = std::mem::take(&mut batch.rows)
            .into_iter()
            .partition(|row| !removed.contains(&row.target));
        batch.rows = kept;
        for row in early {
            if let Some(place) = self.find(&row.target) {
                self.touch(place, row.aspect);
            }
        }
        batch
    }
}
