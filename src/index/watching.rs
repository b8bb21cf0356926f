//! What those who watch ask the index: what may have changed, how an answer stands and until when, and by which names
//! devices can be asked for.

use smallvec::{SmallVec, smallvec};

use super::touched::Touched;
use super::{Index, bindings};
use crate::domain::{Identifier, Reachability, Registrations, SubscriberId, Timestamp};

/// How an answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Whom the identifier names.
    pub subscriber: SubscriberId,
    /// The number through which an external identifier leads to that subscriber, if it does not directly.
    pub via: Option<SubscriberId>,
    /// The answer.
    pub reachability: Reachability,
    /// Until when it stands if no event comes ([`Registrations::next_change`]).
    pub next_change: Option<Timestamp>,
}

impl Index {
    /// In how many parts [`Self::names_in`] tells of all names.
    pub const PARTS: usize = bindings::SHARDS;

    /// What may have changed since somebody looked.
    pub fn touched(&self) -> &Touched {
        &self.touched
    }

    /// The part that an identifier with this id belongs to.
    pub fn part_of(identifier: SubscriberId) -> usize {
        // The top byte: below the number of parts.
        (identifier.spread() >> 56) as usize
    }

    /// The answer about the device that an identifier names, and until when it stands. `None`: it names nobody.
    pub fn outlook(&self, identifier: &Identifier, now: Timestamp) -> Option<Outlook> {
        let subscriber = self.resolve(identifier)?;
        let via = match identifier {
            Identifier::External(_) => self.bindings.get(identifier),
            _ => None,
        };
        let feeds = self.feeds();
        let judge = |all: &Registrations| {
            let answer = all.reachability_with(now, &feeds, subscriber);
            (answer, all.next_change(now))
        };
        let (reachability, next_change) = self
            .subscribers
            .read(subscriber, |entry| match entry {
                None => Some(judge(&Registrations::default())),
                Some(entry) if entry.aliases().is_empty() => Some(judge(&entry.registrations)),
                Some(_) => None,
            })
            .unwrap_or_else(|| judge(&self.united(subscriber)));
        Some(Outlook {
            subscriber,
            via: via.filter(|via| *via != subscriber),
            reachability,
            next_change,
        })
    }

    /// The names of one part by which devices are found: identifiers that are bound, and numbers that are not and have
    /// facts of their own. An external identifier that only ever came alone is known by its hash, and is not told.
    pub fn names_in(&self, part: usize) -> Vec<Identifier> {
        let mut alone = Vec::new();
        self.subscribers.for_each_id_in(part, |id| {
            alone.extend(id.as_msisdn().map(Identifier::Msisdn));
        });
        let mut names = self.bindings.in_shard(part);
        names.extend(
            alone
                .into_iter()
                .filter(|identifier| self.bindings.get(identifier).is_none()),
        );
        names
    }

    /// Tells those who watch, if any, that facts under an identifier's own id have changed: for itself, and for those it
    /// belongs to.
    pub(super) fn touch(&self, identifier: impl FnOnce() -> Identifier) {
        if self.touched.is_watched() {
            self.touched.add(self.upwards(&identifier()), None);
        }
    }

    /// Tells those who watch, if any, that less is known under an id, of which the identifier need not be known.
    pub(super) fn touch_id(&self, id: SubscriberId) {
        if self.touched.is_watched() {
            self.touched
                .add([id].into_iter().chain(self.holder_of_number(id)), None);
        }
    }

    /// Tells those who watch, if any, that facts under these ids have changed: for themselves, and for those they belong to.
    pub(super) fn touch_all(&self, ids: &[SubscriberId]) {
        if self.touched.is_watched() {
            let owners = ids.iter().flat_map(|id| [*id, self.owner(*id)]);
            self.touched.add(owners, None);
        }
    }

    /// Tells those who watch, if any, that an identifier has a new holder, or none any more.
    pub(super) fn touch_moved(&self, identifier: &Identifier, former: Option<SubscriberId>) {
        if !self.touched.is_watched() {
            return;
        }
        let mut ids = self.upwards(identifier);
        if let Some(former) = former {
            ids.push(former);
            ids.extend(self.holder_of_number(former));
        }
        let external = match identifier {
            Identifier::External(external) => Some(external),
            _ => None,
        };
        self.touched.add(ids, external);
    }

    /// An identifier's own id, its holder's, and the holder's holder's: an external identifier may belong to a number,
    /// and the number to an IMSI.
    fn upwards(&self, identifier: &Identifier) -> SmallVec<[SubscriberId; 4]> {
        let mut ids = smallvec![identifier.subscriber()];
        if let Some(holder) = self.bindings.get(identifier) {
            ids.push(holder);
            ids.extend(self.holder_of_number(holder));
        }
        ids
    }

    pub(super) fn holder_of_number(&self, id: SubscriberId) -> Option<SubscriberId> {
        self.bindings.get(&Identifier::Msisdn(id.as_msisdn()?))
    }
}
