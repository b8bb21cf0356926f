//! Section `erasure` of the configuration.

use std::time::Duration;

use serde::Deserialize;

use crate::domain::Refuse;

/// Section `erasure`: what keeps erased subscribers from coming back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ErasureConfig {
    /// How long an erasure is remembered, between 1s and 3660d. What is told later than that of the time before it may
    /// bring a subscriber back.
    #[serde(with = "humantime_serde")]
    pub keep_removed_for: Duration,
    /// What is refused as long as it is remembered.
    pub refuse: RefuseConfig,
}

/// What is refused of an erased subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefuseConfig {
    /// What had happened before the erasure; what happens later begins a new history.
    #[default]
    Late,
    /// Everything.
    All,
}

impl From<RefuseConfig> for Refuse {
    fn from(refuse: RefuseConfig) -> Self {
        match refuse {
            RefuseConfig::Late => Self::Late,
            RefuseConfig::All => Self::All,
        }
    }
}

impl Default for ErasureConfig {
    fn default() -> Self {
        Self {
            keep_removed_for: Duration::from_secs(30 * 24 * 3600),
            refuse: RefuseConfig::Late,
        }
    }
}

impl ErasureConfig {
    /// What is wrong, as (key, sentence).
    pub fn problems(&self) -> Vec<(String, String)> {
        let Self {
            keep_removed_for,
            refuse: _,
        } = self;
        let bounds = Duration::from_secs(1)..=Duration::from_secs(3660 * 24 * 3600);
        if bounds.contains(keep_removed_for) {
            return Vec::new();
        }
        vec![(
            "keep_removed_for".to_owned(),
            "must be between 1s and 3660d, such as \"30d\"".to_owned(),
        )]
    }
}
