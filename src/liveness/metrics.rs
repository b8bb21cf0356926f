//! Metrics of the health of feeds.

use metrics::{describe_gauge, gauge};

use super::watched::Watched;
use crate::domain::FeedHealth;

/// 1 while a feed lives and its silence counts, 0 in a gap.
pub const LIVE: &str = "reachd_feed_live";

/// 1 if no device is confirmed to be absent while the feed is away, 0 otherwise.
pub const COUNTS: &str = "reachd_feed_counts";

/// Sets the gauges.
#[derive(Debug)]
pub(super) struct Metrics(());

impl Metrics {
    pub(super) fn register() -> Self {
        describe_gauge!(
            LIVE,
            "1 while a feed lives and its silence counts, 0 while it is away"
        );
        describe_gauge!(
            COUNTS,
            "1 if no device is confirmed to be absent while the feed is away: it is a configured peer, or a stream that sent a heartbeat"
        );
        Self(())
    }

    pub(super) fn observe(&self, watched: &Watched, health: &FeedHealth) {
        let name = watched.feed.name().to_owned();
        let lives = health.alive_until.is_some() && health.open_gap().is_none();
        gauge!(LIVE, "feed" => name.clone()).set(f64::from(u8::from(lives)));
        gauge!(COUNTS, "feed" => name).set(f64::from(u8::from(health.counts)));
    }
}
