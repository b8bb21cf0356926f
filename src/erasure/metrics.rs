//! Metrics of erasures.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// Subscribers that were erased here.
pub const ERASED: &str = "reachd_erasure_subscribers_total";
/// Erased identifiers that are remembered.
pub const REMEMBERED: &str = "reachd_erasure_remembered_identifiers";

/// Handles.
#[derive(Clone)]
pub(super) struct Metrics {
    erased: Counter,
    remembered: Gauge,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    pub(super) fn register() -> Self {
        describe_counter!(ERASED, "Subscribers that operators erased through this daemon");
        describe_gauge!(
            REMEMBERED,
            "Erased identifiers that are remembered, so that late events do not bring them back"
        );
        let metrics = Self {
            erased: counter!(ERASED),
            remembered: gauge!(REMEMBERED),
        };
        metrics.erased.increment(0);
        metrics
    }

    pub(super) fn erased(&self, remembered: usize) {
        self.erased.increment(1);
        self.remembered(remembered);
    }

    pub(super) fn remembered(&self, remembered: usize) {
        self.remembered.set(remembered as f64);
    }
}
