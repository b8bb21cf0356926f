//! How subscribers go from the index.

use super::Index;
use crate::domain::{Identifier, SubscriberId, Timestamp};

impl Index {
    /// Drops what was known under one id up to a time. Who else is looked at is not touched.
    pub fn erase_facts(&self, id: SubscriberId, floor: Timestamp) {
        self.subscribers.erase(id, floor);
        self.unlink_empty(id);
        self.ignored.forget(&[id]);
        self.erase_addresses(|known| (known == id).then_some(floor));
        self.touch_id(id);
    }

    /// Unbinds an identifier, unless it was bound later than a time.
    pub fn erase_binding(&self, identifier: &Identifier, floor: Timestamp) {
        let _links = self.linking();
        if let Some(holder) = self.bindings.unbind(identifier, floor) {
            self.unlink(holder, identifier.subscriber());
            self.touch_moved(identifier, Some(holder));
        }
    }

    /// Whose an identifier is by its own binding, without following that one further.
    pub fn holder(&self, identifier: &Identifier) -> Option<SubscriberId> {
        self.bindings.get(identifier)
    }

    /// As [`Self::holder`], and since when.
    pub fn bound(&self, identifier: &Identifier) -> Option<(SubscriberId, Timestamp)> {
        self.bindings.since(identifier)
    }

    /// The weaker ids whose facts count for this one, by bindings.
    pub fn aliases(&self, id: SubscriberId) -> Vec<SubscriberId> {
        self.subscribers
            .read(id, |entry| entry.map(|entry| entry.aliases().to_vec()))
            .unwrap_or_default()
    }

    /// The newest time of what is known under one id.
    pub fn newest(&self, id: SubscriberId) -> Option<Timestamp> {
        self.subscribers
            .read(id, |entry| entry.and_then(|entry| entry.registrations.newest()))
    }

    /// An id under which nothing is left counts for its holder no longer.
    fn unlink_empty(&self, id: SubscriberId) {
        let _links = self.linking();
        if let Some(holder) = self.holder_of_number(id).or_else(|| self.bindings.holder_of(id))
            && !self.subscribers.contains(id)
        {
            self.unlink(holder, id);
        }
    }

    /// Whoever was united with an id under which nothing is left is united with it no longer.
    fn forget_empty_aliases(&self) {
        let _links = self.linking();
        for (id, alias) in self.subscribers.all_aliases() {
            if !self.subscribers.contains(alias) {
                self.unlink(id, alias);
                self.touch_id(id);
            }
        }
    }

    /// Drops all that `floor_of` has a time for, up to that time, walking everything. Returns whom it met.
    pub fn sweep(
        &self,
        floor_of: impl Fn(SubscriberId) -> Option<Timestamp>,
    ) -> Vec<(SubscriberId, Timestamp)> {
        let mut met = Vec::new();
        let mut bound = Vec::new();
        self.bindings.for_each(|identifier, holder| {
            let own = identifier.subscriber();
            let floor = floor_of(own);
            met.extend(floor.map(|floor| (own, floor)));
            if let Some(floor) = floor.max(floor_of(holder)) {
                bound.push((identifier, floor));
            }
        });
        for (identifier, floor) in &bound {
            self.erase_binding(identifier, *floor);
        }
        for id in self.subscribers.ids() {
            if let Some(floor) = floor_of(id) {
                self.subscribers.erase(id, floor);
                self.touch_id(id);
                met.push((id, floor));
            }
        }
        self.erase_addresses(floor_of);
        self.forget_empty_aliases();
        met.sort_unstable();
        met.dedup();
        met
    }
}
