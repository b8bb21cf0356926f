//! Names of sessions, and what ends many of them at once.
//!
//! A session is a node of slot [`Session`](super::Slot::Session). Where it is known which gateway has it, its name says so
//! after an `@`: a gateway that restarts has lost its sessions, and they are found by that.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use super::{Change, Event, Node, Registrations, Slot, Timestamp};

/// The network element that has sessions, such as a PDN gateway, an SMF or an access server: its Diameter identity, its NF
/// instance id or another name, in lower case. May be logged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gateway(Node);

/// Why a text is not a gateway's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a gateway's identity has 1 to 214 printable ASCII characters without blanks")]
pub struct GatewayError;

impl Gateway {
    /// So long that the name of a session has room for it.
    const LONGEST: usize = 255 - PREFIX.len() - DIGITS - 1;

    /// Reads an identity and folds its case.
    ///
    /// # Errors
    ///
    /// Nothing, more than 214 characters, or such as are not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, GatewayError> {
        if text.len() > Self::LONGEST {
            return Err(GatewayError);
        }
        Node::parse(text).map(Self).map_err(|_| GatewayError)
    }

    /// The identity in lower case.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gateway({})", self.as_str())
    }
}

const PREFIX: &str = "session-";
/// Of the hash, 128 bits in hexadecimal.
const DIGITS: usize = 32;

/// The name of a session by all that tells it from others, and by its gateway if that is known: two sessions have the same
/// name only if all of it is equal.
///
/// Always a hash, because a session's id may be longer than a name, may differ from another in the case of its letters
/// alone, and may hold the subscriber's number, which names of nodes must not.
pub fn session_name(gateway: Option<&Gateway>, parts: &[&[u8]]) -> Node {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut name = String::with_capacity(PREFIX.len() + DIGITS);
    name.push_str(PREFIX);
    for octet in hash.finalize().iter().take(DIGITS / 2) {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(name, "{octet:02x}");
    }
    if let Some(gateway) = gateway {
        name.push('@');
        name.push_str(gateway.as_str());
    }
    // Printable, and never too long: a gateway's name is bounded.
    Node::parse(&name).unwrap_or_else(|_| Node::unnamed())
}

/// The gateway that a session's name tells.
pub fn gateway_of(session: &Node) -> Option<&str> {
    session.as_str().split_once('@').map(|(_, gateway)| gateway)
}

/// A gateway restarted, and has lost what it had: all its sessions of which nothing newer is known are over since then.
///
/// One durable fact for each gateway, the newest restart, however many sessions it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRestarted {
    /// Which gateway.
    pub gateway: Gateway,
    /// When it did.
    pub restarted_at: Timestamp,
    /// When reachd was told.
    pub received_at: Timestamp,
}

impl GatewayRestarted {
    /// A restart; a time further ahead of its receipt than [`Event::CLOCK_TOLERANCE`] is taken back to the receipt, as
    /// that of an event is.
    pub fn new(gateway: Gateway, restarted_at: Timestamp, received_at: Timestamp) -> Self {
        let restarted_at = if restarted_at > received_at.plus(Event::CLOCK_TOLERANCE) {
            received_at
        } else {
            restarted_at
        };
        Self {
            gateway,
            restarted_at,
            received_at,
        }
    }
}

impl Event {
    /// Has the sessions of this event expire, where nothing newer comes: what it says of them is vouched for that long.
    ///
    /// A network that loses the end of a session would otherwise leave it standing for ever. Each message about a session
    /// renews it. A time that the source itself gave stays.
    pub fn let_sessions_expire(&mut self, after: Duration) {
        let expiry = self.event_time.plus(after);
        let mut registered: SmallVec<[Node; 1]> = SmallVec::new();
        for change in &mut self.changes {
            match change {
                Change::Registered {
                    slot: Slot::Session,
                    node,
                    ..
                } => registered.push(node.clone()),
                Change::Reachable {
                    slot: Slot::Session,
                    node,
                    until,
                } => {
                    until.get_or_insert(expiry);
                    registered.retain(|known| known != node);
                }
                _ => {}
            }
        }
        let vouched = registered.into_iter().map(|node| Change::Reachable {
            slot: Slot::Session,
            node,
            until: Some(expiry),
        });
        self.changes.extend(vouched);
    }
}

impl Registrations {
    /// Whether a session still has at `now` what it was told to have at `since`: it has not ended after that, nor has its
    /// gateway restarted, and it has not expired. Of a session of which nothing is known, this is not known either.
    pub fn session_holds(&self, session: &Node, since: Timestamp, now: Timestamp) -> bool {
        let Some(facts) = self.facts_of(Slot::Session, session) else {
            return false;
        };
        let ended = facts.deregistered_at.max(self.cleared_at(Slot::Session));
        let vouched = facts
            .reachable
            .filter(|report| Some(report.at) >= facts.registered_at);
        Some(since) > ended && facts.present_at() > ended && vouched.is_none_or(|report| now < report.until)
    }
}

/// Whatever a feed can say: mostly something about one subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// About one subscriber.
    Event(Event),
    /// About all who have a session at one gateway.
    GatewayRestarted(GatewayRestarted),
}

impl News {
    /// When reachd received it.
    pub fn received_at(&self) -> Timestamp {
        match self {
            Self::Event(event) => event.received_at,
            Self::GatewayRestarted(restart) => restart.received_at,
        }
    }
}

impl From<Event> for News {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}

impl From<GatewayRestarted> for News {
    fn from(restart: GatewayRestarted) -> Self {
        Self::GatewayRestarted(restart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Ends, Imsi, SlotState};

    fn gateway(name: &str) -> Gateway {
        Gateway::parse(name).unwrap()
    }

    #[test]
    fn a_session_has_the_same_name_only_if_all_of_it_is_equal() {
        let of = |gateway: Option<&Gateway>, parts: &[&[u8]]| session_name(gateway, parts);
        let (one, other) = (gateway("pgw1.example"), gateway("pgw2.example"));
        let names = [
            of(None, &[b"ab", b"c"]),
            of(None, &[b"a", b"bc"]),
            of(None, &[b"AB", b"c"]),
            of(Some(&one), &[b"ab", b"c"]),
            of(Some(&other), &[b"ab", b"c"]),
        ];
        for (place, name) in names.iter().enumerate() {
            assert!(!names[..place].contains(name), "{name}");
        }
        assert_eq!(names[0], of(None, &[b"ab", b"c"]));
    }

    #[test]
    fn a_session_s_name_tells_its_gateway_and_nothing_of_its_id() {
        let longest = "g".repeat(214);
        for name in ["pgw1.example", longest.as_str(), "odd@name"] {
            let session = session_name(Some(&gateway(name)), &[b"pgw1;1;99912345678"]);
            assert_eq!(gateway_of(&session), Some(name));
            assert!(!session.as_str().contains("99912345678"));
        }
        assert_eq!(gateway_of(&session_name(None, &[b"1"])), None);
    }

    #[test]
    fn gateways_compare_without_regard_to_case_and_are_bounded() {
        assert_eq!(gateway("PGW1.Example"), gateway("pgw1.example"));
        let longer = "g".repeat(215);
        for wrong in ["", "a b", longer.as_str()] {
            assert_eq!(Gateway::parse(wrong), Err(GatewayError), "{wrong}");
        }
    }

    fn of_session(time: i64, change: Change) -> Event {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
        let mut event = Event::new(
            Imsi::parse("001010000000001").unwrap().into(),
            at(time),
            at(1000),
            [change],
        );
        event.let_sessions_expire(Duration::from_secs(100));
        event
    }

    #[test]
    fn a_session_holds_what_it_has_until_it_ends_or_nothing_more_is_heard_of_it() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
        let session = session_name(Some(&gateway("pgw1")), &[b"1"]);
        let (slot, node) = (Slot::Session, session.clone());
        let up = |time| {
            let (node, ends) = (node.clone(), Ends::default());
            of_session(time, Change::Registered { slot, node, ends })
        };
        let down = |time| {
            let node = node.clone();
            of_session(time, Change::Deregistered { slot, node })
        };
        let holds = |events: &[Event], restart: Option<i64>, since: i64, now: i64| {
            let mut known = Registrations::default();
            events.iter().for_each(|event| {
                known.apply(event);
            });
            if let Some(restart) = restart {
                known.end_sessions_of("pgw2", at(999));
                known.end_sessions_of("pgw1", at(restart));
            }
            let holds = known.session_holds(&session, at(since), at(now));
            // What it has, it has for as long as it is there.
            let up = matches!(known.state(Slot::Session, at(now)), SlotState::Up(_));
            assert!(up || !holds);
            holds
        };
        assert!(!holds(&[], None, 10, 20), "nothing is known of it");
        assert!(holds(&[up(10)], None, 10, 109));
        assert!(!holds(&[up(10)], None, 10, 110), "it expires");
        assert!(holds(&[up(10), up(60)], None, 10, 159), "an update renews it");
        assert!(!holds(&[up(10), down(20)], None, 10, 30));
        assert!(!holds(&[down(20), up(10)], None, 10, 30));
        assert!(!holds(&[up(10), down(10)], None, 10, 30));
        // What it had before its end is not its any more when it begins anew.
        assert!(!holds(&[up(10), down(20), up(30)], None, 10, 40));
        assert!(holds(&[up(10), down(20), up(30)], None, 30, 40));
        assert!(!holds(&[up(10)], Some(15), 10, 30), "its gateway restarted");
        assert!(!holds(&[up(10)], Some(10), 10, 30));
        assert!(holds(&[up(10), up(20)], Some(15), 20, 30), "it is told of again");
        assert!(holds(&[up(10)], Some(9), 10, 30));
    }

    #[test]
    fn an_end_that_the_source_gave_stays_and_every_session_gets_one() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
        let slot = Slot::Session;
        let names = ["a", "b"].map(|name| Node::parse(name).unwrap());
        let reachable = |node: &Node, until: Option<i64>| Change::Reachable {
            slot,
            node: node.clone(),
            until: until.map(at),
        };
        let up = |node: &Node| Change::Registered {
            slot,
            node: node.clone(),
            ends: Ends::default(),
        };
        let [a, b] = &names;
        let expiring = |changes: &[Change]| {
            let mut event = of_session(10, up(a));
            event.changes = changes.iter().cloned().collect();
            event.let_sessions_expire(Duration::from_secs(100));
            event.changes.to_vec()
        };
        let given = [up(a), reachable(a, Some(20)), up(b)];
        let after = expiring(&given);
        assert_eq!(after[..3], given);
        assert_eq!(after[3..], [reachable(b, Some(110))]);
        assert_eq!(expiring(&[reachable(a, None)]), [reachable(a, Some(110))]);
        let other = [Change::Registered {
            slot: Slot::Mme,
            node: a.clone(),
            ends: Ends::default(),
        }];
        assert_eq!(expiring(&other), other);
    }

    #[test]
    fn a_restart_that_lies_ahead_is_taken_back_to_its_receipt() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
        let told = |time| GatewayRestarted::new(gateway("pgw1"), at(time), at(1000)).restarted_at;
        assert_eq!(told(1060), at(1060));
        assert_eq!(told(1061), at(1000));
    }
}
