//! Diameter peers as feeds: a request becomes events, and is answered once the events are durable.
//!
//! A request that cannot become durable in time is answered DIAMETER_TOO_BUSY, and never left without an answer. It may
//! still become durable later, which does no harm: facts join, and the peer repeats itself. A request that was seen
//! before, on whatever connection, is answered again and changes nothing (`seen`).

mod asking;
mod connection;
mod lives;
mod pending;
mod seen;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, counter, describe_counter};

use crate::diameter::apps::Apns;
use crate::diameter::client::Client;
use crate::diameter::codec::LocalIdentity;
use crate::diameter::peer::duplicates::Owner;
use crate::diameter::service::{Completions, ConnectedPeer, ServiceFactory};
use crate::domain::Node;
use crate::ingest::{Ack, Acked, Acknowledge, Feed, Ingest, ReceiptClock};

pub use asking::Asking;
pub use connection::{Completion, Connection};

use lives::Lives;
use seen::SeenRequests;

/// The feed's name for peers that are accepted without being configured.
pub const UNKNOWN_PEER: &str = "unknown";

/// Whose room the requests of such peers take.
const UNKNOWN_OWNER: Owner = 0;

/// Requests that had been seen before, by any peer: sent again by their originator, or on another path.
pub const DUPLICATES: &str = "reachd_diameter_duplicate_requests_total";

/// Resets of servers of the network, such as HSSs, that peers told of.
pub const RESETS: &str = "reachd_diameter_server_resets_total";

/// Makes a feed of every connection that opens.
pub struct DiameterFeed {
    shared: Arc<Shared>,
    /// Each with its number among the owners of remembered requests.
    feeds: HashMap<Box<str>, (Feed, Owner)>,
    unknown: Feed,
}

/// What all connections share.
struct Shared {
    ingest: Ingest,
    clock: Arc<ReceiptClock>,
    identity: LocalIdentity,
    answer_within: Duration,
    asked: Arc<dyn Asking>,
    seen: SeenRequests,
    lives: Lives,
    apns: Apns,
    duplicates: Counter,
    client: Client,
    resets: Counter,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// How a feed treats the requests of its peers.
#[derive(Clone, Debug)]
pub struct Treatment {
    /// A request that is not durable after that is answered DIAMETER_TOO_BUSY.
    pub answer_within: Duration,
    /// How many requests are remembered so that a duplicate is recognised.
    pub remembered: usize,
    /// The access points whose sessions count as data.
    pub apns: Apns,
}

impl DiameterFeed {
    /// `asked` keeps what reports may be about; `client` sends requests of our own over the same connections; `peers` are
    /// the configured identities; each has counters of its own.
    pub fn new<'a>(
        ingest: Ingest,
        clock: Arc<ReceiptClock>,
        identity: LocalIdentity,
        treatment: Treatment,
        asked: Arc<dyn Asking>,
        client: Client,
        peers: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let feed = |(place, name): (usize, &str)| {
            let name = name.to_ascii_lowercase();
            let owner = Owner::try_from(place + 1).unwrap_or(Owner::MAX);
            (name.as_str().into(), (Feed::register(&name), owner))
        };
        describe_counter!(DUPLICATES, "Diameter requests that had been seen before");
        let duplicates = counter!(DUPLICATES);
        duplicates.increment(0);
        describe_counter!(RESETS, "Reports that an HSS lost its state (Reset-Request)");
        let resets = counter!(RESETS);
        resets.increment(0);
        let Treatment {
            answer_within,
            remembered,
            apns,
        } = treatment;
        Self {
            shared: Arc::new(Shared {
                ingest,
                clock,
                identity,
                answer_within,
                asked,
                seen: SeenRequests::new(remembered),
                lives: Lives::default(),
                apns,
                duplicates,
                client,
                resets,
            }),
            feeds: peers.into_iter().enumerate().map(feed).collect(),
            unknown: Feed::register(UNKNOWN_PEER),
        }
    }
}

impl DiameterFeed {
    /// The feeds of all configured peers, and the one of the others.
    pub fn feeds(&self) -> Vec<Feed> {
        let known = self.feeds.values().map(|(feed, _)| feed);
        known.chain([&self.unknown]).cloned().collect()
    }
}

/// Nobody waits for what a capabilities exchange tells: its next record tells it again if this is lost.
#[derive(Debug)]
struct Nobody;

impl Acknowledge for Nobody {
    fn acked(&self, _: Acked) {}
}

impl DiameterFeed {
    /// A gateway that tells of sessions came back, and has lost them.
    fn gateway_restarted(&self, peer: &str, origin_state_id: u32) {
        let shared = &self.shared;
        let Some(sign) = shared.lives.of_peer(peer, origin_state_id) else {
            return;
        };
        if let Some(restart) = sign.restart(shared.clock.now()) {
            let feed = self.feeds.get(peer).map_or(&self.unknown, |(feed, _)| feed);
            let ack = Ack {
                to: Arc::new(Nobody),
                token: 0,
            };
            if shared.ingest.submit(feed, restart, ack).is_err() {
                return;
            }
        }
        shared.lives.note(sign);
    }
}

impl ServiceFactory for DiameterFeed {
    type Service = Connection;

    fn restarted(&self, peer: &str, origin_state_id: u32) {
        if let Ok(node) = Node::parse(peer) {
            self.shared.asked.restarted(&node, origin_state_id);
        }
        self.gateway_restarted(peer, origin_state_id);
    }

    fn open(&self, peer: &ConnectedPeer) -> (Connection, Completions<Connection>) {
        let known = self.feeds.get(&*peer.origin_host).cloned();
        let feed = known.unwrap_or_else(|| (self.unknown.clone(), UNKNOWN_OWNER));
        Connection::open(Arc::clone(&self.shared), feed, peer)
    }
}
