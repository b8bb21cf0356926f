//! What the transport asks of whoever serves the applications on one open connection.
//!
//! The driver owns the socket and the peer machine. It hands application messages to a [`Service`] and writes what the
//! service appends to `out`; all calls for one connection come from one task, in order, and must not block. Work that
//! ends later comes back as a [`Service::Completion`] through a channel that the driver polls beside the socket, so
//! that all answers of one burst leave in one write.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use tokio::sync::mpsc;

use super::codec::Message;

/// Who stands at the other end of an open connection, as capabilities exchange told and configuration confirmed.
#[derive(Clone, Debug)]
pub struct ConnectedPeer {
    /// Origin-Host of the peer's CER or CEA, in lower case.
    pub origin_host: Arc<str>,
    /// Origin-Realm likewise.
    pub origin_realm: Arc<str>,
    /// The address at the other end.
    pub remote: SocketAddr,
    /// Applications in common (RFC 6733 §5.3); every one of ours if the peer is a relay.
    pub applications: Arc<[u32]>,
    /// It forwards whatever it gets, to whatever realm: it advertised application 0xFFFFFFFF (RFC 6733 §2.4).
    pub relay: bool,
    /// Its requests are copies of requests meant for another host. Otherwise they are meant for this one.
    pub copies: bool,
    /// Whether what the peer made known can still be relied on. The same for all connections of the peer.
    pub doubt: Doubt,
}

/// Up to when what a peer made known is in doubt: it may have lost what it knew, and will not contradict it any more.
///
/// Cast by the node when the peer's Origin-State-Id rises (RFC 6733 §8.16), and by whoever hears of such a loss in
/// another way, such as Reset-Request (TS 29.272 §7.2.15). All clones are one.
#[derive(Clone, Debug, Default)]
pub struct Doubt(Arc<AtomicU64>);

impl Doubt {
    /// What was made known before `at` is in doubt. An earlier time than one cast before changes nothing.
    pub fn cast(&self, at: SystemTime) {
        let micros = at
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX));
        self.0.fetch_max(micros, Ordering::Relaxed);
    }

    /// The latest time cast, to the microsecond; `None` for never.
    #[must_use]
    pub fn since(&self) -> Option<SystemTime> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            micros => UNIX_EPOCH.checked_add(Duration::from_micros(micros)),
        }
    }
}

/// Serves the applications on one connection.
pub trait Service: Send + 'static {
    /// News for this connection that arises elsewhere.
    type Completion: Send + 'static;

    /// A request that passed the base protocol's checks: sound framing, legal header bits, a negotiated application.
    /// Defects of its AVPs come with the message. The answer is appended to `out` now, or later from
    /// [`Self::complete`] or [`Self::expire`].
    fn request(&mut self, now: Instant, request: &Message<'_>, out: &mut BytesMut);

    /// An answer from the peer. Whether its Hop-by-Hop Identifier was ever sent is for the service to check.
    fn answer(&mut self, now: Instant, answer: &Message<'_>, out: &mut BytesMut);

    /// News from elsewhere. May append answers, or requests of our own.
    fn complete(&mut self, now: Instant, completion: Self::Completion, out: &mut BytesMut);

    /// A sign of life: something arrived from the peer, be it only the answer to our watchdog. Called once per burst,
    /// before its messages are handed over. Whoever judges how fresh a peer's silence is lives on this.
    fn heard(&mut self, now: Instant) {
        let _ = now;
    }

    /// Whether the peer may be sent requests of our own (RFC 3539 failover and failback). Trusted until told otherwise;
    /// a peer that comes back after a failure is not trusted before it has answered three watchdogs.
    fn trusted(&mut self, now: Instant, trusted: bool) {
        let _ = (now, trusted);
    }

    /// The connection is on its way out in order, at the wish of either side: no requests of our own may be begun on it.
    fn leaving(&mut self, now: Instant) {
        let _ = now;
    }

    /// When [`Self::expire`] wants to be called next.
    fn deadline(&self) -> Option<Instant>;

    /// The deadline has passed.
    fn expire(&mut self, now: Instant, out: &mut BytesMut);

    /// How many requests of the peer still wait for their answer. Before the connection is closed in order
    /// (Disconnect-Peer), the driver gives them a moment to reach zero.
    fn pending(&self) -> usize;

    /// How many requests of our own wait for the peer's answer. Before the connection is closed in order, the peer is
    /// given the same moment to answer them.
    fn asked(&self) -> usize {
        0
    }
}

/// Makes a [`Service`] for each connection that opens. Dropping the service means that the connection is gone.
pub trait ServiceFactory: Send + Sync + 'static {
    /// What it makes.
    type Service: Service;

    /// A peer's own Origin-State-Id has risen to that: it has lost what it knew (RFC 6733 §8.16). Told before what comes
    /// of it on the connection.
    fn restarted(&self, peer: &str, origin_state_id: u32) {
        let _ = (peer, origin_state_id);
    }

    /// A connection opened.
    fn open(&self, peer: &ConnectedPeer) -> (Self::Service, Completions<Self::Service>);
}

/// Where a service's completions arrive.
pub type Completions<S> = mpsc::UnboundedReceiver<<S as Service>::Completion>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_doubt_counts_for_every_holder() {
        let doubt = Doubt::default();
        let other = doubt.clone();
        assert_eq!(other.since(), None);
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        for (cast, since) in [(7, 7), (3, 7), (9, 9)] {
            doubt.cast(at(cast));
            assert_eq!(other.since(), Some(at(since)));
        }
    }
}
