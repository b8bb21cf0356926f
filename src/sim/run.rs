//! A whole simulation: a population spread over one or more connections to a daemon.
//!
//! ```text
//! Simulation::start ──> one task per connection: connect, drive until it ends, connect again
//!        │                     └── Peer (its Load behind a lock): read by stats(), stop(), done()
//!        └── finish: Disconnect-Peer on every connection
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::load::{Load, Plan};
use super::mix::Mix;
use super::peer::Peer;
use super::request::Requests;
use super::rng::Rng;
use super::scenario::{Scenario, Share};
use super::stats::Stats;
use crate::diameter::codec::LocalIdentity;
use crate::diameter::config::DiameterConfig;
use crate::diameter::node::{self, ConnectError, NodeConfig};

/// Between two attempts to connect.
const RECONNECT: Duration = Duration::from_millis(250);

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Setup {
    /// `host:port` of the daemon's Diameter listener.
    pub address: String,
    /// Origin-Host of the first connection; see [`connection_identity`] for the others.
    pub identity: String,
    /// Origin-Realm.
    pub realm: String,
    /// How many devices.
    pub population: u32,
    /// What happens to them.
    pub mix: Mix,
    /// Where the events begin.
    pub seed: u64,
    /// How many connections, at least 1. Each speaks for its share of the devices.
    pub connections: u32,
    /// How much and how fast, all connections together; but the window is each one's own.
    pub plan: Plan,
}

/// A simulation under way.
#[derive(Debug)]
pub struct Simulation {
    peers: Vec<Peer>,
    tasks: JoinSet<()>,
    stopping: CancellationToken,
    first: watch::Receiver<Option<Result<(), Arc<ConnectError>>>>,
    started: Instant,
}

/// The identity of a connection. A peer has one connection only (RFC 6733 §5.6), so the second has another name:
/// `dra1.sim.example`, `dra1-2.sim.example`, …
pub fn connection_identity(identity: &str, index: u32) -> String {
    if index == 0 {
        return identity.to_owned();
    }
    match identity.split_once('.') {
        Some((host, domain)) => format!("{host}-{}.{domain}", index + 1),
        None => format!("{identity}-{}", index + 1),
    }
}

/// The part of `total` for one of several.
fn part(total: u64, share: Share) -> u64 {
    let (index, of) = (u64::from(share.index), u64::from(share.of.max(1)));
    total / of + u64::from(index < total % of)
}

impl Simulation {
    /// Begins to connect; events flow as soon as a connection is open.
    pub fn start(setup: &Setup) -> Self {
        let stopping = CancellationToken::new();
        let (tell_first, first) = watch::channel(None);
        let boot = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |since| since.as_secs()) as u32;
        let of = setup.connections.max(1);
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        let mut peers = Vec::new();
        for index in 0..of {
            let share = Share { index, of };
            let identity = connection_identity(&setup.identity, index);
            let plan = Plan {
                // A rate of 0 means without limit, and must not arise from dividing.
                rate: match setup.plan.rate {
                    0 => 0,
                    rate => (part(rate.into(), share) as u32).max(1),
                },
                events: setup.plan.events.map(|events| part(events, share)),
                ..setup.plan
            };
            let scenario = Scenario::new(setup.population, share, setup.mix.clone(), setup.seed);
            let hop_by_hop = Rng::new(u64::from(boot) << 32 | u64::from(index)).bits() as u32;
            let load = Load::new(scenario, plan, hop_by_hop, started);
            let local = LocalIdentity {
                origin_host: identity.as_str().into(),
                origin_realm: setup.realm.as_str().into(),
            };
            let requests = Requests::new(identity.as_str().into(), boot, index, of);
            let peer = Peer::new(local, load, requests);
            let config = DiameterConfig {
                identity,
                realm: setup.realm.clone(),
                ..DiameterConfig::default()
            };
            let node = NodeConfig {
                origin_state_id: boot,
                ..NodeConfig::from(config)
            };
            let keep = keep_connected(
                setup.address.clone(),
                node,
                peer.clone(),
                stopping.clone(),
                tell_first.clone(),
            );
            tasks.spawn(keep);
            peers.push(peer);
        }
        Self {
            peers,
            tasks,
            stopping,
            first,
            started,
        }
    }

    /// Waits until the first attempt to connect has succeeded or failed.
    ///
    /// # Errors
    ///
    /// It failed. The simulation goes on trying; dropping it ends that.
    pub async fn connected(&mut self) -> Result<(), Arc<ConnectError>> {
        loop {
            if self.stats().connected > 0 {
                return Ok(());
            }
            if let Some(Err(error)) = &*self.first.borrow() {
                return Err(Arc::clone(error));
            }
            // A connection that opens tells nobody but its peer.
            let _ = tokio::time::timeout(Duration::from_millis(5), self.first.changed()).await;
        }
    }

    /// The counts of all connections together.
    pub fn stats(&self) -> Stats {
        let mut all = Stats::default();
        for peer in &self.peers {
            all.merge(&peer.stats());
        }
        all
    }

    /// For how long it has been running.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The load of each connection.
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// Waits until every event was made and answered.
    pub async fn done(&self) {
        for peer in &self.peers {
            peer.done().await;
        }
    }

    /// Makes no more events; those in flight may still be answered.
    pub fn stop(&self) {
        for peer in &self.peers {
            peer.stop();
        }
    }

    /// Disconnects in order and returns the loads.
    pub async fn finish(mut self) -> Vec<Peer> {
        self.stopping.cancel();
        while self.tasks.join_next().await.is_some() {}
        std::mem::take(&mut self.peers)
    }
}

async fn keep_connected(
    address: String,
    node: NodeConfig,
    peer: Peer,
    stopping: CancellationToken,
    tell_first: watch::Sender<Option<Result<(), Arc<ConnectError>>>>,
) {
    while !stopping.is_cancelled() {
        let ended = node::connect(&address, node.clone(), None, peer.clone(), stopping.clone()).await;
        tell_first.send_if_modified(|first| {
            let news = first.is_none();
            first.get_or_insert_with(|| ended.map(drop).map_err(Arc::new));
            news
        });
        let pause = tokio::time::sleep(RECONNECT);
        tokio::select! {
            () = pause => {}
            () = stopping.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_has_a_name_of_its_own() {
        let names = [0, 1, 9].map(|index| connection_identity("dra1.sim.example", index));
        assert_eq!(
            names,
            ["dra1.sim.example", "dra1-2.sim.example", "dra1-10.sim.example"]
        );
        assert_eq!(connection_identity("dra", 1), "dra-2");
    }

    #[test]
    fn the_parts_make_up_the_whole() {
        let parts: Vec<u64> = (0..3).map(|index| part(2000, Share { index, of: 3 })).collect();
        assert_eq!(parts, [667, 667, 666]);
    }
}
