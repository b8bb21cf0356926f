//! Section `[freshness]`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::query::{ActiveQuery, Queries};
use crate::domain::{Coverage, Tells};

/// How old an answer may be, what the silence of feeds is taken for, and what is asked when that is not enough.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FreshnessConfig {
    /// An answer confirmed longer ago is marked STALE, unless the caller names an age.
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
    /// What feeds would tell, by their names, in place of what is taken for granted of their kind.
    pub coverage: BTreeMap<String, Vec<String>>,
    /// How the network is asked before a lookup is answered less fresh than it should be.
    pub query: Queries,
    /// How long a lookup waits for what is asked.
    #[serde(with = "humantime_serde")]
    pub query_within: Duration,
    /// How many questions there may be in a second.
    pub query_rate: u32,
}

impl Default for FreshnessConfig {
    fn default() -> Self {
        Self {
            // A day: twice the longest usual periodic update, and S6a is silent in between.
            max_age: Duration::from_secs(24 * 3600),
            coverage: BTreeMap::new(),
            query: Queries::default(),
            query_within: Duration::from_secs(2),
            query_rate: 50,
        }
    }
}

impl FreshnessConfig {
    /// Everything that is wrong, as (key, what is wrong and what to do). `can_ask`: whether somebody is there to be asked so.
    pub fn problems(&self, can_ask: impl Fn(ActiveQuery) -> bool) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut found = |key: String, text: &str| problems.push((key, text.to_owned()));
        if self.max_age.is_zero() {
            found(
                "freshness.max_age".into(),
                "must be longer than nothing, such as \"24h\"",
            );
        }
        for (feed, news) in &self.coverage {
            if news.iter().any(|news| Tells::named(news).is_none()) {
                found(
                    format!("freshness.coverage.{feed}"),
                    "each is one of \"registrations\", \"losses\" and \"returns\"",
                );
            }
        }
        for query in self.query.iter().filter(|query| !can_ask(*query)) {
            let text = format!(
                "there is no HSS to ask over {}; name its realm in {}, or leave \"{}\" out",
                query.interface(),
                query.realm(),
                query.name()
            );
            found("freshness.query".into(), &text);
        }
        if !(Duration::from_millis(10)..=Duration::from_secs(30)).contains(&self.query_within) {
            found("freshness.query_within".into(), "must be from 10ms to 30s");
        }
        if !(1..=10_000).contains(&self.query_rate) {
            found("freshness.query_rate".into(), "must be from 1 to 10000");
        }
        problems
    }

    /// What a feed would tell: what is configured of it, or what is taken for granted.
    pub(super) fn coverage(&self, feed: &str, granted: Coverage) -> Coverage {
        self.coverage.get(feed).map_or(granted, |news| {
            Coverage::everywhere(news.iter().filter_map(|news| Tells::named(news)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(config: &FreshnessConfig, can_ask: bool) -> Vec<String> {
        let problems = config.problems(|_| can_ask).into_iter();
        problems.map(|(key, _)| key).collect()
    }

    #[test]
    fn what_cannot_work_is_told_by_its_key() {
        assert!(keys(&FreshnessConfig::default(), false).is_empty());
        let mut wrong = FreshnessConfig {
            max_age: Duration::ZERO,
            query: Queries::from(ActiveQuery::Sh),
            query_within: Duration::from_secs(3600),
            query_rate: 0,
            ..FreshnessConfig::default()
        };
        wrong
            .coverage
            .insert("grpc".to_owned(), vec!["everything".to_owned()]);
        assert_eq!(
            keys(&wrong, false),
            [
                "freshness.max_age",
                "freshness.coverage.grpc",
                "freshness.query",
                "freshness.query_within",
                "freshness.query_rate"
            ]
        );
        assert!(!keys(&wrong, true).contains(&"freshness.query".to_owned()));
    }

    #[test]
    fn what_is_configured_of_a_feed_stands_in_place_of_what_is_granted() {
        let mut config = FreshnessConfig::default();
        config
            .coverage
            .insert("dra1".to_owned(), vec!["losses".to_owned()]);
        let granted = Coverage::copies();
        assert_eq!(
            config.coverage("dra1", granted),
            Coverage::everywhere([Tells::Losses])
        );
        assert_eq!(config.coverage("dra2", granted), granted);
    }
}
