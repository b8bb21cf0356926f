//! Two replicas that hear the same in different orders, and a naive reader of all that was told.
//!
//! Subscribers, numbers, sessions, addresses and times are few, so that addresses move, overlap and race all the time.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::session::session_name;
use crate::domain::{
    Change, DeviceQuery, Ends, ExternalIdentifier, Gateway, GatewayRestarted, Imsi, IpChange, IpChangeKind,
    Msisdn, News, PortRange, RoutingDomain, SessionAddress, SubscriberIdentifiers,
};
use crate::index::config::{LookupConfig, RoutingDomainConfig};

const EXPIRY: i64 = 25;
const NOW: i64 = 40;
const SESSIONS: u8 = 6;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

fn imsi(n: u8) -> Imsi {
    Imsi::parse(&format!("00101000000000{n}")).unwrap()
}

fn number(n: u8) -> Msisdn {
    Msisdn::parse(&format!("+99900000{n}")).unwrap()
}

fn external() -> ExternalIdentifier {
    ExternalIdentifier::parse("meter-1@iot.example").unwrap()
}

fn gateway(n: u8) -> Gateway {
    Gateway::parse(&format!("pgw{n}.example")).unwrap()
}

fn gateway_of(session: u8) -> u8 {
    session % 2
}

fn name(session: u8) -> Node {
    session_name(Some(&gateway(gateway_of(session))), &[&[session]])
}

/// Each session is told under one kind of identifier: mostly an IMSI, one a number alone, one an external identifier.
fn told_under(session: u8) -> SubscriberIdentifiers {
    match session {
        4 => number(0).into(),
        5 => external().into(),
        _ => imsi(session % 3).into(),
    }
}

fn address(n: u8) -> SessionAddress {
    let v4 = |domain: &str, octets: [u8; 4]| {
        SessionAddress::v4(RoutingDomain::parse(domain).unwrap(), octets.into()).unwrap()
    };
    let v6 = |text: &str, length| SessionAddress::v6(text.parse().unwrap(), length).unwrap();
    let nat = |first, last| {
        SessionAddress::nat([192, 0, 2, 1].into(), PortRange::new(first, last).unwrap()).unwrap()
    };
    match n {
        0 => v4("", [10, 0, 0, 1]),
        1 => v4("north", [10, 0, 0, 1]),
        2 => v6("2001:db8::", 64),
        3 => v6("2001:db8::", 48),
        4 => nat(1000, 1999),
        5 => nat(1500, 2499),
        _ => v4("", [192, 0, 2, 1]),
    }
}

fn behind(public: [u8; 4], private: Option<[u8; 4]>, port: Option<u16>) -> DeviceQuery {
    DeviceQuery::Ipv4 {
        public: public.into(),
        private: private.map(Into::into),
        port,
    }
}

/// Every question, and which addresses answer it: those told more exactly later.
fn questions() -> Vec<(DeviceQuery, Vec<u8>)> {
    let v6 = |text: &str| DeviceQuery::Ipv6(text.parse().unwrap());
    let port = |port| behind([192, 0, 2, 1], None, Some(port));
    vec![
        (behind([198, 51, 100, 1], Some([10, 0, 0, 1]), None), vec![0]),
        (behind([203, 0, 113, 1], Some([10, 0, 0, 1]), None), vec![1]),
        (behind([198, 51, 100, 1], Some([10, 0, 0, 2]), None), vec![]),
        (v6("2001:db8::"), vec![3, 2]),
        (v6("2001:db8::ffff:ffff:ffff:ffff"), vec![3, 2]),
        (v6("2001:db8:0:1::"), vec![3]),
        (v6("2001:db8:0:ffff:ffff:ffff:ffff:ffff"), vec![3]),
        (v6("2001:db8:1::"), vec![]),
        (v6("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"), vec![]),
        (port(0), vec![6]),
        (port(999), vec![6]),
        (port(1000), vec![6, 4]),
        (port(1499), vec![6, 4]),
        (port(1500), vec![6, 4, 5]),
        (port(1999), vec![6, 4, 5]),
        (port(2000), vec![6, 5]),
        (port(2499), vec![6, 5]),
        (port(2500), vec![6]),
        (behind([192, 0, 2, 1], Some([192, 0, 2, 1]), None), vec![6]),
        (behind([192, 0, 2, 2], None, Some(1500)), vec![]),
    ]
}

/// What can be told, with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Started { session: u8, address: u8 },
    Ended { session: u8 },
    Released { session: u8, address: u8 },
    Restarted { gateway: u8 },
    Number { number: u8, imsi: u8 },
    External { imsi: bool, n: u8 },
    Attached { imsi: u8, up: bool },
}

type Telling = (Told, i64);

fn news((told, time): Telling) -> News {
    let event = |ids: SubscriberIdentifiers, change: Option<Change>| {
        let mut event = Event::new(ids, at(time), at(1000), change);
        event.let_sessions_expire(Duration::from_secs(EXPIRY.unsigned_abs()));
        event
    };
    let change = |session, n, kind| IpChange {
        address: address(n),
        session: name(session),
        kind,
    };
    let slot = Slot::Session;
    match told {
        Told::Started { session, address } => {
            let (node, ends) = (name(session), Ends::default());
            event(told_under(session), Some(Change::Registered { slot, node, ends }))
                .with_addresses([change(session, address, IpChangeKind::Started)])
                .into()
        }
        Told::Ended { session } => {
            let node = name(session);
            event(told_under(session), Some(Change::Deregistered { slot, node })).into()
        }
        Told::Released { session, address } => event(told_under(session), None)
            .with_addresses([change(session, address, IpChangeKind::Ended)])
            .into(),
        Told::Restarted { gateway: n } => GatewayRestarted::new(gateway(n), at(time), at(1000)).into(),
        Told::Number { number: n, imsi: i } => {
            let ids = SubscriberIdentifiers::new(Some(imsi(i)), Some(number(n)), None);
            event(ids.unwrap(), None).into()
        }
        Told::External { imsi: by_imsi, n } => {
            let (imsi, number) = (by_imsi.then(|| imsi(n % 3)), (!by_imsi).then(|| number(n % 2)));
            let ids = SubscriberIdentifiers::new(imsi, number, Some(external()));
            event(ids.unwrap(), None).into()
        }
        Told::Attached { imsi: n, up } => {
            let (slot, node) = (Slot::Mme, Node::parse("mme1.example").unwrap());
            let ends = Ends::default();
            let change = if up {
                Change::Registered { slot, node, ends }
            } else {
                Change::Deregistered { slot, node }
            };
            event(imsi(n).into(), Some(change)).into()
        }
    }
}

fn replica() -> Index {
    let routing_domains = vec![RoutingDomainConfig {
        name: "north".into(),
        public: vec!["203.0.113.0/24".into()],
    }];
    Index::new().with_routing(LookupConfig { routing_domains }.routing())
}

fn hear(index: &Index, telling: Telling) {
    match news(telling) {
        News::Event(event) => drop(index.apply(&event)),
        News::GatewayRestarted(restart) => drop(index.apply_restart(&restart)),
    }
}

/// All that was told, read anew for every question.
struct Reader<'a> {
    told: &'a [Telling],
    news: &'a [News],
}

impl<'a> Reader<'a> {
    fn events(&self) -> impl Iterator<Item = &'a Event> {
        self.news.iter().filter_map(|news| match news {
            News::Event(event) => Some(event),
            News::GatewayRestarted(_) => None,
        })
    }

    /// The newest binding of an identifier; of equal times the greater subscriber.
    fn bound(&self, identifier: &Identifier) -> Option<SubscriberId> {
        let bindings = self.events().filter_map(|event| {
            let binds = event.subscriber.bindings().any(|bound| bound == *identifier);
            binds.then(|| (event.event_time, event.subscriber.subscriber()))
        });
        bindings.max().map(|(_, subscriber)| subscriber)
    }

    fn owner(&self, ids: &SubscriberIdentifiers) -> SubscriberId {
        let near = self.bound(&ids.strongest()).unwrap_or_else(|| ids.subscriber());
        let further = near
            .as_msisdn()
            .and_then(|number| self.bound(&number.into_identifier()));
        further.unwrap_or(near)
    }

    /// Whether anybody is known by an identifier: it is bound, or somebody's facts count for whom it names.
    fn knows(&self, ids: &SubscriberIdentifiers) -> bool {
        let owner = self.owner(ids);
        let tells_of = |event: &Event| !event.changes.is_empty() && self.owner(&event.subscriber) == owner;
        self.events().any(tells_of) || self.bound(&ids.strongest()).is_some()
    }

    fn newest(&self, wanted: impl Fn(Told) -> bool) -> Option<i64> {
        let times = self
            .told
            .iter()
            .filter(|(told, _)| wanted(*told))
            .map(|(_, time)| *time);
        times.max()
    }

    /// Who has one of these addresses: of those who were told of one last, if nothing ended that since.
    fn holder(&self, addresses: &[u8]) -> Option<SubscriberId> {
        let tells = self.told.iter().filter_map(|(told, time)| match told {
            Told::Started { session, address } => {
                let exact = addresses.iter().position(|known| known == address)?;
                let of = told_under(*session).subscriber();
                Some((
                    *time,
                    exact_group(addresses, exact),
                    of,
                    name(*session),
                    *session,
                    *address,
                ))
            }
            _ => None,
        });
        let (since, _, _, _, session, address) = tells.max()?;
        let ended = [
            self.newest(|told| told == Told::Ended { session }),
            self.newest(|told| {
                told == Told::Restarted {
                    gateway: gateway_of(session),
                }
            }),
            self.newest(|told| told == Told::Released { session, address }),
        ];
        let seen = self.newest(|told| matches!(told, Told::Started { session: of, .. } if of == session))?;
        let holds = ended.into_iter().flatten().all(|ended| ended < since) && NOW < seen + EXPIRY;
        holds.then(|| self.owner(&told_under(session)))
    }

    /// The answer about a subscriber, out of everything that belongs to it.
    fn reachability(&self, subscriber: SubscriberId) -> Reachability {
        let mut known = Registrations::default();
        for event in self.events() {
            if self.owner(&event.subscriber) == subscriber {
                known.apply(event);
            }
        }
        for (told, time) in self.told {
            if let Told::Restarted { gateway: n } = told {
                known.end_sessions_of(gateway(*n).as_str(), at(*time));
            }
        }
        known.reachability(at(NOW))
    }
}

/// Ranges of ports are told equally exactly.
fn exact_group(addresses: &[u8], place: usize) -> usize {
    match addresses.get(place) {
        Some(4 | 5) => 1,
        _ => place,
    }
}

trait IntoIdentifier {
    fn into_identifier(self) -> Identifier;
}

impl IntoIdentifier for Msisdn {
    fn into_identifier(self) -> Identifier {
        Identifier::Msisdn(self)
    }
}

fn tellings() -> impl Strategy<Value = Vec<Telling>> {
    let one = prop_oneof![
        8 => (0..SESSIONS, 0..7u8).prop_map(|(session, address)| Told::Started { session, address }),
        3 => (0..SESSIONS).prop_map(|session| Told::Ended { session }),
        2 => (0..SESSIONS, 0..7u8).prop_map(|(session, address)| Told::Released { session, address }),
        1 => (0..2u8).prop_map(|gateway| Told::Restarted { gateway }),
        2 => (0..2u8, 0..3u8).prop_map(|(number, imsi)| Told::Number { number, imsi }),
        1 => any::<bool>().prop_flat_map(|imsi| (0..3u8).prop_map(move |n| Told::External { imsi, n })),
        2 => (0..3u8, any::<bool>()).prop_map(|(imsi, up)| Told::Attached { imsi, up }),
    ];
    prop::collection::vec((one, 1..NOW - 1), 0..24)
}

/// The same of an address that overlaps with no other.
fn apart(told: Told) -> Told {
    let apart = |address| match address {
        3 => 2,
        5 | 6 => 4,
        other => other,
    };
    match told {
        Told::Started { session, address } => Told::Started {
            session,
            address: apart(address),
        },
        Told::Released { session, address } => Told::Released {
            session,
            address: apart(address),
        },
        other => other,
    }
}

/// By what anybody can be found.
fn identifiers() -> Vec<SubscriberIdentifiers> {
    let imsis = (0..3).map(|n| imsi(n).into());
    let numbers = (0..2).map(|n| number(n).into());
    imsis.chain(numbers).chain([external().into()]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn two_replicas_answer_alike_in_the_end_and_at_no_time_for_the_wrong_subscriber(
        (told, again) in tellings().prop_flat_map(|told| {
            let twice: Vec<_> = told.iter().chain(&told).copied().collect();
            (Just(told), Just(twice).prop_shuffle())
        })
    ) {
        let questions = questions();
        let (one, other) = (replica(), replica());
        let news: Vec<_> = told.iter().copied().map(news).collect();
        for place in 0..told.len() {
            hear(&one, told[place]);
            let reader = Reader { told: &told[..=place], news: &news[..=place] };
            for (question, addresses) in &questions {
                prop_assert_eq!(one.find(question, at(NOW)), reader.holder(addresses), "{:?} {:?}", addresses, reader.told);
            }
        }
        for telling in &again {
            hear(&other, *telling);
        }
        let reader = Reader { told: &told, news: &news };
        for (question, addresses) in &questions {
            let answer = other.lookup_device(question, at(NOW));
            prop_assert_eq!(answer, one.lookup_device(question, at(NOW)));
            prop_assert_eq!(answer, reader.holder(addresses).map(|owner| reader.reachability(owner)));
        }
        for ids in identifiers() {
            let query = ids.strongest().into();
            let (first, second) = (one.lookup_device(&query, at(NOW)), other.lookup_device(&query, at(NOW)));
            prop_assert_eq!(first, second, "{:?}", ids);
            let told = reader.knows(&ids).then(|| reader.reachability(reader.owner(&ids)));
            prop_assert_eq!(first, told, "{:?}", ids);
        }
    }

    #[test]
    fn what_is_called_known_already_changes_no_answer(told in tellings()) {
        let questions = questions();
        let index = replica();
        let answers = |index: &Index| questions.iter().map(|(question, _)| index.lookup_device(question, at(NOW))).collect::<Vec<_>>();
        for telling in told.iter().chain(&told) {
            let known = match news(*telling) {
                News::Event(event) => index.already_known(&event),
                News::GatewayRestarted(restart) => index.restart_already_known(&restart),
            };
            let before = answers(&index);
            hear(&index, *telling);
            if known.is_some() {
                prop_assert_eq!(answers(&index), before);
            }
        }
    }

    /// Of addresses that do not overlap: an older session that goes on may get back what lies in its own prefix once nobody
    /// remembers to whom that was given.
    #[test]
    fn what_is_forgotten_alters_no_answer(told in tellings(), after in 1..60u64) {
        let questions = questions();
        let index = replica();
        let told: Vec<_> = told.into_iter().map(|(told, time)| (apart(told), time)).collect();
        told.iter().for_each(|telling| hear(&index, *telling));
        let answers = |index: &Index| questions.iter().map(|(question, _)| index.find(question, at(NOW))).collect::<Vec<_>>();
        let before = answers(&index);
        index.forget_addresses(at(NOW), Duration::from_secs(after.max(EXPIRY.unsigned_abs())));
        prop_assert_eq!(answers(&index), before);
        index.forget_addresses(at(NOW + 1000), Duration::from_secs(EXPIRY.unsigned_abs()));
        prop_assert_eq!(index.size().addresses, 0, "nothing is left of what expired long ago");
    }
}
