//! The `[diameter.client]` section of the configuration: requests of our own.

use std::time::Duration;

use serde::Deserialize;

/// How requests of our own are sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientConfig {
    /// Requests under way with one peer at a time, 1 to 4096; more wait.
    pub window: usize,
    /// Requests that may wait for a peer, or for room with one, up to 1 048 576; more are refused at once.
    pub waiting: usize,
    /// A request without an answer is sent to the same peer again after that long, and again after pauses that double.
    /// 100 ms at least.
    #[serde(with = "humantime_serde")]
    pub retransmit: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            window: 256,
            waiting: 4096,
            retransmit: Duration::from_secs(4),
        }
    }
}

impl ClientConfig {
    /// Everything that is wrong, as (key below `client`, what is wrong and what to do).
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        for (key, value, least, most) in [
            ("window", self.window, 1, 4096),
            ("waiting", self.waiting, 0, 1 << 20),
        ] {
            if value < least || value > most {
                let text = format!("{value} is out of range; choose between {least} and {most}");
                problems.push((format!("client.{key}"), text));
            }
        }
        let (least, most) = (Duration::from_millis(100), Duration::from_secs(3600));
        if self.retransmit < least || self.retransmit > most {
            let text = format!(
                "{:?} is out of range; choose between {least:?} and {most:?}",
                self.retransmit
            );
            problems.push(("client.retransmit".to_owned(), text));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_usable_and_each_bound_is_held() {
        assert_eq!(ClientConfig::default().problems(), []);
        let config = ClientConfig {
            window: 0,
            waiting: usize::MAX,
            retransmit: Duration::from_millis(1),
        };
        let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["client.window", "client.waiting", "client.retransmit"]);
    }
}
