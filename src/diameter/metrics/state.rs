//! Which state each peer is in.

use std::sync::Arc;

use metrics::{Gauge, gauge};

use super::names::PEER_STATE;

/// The state of a peer as the `state` label has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerState {
    Closed,
    Connecting,
    Open,
    Suspect,
    Reopen,
    Closing,
}

const STATES: [&str; 6] = ["closed", "connecting", "open", "suspect", "reopen", "closing"];

/// Shows which state a peer is in.
pub(crate) struct PeerStateGauge {
    gauges: [Gauge; STATES.len()],
    state: PeerState,
}

impl PeerStateGauge {
    /// A closed peer of that label.
    pub(crate) fn new(peer: &Arc<str>) -> Self {
        let gauges = STATES.map(|state| gauge!(PEER_STATE, "peer" => Arc::clone(peer), "state" => state));
        let this = Self {
            gauges,
            state: PeerState::Closed,
        };
        this.add(1.0);
        this
    }

    /// The peer is in this state now.
    pub(crate) fn set(&mut self, state: PeerState) {
        if self.state != state {
            self.add(-1.0);
            self.state = state;
            self.add(1.0);
        }
    }

    fn add(&self, value: f64) {
        if let Some(gauge) = self.gauges.get(self.state as usize) {
            gauge.increment(value);
        }
    }
}

impl Drop for PeerStateGauge {
    fn drop(&mut self) {
        self.add(-1.0);
    }
}
