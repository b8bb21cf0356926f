//! Section `watch` of the configuration.

use std::time::Duration;

use serde::Deserialize;

/// Section `watch`: within which bounds changes are streamed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchConfig {
    /// Changes kept for clients that come back with a cursor, of all devices that are watched. Each takes about 100 bytes.
    pub history: usize,
    /// How many changes a stream may fall behind before it is ended, counted like those of `history`.
    pub queue: usize,
    /// Streams open at once.
    pub max_streams: usize,
    /// Devices named by all streams together, those of streams that ended within `linger` included.
    pub max_devices: usize,
    /// How long changes are kept for a stream that has ended, so that it can go on where it was; of the last
    /// `max_streams` that have.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    /// How often a stream that has nothing else to say gives a sign of life, unless its client names a time.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            history: 200_000,
            queue: 100_000,
            max_streams: 256,
            max_devices: 1_000_000,
            linger: Duration::from_secs(600),
            heartbeat: Duration::from_secs(15),
        }
    }
}

impl WatchConfig {
    /// The shortest time between signs of life.
    pub const MIN_HEARTBEAT: Duration = Duration::from_secs(1);
    /// The longest.
    pub const MAX_HEARTBEAT: Duration = Duration::from_secs(3600);

    /// What is wrong, as (key, sentence).
    pub fn problems(&self) -> Vec<(String, String)> {
        let Self {
            history,
            queue,
            max_streams,
            max_devices,
            linger,
            heartbeat,
        } = self;
        [
            (
                (1..=10_000_000).contains(history),
                "history",
                "has to lie between 1 and 10000000 changes",
            ),
            (
                (1..=*history).contains(queue),
                "queue",
                "has to be at least 1 and no more than watch.history",
            ),
            (
                (1..=10_000).contains(max_streams),
                "max_streams",
                "has to lie between 1 and 10000",
            ),
            (*max_devices > 0, "max_devices", "has to be at least 1"),
            (
                *linger <= Duration::from_secs(24 * 3600),
                "linger",
                "cannot be longer than 24h",
            ),
            (
                (Self::MIN_HEARTBEAT..=Self::MAX_HEARTBEAT).contains(heartbeat),
                "heartbeat",
                "has to lie between 1s and 1h",
            ),
        ]
        .into_iter()
        .filter(|(fine, ..)| !fine)
        .map(|(_, key, sentence)| (format!("watch.{key}"), sentence.to_owned()))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_has_no_problems() {
        assert_eq!(WatchConfig::default().problems(), []);
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let config: WatchConfig = serde_json::from_str(
            r#"{"history": 0, "queue": 0, "max_streams": 0, "max_devices": 0, "linger": "25h", "heartbeat": "0s"}"#,
        )
        .unwrap();
        let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
        let all = [
            "history",
            "queue",
            "max_streams",
            "max_devices",
            "linger",
            "heartbeat",
        ];
        assert_eq!(keys, all.map(|key| format!("watch.{key}")));
    }
}
