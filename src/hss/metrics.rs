//! What is counted of what HSSs are asked. The requests themselves are counted by the Diameter client.

use metrics::{Gauge, counter, describe_counter, describe_gauge, gauge};

use super::network::Failure;
use super::plan::Counts;
use crate::domain::{SubscriptionState, Topic};

/// Subscriptions by `topic` (`reachability`, `ims-state`) and `state` (`wanted`, `active`, `failed`, `ending`).
pub const SUBSCRIPTIONS: &str = "reachd_sh_subscriptions";
/// How long the subscription that is due first has been due, in seconds.
pub const LAG: &str = "reachd_sh_subscription_lag_seconds";
/// Questions to HSSs that told nothing, by `reason`: `user_unknown`, `not_allowed`, `not_supported`, `not_now`, `refused`,
/// `unreadable`, `unanswered`.
pub const FAILURES: &str = "reachd_sh_failures_total";

const REASONS: [&str; 7] = [
    "user_unknown",
    "not_allowed",
    "not_supported",
    "not_now",
    "refused",
    "unreadable",
    "unanswered",
];

/// The handles.
#[derive(Debug)]
pub(super) struct Metrics {
    lag: Gauge,
    subscriptions: [[Gauge; SubscriptionState::ALL.len()]; Topic::ALL.len()],
}

impl Metrics {
    pub(super) fn register() -> Self {
        describe_gauge!(SUBSCRIPTIONS, "Subscriptions at HSSs, by topic and state");
        describe_gauge!(
            LAG,
            metrics::Unit::Seconds,
            "How long the subscription that is due first has been due"
        );
        describe_counter!(FAILURES, "Questions to HSSs that told nothing, by reason");
        for reason in REASONS {
            counter!(FAILURES, "reason" => reason).increment(0);
        }
        Self {
            lag: gauge!(LAG),
            subscriptions: Topic::ALL.map(|topic| {
                SubscriptionState::ALL
                    .map(|state| gauge!(SUBSCRIPTIONS, "topic" => topic.name(), "state" => state.name()))
            }),
        }
    }

    pub(super) fn observe(&self, counts: &Counts, lag: f64) {
        self.lag.set(lag);
        for (topic, gauges) in Topic::ALL.into_iter().zip(&self.subscriptions) {
            for (state, gauge) in SubscriptionState::ALL.into_iter().zip(gauges) {
                gauge.set(counts.of(topic, state) as f64);
            }
        }
    }
}

/// Counts a question that told nothing.
pub(super) fn failed(failure: &Failure) {
    let reason = match failure {
        Failure::Refused(refusal) => refusal.name(),
        Failure::Untold(_) => "unreadable",
        Failure::Unanswered(_) => "unanswered",
    };
    counter!(FAILURES, "reason" => reason).increment(1);
}
