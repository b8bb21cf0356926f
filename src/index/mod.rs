//! The resident index: answers lookups from memory, without touching the store.
//!
//! It holds the domain's [`Registrations`] per subscriber and the bindings of identifiers, both in tables split into
//! shards, each behind its own short lock. Facts enter after they are durable ([`Index::apply`]) or while loading
//! ([`Index::load_registration`], [`Index::load_binding`]); since facts join, the two may overlap in any order.
//!
//! Addresses of sessions lead to the session that was told last to have them ([`Index::find`]), and count while it stands.
//!
//! Facts stay under the id of the strongest identifier *their own event* carried. Which ids are one subscriber is told
//! by bindings, and lookups unite them: a subscriber's entry lists the weaker ids that belong to it (its aliases).
//! Nothing is merged when facts arrive, so the order of facts and bindings cannot matter.

mod addresses;
mod bindings;
pub mod config;
mod erasing;
mod gateways;
pub mod ignored;
mod nodes;
mod sessions;
mod subscribers;
pub mod sweep;
pub mod touched;
mod watching;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::domain::{
    Effect, Event, Facts, Feeds, Identifier, Node, Outcome, Reachability, Registrations, Routing, Slot,
    Status, SubscriberId, Timestamp,
};

use addresses::Addresses;
use bindings::Bindings;
use gateways::Gateways;
use ignored::{Ignored, Ring};
use nodes::Nodes;
use subscribers::Subscribers;
use touched::Touched;

pub use watching::Outlook;

/// How many ids of one subscriber are united: its own, numbers, external identifiers.
const MAX_UNITED: usize = 8;

/// Everything needed to answer lookups.
#[derive(Debug, Default)]
pub struct Index {
    subscribers: Subscribers,
    bindings: Bindings,
    nodes: Nodes,
    addresses: Addresses,
    gateways: Gateways,
    routing: Routing,
    /// By whose silence answers are confirmed. Replaced as a whole.
    feeds: ArcSwap<Feeds>,
    ignored: Ring,
    /// Held while a binding and the aliases that follow from it change together. Lookups never wait for it.
    links: Mutex<()>,
    loaded: AtomicBool,
    touched: Touched,
}

/// How much the index holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Subscribers with registrations.
    pub subscribers: usize,
    /// Bound identifiers.
    pub identifiers: usize,
    /// Addresses, prefixes and ranges of ports of sessions.
    pub addresses: usize,
}

/// How many subscribers there are by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// CONNECTED_DATA.
    pub connected_data: usize,
    /// CONNECTED_SMS.
    pub connected_sms: usize,
    /// NOT_CONNECTED.
    pub not_connected: usize,
    /// With facts from which nothing follows.
    pub unknown: usize,
}

impl Index {
    /// An empty index, not yet loaded.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, where these routing domains are behind NAT.
    #[must_use]
    pub fn with_routing(self, routing: Routing) -> Self {
        Self { routing, ..self }
    }

    /// The reachability of the device an identifier names. `None`: no such identifier is known.
    ///
    /// Takes two short read locks; allocates only for a subscriber with facts under several ids.
    pub fn lookup(&self, identifier: &Identifier, now: Timestamp) -> Option<Reachability> {
        let subscriber = self.resolve(identifier)?;
        Some(self.reachability(subscriber, now))
    }

    /// The subscriber an identifier names now. `None`: no such identifier is known.
    pub fn resolve(&self, identifier: &Identifier) -> Option<SubscriberId> {
        let Some(bound) = self.bindings.get(identifier) else {
            let own = identifier.subscriber();
            return self.subscribers.contains(own).then_some(own);
        };
        // An external identifier may be bound to a number, and the number to an IMSI.
        let further = bound
            .as_msisdn()
            .and_then(|msisdn| self.bindings.get(&Identifier::Msisdn(msisdn)));
        Some(further.unwrap_or(bound))
    }

    /// The reachability of a subscriber with all the ids that belong to it.
    pub fn reachability(&self, subscriber: SubscriberId, now: Timestamp) -> Reachability {
        let feeds = self.feeds.load();
        self.looking(subscriber, |known| {
            known.reachability_with(now, &feeds, subscriber)
        })
    }

    /// Everything known of the registrations of the subscriber that an identifier names; nothing if it names none.
    pub fn registrations(&self, identifier: &Identifier) -> Registrations {
        self.resolve(identifier)
            .map_or_else(Registrations::default, |subscriber| self.united(subscriber))
    }

    /// What is known of feeds.
    pub fn feeds(&self) -> Arc<Feeds> {
        self.feeds.load_full()
    }

    /// From now on answers are confirmed by these feeds.
    pub fn set_feeds(&self, feeds: Arc<Feeds>) {
        self.feeds.store(feeds);
    }

    /// Remembers for a while that an event had no effect, if it had none.
    pub fn note(&self, event: &Event, outcome: Outcome) {
        self.ignored.note(event, outcome);
    }

    /// Everything known of a subscriber's registrations under all its ids, and which of its events were ignored lately, the
    /// latest first, at most `most`.
    pub fn account(&self, subscriber: SubscriberId, most: usize) -> (Registrations, Vec<Ignored>) {
        let (registrations, ids) = self.united_with_ids(subscriber);
        (registrations, self.ignored.of(&ids, most))
    }

    /// Forgets what was ignored of a subscriber, under all its ids.
    pub fn forget_ignored(&self, subscriber: SubscriberId) {
        self.ignored.forget(&self.united_with_ids(subscriber).1);
    }

    /// The facts of a subscriber joined with those of its aliases.
    fn united(&self, subscriber: SubscriberId) -> Registrations {
        self.united_with_ids(subscriber).0
    }

    fn united_with_ids(&self, subscriber: SubscriberId) -> (Registrations, Vec<SubscriberId>) {
        let mut all = Registrations::default();
        let mut ids = vec![subscriber];
        let mut next = 0;
        while let Some(id) = ids.get(next).copied() {
            next += 1;
            self.subscribers.read(id, |entry| {
                let Some(entry) = entry else { return };
                all.join_all(&entry.registrations);
                for alias in entry.aliases() {
                    if ids.len() < MAX_UNITED && !ids.contains(alias) {
                        ids.push(*alias);
                    }
                }
            });
        }
        (all, ids)
    }

    /// Joins an event that is durable, and tells what it did.
    pub fn apply(&self, event: &Event) -> Effect {
        let subscriber = event.subscriber.subscriber();
        let mut effect = Effect::from(Outcome::Duplicate);
        if !event.changes.is_empty() {
            let joined = self.subscribers.write(subscriber, |registrations| {
                let effect = registrations.apply_with(event, |slot, node| self.kept(slot, node));
                let told = event.changes.iter();
                let told = told.filter_map(|change| Some((change.slot(), change.node()?)));
                self.end_lost(registrations, told);
                effect
            });
            effect = joined.result;
            if joined.was_empty && subscriber.is_weak() {
                let _links = self.linking();
                self.link(&event.subscriber.strongest());
            }
            if effect.outcome != Outcome::Duplicate {
                self.touch(|| event.subscriber.strongest());
            }
        }
        if let Some(outcome) = self.apply_addresses(event) {
            effect = effect.or(outcome);
        }
        for identifier in event.subscriber.bindings() {
            effect = effect.or(self.bind(&identifier, subscriber, event.event_time));
        }
        effect
    }

    /// The outcome of applying the event if that would change nothing: what outweighs it is durable already, and it
    /// need not be stored again. What confirms more by being told again is news.
    pub fn already_known(&self, event: &Event) -> Option<Outcome> {
        let subscriber = event.subscriber.subscriber();
        let binds = event.subscriber.bindings().any(|identifier| {
            self.bindings
                .would_change(&identifier, subscriber, event.event_time)
        });
        if binds || !self.addresses_known(event) {
            None
        } else if event.changes.is_empty() {
            Some(Outcome::Duplicate)
        } else {
            self.subscribers.read(subscriber, |entry| {
                let registrations = &entry?.registrations;
                let known = registrations.already_known(event)?;
                (!registrations.renewed_by(event, &self.feeds.load())).then_some(known)
            })
        }
    }

    fn bind(&self, identifier: &Identifier, subscriber: SubscriberId, at: Timestamp) -> Outcome {
        let _links = self.linking();
        let bound = self.bindings.bind(identifier, subscriber, at);
        if let Some(moved) = bound.moved {
            if let Some(former) = moved.from {
                self.unlink(former, identifier.subscriber());
            }
            self.link(identifier);
            self.touch_moved(identifier, moved.from);
        }
        bound.outcome
    }

    /// Waits until nobody else changes bindings together with aliases.
    fn linking(&self) -> MutexGuard<'_, ()> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the facts under an identifier's own id, if there are any, count for its holder, and for whom that one
    /// belongs to: an external identifier may belong to a number, and the number to an IMSI. The caller holds `links`.
    fn link(&self, identifier: &Identifier) {
        let own = identifier.subscriber();
        if let Some(holder) = self.bindings.get(identifier)
            && self.subscribers.contains(own)
        {
            self.subscribers.add_alias(holder, own);
            if matches!(identifier, Identifier::External(_)) {
                self.bindings.note_holder(own, holder);
            }
            if let Some(msisdn) = holder.as_msisdn() {
                self.link(&Identifier::Msisdn(msisdn));
            }
        }
    }

    /// Ends that the facts under an id count for a holder. A number that is left with nothing counts for its own holder no
    /// longer either. The caller holds `links`.
    fn unlink(&self, holder: SubscriberId, alias: SubscriberId) {
        self.subscribers.remove_alias(holder, alias);
        if let Some(further) = self.holder_of_number(holder)
            && !self.subscribers.contains(holder)
        {
            self.subscribers.remove_alias(further, holder);
        }
    }

    /// The same node, its text shared with every earlier mention. Sessions are left out: each is mentioned by one
    /// subscriber alone, and they never end.
    fn kept(&self, slot: Slot, node: &Node) -> Node {
        if slot.is_shared() {
            node.clone()
        } else {
            self.nodes.shared(node)
        }
    }

    /// Takes a row of the store.
    pub fn load_registration(
        &self,
        subscriber: SubscriberId,
        slot: Slot,
        node: Option<&Node>,
        facts: &Facts,
    ) {
        let node = node.map(|node| self.kept(slot, node));
        self.subscribers.write(subscriber, |registrations| {
            registrations.join(slot, node.as_ref(), facts);
            self.end_lost(registrations, node.iter().map(|node| (slot, node)));
        });
    }

    /// Takes a row of the store.
    pub fn load_binding(&self, identifier: &Identifier, subscriber: SubscriberId, bound_at: Timestamp) {
        self.bind(identifier, subscriber, bound_at);
    }

    /// Every row of the store was taken: lookups can be trusted from here on.
    pub fn finish_loading(&self) {
        // Events that came while loading have linked themselves; these are the rows.
        for identifier in self.bindings.with_facts(|own| self.subscribers.contains(own)) {
            let _links = self.linking();
            self.link(&identifier);
        }
        self.loaded.store(true, Ordering::Release);
    }

    /// Whether lookups can be trusted: before, an identifier that is not here may still be in the store.
    pub fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    /// How much there is. Cheap enough for every scrape.
    pub fn size(&self) -> Size {
        Size {
            subscribers: self.subscribers.len(),
            identifiers: self.bindings.len(),
            addresses: self.addresses.len(),
        }
    }

    /// Counts subscribers by status, walking all of them: for demonstrations and tests, not for every scrape.
    pub fn census(&self, now: Timestamp) -> Census {
        let mut census = Census::default();
        self.subscribers.for_each(|registrations| {
            let count = match registrations.reachability(now).status {
                Status::ConnectedData => &mut census.connected_data,
                Status::ConnectedSms => &mut census.connected_sms,
                Status::NotConnected => &mut census.not_connected,
                Status::Unknown(_) => &mut census.unknown,
            };
            *count += 1;
        });
        census
    }
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
