//! Random facts out of a seed: few times and few nodes, so that everything collides with everything.

use reachd::domain::{
    Change, Ends, ExternalIdentifier, Facts, FeedId, Identifier, Imsi, Msisdn, Node, Slot, Source,
    SubscriberId, Timestamp,
};
use reachd::store::{Batch, BindingRow, RegistrationRow};

/// SplitMix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % bound
    }

    pub(super) fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()].clone()
    }

    /// A time of the past with many doubles, exact to the microsecond.
    pub(super) fn time(&mut self) -> Timestamp {
        at(1_700_000_000_000_000 + i64::try_from(self.below(12)).unwrap() * 1_000_001)
    }

    /// What one change leaves behind, in any slot.
    pub(super) fn row(&mut self, subscriber: SubscriberId) -> RegistrationRow {
        self.row_in(&Slot::ALL, subscriber)
    }

    /// What one change leaves behind, in one of these slots.
    pub(super) fn row_in(&mut self, slots: &[Slot], subscriber: SubscriberId) -> RegistrationRow {
        let slot = self.pick(slots);
        let node = Node::parse(self.pick(&["mme1.epc.example", "mme-2.epc.example", "mme1", "z_last", "*"]))
            .unwrap();
        let until = match self.below(3) {
            0 => None,
            1 => Some(self.time()),
            // Beyond the life of this test.
            _ => Some(at(9_000_000_000_000_000 + i64::try_from(self.below(3)).unwrap())),
        };
        let change = match self.below(10) {
            0..4 => Change::Registered {
                slot,
                node,
                ends: Ends {
                    other_eps_half: self.chance(3),
                    amf_3gpp: self.chance(6),
                },
            },
            4..6 => Change::Deregistered { slot, node },
            6..7 => Change::Reachable { slot, node, until },
            7..9 => Change::Unreachable { slot, node, until },
            _ => Change::Cleared { slot },
        };
        let (slot, node, mut facts) = Facts::of(&change, self.time());
        let feed = FeedId::from_number(self.pick(&[0, 1, 2])).unwrap();
        facts.source = Source {
            feed,
            delay: self.pick(&[-1, 0, 1000]),
        };
        RegistrationRow {
            subscriber,
            slot,
            node: node.cloned(),
            facts,
            received_at: self.time(),
        }
    }
}

pub(super) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

pub(super) fn imsi(n: u64) -> SubscriberId {
    Imsi::parse(&format!("00101{n:010}")).unwrap().into()
}

pub(super) fn msisdn(n: u64) -> Identifier {
    Identifier::Msisdn(Msisdn::parse(&format!("+999{n:09}")).unwrap())
}

pub(super) fn external(n: u64) -> Identifier {
    Identifier::External(ExternalIdentifier::parse(&format!("Meter-{n}@iot.example")).unwrap())
}

/// The batch of some rows: doubles joined, sorted by key.
pub(super) fn batch(registrations: &[RegistrationRow], bindings: &[BindingRow]) -> Batch {
    let mut batch = Batch::default();
    for row in registrations {
        let known = batch.registrations.iter_mut().find(|known| {
            (known.subscriber, known.slot, &known.node) == (row.subscriber, row.slot, &row.node)
        });
        match known {
            None => batch.registrations.push(row.clone()),
            Some(known) => {
                known.facts.join(&row.facts);
                known.received_at = known.received_at.max(row.received_at);
            }
        }
    }
    for row in bindings {
        let known = batch
            .bindings
            .iter_mut()
            .find(|known| (known.subscriber, &known.identifier) == (row.subscriber, &row.identifier));
        match known {
            None => batch.bindings.push(row.clone()),
            Some(known) => known.bound_at = known.bound_at.max(row.bound_at),
        }
    }
    batch
        .registrations
        .sort_by(|a, b| (a.subscriber, a.slot, &a.node).cmp(&(b.subscriber, b.slot, &b.node)));
    batch
        .bindings
        .sort_by_key(|row| (row.subscriber, row.identifier.subscriber()));
    batch
}
