//! Whose an address is now: exact addresses by hash, prefixes by hash for each length in use, ports by order.
//!
//! | kept by | found by |
//! |---|---|
//! | IPv4 address in a routing domain | the pair |
//! | IPv6 prefix | the address cut to each length that is in use |
//! | ports of a public address | the address, then the ranges that begin close enough below the port |
//!
//! An address may lie in several prefixes or ranges at once, when the end of an older session never came in. As with one
//! address, whoever was told last counts, and of the same moment the one who was told more exactly.
//!
//! A session with one address takes about 80 octets here, and its share of a table.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use hashbrown::HashMap;

use crate::domain::session_address::network;
use crate::domain::{
    AddressParts, Holders, Holding, IpFacts, Node, PortRange, RoutingDomain, SessionAddress, SubscriberId,
    Timestamp,
};

/// As many as the table of subscribers has.
const SHARDS: usize = 256;
/// How many ranges of ports of one public address are kept. Blocks of 16 ports would be as many; beyond that, the range of
/// which was told longest ago goes.
const MOST_RANGES: usize = 4096;
/// How many routing domains have numbers of their own. An operator has a few; beyond this many, addresses in others are
/// not kept.
const MOST_DOMAINS: usize = 65_536;

/// The session that was told last to have an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) subscriber: SubscriberId,
    pub(super) session: Node,
    pub(super) since: Timestamp,
    /// It has let it go.
    pub(super) over: bool,
}

/// Holders and how exactly the address is told, in order of precedence.
type Rank<'a> = (Timestamp, u8, SubscriberId, &'a Node);

/// All addresses of sessions.
#[derive(Debug)]
pub(super) struct Addresses {
    v4: Sharded<(u32, Ipv4Addr), Holders>,
    v6: Sharded<(u8, Ipv6Addr), Holders>,
    nat: Sharded<Ipv4Addr, Ranges>,
    /// How many prefixes of each length there are; the place is the length.
    lengths: [AtomicUsize; 129],
    domains: RwLock<HashMap<RoutingDomain, u32>>,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            v4: Sharded::default(),
            v6: Sharded::default(),
            nat: Sharded::default(),
            lengths: [const { AtomicUsize::new(0) }; 129],
            domains: RwLock::default(),
        }
    }
}

/// The ranges of one public address.
#[derive(Debug, Default)]
struct Ranges {
    by_first: BTreeMap<(u16, u16), Holders>,
    /// The greatest distance from the first to the last port of a range, of all there were.
    widest: u16,
}

impl Ranges {
    fn holders(&mut self, ports: PortRange) -> &mut Holders {
        let key = (ports.first(), ports.last());
        if self.by_first.len() >= MOST_RANGES && !self.by_first.contains_key(&key) {
            let told = |holders: &Holders| holders.iter().filter_map(newest).max();
            let oldest = self.by_first.iter().min_by_key(|(_, holders)| told(holders));
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.by_first.remove(&oldest);
            }
        }
        self.widest = self.widest.max(ports.last() - ports.first());
        self.by_first.entry(key).or_default()
    }

    fn covering(&self, port: u16) -> impl Iterator<Item = (u8, &Holders)> {
        let begins = (port.saturating_sub(self.widest), 0)..=(port, u16::MAX);
        self.by_first
            .range(begins)
            .filter(move |((_, last), _)| port <= *last)
            .map(|((first, last), holders)| {
                // Of one port 16, of all 0.
                let exact = u8::try_from((last - first).leading_zeros()).unwrap_or_default();
                (exact, holders)
            })
    }
}

/// The newest that was told of a session's hold.
fn newest(held: &Holding) -> Option<Timestamp> {
    held.facts.started_at.max(held.facts.ended_at)
}

impl Addresses {
    /// Joins what a session was told to have; whether that changed anything.
    pub(super) fn join(
        &self,
        address: &SessionAddress,
        subscriber: SubscriberId,
        session: &Node,
        facts: &IpFacts,
    ) -> bool {
        let join = |holders: &mut Holders| {
            let known = holders.knows(subscriber, session, facts);
            if !known {
                holders.join(subscriber, session, facts);
            }
            !known
        };
        match address.parts() {
            AddressParts::V4(domain, address) => {
                let Some(domain) = self.number(domain) else {
                    return false;
                };
                self.v4.write(&(domain, address), |holders, _| join(holders))
            }
            AddressParts::V6(network, length) => self.v6.write(&(length, network), |holders, is_new| {
                if is_new && let Some(count) = self.lengths.get(usize::from(length)) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                join(holders)
            }),
            AddressParts::Nat(public, ports) => {
                self.nat.write(&public, |ranges, _| join(ranges.holders(ports)))
            }
        }
    }

    /// Whether joining these facts would change nothing.
    pub(super) fn knows(
        &self,
        address: &SessionAddress,
        subscriber: SubscriberId,
        session: &Node,
        facts: &IpFacts,
    ) -> bool {
        let knows = |holders: Option<&Holders>| {
            holders.is_some_and(|holders| holders.knows(subscriber, session, facts))
        };
        match address.parts() {
            AddressParts::V4(domain, address) => self
                .known_number(domain)
                .is_some_and(|domain| self.v4.read(&(domain, address), knows)),
            AddressParts::V6(network, length) => self.v6.read(&(length, network), knows),
            AddressParts::Nat(public, ports) => self.nat.read(&public, |ranges| {
                knows(ranges.and_then(|ranges| ranges.by_first.get(&(ports.first(), ports.last()))))
            }),
        }
    }

    /// Who was told last to have an address in a routing domain.
    pub(super) fn of_private(&self, domain: &RoutingDomain, address: Ipv4Addr) -> Option<Candidate> {
        let domain = self.known_number(domain)?;
        self.v4.read(&(domain, address), |holders| last([(32, holders?)]))
    }

    /// Who was told last to be seen at a port of an address: by NAT, or because the address is its own.
    pub(super) fn of_public(&self, address: Ipv4Addr, port: u16) -> Option<Candidate> {
        let ranges = self.nat.read(&address, |ranges| last(ranges?.covering(port)));
        let own = self.of_private(&RoutingDomain::default(), address);
        newer(ranges, own)
    }

    /// Who was told last to have a prefix in which an address lies.
    pub(super) fn of_v6(&self, address: Ipv6Addr) -> Option<Candidate> {
        // Longest first, so that of the same moment the longest counts.
        let lengths = (1..=128u8).rev().filter(|length| {
            let count = self.lengths.get(usize::from(*length));
            count.is_some_and(|count| count.load(Ordering::Relaxed) > 0)
        });
        lengths
            .filter_map(|length| {
                let network = network(address, length)?;
                self.v6
                    .read(&(length, network), |holders| last([(length, holders?)]))
            })
            .fold(None, |known, next| newer(known, Some(next)))
    }

    /// How many addresses, prefixes and ranges there are.
    pub(super) fn len(&self) -> usize {
        self.v4.sum(HashMap::len)
            + self.v6.sum(HashMap::len)
            + self
                .nat
                .sum(|table| table.values().map(|ranges| ranges.by_first.len()).sum())
    }

    /// Forgets holds that are not worth keeping.
    pub(super) fn retain(&self, keep: impl Fn(&Holding) -> bool) {
        let kept = |holders: &mut Holders| {
            holders.retain(&keep);
            !holders.is_empty()
        };
        self.v4.retain(|_, holders| kept(holders));
        self.v6.retain(|(length, _), holders| {
            let stays = kept(holders);
            if !stays && let Some(count) = self.lengths.get(usize::from(*length)) {
                count.fetch_sub(1, Ordering::Relaxed);
            }
            stays
        });
        self.nat.retain(|_, ranges| {
            ranges.by_first.retain(|_, holders| kept(holders));
            !ranges.by_first.is_empty()
        });
    }

    /// The number of a routing domain, a new one if it has none; the default one is 0.
    fn number(&self, domain: &RoutingDomain) -> Option<u32> {
        self.known_number(domain).or_else(|| {
            let mut domains = self.domains.write().unwrap_or_else(PoisonError::into_inner);
            let next = domains.len() + 1;
            if next > MOST_DOMAINS && !domains.contains_key(domain) {
                return None;
            }
            let next = u32::try_from(next).ok()?;
            Some(*domains.entry(domain.clone()).or_insert(next))
        })
    }

    fn known_number(&self, domain: &RoutingDomain) -> Option<u32> {
        if domain.is_default() {
            return Some(0);
        }
        let domains = self.domains.read().unwrap_or_else(PoisonError::into_inner);
        domains.get(domain).copied()
    }
}

/// Of several holders, who was told last.
fn last<'a>(holders: impl IntoIterator<Item = (u8, &'a Holders)>) -> Option<Candidate> {
    let ranked = holders.into_iter().filter_map(|(exact, holders)| {
        let held = holders.last()?;
        let rank: Rank<'a> = (held.facts.started_at?, exact, held.subscriber, &held.session);
        Some((rank, held.facts.ended_at.is_some()))
    });
    let ((since, _, subscriber, session), over) = ranked.max()?;
    Some(Candidate {
        subscriber,
        session: session.clone(),
        since,
        over,
    })
}

/// The one of two who was told later; the first of the same moment.
fn newer(first: Option<Candidate>, second: Option<Candidate>) -> Option<Candidate> {
    let since = |candidate: &Option<Candidate>| candidate.as_ref().map(|candidate| candidate.since);
    if since(&second) > since(&first) {
        second
    } else {
        first
    }
}

#[derive(Debug)]
struct Sharded<K, V>(Box<[RwLock<HashMap<K, V>>]>, hashbrown::DefaultHashBuilder);

impl<K, V> Default for Sharded<K, V> {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect(), <_>::default())
    }
}

impl<K: Clone + Eq + Hash, V: Default> Sharded<K, V> {
    #[expect(
        clippy::indexing_slicing,
        reason = "the remainder is below the number of shards"
    )]
    fn shard(&self, key: &K) -> &RwLock<HashMap<K, V>> {
        use std::hash::BuildHasher as _;
        &self.0[self.1.hash_one(key) as usize % SHARDS]
    }

    fn read<T>(&self, key: &K, look: impl FnOnce(Option<&V>) -> T) -> T {
        look(
            self.shard(key)
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .get(key),
        )
    }

    /// Changes a value, making it if there is none, of which `change` is told.
    fn write<T>(&self, key: &K, change: impl FnOnce(&mut V, bool) -> T) -> T {
        let mut table = self.shard(key).write().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = table.get_mut(key) {
            return change(value, false);
        }
        change(table.entry(key.clone()).or_default(), true)
    }

    fn retain(&self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        for shard in &self.0 {
            let mut table = shard.write().unwrap_or_else(PoisonError::into_inner);
            table.retain(&mut keep);
            if table.capacity() > 4 * table.len().max(16) {
                table.shrink_to_fit();
            }
        }
    }

    fn sum(&self, count: impl Fn(&HashMap<K, V>) -> usize) -> usize {
        let of = |shard: &RwLock<HashMap<K, V>>| count(&shard.read().unwrap_or_else(PoisonError::into_inner));
        self.0.iter().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Imsi, IpChangeKind};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    fn subscriber() -> SubscriberId {
        Imsi::parse("001010000000001").unwrap().into()
    }

    fn name(n: usize) -> Node {
        Node::parse(&format!("session-{n}")).unwrap()
    }

    fn nat(first: u16, last: u16) -> SessionAddress {
        SessionAddress::nat([192, 0, 2, 1].into(), PortRange::new(first, last).unwrap()).unwrap()
    }

    #[test]
    fn an_address_takes_little_room() {
        assert!(size_of::<((u32, Ipv4Addr), Holders)>() <= 64);
        assert!(size_of::<((u8, Ipv6Addr), Holders)>() <= 80);
    }

    #[test]
    fn the_ranges_of_one_public_address_are_bounded_and_the_oldest_goes() {
        let addresses = Addresses::default();
        for n in 0..=MOST_RANGES {
            let first = u16::try_from(8 * n).unwrap();
            let facts = IpFacts::of(IpChangeKind::Started, at(1 + i64::try_from(n).unwrap()));
            assert!(addresses.join(&nat(first, first + 7), subscriber(), &name(n), &facts));
        }
        assert_eq!(addresses.len(), MOST_RANGES);
        let of_port = |port| addresses.of_public([192, 0, 2, 1].into(), port);
        assert_eq!(of_port(0), None);
        assert_eq!(of_port(8).map(|found| found.session), Some(name(1)));
        assert_eq!(of_port(15).map(|found| found.session), Some(name(1)));
    }

    #[test]
    fn a_wide_range_is_found_behind_narrow_ones() {
        let addresses = Addresses::default();
        let told = [(nat(0, 65535), 5), (nat(1000, 1999), 10), (nat(1500, 1509), 20)];
        for (n, (address, time)) in told.iter().enumerate() {
            let facts = IpFacts::of(IpChangeKind::Started, at(*time));
            addresses.join(address, subscriber(), &name(n), &facts);
        }
        let of_port = |port| addresses.of_public([192, 0, 2, 1].into(), port);
        for (port, n) in [
            (0, 0),
            (999, 0),
            (1000, 1),
            (1499, 1),
            (1500, 2),
            (1509, 2),
            (1510, 1),
            (2000, 0),
            (65535, 0),
        ] {
            assert_eq!(of_port(port).map(|found| found.session), Some(name(n)), "{port}");
        }
    }
}
