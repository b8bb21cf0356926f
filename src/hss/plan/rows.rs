//! Rows of the store, in and out.

use std::collections::HashSet;

use super::{Key, Part, Plan};
use crate::domain::{SubscriptionState, Timestamp, Topic, User};
use crate::store::{SubscriptionBatch, SubscriptionRow};

impl Plan {
    /// Takes a row of the store.
    pub fn load(&mut self, row: SubscriptionRow, now: Timestamp) {
        let key = (row.user, row.topic);
        let state = match row.state {
            SubscriptionState::Active => SubscriptionState::Wanted,
            other => other,
        };
        let part = Part {
            expires: row.expires_at,
            result: row.result,
            ..Part::new(state, row.changed_at)
        };
        self.insert(key.clone(), part);
        if state != SubscriptionState::Failed {
            self.enqueue(&key, now);
        }
    }

    /// Every row of the store is known. What is configured to be subscribed to may have changed since they were written.
    pub fn loaded(&mut self, now: Timestamp) {
        self.loaded = true;
        let users: HashSet<User> = self
            .parts
            .iter()
            .filter(|(_, part)| part.state != SubscriptionState::Ending)
            .map(|((user, _), _)| user.clone())
            .collect();
        for user in users {
            for topic in Topic::ALL {
                let key = (user.clone(), topic);
                let wanted = self.settings.topics.contains(&topic);
                match (wanted, self.parts.get(&key).map(|part| part.state)) {
                    (true, None) => self.want_new(key, now),
                    (true, Some(SubscriptionState::Ending)) => self.want(&key, now, now),
                    (false, Some(state)) if state != SubscriptionState::Ending => self.end(&key, now),
                    _ => {}
                }
            }
        }
    }

    /// Up to `most` rows that have to become durable.
    pub fn take_dirty(&mut self, most: usize) -> SubscriptionBatch {
        let removed: Vec<Key> = self.removed.iter().take(most).cloned().collect();
        for key in &removed {
            self.removed.remove(key);
        }
        let dirty: Vec<Key> = self.dirty.iter().take(most - removed.len()).cloned().collect();
        let mut rows = Vec::with_capacity(dirty.len());
        for key in dirty {
            self.dirty.remove(&key);
            if let Some(part) = self.parts.get(&key) {
                let (user, topic) = key;
                rows.push(SubscriptionRow {
                    user,
                    topic,
                    state: part.state,
                    expires_at: part.expires,
                    result: part.result,
                    changed_at: part.changed,
                });
            }
        }
        SubscriptionBatch { rows, removed }
    }
}
