//! Section `grpc` of the configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

/// Section `grpc`: where gRPC is served, and within which bounds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrpcConfig {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether server reflection is on.
    pub reflection: bool,
    /// The largest message taken, in octets.
    pub max_message_size: usize,
    /// Calls and streams that one connection may have open at once.
    pub max_concurrent_streams: u32,
    /// A connection that is silent for this long is asked for a sign of life.
    #[serde(with = "humantime_serde")]
    pub keepalive_interval: Duration,
    /// A connection that owes its sign of life for this long is closed.
    #[serde(with = "humantime_serde")]
    pub keepalive_timeout: Duration,
}

impl Default for GrpcConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 50051).into(),
            reflection: true,
            max_message_size: 4 * 1024 * 1024,
            max_concurrent_streams: 1024,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
        }
    }
}

impl GrpcConfig {
    /// What is wrong, as (key, sentence).
    pub fn problems(&self) -> Vec<(String, String)> {
        let Self {
            listen: _,
            reflection: _,
            max_message_size,
            max_concurrent_streams,
            keepalive_interval,
            keepalive_timeout,
        } = self;
        let size = 64 * 1024..=256 * 1024 * 1024;
        let time = Duration::from_secs(1)..=Duration::from_secs(3600);
        [
            (
                size.contains(max_message_size),
                "max_message_size",
                "has to lie between 65536 and 268435456 octets",
            ),
            (
                *max_concurrent_streams > 0,
                "max_concurrent_streams",
                "has to be at least 1",
            ),
            (
                time.contains(keepalive_interval),
                "keepalive_interval",
                "has to lie between 1s and 1h",
            ),
            (
                time.contains(keepalive_timeout),
                "keepalive_timeout",
                "has to lie between 1s and 1h",
            ),
        ]
        .into_iter()
        .filter(|(fine, ..)| !fine)
        .map(|(_, key, sentence)| (format!("grpc.{key}"), sentence.to_owned()))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_default_has_no_problems_and_listens_on_loopback_only() {
        let config = GrpcConfig::default();
        assert!(config.problems().is_empty());
        assert!(config.listen.ip().is_loopback());
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let config: GrpcConfig = serde_json::from_str(
            r#"{"max_message_size": 1, "max_concurrent_streams": 0, "keepalive_interval": "0s", "keepalive_timeout": "2h"}"#,
        )
        .unwrap();
        let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(
            keys,
            [
                "grpc.max_message_size",
                "grpc.max_concurrent_streams",
                "grpc.keepalive_interval",
                "grpc.keepalive_timeout"
            ]
        );
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<GrpcConfig>(r#"{"listne": "127.0.0.1:0"}"#).is_err());
    }
}
