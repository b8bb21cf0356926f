//! What a node tells about its peers, as a value: see [`Peers`].
//!
//! Times are those of this machine's clock. Taking a snapshot reads what the connections have noted anyway; it locks the
//! peer table for the time it takes to copy its entries, which is held up by no message.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::table::PeerTable;

pub use super::metrics::PeerState;
pub use super::peer::fsm::Side;

/// The peers of a node. Cheap to clone, and of no harm to it.
#[derive(Clone)]
pub struct Peers(pub(crate) Arc<PeerTable>);

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peers")
    }
}

impl Peers {
    /// Every configured peer by name, and behind them one entry for all others if others may connect.
    #[must_use]
    pub fn status(&self) -> Vec<PeerStatus> {
        self.0.records().iter().map(|record| record.status()).collect()
    }

    /// Brings the gauges up to date that are read at a scrape only.
    pub fn observe(&self) {
        for record in self.0.records() {
            record.observe();
        }
    }

    /// What this configured peer made known before `at` is in doubt from now on. `false` if there is no such peer.
    pub fn doubt(&self, identity: &str, at: SystemTime) -> bool {
        let entry = self.0.configured(identity);
        if let Some(entry) = &entry {
            entry.record.doubt().cast(at);
        }
        entry.is_some()
    }
}

/// One peer at a moment.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// Its configured identity in lower case, or `unknown` for all that are not configured.
    pub name: Arc<str>,
    /// The state it is in; of those that are not configured, the state that comes nearest to open.
    pub state: PeerState,
    /// Connections open now: 0 or 1 for a configured peer.
    pub open_connections: u32,
    /// The open connection of a configured peer.
    pub connection: Option<Connection>,
    /// Connections that have opened since the node started.
    pub connections_opened: u64,
    /// How the last open connection ended.
    pub last_down: Option<Happened>,
    /// Attempts of ours to connect that came to nothing.
    pub connect_failures: u64,
    /// Why the last of them did.
    pub last_connect_failure: Option<Happened>,
    /// What came from it.
    pub received: Traffic,
    /// What went to it.
    pub sent: Traffic,
    /// Requests of it that were answered with a permanent or protocol error of the base protocol, by Result-Code.
    pub defects: Vec<(u32, u64)>,
    /// Requests of it that wait for their answer now.
    pub pending_requests: u64,
    /// When anything last came from it.
    pub last_heard: Option<SystemTime>,
    /// How long the last answered watchdog request took.
    pub watchdog_round_trip: Option<Duration>,
    /// The greatest Origin-State-Id it told (RFC 6733 §8.16), over all its connections.
    pub origin_state_id: Option<u32>,
    /// How often that rose: the peer restarted, or lost its state in another way.
    pub restarts: u64,
    /// When it last rose.
    pub last_restart: Option<SystemTime>,
    /// What it made known before this moment is in doubt, because it lost its state or said so.
    pub doubtful_since: Option<SystemTime>,
}

/// An open connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Who connected.
    pub side: Side,
    /// What carries it, such as `tcp`.
    pub transport: &'static str,
    /// The address at the other end.
    pub remote: SocketAddr,
    /// Origin-Realm of the peer.
    pub realm: Arc<str>,
    /// The Application-Ids in common.
    pub applications: Arc<[u32]>,
    /// Since when it is open.
    pub since: SystemTime,
}

/// Something that happened once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happened {
    /// What, in a word that the metrics use too.
    pub what: &'static str,
    /// When.
    pub at: SystemTime,
}

/// What went one way, answers by the class of their result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests.
    pub requests: u64,
    /// Answers with 2xxx.
    pub success: u64,
    /// Answers with 3xxx.
    pub protocol_error: u64,
    /// Answers with 4xxx.
    pub transient: u64,
    /// Answers with 5xxx.
    pub permanent: u64,
    /// Answers with an Experimental-Result.
    pub experimental: u64,
    /// Answers with none of these.
    pub other: u64,
    /// Octets, as they were read and written.
    pub bytes: u64,
}

impl Traffic {
    /// Requests and answers.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.requests + self.answers()
    }

    /// Answers of all classes.
    #[must_use]
    pub const fn answers(&self) -> u64 {
        self.success + self.protocol_error + self.transient + self.permanent + self.experimental + self.other
    }
}
