//! Section `sessions` of the configuration.

use std::time::Duration;

use serde::Deserialize;

/// How long sessions are believed in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionsConfig {
    /// After so long without a message about it, a session counts as over and has no address any more; 1s to 366d. It
    /// should be some times as long as the interval in which gateways report that a session goes on.
    #[serde(with = "humantime_serde")]
    pub expire_after: Duration,
}

impl Default for SessionsConfig {
    fn default() -> Self {
        Self {
            expire_after: Duration::from_secs(24 * 3600),
        }
    }
}

impl SessionsConfig {
    /// What is wrong, as pairs of key and sentence.
    pub fn problems(&self) -> Vec<(String, String)> {
        let day = 24 * 3600;
        let allowed = Duration::from_secs(1)..=Duration::from_secs(366 * day);
        if allowed.contains(&self.expire_after) {
            return Vec::new();
        }
        vec![(
            "sessions.expire_after".into(),
            "must be 1s to 366d, such as \"24h\"".into(),
        )]
    }
}
