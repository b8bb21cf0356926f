//! What a feed says about a subscriber: the single currency between feeds and the rest.

use std::time::Duration;

use smallvec::SmallVec;

use super::{Facts, FeedId, IpChange, Node, Slot, Source, SubscriberIdentifiers, Timestamp};

/// One message of the network, reduced to what matters for reachability.
///
/// The identifiers belong together from `event_time` on; the changes all happened at `event_time`. An event without
/// changes and addresses only binds identifiers. All of it becomes durable in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whom it is about.
    pub subscriber: SubscriberIdentifiers,
    /// When it happened, as the network tells; for messages that carry no time (S6a), when they were received.
    pub event_time: Timestamp,
    /// When reachd received it.
    pub received_at: Timestamp,
    /// Who told it. Filled in where it is handed over to be made durable; until then [`FeedId::NONE`].
    pub feed: FeedId,
    /// What happened. Nearly always one change.
    pub changes: SmallVec<[Change; 1]>,
    /// Which addresses its session got or lost. Only accounting tells.
    pub addresses: Vec<IpChange>,
}

impl Event {
    /// How far ahead of its receipt an event's time is believed: sources' clocks differ a little, and changing their
    /// times would change the order of their events.
    pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

    /// An event; a time further ahead of its receipt than [`Self::CLOCK_TOLERANCE`] is taken back to the receipt, so
    /// that it cannot outvote everything the network will say until then.
    pub fn new(
        subscriber: SubscriberIdentifiers,
        event_time: Timestamp,
        received_at: Timestamp,
        changes: impl IntoIterator<Item = Change>,
    ) -> Self {
        Self {
            subscriber,
            event_time: if event_time > received_at.plus(Self::CLOCK_TOLERANCE) {
                received_at
            } else {
                event_time
            },
            received_at,
            feed: FeedId::NONE,
            changes: changes.into_iter().collect(),
            addresses: Vec::new(),
        }
    }

    /// How many addresses one event may tell of: a session has one of each family, perhaps a delegated prefix and some
    /// blocks of ports.
    pub const MOST_ADDRESSES: usize = 64;

    /// The facts of one of its changes, with the node they belong to (`None`: to the slot).
    pub fn facts<'a>(&self, change: &'a Change) -> (Slot, Option<&'a Node>, Facts) {
        let (slot, node, mut facts) = Facts::of(change, self.event_time);
        facts.source = Source::new(self.feed, self.event_time, self.received_at);
        (slot, node, facts)
    }

    /// The same event, which also tells of addresses; what is beyond [`Self::MOST_ADDRESSES`] is left out.
    ///
    /// A session has what it was told to have only while it is known to stand. So whoever tells that a session got an
    /// address tells in the same event that the session is there ([`Change::Registered`] in
    /// [`Slot::Session`]).
    #[must_use]
    pub fn with_addresses(self, addresses: impl IntoIterator<Item = IpChange>) -> Self {
        Self {
            addresses: addresses.into_iter().take(Self::MOST_ADDRESSES).collect(),
            ..self
        }
    }
}

/// One change of one registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The node serves the subscriber in this slot from now on. A first registration, a periodic update and a
    /// change of node all look like this.
    Registered {
        /// Where.
        slot: Slot,
        /// By whom.
        node: Node,
        /// Which registrations elsewhere end with it.
        ends: Ends,
    },
    /// The node serves the subscriber no longer (detach, purge, cancellation). Says nothing about other nodes.
    Deregistered {
        /// Where.
        slot: Slot,
        /// By whom.
        node: Node,
    },
    /// The node can reach the subscriber.
    Reachable {
        /// Where.
        slot: Slot,
        /// By whom.
        node: Node,
        /// When the availability ends, if it is limited (Maximum-UE-Availability-Time).
        until: Option<Timestamp>,
    },
    /// The node cannot reach the subscriber, which stays registered.
    Unreachable {
        /// Where.
        slot: Slot,
        /// By whom.
        node: Node,
        /// When the subscriber is expected back, if the network knows.
        until: Option<Timestamp>,
    },
    /// Whoever held this slot holds it no longer.
    Cleared {
        /// Where.
        slot: Slot,
    },
}

impl Change {
    /// The slot it touches.
    pub fn slot(&self) -> Slot {
        match self {
            Self::Registered { slot, .. }
            | Self::Deregistered { slot, .. }
            | Self::Reachable { slot, .. }
            | Self::Unreachable { slot, .. }
            | Self::Cleared { slot } => *slot,
        }
    }

    /// The node it is of; `None` for what is of the slot.
    pub fn node(&self) -> Option<&Node> {
        match self {
            Self::Registered { node, .. }
            | Self::Deregistered { node, .. }
            | Self::Reachable { node, .. }
            | Self::Unreachable { node, .. } => Some(node),
            Self::Cleared { .. } => None,
        }
    }

    /// The word for it in metrics and logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "registered",
            Self::Deregistered { .. } => "deregistered",
            Self::Reachable { .. } => "reachable",
            Self::Unreachable { .. } => "unreachable",
            Self::Cleared { .. } => "cleared",
        }
    }
}

/// What else a registration ends, whoever holds it (TS 29.272 §5.2.1.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ends {
    /// The other half of the EPS pair: an MME registration ends SGSN's and the reverse. ULR-Flags
    /// Single-Registration-Indication, and Initial-Attach-Indicator, after which the other half has dropped its
    /// contexts.
    pub other_eps_half: bool,
    /// AMF over 3GPP access: ULR-Flags Dual-Registration-5G-Indicator is clear.
    pub amf_3gpp: bool,
}
