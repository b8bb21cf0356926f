//! Made-up histories of everything that an event can say, in no order, and what they leave in a store.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use reachd::cli::publish::json;
use reachd::domain::{Facts, News, Node, Registration, Registrations, Slot, Source, SubscriberId, Timestamp};
use reachd::feed::grpc::convert;
use reachd::ingest::SessionsConfig;
use reachd::proto::v1::{Device, DeviceIpv4Address, ReachabilityStatus};
use reachd::store::{AnyStore, Loaded, Store, StoreConfig};
use serde_json::{Value, json};

use crate::support::daemon::Daemon;
use crate::support::{Answer, Subscriber};

/// As many addresses of each kind there are.
const ADDRESSES: u64 = 250;

/// So few that each is told of often.
pub(super) const SUBSCRIBERS: usize = 400;

/// Numbers from a small generator of fixed seed (Knuth's MMIX multiplier), so that a run that fails can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// Events, a line each.
pub(super) fn lines(count: usize, seed: u64) -> Vec<String> {
    let begun = SystemTime::now() - Duration::from_secs(3600);
    let mut random = Random(seed);
    let mut line = || event(&mut random, begun).to_string();
    (0..count).map(|_| line()).collect()
}

fn subscriber(random: &mut Random) -> Subscriber {
    Subscriber::nth(random.below(SUBSCRIBERS as u64) as usize)
}

fn event(random: &mut Random, begun: SystemTime) -> Value {
    let time = begun + Duration::from_micros(random.below(3_000_000_000));
    let time = Timestamp::from_system_time(time).unwrap().to_string();
    let imsi = subscriber(random).imsi;
    // Fewer than the ended sessions that are remembered of a subscriber.
    let session = random.of(&["1@pgw1.example", "2@pgw1.example", "1@pgw2.example", "1@"]);
    let (session, gateway) = session.split_once('@').unwrap();
    match random.below(20) {
        0..10 => json!({
            "subscriber": {"imsi": imsi}, "eventTime": time,
            "registration": {
                "slot": random.of(&["SLOT_MME", "SLOT_SGSN", "SLOT_MSC", "SLOT_SMSF_3GPP"]),
                "node": random.of(&["node-1", "node-2", "node-3"]),
                "change": random.of(&[
                    "REGISTRATION_CHANGE_REGISTERED", "REGISTRATION_CHANGE_DEREGISTERED",
                    "REGISTRATION_CHANGE_REACHABLE", "REGISTRATION_CHANGE_UNREACHABLE",
                ]),
            },
        }),
        10 => json!({
            "subscriber": {"imsi": imsi}, "eventTime": time,
            "registration": {"slot": "SLOT_MSC", "change": "REGISTRATION_CHANGE_CLEARED"},
        }),
        // Numbers move among subscribers.
        11..14 => json!({
            "subscriber": {"imsi": imsi, "msisdn": subscriber(random).number()},
            "eventTime": time, "binding": {},
        }),
        // A session of a gateway without a name does not notice.
        14 if !gateway.is_empty() && random.below(20) == 0 => json!({
            "eventTime": time, "gatewayRestart": {"gateway": gateway},
        }),
        _ => {
            let number = random.below(ADDRESSES);
            json!({
                "subscriber": {"imsi": imsi}, "eventTime": time,
                "ipSession": {
                    "change": random.of(&[
                        "IP_SESSION_CHANGE_STARTED", "IP_SESSION_CHANGE_UPDATED", "IP_SESSION_CHANGE_ENDED",
                    ]),
                    "sessionId": session, "gateway": gateway,
                    "ipv4Address": format!("100.64.0.{}", number + 1), "routingDomain": random.of(&["north", "south"]),
                    "ipv6Prefixes": [format!("2001:db8:0:{number:x}::/64")],
                    "natMappings": [{
                        "publicAddress": "192.0.2.1", "firstPort": number * 100, "lastPort": number * 100 + 99,
                    }],
                },
            })
        }
    }
}

/// What one fact is about.
type Key = (Slot, Option<Node>);

/// What of registrations must be durable once some lines are acknowledged.
#[derive(Default)]
pub(super) struct Told {
    /// How many lines there were.
    lines: usize,
    registrations: BTreeMap<SubscriberId, BTreeMap<Key, Facts>>,
}

impl Told {
    /// Takes lines beyond those that are known, up to `count` if that is further.
    pub(super) fn up_to(&mut self, lines: &[String], count: usize) -> &Self {
        let now = Timestamp::from_system_time(SystemTime::now()).unwrap();
        let count = count.max(self.lines);
        for line in &lines[self.lines..count] {
            let News::Event(mut event) = convert::event(json::event(line).unwrap(), now).unwrap() else {
                continue;
            };
            event.let_sessions_expire(SessionsConfig::default().expire_after);
            let subscriber = event.subscriber.subscriber();
            let of_subscriber = self.registrations.entry(subscriber).or_default();
            for change in &event.changes {
                let (slot, node, told) = Facts::of(change, event.event_time);
                of_subscriber
                    .entry((slot, node.cloned()))
                    .or_default()
                    .join(&told);
            }
        }
        self.lines = count;
        self
    }
}

/// What a store holds, less what is outweighed: that is stored or not as it happens, and says nothing.
#[derive(Debug, Default)]
pub(super) struct Stored {
    registrations: BTreeMap<SubscriberId, Registrations>,
    /// The newest binding of each identifier.
    bindings: BTreeMap<SubscriberId, (Timestamp, SubscriberId)>,
    /// The newest restart of each gateway.
    restarts: BTreeMap<String, Timestamp>,
}

/// Everything that is known of a subscriber's registrations, in one order.
fn all_of(registrations: &Registrations) -> (Vec<Registration>, Vec<Option<Timestamp>>) {
    let mut held: Vec<_> = registrations.iter().cloned().collect();
    held.sort_by(|a, b| (a.slot, &a.node).cmp(&(b.slot, &b.node)));
    let cleared = Slot::ALL.map(|slot| registrations.cleared_at(slot));
    (held, cleared.to_vec())
}

fn end_sessions(known: &mut Registrations, restarts: &BTreeMap<String, Timestamp>) {
    for (gateway, restarted_at) in restarts {
        known.end_sessions_of(gateway, *restarted_at);
    }
}

impl Stored {
    pub(super) async fn of(url: &str) -> Self {
        let config = StoreConfig {
            url: url.to_owned(),
            ..StoreConfig::default()
        };
        let store = AnyStore::open(&config).await.unwrap();
        let mut stored = Self::default();
        store.load(&mut |loaded| stored.take(loaded)).await.unwrap();
        store.close().await;
        for known in stored.registrations.values_mut() {
            end_sessions(known, &stored.restarts);
        }
        stored
    }

    fn take(&mut self, loaded: Loaded) {
        match loaded {
            Loaded::Registration(row) => {
                // When a fact was received is another matter in each run.
                let facts = Facts {
                    source: Source::default(),
                    ..row.facts
                };
                let known = self.registrations.entry(row.subscriber).or_default();
                known.join(row.slot, row.node.as_ref(), &facts);
            }
            Loaded::Binding(row) => {
                let binding = (row.bound_at, row.subscriber);
                let known = self
                    .bindings
                    .entry(row.identifier.subscriber())
                    .or_insert(binding);
                *known = binding.max(*known);
            }
            Loaded::GatewayRestart(row) => {
                let gateway = row.gateway.as_str().to_owned();
                self.restarts.insert(gateway, row.restarted_at);
            }
            // Which of them are stored says nothing either: lookups tell whose an address is.
            Loaded::IpSession(_) => {}
        }
    }

    /// Of how many subscribers something is known.
    pub(super) fn subscribers(&self) -> usize {
        self.registrations.len()
    }

    /// Fails unless what was told would add nothing.
    #[track_caller]
    pub(super) fn assert_holds(&self, told: &Told) {
        for (subscriber, told) in &told.registrations {
            let held = self.registrations.get(subscriber).cloned().unwrap_or_default();
            let mut joined = held.clone();
            for ((slot, node), facts) in told {
                joined.join(*slot, node.as_ref(), facts);
            }
            end_sessions(&mut joined, &self.restarts);
            assert_eq!(
                all_of(&joined),
                all_of(&held),
                "all that was acknowledged is there"
            );
        }
    }

    /// Fails unless both say the same.
    #[track_caller]
    pub(super) fn assert_same(&self, other: &Self) {
        let registrations = |stored: &Self| -> Vec<_> {
            let known = stored.registrations.iter();
            known.map(|(id, known)| (*id, all_of(known))).collect()
        };
        assert_eq!(registrations(self), registrations(other));
        assert_eq!(self.bindings, other.bindings);
        assert_eq!(self.restarts, other.restarts);
    }
}

/// The status, and since when, of whoever is found by each IPv6 address and each port of a public address.
pub(super) async fn by_address(
    daemon: &Daemon,
) -> Vec<Option<(ReachabilityStatus, Option<prost_types::Timestamp>)>> {
    let mut lookups = daemon.lookups();
    let mut found = Vec::new();
    for number in 0..ADDRESSES {
        let inside = Device {
            ipv6_address: format!("2001:db8:0:{number:x}::1"),
            ..Device::default()
        };
        let outside = Device {
            ipv4_address: Some(DeviceIpv4Address {
                public_address: "192.0.2.1".to_owned(),
                public_port: (number * 100 + 50) as u32,
                ..DeviceIpv4Address::default()
            }),
            ..Device::default()
        };
        for device in [inside, outside] {
            let answer = lookups.try_device(Some(device)).await.ok();
            found.push(answer.map(|answer| {
                let answer = Answer::of(answer.reachability.unwrap());
                (answer.status, answer.last_status_time)
            }));
        }
    }
    found
}
