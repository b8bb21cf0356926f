//! Metrics of the health of feeds.

use metrics::{describe_gauge, gauge};

use super::watched::Watched;
use crate::domain::{FeedHealth, Timestamp};

/// 1 while a feed lives and its silence counts, 0 in a gap.
pub const LIVE: &str = "reachd_feed_live";
/// Seconds since the last sign of life of a feed.
pub const SILENT: &str = "reachd_feed_silent_seconds";

/// Sets the gauges.
#[derive(Debug)]
pub(super) struct Metrics(());

impl Metrics {
    pub(super) fn register() -> Self {
        describe_gauge!(
            LIVE,
            "1 while a feed lives and its silence counts, 0 while it is away"
        );
        describe_gauge!(SILENT, "Seconds since the last sign of life of a feed");
        Self(())
    }

    pub(super) fn observe(&self, watched: &Watched, health: &FeedHealth, now: Timestamp) {
        let name = watched.feed.name().to_owned();
        let lives = health.alive_until.is_some() && health.open_gap().is_none();
        gauge!(LIVE, "feed" => name.clone()).set(f64::from(u8::from(lives)));
        if let Some(alive) = health.alive_until {
            gauge!(SILENT, "feed" => name).set(now.since(alive).as_secs_f64());
        }
    }
}
