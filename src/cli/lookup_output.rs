//! An answer as `reachd lookup` shows it: to a person, and as JSON whose keys and words stay.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use tonic::Code;

use crate::domain::Timestamp;
use crate::grpc::metrics::CODES;
use crate::proto::v1;

/// The answer in the words of the contract, without their prefixes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// CONNECTED_DATA, CONNECTED_SMS, NOT_CONNECTED or UNKNOWN.
    pub status: &'static str,
    /// Absent when unknown.
    pub reachable: Option<bool>,
    /// DATA, SMS.
    pub connectivity: Vec<&'static str>,
    /// When the status came about.
    #[serde(serialize_with = "as_rfc3339")]
    pub last_status_time: Option<Timestamp>,
    /// When the network last confirmed it.
    #[serde(serialize_with = "as_rfc3339")]
    pub last_confirmed_time: Option<Timestamp>,
    /// FRESH, STALE or UNKNOWN.
    pub freshness: &'static str,
    /// Why the status is UNKNOWN.
    pub unknown_reason: Option<&'static str>,
}

pub(super) fn as_rfc3339<S: serde::Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

impl From<v1::Reachability> for Answer {
    fn from(proto: v1::Reachability) -> Self {
        let word = |name: &'static str, prefix| name.strip_prefix(prefix).unwrap_or(name);
        let unknown_reason = match proto.unknown_reason() {
            v1::UnknownReason::Unspecified => None,
            reason => Some(word(reason.as_str_name(), "UNKNOWN_REASON_")),
        };
        Self {
            status: word(proto.status().as_str_name(), "REACHABILITY_STATUS_"),
            reachable: proto.reachable,
            connectivity: proto
                .connectivity()
                .map(|kind| word(kind.as_str_name(), "CONNECTIVITY_"))
                .collect(),
            last_status_time: proto.last_status_time.and_then(timestamp),
            last_confirmed_time: proto.last_confirmed_time.and_then(timestamp),
            freshness: word(proto.freshness().as_str_name(), "FRESHNESS_"),
            unknown_reason,
        }
    }
}

pub(super) fn timestamp(time: prost_types::Timestamp) -> Option<Timestamp> {
    let micros = time.seconds.checked_mul(1_000_000)?;
    Timestamp::from_micros(micros.checked_add(i64::from(time.nanos / 1000))?)
}

/// What stands in place of an answer.
pub fn error_json(code: Code, reason: Option<&str>, message: &str) -> serde_json::Value {
    let code = CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map_or("Unknown", |(_, name)| name);
    serde_json::json!({ "error": { "code": code, "reason": reason, "message": message } })
}

/// A few lines for a person.
pub fn for_a_person(answer: &Answer, now: Timestamp) -> String {
    let by = match answer.connectivity.as_slice() {
        ["DATA", "SMS"] => "reachable by data and SMS",
        ["DATA"] => "reachable by data",
        ["SMS"] => "reachable by SMS only",
        _ if answer.reachable == Some(false) => "reachable neither by data nor by SMS",
        _ => "known, but no registration was ever reported",
    };
    let mut text = format!("{:<15} {by}\n", answer.status);
    for (label, time) in [
        ("last status", answer.last_status_time),
        ("last confirmed", answer.last_confirmed_time),
    ] {
        if let Some(time) = time {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:<15} {:<16} {time}", age(now.since(time)));
        }
    }
    let _ = writeln!(text, "{:<15} {}", "freshness", answer.freshness);
    text
}

/// In the two largest units at most.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0 => "just now".into(),
        1..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h {} min ago", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h ago", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    fn connected() -> v1::Reachability {
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 5000 });
        v1::Reachability {
            status: v1::ReachabilityStatus::ConnectedData.into(),
            reachable: Some(true),
            connectivity: vec![v1::Connectivity::Data.into(), v1::Connectivity::Sms.into()],
            last_status_time: time(1_700_000_000),
            last_confirmed_time: time(1_700_000_100),
            freshness: v1::Freshness::Stale.into(),
            unknown_reason: 0,
        }
    }

    #[test]
    fn a_person_reads_status_ages_times_and_freshness() {
        let shown = for_a_person(&connected().into(), at(1_700_000_301));
        assert_eq!(
            shown,
            "CONNECTED_DATA  reachable by data and SMS\n\
             last status     5 min ago        2023-11-14T22:13:20.000005Z\n\
             last confirmed  3 min ago        2023-11-14T22:15:00.000005Z\n\
             freshness       STALE\n"
        );
    }

    #[test]
    fn an_unknown_device_shows_no_times_and_says_why() {
        let unknown = v1::Reachability {
            status: v1::ReachabilityStatus::Unknown.into(),
            freshness: v1::Freshness::Unknown.into(),
            unknown_reason: v1::UnknownReason::NoHistory.into(),
            ..v1::Reachability::default()
        };
        let answer = Answer::from(unknown);
        assert_eq!(
            for_a_person(&answer, at(1)),
            "UNKNOWN         known, but no registration was ever reported\nfreshness       UNKNOWN\n"
        );
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"status":"UNKNOWN","reachable":null,"connectivity":[],"last_status_time":null,"last_confirmed_time":null,"freshness":"UNKNOWN","unknown_reason":"NO_HISTORY"}"#
        );
    }

    #[test]
    fn json_has_the_same_keys_always() {
        assert_eq!(
            serde_json::to_string(&Answer::from(connected())).unwrap(),
            r#"{"status":"CONNECTED_DATA","reachable":true,"connectivity":["DATA","SMS"],"last_status_time":"2023-11-14T22:13:20.000005Z","last_confirmed_time":"2023-11-14T22:15:00.000005Z","freshness":"STALE","unknown_reason":null}"#
        );
    }

    #[test]
    fn ages_are_told_in_units_that_fit() {
        let table = [
            (0, "just now"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3599, "59 min ago"),
            (3660, "1 h 1 min ago"),
            (90_000, "1 d 1 h ago"),
        ];
        for (seconds, shown) in table {
            assert_eq!(age(Duration::from_secs(seconds)), shown);
        }
    }
}
