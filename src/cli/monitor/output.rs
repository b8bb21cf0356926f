//! What `reachd monitor` shows: the keys of its JSON, and the words for a person.

use std::fmt::Write;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::domain::{NetworkResult, Timestamp};
use crate::proto::v1;
use crate::sim::format::{age, duration, number};

/// What came of a change.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    /// Targets that were not there.
    pub added: u64,
    /// Targets that were there and of which something is asked for again.
    pub asked_again: u64,
    /// Targets that were there already, and such to be removed that were not.
    pub unchanged: u64,
    /// Targets that are removed.
    pub removed: u64,
    /// Targets that were not taken.
    pub refused: u64,
    /// The first of them.
    pub refusals: Vec<Refusal>,
    /// How long an import took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// Why a target was not taken.
#[derive(Debug, PartialEq, Serialize)]
pub struct Refusal {
    /// Where it stood.
    pub line: u64,
    /// Why.
    pub reason: String,
}

impl From<v1::MonitorSubscribersResponse> for Changes {
    fn from(response: v1::MonitorSubscribersResponse) -> Self {
        let v1::MonitorSubscribersResponse {
            added,
            asked_again,
            unchanged,
            removed,
            refused,
            refused_total,
        } = response;
        let refusals = refused.into_iter().map(|row| Refusal {
            line: row.line,
            reason: row.reason,
        });
        Self {
            added,
            asked_again,
            unchanged,
            removed,
            refused: refused_total,
            refusals: refusals.collect(),
            seconds: None,
        }
    }
}

impl Changes {
    /// For a person; `place` is the word for where a target stood.
    pub fn text(&self, place: &str) -> String {
        let mut text = String::new();
        for refusal in &self.refusals {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{place} {}: {}", refusal.line, refusal.reason);
        }
        let more = self.refused.saturating_sub(self.refusals.len() as u64);
        if more > 0 {
            let _ = writeln!(text, "and {} more", number(more));
        }
        let parts = [
            ("added", self.added),
            ("asked for again", self.asked_again),
            ("removed", self.removed),
            ("unchanged", self.unchanged),
            ("refused", self.refused),
        ];
        let told: Vec<_> = parts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{} {what}", number(count)))
            .collect();
        let told = if told.is_empty() {
            "nothing to do".to_owned()
        } else {
            told.join(", ")
        };
        let took = self
            .seconds
            .map(|seconds| format!(", in {}", duration(Duration::from_secs_f64(seconds))));
        let _ = writeln!(text, "{told}{}", took.unwrap_or_default());
        text
    }
}

/// How far everything is.
#[derive(Debug, PartialEq, Serialize)]
pub struct Status {
    /// Whether anything is asked.
    pub enabled: bool,
    /// How many targets.
    pub targets: u64,
    /// Aspects by state.
    pub counts: Vec<Count>,
    /// What was refused for good.
    pub refusals: Vec<Refused>,
    /// Requests under way.
    pub in_flight: u64,
    /// How long what is due first has been due.
    pub lag_seconds: u64,
    /// Of the target that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<Part>,
}

/// How many are so far.
#[derive(Debug, PartialEq, Serialize)]
pub struct Count {
    /// What is watched.
    pub aspect: &'static str,
    /// How far.
    pub state: &'static str,
    /// How many.
    pub count: u64,
}

/// How many were refused so.
#[derive(Debug, PartialEq, Serialize)]
pub struct Refused {
    /// What was to be watched.
    pub aspect: &'static str,
    /// The result.
    pub result: String,
    /// How many.
    pub count: u64,
}

/// How far one aspect of the target is.
#[derive(Debug, PartialEq, Serialize)]
pub struct Part {
    /// What is watched.
    pub aspect: &'static str,
    /// How far.
    pub state: &'static str,
    /// SCEF-Reference-ID; 0 for none.
    pub reference: u32,
    /// When what the HSS holds ends by itself.
    #[serde(serialize_with = "rfc3339")]
    pub expires_at: Option<Timestamp>,
    /// The last result that was no success.
    pub result: Option<String>,
}

fn rfc3339<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.to_string()).serialize(serializer)
}

impl From<v1::ListMonitoringResponse> for Status {
    fn from(response: v1::ListMonitoringResponse) -> Self {
        let counts = response.counts.iter().map(|count| Count {
            aspect: aspect(count.aspect()),
            state: state(count.state()),
            count: count.count,
        });
        let refusals = response.refusals.iter().map(|refusal| Refused {
            aspect: aspect(refusal.aspect()),
            result: refusal.result.map(result).unwrap_or_default(),
            count: refusal.count,
        });
        let status = response.status.iter().map(|part| Part {
            aspect: aspect(part.aspect()),
            state: state(part.state()),
            reference: part.reference,
            expires_at: part
                .expires_at
                .and_then(|at| Timestamp::from_micros(at.seconds.saturating_mul(1_000_000))),
            result: part.result.map(result),
        });
        Self {
            enabled: response.enabled,
            targets: response.targets,
            counts: counts.collect(),
            refusals: refusals.collect(),
            in_flight: response.in_flight,
            lag_seconds: response.lag_seconds,
            status: status.collect(),
        }
    }
}

fn result(result: v1::NetworkResult) -> String {
    NetworkResult {
        vendor: result.vendor,
        code: result.code,
    }
    .to_string()
}

fn aspect(aspect: v1::MonitoringAspect) -> &'static str {
    match aspect {
        v1::MonitoringAspect::LossOfConnectivity => "loss-of-connectivity",
        v1::MonitoringAspect::ReachabilityForData => "reachability-for-data",
        v1::MonitoringAspect::ReachabilityForSms => "reachability-for-sms",
        v1::MonitoringAspect::Unspecified => "unknown",
    }
}

fn state(state: v1::MonitoringState) -> &'static str {
    match state {
        v1::MonitoringState::Wanted => "wanted",
        v1::MonitoringState::Asking => "asking",
        v1::MonitoringState::Active => "active",
        v1::MonitoringState::Renewing => "renewing",
        v1::MonitoringState::Suspended => "suspended",
        v1::MonitoringState::Failed => "failed",
        v1::MonitoringState::Ending => "ending",
        v1::MonitoringState::Unspecified => "unknown",
    }
}

/// What a result means, where it is one that operators meet.
fn meaning(result: &str) -> &'static str {
    match result {
        "10415:5001" => " user unknown",
        "10415:5510" => " this node is not authorised",
        "10415:5511" => " this service is not authorised",
        "10415:5512" => " a value is out of the allowed range",
        "10415:5513" => " the HSS could not keep it",
        "10415:5516" => " the MTC provider is not authorised",
        "10415:5451" => " no APN subscription",
        "3002" => " nobody could be reached",
        "3003" => " the realm is not served",
        "3004" => " too busy",
        "5006" => " a node is out of resources",
        "5012" => " unable to comply",
        _ => "",
    }
}

/// A few lines for a person.
pub fn for_a_person(status: &Status, now: Timestamp) -> String {
    let mut text = String::new();
    if !status.status.is_empty() {
        for part in &status.status {
            let _ = write!(text, "{:<22} {:<10}", part.aspect, part.state);
            if let Some(expires_at) = part.expires_at {
                let _ = match expires_at > now {
                    true => write!(
                        text,
                        " for another {}",
                        age(expires_at.since(now)).trim_end_matches(" ago")
                    ),
                    false => write!(text, " ended {}", age(now.since(expires_at))),
                };
            }
            if let Some(result) = &part.result {
                let _ = write!(text, "  {result}{}", meaning(result));
            }
            text.push('\n');
        }
        return text;
    }
    if !status.enabled {
        text.push_str(
            "nothing is asked of the network: [diameter.s6t] of the configuration names no realm\n",
        );
    }
    let _ = writeln!(text, "{} targets", number(status.targets));
    for count in &status.counts {
        let _ = writeln!(
            text,
            "{:<22} {:<10} {:>12}",
            count.aspect,
            count.state,
            number(count.count)
        );
    }
    if !status.refusals.is_empty() {
        text.push_str("refused\n");
    }
    for refusal in &status.refusals {
        let _ = writeln!(
            text,
            "{:<22} {:<10} {:>12} {}",
            refusal.aspect,
            refusal.result,
            number(refusal.count),
            meaning(&refusal.result)
        );
    }
    if status.in_flight > 0 || status.lag_seconds > 0 {
        let _ = writeln!(
            text,
            "{} requests under way, what is due first has been due for {} s",
            number(status.in_flight),
            number(status.lag_seconds)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_person_reads_what_came_of_a_change() {
        let mut changes = Changes {
            added: 1_234_567,
            refused: 3,
            refusals: vec![Refusal {
                line: 7,
                reason: "msisdn: not a number".into(),
            }],
            seconds: Some(2.0),
            ..Changes::default()
        };
        assert_eq!(
            changes.text("line"),
            "line 7: msisdn: not a number\nand 2 more\n1,234,567 added, 3 refused, in 2.0 s\n"
        );
        changes = Changes::default();
        assert_eq!(changes.text("argument"), "nothing to do\n");
    }

    fn response() -> v1::ListMonitoringResponse {
        let aspect = v1::MonitoringAspect::LossOfConnectivity.into();
        let result = Some(v1::NetworkResult {
            vendor: 10415,
            code: 5510,
        });
        v1::ListMonitoringResponse {
            enabled: true,
            targets: 12_000,
            counts: vec![v1::MonitoringCount {
                aspect,
                state: v1::MonitoringState::Active.into(),
                count: 11_998,
            }],
            refusals: vec![v1::MonitoringRefusal {
                aspect,
                result,
                count: 2,
            }],
            in_flight: 1,
            lag_seconds: 0,
            status: Vec::new(),
        }
    }

    #[test]
    fn a_person_reads_how_far_everything_is() {
        let now = Timestamp::from_micros(1_000_000_000_000).unwrap();
        let text = for_a_person(&Status::from(response()), now);
        assert_eq!(
            text,
            "12,000 targets\n\
             loss-of-connectivity   active           11,998\n\
             refused\n\
             loss-of-connectivity   10415:5510            2  this node is not authorised\n\
             1 requests under way, what is due first has been due for 0 s\n"
        );
    }

    #[test]
    fn of_one_target_a_person_reads_each_aspect() {
        let now = Timestamp::from_micros(1_000_000_000_000).unwrap();
        let mut response = response();
        response.status = vec![v1::MonitoringStatus {
            aspect: v1::MonitoringAspect::ReachabilityForSms.into(),
            state: v1::MonitoringState::Active.into(),
            reference: 7,
            expires_at: Some(prost_types::Timestamp {
                seconds: 1_003_600,
                nanos: 0,
            }),
            result: None,
        }];
        let status = Status::from(response);
        let text = for_a_person(&status, now);
        assert!(
            text.starts_with("reachability-for-sms   active     for another 60 min"),
            "{text}"
        );
        let json = serde_json::to_value(&status).unwrap();
        assert_eq!(
            json.pointer("/status/0/expires_at"),
            Some(&"1970-01-12T14:46:40.000000Z".into())
        );
        assert_eq!(json.pointer("/status/0/reference"), Some(&7.into()));
    }

    #[test]
    fn json_names_nobody() {
        let json = serde_json::to_value(Status::from(response())).unwrap();
        let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            keys,
            [
                "counts",
                "enabled",
                "in_flight",
                "lag_seconds",
                "refusals",
                "targets"
            ]
        );
    }
}
