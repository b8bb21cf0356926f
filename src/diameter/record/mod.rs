//! What is remembered of a peer for those who look on: what went to and fro, and the landmarks of its life.
//!
//! One record belongs to one configured peer, for as long as the node lives and over all its connections; peers that are
//! not configured share one. Connections write plain atomics, relaxed, since figures decide nothing; a lock is taken only
//! for what happens once in a connection's life. Looking on reads the same and slows nobody down.

mod life;
mod traffic;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use metrics::{Counter, Gauge, counter, gauge};

use super::metrics::{Direction, Outcome, PENDING, PeerState, RESTARTS};
use super::service::Doubt;
use super::status::{Connection, Happened, PeerStatus};
use super::transport::{now, to_the_microsecond, wall_clock};
use life::Life;
use traffic::{Defects, Lane};

pub(crate) use life::Restart;

/// See the module.
pub(crate) struct Record {
    /// The peer's name in metrics.
    label: Arc<str>,
    /// Whether many peers share it: what is said of one connection alone is not kept then.
    shared: bool,
    lanes: [Lane; 2],
    defects: Defects,
    pending: AtomicU64,
    /// 0 for never.
    watchdog_nanos: AtomicU64,
    /// Microseconds since `epoch`, and 1; 0 for never.
    heard: AtomicU64,
    epoch: Instant,
    states: [AtomicU32; PeerState::ALL.len()],
    /// The greatest Origin-State-Id told, so that one that says nothing new costs no lock.
    origin_state: AtomicU32,
    doubt: Doubt,
    life: Mutex<Life>,
    pending_gauge: Gauge,
    restarts: Counter,
}

impl Record {
    /// The record of the one peer of that label.
    pub(crate) fn new(label: Arc<str>) -> Self {
        Self {
            shared: false,
            lanes: [Lane::default(), Lane::default()],
            defects: Defects::default(),
            pending: AtomicU64::new(0),
            watchdog_nanos: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            epoch: now(),
            states: PeerState::ALL.map(|_| AtomicU32::new(0)),
            origin_state: AtomicU32::new(0),
            doubt: Doubt::default(),
            life: Mutex::default(),
            pending_gauge: gauge!(PENDING, "peer" => Arc::clone(&label)),
            restarts: counter!(RESTARTS, "peer" => Arc::clone(&label)),
            label,
        }
    }

    /// A record that all peers of that label share.
    pub(crate) fn shared(label: Arc<str>) -> Self {
        Self {
            shared: true,
            ..Self::new(label)
        }
    }

    /// The peer's name in metrics.
    pub(crate) fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// Since when what the peer made known is in doubt.
    pub(crate) fn doubt(&self) -> &Doubt {
        &self.doubt
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // === What connections note, message by message or burst by burst ===

    pub(crate) fn message(&self, direction: Direction, outcome: Outcome) {
        if let Some(lane) = self.lanes.get(direction as usize) {
            lane.message(outcome);
        }
    }

    pub(crate) fn octets(&self, direction: Direction, count: usize) {
        if let Some(lane) = self.lanes.get(direction as usize) {
            lane.octets(count as u64);
        }
    }

    pub(crate) fn defect(&self, result_code: u32) {
        self.defects.add(result_code);
    }

    pub(crate) fn heard(&self, present: Instant) {
        let micros = present.saturating_duration_since(self.epoch).as_micros();
        self.heard.store(u64::try_from(micros).unwrap_or(0) + 1, Relaxed);
    }

    pub(crate) fn watchdog(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.watchdog_nanos.store(nanos.max(1), Relaxed);
    }

    /// The requests of a connection that wait for their answer were `before` and are `after` now.
    pub(crate) fn pending(&self, before: usize, after: usize) {
        if before != after {
            // Wraps around where it falls, which comes to the same.
            self.pending
                .fetch_add((after as u64).wrapping_sub(before as u64), Relaxed);
        }
    }

    // === What happens once ===

    /// One peer of this record went from one state to another; there is none before the first and after the last.
    pub(crate) fn state(&self, before: Option<PeerState>, after: Option<PeerState>) {
        let place = |state: PeerState| self.states.get(state as usize);
        if let Some(count) = after.and_then(place) {
            count.fetch_add(1, Relaxed);
        }
        if let Some(count) = before.and_then(place) {
            count.fetch_sub(1, Relaxed);
        }
    }

    /// A connection opened. Returns its number, for [`Self::ended`].
    pub(crate) fn opened(&self, connection: Connection) -> u64 {
        self.life().opened((!self.shared).then_some(connection))
    }

    pub(crate) fn ended(&self, number: u64, what: &'static str) {
        self.life().ended(number, happened(what));
    }

    pub(crate) fn connect_failed(&self, what: &'static str) {
        self.life().connect_failed(happened(what));
    }

    /// The peer told its Origin-State-Id. If that means that it lost its state, what it made known is in doubt.
    pub(crate) fn origin_state(&self, id: u32) -> Option<Restart> {
        // Ids of different peers do not compare.
        if self.shared || id <= self.origin_state.load(Relaxed) {
            return None;
        }
        let at = wall_clock();
        let mut life = self.life();
        let restart = life.origin_state(id, now(), at);
        self.origin_state
            .store(life.origin_state.id().unwrap_or(0), Relaxed);
        if restart.is_some() {
            self.restarts.increment(1);
            self.doubt.cast(at);
        }
        restart
    }

    // === Looking on ===

    /// Brings the gauges up to date that are read at a scrape only.
    pub(crate) fn observe(&self) {
        self.pending_gauge.set(self.pending.load(Relaxed) as f64);
    }

    /// Everything, at this moment.
    pub(crate) fn status(&self) -> PeerStatus {
        let heard = self.heard.load(Relaxed);
        let watchdog_nanos = self.watchdog_nanos.load(Relaxed);
        let [received, sent] = &self.lanes;
        let life = self.life();
        PeerStatus {
            name: Arc::clone(&self.label),
            state: self.present_state(),
            open_connections: life.open,
            connection: life.connection.as_ref().map(|(_, connection)| connection.clone()),
            connections_opened: life.opened,
            last_down: life.last_down,
            connect_failures: life.connect_failures,
            last_connect_failure: life.last_connect_failure,
            received: received.look(),
            sent: sent.look(),
            defects: self.defects.look(),
            pending_requests: self.pending.load(Relaxed),
            last_heard: heard.checked_sub(1).and_then(|micros| {
                let ago = now().saturating_duration_since(self.epoch + Duration::from_micros(micros));
                SystemTime::now().checked_sub(ago).map(to_the_microsecond)
            }),
            watchdog_round_trip: (watchdog_nanos > 0).then(|| Duration::from_nanos(watchdog_nanos)),
            origin_state_id: life.origin_state.id(),
            restarts: life.restarts,
            last_restart: life.last_restart,
            doubtful_since: self.doubt.since(),
        }
    }

    /// The state of its one peer; of many, the one nearest to open.
    fn present_state(&self) -> PeerState {
        const NEAREST_FIRST: [PeerState; 5] = [
            PeerState::Open,
            PeerState::Reopen,
            PeerState::Suspect,
            PeerState::Connecting,
            PeerState::Closing,
        ];
        let any = |state: &PeerState| {
            self.states
                .get(*state as usize)
                .is_some_and(|count| count.load(Relaxed) > 0)
        };
        NEAREST_FIRST.into_iter().find(any).unwrap_or(PeerState::Closed)
    }
}

fn happened(what: &'static str) -> Happened {
    Happened {
        what,
        at: wall_clock(),
    }
}
