//! Which state each peer is in.

use std::sync::Arc;

use metrics::{Gauge, gauge};

use super::names::PEER_STATE;
use crate::diameter::record::Record;

/// The state of a peer for people: that of its connection, refined by that of its watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// No connection and no attempt at one.
    Closed,
    /// A connection is in the making.
    Connecting,
    /// Open, and the peer is there.
    Open,
    /// Open, but a watchdog request has gone unanswered.
    Suspect,
    /// Open again after a failure; the peer has yet to prove itself.
    Reopen,
    /// Disconnect-Peer was exchanged in part.
    Closing,
}

impl PeerState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Closed,
        Self::Connecting,
        Self::Open,
        Self::Suspect,
        Self::Reopen,
        Self::Closing,
    ];

    /// The word of the `state` label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Suspect => "suspect",
            Self::Reopen => "reopen",
            Self::Closing => "closing",
        }
    }
}

/// Shows which state a peer is in, here and in the peer's record.
pub(crate) struct PeerStateGauge {
    record: Arc<Record>,
    gauges: [Gauge; PeerState::ALL.len()],
    state: PeerState,
}

impl PeerStateGauge {
    /// A closed peer.
    pub(crate) fn new(record: &Arc<Record>) -> Self {
        let gauge = |state: PeerState| {
            let peer = Arc::clone(record.label());
            gauge!(PEER_STATE, "peer" => peer, "state" => state.label())
        };
        let this = Self {
            record: Arc::clone(record),
            gauges: PeerState::ALL.map(gauge),
            state: PeerState::Closed,
        };
        this.add(1.0);
        this.record.state(None, Some(PeerState::Closed));
        this
    }

    /// The peer is in this state now.
    pub(crate) fn set(&mut self, state: PeerState) {
        if self.state != state {
            self.add(-1.0);
            self.record.state(Some(self.state), Some(state));
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
        self.record.state(Some(self.state), None);
    }
}
