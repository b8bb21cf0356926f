//! What is counted of streams of changes.

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

use super::history::Change;

/// Open streams by `scope`: `list`, `all`.
pub const STREAMS: &str = "reachd_watch_streams";
/// Names that are watched, also for streams that ended a short while ago.
pub const DEVICES: &str = "reachd_watch_devices";
/// Answers about watched names that changed.
pub const CHANGES: &str = "reachd_watch_changes_total";
/// Changes handed to streams.
pub const DELIVERED: &str = "reachd_watch_delivered_total";
/// Streams ended because they fell too far behind.
pub const SLOW: &str = "reachd_watch_slow_consumers_total";
/// Clients that came with a cursor, by `outcome`: `resumed`, `expired`.
pub const CURSORS: &str = "reachd_watch_cursors_total";
/// From a fact's visibility in lookups to the hand-over of the change to a stream; of each delivery the oldest.
pub const LAG: &str = "reachd_watch_lag_seconds";

/// Buckets for [`LAG`].
pub const LAG_BUCKETS: [f64; 13] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0,
];

/// The handles.
pub(super) struct Metrics {
    lists: Gauge,
    all: Gauge,
    devices: Gauge,
    changes: Counter,
    delivered: Counter,
    slow: Counter,
    resumed: Counter,
    expired: Counter,
    lag: Histogram,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    pub(super) fn register() -> Self {
        describe_gauge!(STREAMS, "Open streams of changes, by scope");
        describe_gauge!(DEVICES, "Names of devices that are watched");
        describe_counter!(CHANGES, "Answers about watched names that changed");
        describe_counter!(DELIVERED, "Changes handed to streams");
        describe_counter!(SLOW, "Streams ended because they fell too far behind");
        describe_counter!(CURSORS, "Clients that came with a cursor, by outcome");
        describe_histogram!(
            LAG,
            Unit::Seconds,
            "From a fact's visibility in lookups to the hand-over of the change to a stream"
        );
        let zero = |counter: Counter| {
            counter.increment(0);
            counter
        };
        Self {
            lists: gauge!(STREAMS, "scope" => "list"),
            all: gauge!(STREAMS, "scope" => "all"),
            devices: gauge!(DEVICES),
            changes: zero(counter!(CHANGES)),
            delivered: zero(counter!(DELIVERED)),
            slow: zero(counter!(SLOW)),
            resumed: zero(counter!(CURSORS, "outcome" => "resumed")),
            expired: zero(counter!(CURSORS, "outcome" => "expired")),
            lag: histogram!(LAG),
        }
    }

    /// What is read at a scrape: open streams of lists and of all, names, and changes ever.
    pub(super) fn observe(&self, (lists, all): (usize, usize), devices: usize, changes: u64) {
        self.lists.set(lists as f64);
        self.all.set(all as f64);
        self.devices.set(devices as f64);
        self.changes.absolute(changes);
    }

    pub(super) fn came_back(&self, resumed: bool) {
        let counter = if resumed { &self.resumed } else { &self.expired };
        counter.increment(1);
    }

    pub(super) fn slow(&self) {
        self.slow.increment(1);
    }

    pub(super) fn delivered(&self, changes: &[Change]) {
        if let Some(oldest) = changes.iter().map(|change| change.seen).min() {
            self.delivered.increment(changes.len() as u64);
            self.lag.record(oldest.elapsed());
        }
    }
}
