//! Settings of the ingest pipeline: section `[ingest]`.

use std::time::Duration;

use serde::Deserialize;

/// No store gains from more lanes.
pub(super) const MAX_LANES: usize = 64;

/// Section `[ingest]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// Events that may wait for the store before feeds are pushed back; one feed alone gets about half of them. Each
    /// takes about 300 bytes.
    pub queue: usize,
    /// Events of one batch, at most.
    pub batch: usize,
    /// How long a batch waits for company while another is being committed. An idle pipeline commits at once.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    /// Batches committed at a time. Absent: what the store engine gains from.
    pub lanes: Option<usize>,
    /// How long a Diameter request may wait for the store before it is answered DIAMETER_TOO_BUSY.
    #[serde(with = "humantime_serde")]
    pub answer_within: Duration,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            queue: 65_536,
            batch: 1000,
            linger: Duration::from_millis(2),
            lanes: None,
            answer_within: Duration::from_secs(3),
        }
    }
}

impl IngestConfig {
    /// What is wrong, as (key, sentence).
    pub fn problems(&self) -> Vec<(String, String)> {
        let Self {
            queue,
            batch,
            linger,
            lanes,
            answer_within,
        } = self;
        let mut problems = Vec::new();
        let mut check = |fine: bool, key: &str, sentence: &str| {
            if !fine {
                problems.push((format!("ingest.{key}"), sentence.to_owned()));
            }
        };
        check(
            (1..=10_000_000).contains(queue),
            "queue",
            "must be between 1 and 10000000 events",
        );
        check(
            (1..=5000).contains(batch),
            "batch",
            "must be between 1 and 5000 events",
        );
        check(
            *linger <= Duration::from_secs(1),
            "linger",
            "must be at most 1s, such as \"2ms\"",
        );
        check(
            lanes.is_none_or(|lanes| (1..=MAX_LANES).contains(&lanes)),
            "lanes",
            "must be between 1 and 64",
        );
        check(
            (Duration::from_millis(100)..=Duration::from_secs(60)).contains(answer_within),
            "answer_within",
            "must be between 100ms and 60s: peers give up on an answer after a few seconds",
        );
        problems
    }
}
