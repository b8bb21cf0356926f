//! Metrics of what is asked and reported. Handles are made once and held.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

use super::network::Reply;
use super::plan::Census;
use crate::diameter::apps::Answered;
use crate::diameter::apps::s6t::ReportKind;
use crate::diameter::codec::ResultCode;
use crate::domain::{Aspect, MonitoringState};

/// Targets that are watched, those to be ended included.
pub const TARGETS: &str = "reachd_monitoring_targets";
/// Aspects of targets by `aspect` and `state`.
pub const CONFIGURATIONS: &str = "reachd_monitoring_configurations";
/// How long what is due first has been due, in seconds.
pub const LAG: &str = "reachd_monitoring_lag_seconds";
/// Questions to the network by `result`: a Result-Code or, with its vendor before it, an Experimental-Result; `other` for
/// numbers that are not known here; `unanswered` and `no_peer`.
pub const QUESTIONS: &str = "reachd_monitoring_questions_total";
/// Reports by `kind`.
pub const REPORTS: &str = "reachd_monitoring_reports_total";

/// Experimental-Results of 3GPP on S6t.
const OF_3GPP: [u32; 10] = [2001, 5001, 5451, 5510, 5511, 5512, 5513, 5514, 5515, 5516];

#[derive(Debug)]
pub(super) struct Metrics {
    targets: Gauge,
    lag: Gauge,
    configurations: [[Gauge; MonitoringState::ALL.len()]; Aspect::ALL.len()],
    reports: [Counter; ReportKind::ALL.len()],
}

impl Metrics {
    pub(super) fn register() -> Self {
        describe_gauge!(TARGETS, "Targets that the network is asked to watch");
        describe_gauge!(
            CONFIGURATIONS,
            "Configurations at the network, by what is watched and how far it has come"
        );
        describe_gauge!(LAG, "How long what is due first has been due");
        describe_counter!(QUESTIONS, "Questions to the network, by result");
        describe_counter!(REPORTS, "Reports of the network, by kind");
        for result in ["2001", "unanswered", "no_peer"] {
            counter!(QUESTIONS, "result" => result).increment(0);
        }
        Self {
            targets: gauge!(TARGETS),
            lag: gauge!(LAG),
            configurations: Aspect::ALL.map(|aspect| {
                MonitoringState::ALL
                    .map(|state| gauge!(CONFIGURATIONS, "aspect" => aspect.name(), "state" => state.name()))
            }),
            reports: ReportKind::ALL.map(|kind| {
                let counter = counter!(REPORTS, "kind" => kind.name());
                counter.increment(0);
                counter
            }),
        }
    }

    pub(super) fn observe(&self, census: &Census) {
        self.targets.set(census.targets as f64);
        self.lag.set(census.lag as f64);
        for (aspect, gauges) in Aspect::ALL.into_iter().zip(&self.configurations) {
            for (state, gauge) in MonitoringState::ALL.into_iter().zip(gauges) {
                let count = census
                    .states
                    .iter()
                    .find(|(of, is, _)| (*of, *is) == (aspect, state))
                    .map_or(0, |(.., count)| *count);
                gauge.set(count as f64);
            }
        }
    }

    pub(super) fn reports(&self, kinds: &[ReportKind]) {
        for kind in kinds {
            let place = ReportKind::ALL.iter().position(|known| known == kind);
            if let Some(counter) = place.and_then(|place| self.reports.get(place)) {
                counter.increment(1);
            }
        }
    }
}

/// Counts what came of a question.
pub(super) fn asked(reply: &Reply) {
    let result = match reply {
        Reply::Answered { answer, .. } => label(answer.result),
        Reply::Unanswered => "unanswered".into(),
        Reply::NoPeer => "no_peer".into(),
    };
    counter!(QUESTIONS, "result" => result).increment(1);
}

/// Of the numbers that exist, so that a peer cannot make as many series as there are numbers.
fn label(result: Answered) -> String {
    match result {
        Answered::Base(code) if code.name() != "UNKNOWN" => code.0.to_string(),
        Answered::Experimental(result) if OF_3GPP.contains(&result.code) && result.vendor == 10415 => {
            format!("{}:{}", result.vendor, result.code)
        }
        Answered::Base(ResultCode(_)) | Answered::Experimental(_) => "other".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diameter::codec::ExperimentalResult;

    #[test]
    fn results_that_do_not_exist_make_no_series() {
        let experimental = |vendor, code| Answered::Experimental(ExperimentalResult { vendor, code });
        assert_eq!(label(Answered::Base(ResultCode(3004))), "3004");
        assert_eq!(label(Answered::Base(ResultCode(9999))), "other");
        assert_eq!(label(experimental(10415, 5510)), "10415:5510");
        assert_eq!(label(experimental(10415, 77)), "other");
        assert_eq!(label(experimental(94, 5510)), "other");
    }
}
