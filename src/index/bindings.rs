//! Whose an identifier is: the newest binding wins, of equal times the one to the greater subscriber.

use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

use hashbrown::HashMap;

use crate::domain::{ExternalIdentifier, Identifier, Msisdn, Outcome, SubscriberId, Timestamp};

/// As many as the table of subscribers has.
pub(super) const SHARDS: usize = 256;

/// The order of the fields is the order of binding: time first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Binding {
    bound_at: Timestamp,
    subscriber: SubscriberId,
}

/// What binding did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) outcome: Outcome,
    /// Set when the identifier has a new holder.
    pub(super) moved: Option<Moved>,
}

/// An identifier came to a new holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) from: Option<SubscriberId>,
}

/// All bound identifiers. An IMSI is never bound: it is the subscriber.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    msisdns: Sharded<Msisdn>,
    externals: Sharded<ExternalIdentifier>,
    /// From an external identifier's own id, if there are facts under it, to its holder: the id does not tell the
    /// identifier. There are few.
    holders: RwLock<HashMap<SubscriberId, SubscriberId>>,
}

impl Bindings {
    fn find(&self, identifier: &Identifier) -> Option<Binding> {
        match identifier {
            Identifier::Imsi(_) => None,
            Identifier::Msisdn(msisdn) => self.msisdns.get(identifier, msisdn),
            Identifier::External(external) => self.externals.get(identifier, external),
        }
    }

    /// The subscriber an identifier is bound to.
    pub(super) fn get(&self, identifier: &Identifier) -> Option<SubscriberId> {
        self.find(identifier).map(|binding| binding.subscriber)
    }

    /// As [`Self::get`], and since when.
    pub(super) fn since(&self, identifier: &Identifier) -> Option<(SubscriberId, Timestamp)> {
        self.find(identifier)
            .map(|binding| (binding.subscriber, binding.bound_at))
    }

    pub(super) fn bind(
        &self,
        identifier: &Identifier,
        subscriber: SubscriberId,
        bound_at: Timestamp,
    ) -> Bound {
        let new = Binding { bound_at, subscriber };
        match identifier {
            Identifier::Imsi(_) => Bound {
                outcome: Outcome::Duplicate,
                moved: None,
            },
            Identifier::Msisdn(msisdn) => self.msisdns.bind(identifier, msisdn, new),
            Identifier::External(external) => self.externals.bind(identifier, external, new),
        }
    }

    /// Unbinds an identifier that was bound no later than `floor`; returns whose it was.
    pub(super) fn unbind(&self, identifier: &Identifier, floor: Timestamp) -> Option<SubscriberId> {
        match identifier {
            Identifier::Imsi(_) => None,
            Identifier::Msisdn(msisdn) => self.msisdns.unbind(identifier, msisdn, floor),
            Identifier::External(external) => {
                let holder = self.externals.unbind(identifier, external, floor)?;
                let mut holders = self.holders.write().unwrap_or_else(PoisonError::into_inner);
                holders.remove(&identifier.subscriber());
                Some(holder)
            }
        }
    }

    /// Every bound identifier and whose it is.
    pub(super) fn for_each(&self, mut each: impl FnMut(Identifier, SubscriberId)) {
        self.msisdns.for_each(|msisdn, binding| {
            each(Identifier::Msisdn(*msisdn), binding.subscriber);
        });
        self.externals.for_each(|external, binding| {
            each(Identifier::External(external.clone()), binding.subscriber);
        });
    }

    /// Keeps in mind to whom the facts under an external identifier's own id belong.
    pub(super) fn note_holder(&self, own: SubscriberId, holder: SubscriberId) {
        let mut holders = self.holders.write().unwrap_or_else(PoisonError::into_inner);
        holders.insert(own, holder);
    }

    /// To whom the facts under an external identifier's own id belong, if that is bound.
    pub(super) fn holder_of(&self, own: SubscriberId) -> Option<SubscriberId> {
        let holders = self.holders.read().unwrap_or_else(PoisonError::into_inner);
        holders.get(&own).copied()
    }

    pub(super) fn would_change(
        &self,
        identifier: &Identifier,
        subscriber: SubscriberId,
        at: Timestamp,
    ) -> bool {
        !matches!(identifier, Identifier::Imsi(_))
            && self.find(identifier)
                < Some(Binding {
                    bound_at: at,
                    subscriber,
                })
    }

    pub(super) fn len(&self) -> usize {
        self.msisdns.len() + self.externals.len()
    }

    /// The bound identifiers of one shard.
    pub(super) fn in_shard(&self, shard: usize) -> Vec<Identifier> {
        let mut found = Vec::new();
        self.msisdns
            .for_each_in(shard, |msisdn| found.push(Identifier::Msisdn(*msisdn)));
        self.externals.for_each_in(shard, |external| {
            found.push(Identifier::External(external.clone()));
        });
        found
    }

    /// The identifiers under whose own ids there are facts.
    pub(super) fn with_facts(&self, has_facts: impl Fn(SubscriberId) -> bool) -> Vec<Identifier> {
        let mut found = Vec::new();
        self.msisdns.for_each(|msisdn, _| {
            if has_facts((*msisdn).into()) {
                found.push(Identifier::Msisdn(*msisdn));
            }
        });
        self.externals.for_each(|external, _| {
            if has_facts(external.into()) {
                found.push(Identifier::External(external.clone()));
            }
        });
        found
    }
}

#[derive(Debug)]
struct Sharded<K>(Box<[RwLock<HashMap<K, Binding>>]>);

impl<K> Default for Sharded<K> {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect())
    }
}

impl<K: Clone + Eq + Hash> Sharded<K> {
    #[expect(
        clippy::indexing_slicing,
        reason = "the top byte is below the number of shards"
    )]
    fn shard(&self, identifier: &Identifier) -> &RwLock<HashMap<K, Binding>> {
        &self.0[(identifier.subscriber().spread() >> 56) as usize]
    }

    fn get(&self, identifier: &Identifier, key: &K) -> Option<Binding> {
        self.shard(identifier)
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .copied()
    }

    fn bind(&self, identifier: &Identifier, key: &K, new: Binding) -> Bound {
        let mut table = self
            .shard(identifier)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(known) = table.get_mut(key) else {
            table.insert(key.clone(), new);
            return Bound {
                outcome: Outcome::Applied,
                moved: Some(Moved { from: None }),
            };
        };
        let former = *known;
        if new <= former {
            let outcome = if new == former {
                Outcome::Duplicate
            } else {
                Outcome::Stale
            };
            return Bound { outcome, moved: None };
        }
        *known = new;
        let moved = former.subscriber != new.subscriber;
        Bound {
            outcome: Outcome::Applied,
            moved: moved.then_some(Moved {
                from: Some(former.subscriber),
            }),
        }
    }

    fn len(&self) -> usize {
        self.0
            .iter()
            .map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    fn for_each_in(&self, shard: usize, each: impl FnMut(&K)) {
        if let Some(shard) = self.0.get(shard) {
            let table = shard.read().unwrap_or_else(PoisonError::into_inner);
            table.keys().for_each(each);
        }
    }

    fn unbind(&self, identifier: &Identifier, key: &K, floor: Timestamp) -> Option<SubscriberId> {
        let mut table = self
            .shard(identifier)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let known = table.get(key).filter(|binding| binding.bound_at <= floor)?;
        let holder = known.subscriber;
        table.remove(key);
        Some(holder)
    }

    fn for_each(&self, mut each: impl FnMut(&K, &Binding)) {
        for shard in &self.0 {
            let table = shard.read().unwrap_or_else(PoisonError::into_inner);
            table.iter().for_each(|(key, binding)| each(key, binding));
        }
    }
}
