//! Addresses of sessions in the index: who has one now, and what is over.

use std::time::Duration;

use super::Index;
use super::addresses::Candidate;
use crate::domain::{
    DeviceQuery, Event, GatewayRestarted, Identifier, IpFacts, Node, Outcome, Reachability, Registrations,
    SessionAddress, Slot, SubscriberId, Timestamp, session,
};

impl Index {
    /// The reachability of a device, whatever names it. `None`: nobody is known by that now.
    pub fn lookup_device(&self, device: &DeviceQuery, now: Timestamp) -> Option<Reachability> {
        let subscriber = self.find(device, now)?;
        Some(self.reachability(subscriber, now))
    }

    /// The subscriber that a device belongs to at `now`, whatever names it. `None`: nobody is known by that now.
    pub fn find(&self, device: &DeviceQuery, now: Timestamp) -> Option<SubscriberId> {
        match device {
            DeviceQuery::Identifier(identifier) => self.resolve(identifier),
            DeviceQuery::Ipv4 {
                public,
                private,
                port,
            } => {
                let inside = private.and_then(|private| {
                    let domain = self.routing.domain_behind(*public);
                    self.still(self.addresses.of_private(&domain, private)?, now)
                });
                inside.or_else(|| self.still(self.addresses.of_public(*public, (*port)?)?, now))
            }
            DeviceQuery::Ipv6(address) => self.still(self.addresses.of_v6(*address)?, now),
        }
    }

    /// Whose session that is, if the session still has what it was told to have.
    fn still(&self, candidate: Candidate, now: Timestamp) -> Option<SubscriberId> {
        if candidate.over {
            return None;
        }
        let owner = self.owner(candidate.subscriber);
        let holds = self.looking(owner, |known| {
            known.session_holds(&candidate.session, candidate.since, now)
        });
        holds.then_some(owner)
    }

    /// The subscriber to which the facts under an id count now.
    pub(super) fn owner(&self, id: SubscriberId) -> SubscriberId {
        if !id.is_weak() {
            return id;
        }
        let of_number = |id: SubscriberId| {
            let number = Identifier::Msisdn(id.as_msisdn()?);
            self.bindings.get(&number)
        };
        let near = if id.as_msisdn().is_some() {
            of_number(id)
        } else {
            self.bindings.holder_of(id)
        };
        // An external identifier may be bound to a number, and the number to an IMSI.
        near.map_or(id, |near| of_number(near).unwrap_or(near))
    }

    /// Looks at all that is known of a subscriber's registrations.
    pub(super) fn looking<T>(&self, subscriber: SubscriberId, look: impl Fn(&Registrations) -> T) -> T {
        self.subscribers
            .read(subscriber, |entry| match entry {
                None => Some(look(&Registrations::default())),
                Some(entry) if entry.aliases().is_empty() => Some(look(&entry.registrations)),
                Some(_) => None,
            })
            .unwrap_or_else(|| look(&self.united(subscriber)))
    }

    /// Joins what an event tells of addresses; whether that is news.
    pub(super) fn apply_addresses(&self, event: &Event) -> Option<Outcome> {
        if event.addresses.is_empty() {
            return None;
        }
        let subscriber = event.subscriber.subscriber();
        let mut outcome = Outcome::Duplicate;
        for change in &event.addresses {
            let facts = IpFacts::of(change.kind, event.event_time);
            let session = self.session(subscriber, &change.session);
            if self.addresses.join(&change.address, subscriber, &session, &facts) {
                outcome = Outcome::Applied;
            }
        }
        Some(outcome)
    }

    /// Whether all that an event tells of addresses is known.
    pub(super) fn addresses_known(&self, event: &Event) -> bool {
        let subscriber = event.subscriber.subscriber();
        event.addresses.iter().all(|change| {
            let facts = IpFacts::of(change.kind, event.event_time);
            self.addresses
                .knows(&change.address, subscriber, &change.session, &facts)
        })
    }

    /// A session's name, its text shared with that of its registration.
    fn session(&self, subscriber: SubscriberId, name: &Node) -> Node {
        let shared = |registrations: &Registrations| {
            let mut sessions = registrations.in_slot(Slot::Session);
            sessions
                .find(|held| held.node == *name)
                .map(|held| held.node.clone())
        };
        self.subscribers
            .read(subscriber, |entry| shared(&entry?.registrations))
            .unwrap_or_else(|| name.clone())
    }

    /// Ends of a subscriber's sessions what their gateways have lost since. `told` are the slots and nodes just told of.
    pub(super) fn end_lost<'a>(
        &self,
        registrations: &mut Registrations,
        told: impl Iterator<Item = (Slot, &'a Node)>,
    ) {
        for (_, node) in told.filter(|(slot, _)| *slot == Slot::Session) {
            if let Some(gateway) = session::gateway_of(node)
                && let Some(at) = self.gateways.restarted_at(gateway)
            {
                let _ = registrations.end_sessions_of(gateway, at);
            }
        }
    }

    /// The outcome of a restart if that would change nothing, so that it need not be stored again.
    pub fn restart_already_known(&self, restart: &GatewayRestarted) -> Option<Outcome> {
        let outcome = self.gateways.judge(&restart.gateway, restart.restarted_at);
        (outcome != Outcome::Applied).then_some(outcome)
    }

    /// Takes a restart that is durable, as an event or as a row of the store: all sessions of the gateway of which nothing
    /// newer is known are over. Walks all subscribers, shard by shard; restarts are rare.
    pub fn apply_restart(&self, restart: &GatewayRestarted) -> Outcome {
        let outcome = self.gateways.judge(&restart.gateway, restart.restarted_at);
        if outcome == Outcome::Applied {
            // First, so that whatever is told from here on meets it.
            self.gateways.join(&restart.gateway, restart.restarted_at);
            let mut ended = Vec::new();
            self.subscribers.for_each_mut(|id, registrations| {
                if registrations.end_sessions_of(restart.gateway.as_str(), restart.restarted_at) {
                    ended.push(id);
                }
            });
            self.touch_all(&ended);
        }
        outcome
    }

    /// Takes a row of the store.
    pub fn load_ip_session(
        &self,
        subscriber: SubscriberId,
        session: &Node,
        address: Option<&SessionAddress>,
        facts: &IpFacts,
    ) {
        // The end of a session itself stands with its registration.
        if let Some(address) = address {
            let session = self.session(subscriber, session);
            self.addresses.join(address, subscriber, &session, facts);
        }
    }

    /// Forgets addresses that nobody has any more and of which nothing was told for longer than `after`: nothing older can
    /// still come that they would have to outweigh.
    pub fn forget_addresses(&self, now: Timestamp, after: Duration) {
        self.addresses.retain(|held| {
            let told = held.facts.started_at.max(held.facts.ended_at);
            if told.is_some_and(|told| told.plus(after) > now) {
                return true;
            }
            held.facts.started_at.is_some_and(|since| {
                let owner = self.owner(held.subscriber);
                held.facts.ended_at.is_none()
                    && self.looking(owner, |known| known.session_holds(&held.session, since, now))
            })
        });
    }

    /// Forgets the addresses that were told under an id up to a time. Walks all addresses.
    pub(super) fn erase_addresses(&self, floor_of: impl Fn(SubscriberId) -> Option<Timestamp>) {
        self.addresses.retain(|held| {
            let told = held.facts.started_at.max(held.facts.ended_at);
            floor_of(held.subscriber).is_none_or(|floor| told > Some(floor))
        });
    }
}
