//! Metrics of feeds and of the pipeline. Handles are made once and held.

use std::sync::Arc;
use std::sync::atomic::{AtomicI16, AtomicUsize, Ordering};

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

use super::activity::Tally;
use super::config::MAX_LANES;
use crate::domain::{Change, FeedId, News, Outcome};

/// Events by feed, kind and outcome.
pub const EVENTS: &str = "reachd_events_total";
/// Rows in a committed batch.
pub const BATCH_ROWS: &str = "reachd_ingest_batch_rows";
/// Duration of a commit, retries not included.
pub const COMMIT_SECONDS: &str = "reachd_ingest_commit_seconds";
/// From receipt to visible.
pub const LAG_SECONDS: &str = "reachd_event_lag_seconds";
/// Commits tried again because the store was not available.
pub const STORE_RETRIES: &str = "reachd_store_retries_total";
/// 1 while the store takes commits, 0 while they are retried.
pub const STORE_UP: &str = "reachd_store_up";
/// Events waiting for the store.
pub const QUEUED: &str = "reachd_ingest_queued_events";

/// Buckets for [`BATCH_ROWS`].
pub const BATCH_ROWS_BUCKETS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 250.0, 500.0, 1000.0];
/// Buckets for [`COMMIT_SECONDS`] and [`LAG_SECONDS`].
pub const COMMIT_BUCKETS: [f64; 13] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// Why an event was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not say what it must, or not in the right form.
    Invalid,
    /// It names no subscriber.
    MissingIdentifier,
    /// Its number in the stream is not greater than the one before.
    OutOfOrder,
    /// The queue is full or the store did not answer in time.
    TooBusy,
    /// The store refuses it.
    Store,
    /// The daemon stops.
    ShuttingDown,
}

impl Refusal {
    const ALL: [Self; 6] = [
        Self::Invalid,
        Self::MissingIdentifier,
        Self::OutOfOrder,
        Self::TooBusy,
        Self::Store,
        Self::ShuttingDown,
    ];

    /// Whether it was refused as it came, not later.
    fn is_at_receipt(self) -> bool {
        match self {
            Self::Invalid | Self::MissingIdentifier | Self::OutOfOrder => true,
            Self::TooBusy | Self::Store | Self::ShuttingDown => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Invalid => "refused_invalid",
            Self::MissingIdentifier => "refused_missing_identifier",
            Self::OutOfOrder => "refused_out_of_order",
            Self::TooBusy => "refused_too_busy",
            Self::Store => "refused_store",
            Self::ShuttingDown => "refused_shutting_down",
        }
    }
}

const OUTCOMES: [Outcome; 5] = [
    Outcome::Erased,
    Outcome::Applied,
    Outcome::Duplicate,
    Outcome::Stale,
    Outcome::NotHolder,
];
const KINDS: [&str; 7] = [
    "registered",
    "deregistered",
    "reachable",
    "unreachable",
    "cleared",
    "binding",
    "gateway_restarted",
];

/// A source of events: its name and its counters. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed(Arc<FeedMetrics>);

#[derive(Debug)]
struct FeedMetrics {
    name: Box<str>,
    id: AtomicI16,
    outcomes: [[Counter; OUTCOMES.len()]; KINDS.len()],
    refusals: [Counter; Refusal::ALL.len()],
    tally: Tally,
    /// Events of this feed under way, by lane.
    under_way: [AtomicUsize; MAX_LANES],
}

impl Feed {
    /// Registers a feed. Its name becomes a label: a configured peer's identity, a fixed word, or one of a bounded number
    /// of names that clients may give themselves.
    pub fn register(name: &str) -> Self {
        describe_counter!(EVENTS, "Events by feed, kind of change and outcome");
        let event = |kind: &'static str, outcome: &'static str| {
            let counter = counter!(EVENTS, "feed" => name.to_owned(), "kind" => kind, "outcome" => outcome);
            counter.increment(0);
            counter
        };
        Self(Arc::new(FeedMetrics {
            name: name.into(),
            id: AtomicI16::new(FeedId::NONE.number()),
            outcomes: KINDS.map(|kind| OUTCOMES.map(|outcome| event(kind, outcome.name()))),
            refusals: Refusal::ALL.map(|refusal| event("any", refusal.name())),
            tally: Tally::default(),
            under_way: [const { AtomicUsize::new(0) }; MAX_LANES],
        }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The number under which facts remember it: [`FeedId::NONE`] until it has one.
    pub fn id(&self) -> FeedId {
        FeedId::from_number(self.0.id.load(Ordering::Relaxed)).unwrap_or(FeedId::NONE)
    }

    /// Gives it its number.
    pub fn known_as(&self, id: FeedId) {
        self.0.id.store(id.number(), Ordering::Relaxed);
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// How many of its events are under way in a lane.
    pub(super) fn under_way(&self, lane: usize) -> &AtomicUsize {
        let [first, ..] = &self.0.under_way;
        self.0.under_way.get(lane).unwrap_or(first)
    }

    /// Counts an event that was not taken.
    pub fn refused(&self, refusal: Refusal) {
        self.0.tally.refused.fetch_add(1, Ordering::Relaxed);
        if refusal.is_at_receipt() {
            self.0.tally.heard_now();
        }
        let place = Refusal::ALL.iter().position(|known| *known == refusal);
        if let Some(counter) = place.and_then(|place| self.0.refusals.get(place)) {
            counter.increment(1);
        }
    }

    /// Counts an event that reached its end, under its first change.
    pub(super) fn finished(&self, news: &News, outcome: Outcome) {
        self.0.tally.accepted.fetch_add(1, Ordering::Relaxed);
        let kind = match news {
            News::Event(event) => match event.changes.first() {
                Some(Change::Registered { .. }) => 0,
                Some(Change::Deregistered { .. }) => 1,
                Some(Change::Reachable { .. }) => 2,
                Some(Change::Unreachable { .. }) => 3,
                Some(Change::Cleared { .. }) => 4,
                None => 5,
            },
            News::GatewayRestarted(_) => 6,
        };
        let place = OUTCOMES.iter().position(|known| *known == outcome);
        let counter = place.and_then(|place| self.0.outcomes.get(kind)?.get(place));
        if let Some(counter) = counter {
            counter.increment(1);
        }
    }
}

/// Handles of the pipeline itself.
#[derive(Clone)]
pub struct PipelineMetrics {
    pub(super) batch_rows: Histogram,
    pub(super) commit_seconds: Histogram,
    pub(super) lag_seconds: Histogram,
    pub(super) store_retries: Counter,
    pub(super) store_up: Gauge,
    queued: Gauge,
}

impl std::fmt::Debug for PipelineMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PipelineMetrics")
    }
}

impl PipelineMetrics {
    pub(super) fn register() -> Self {
        describe_histogram!(BATCH_ROWS, "Rows in a committed batch");
        describe_histogram!(
            COMMIT_SECONDS,
            "Duration of one commit in seconds, retries not included"
        );
        describe_histogram!(
            LAG_SECONDS,
            "Seconds from the receipt of an event to its visibility in lookups"
        );
        describe_counter!(
            STORE_RETRIES,
            "Commits tried again because the store was not available"
        );
        describe_gauge!(
            STORE_UP,
            "1 while the store answers, 0 while commits are being retried"
        );
        describe_gauge!(QUEUED, "Events accepted and not yet durable");
        let metrics = Self {
            batch_rows: histogram!(BATCH_ROWS),
            commit_seconds: histogram!(COMMIT_SECONDS),
            lag_seconds: histogram!(LAG_SECONDS),
            store_retries: counter!(STORE_RETRIES),
            store_up: gauge!(STORE_UP),
            queued: gauge!(QUEUED),
        };
        metrics.store_retries.increment(0);
        metrics.store_up.set(1);
        metrics
    }

    /// Takes the present depth of the queues, at a scrape.
    pub fn set_queued(&self, events: usize) {
        self.queued.set(u32::try_from(events).unwrap_or(u32::MAX));
    }
}

impl From<super::Refused> for Refusal {
    fn from(refused: super::Refused) -> Self {
        match refused {
            super::Refused::Store => Self::Store,
            super::Refused::ShuttingDown => Self::ShuttingDown,
        }
    }
}
