//! Subscriptions as `reachd subscriptions` shows them: to a person, and as JSON whose keys and words stay.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::proto::v1;

use super::lookup_output::timestamp;

/// What came of a change, for a person.
pub fn changed(response: &v1::ChangeSubscriptionsResponse, add: bool) -> String {
    let mut text = if add {
        format!(
            "{} added, {} asked for again, {} unchanged\n",
            response.added, response.asked_again, response.unchanged
        )
    } else {
        format!(
            "{} removed, {} were not there\n",
            response.removed, response.unchanged
        )
    };
    if response.refused_total > 0 {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} refused:", response.refused_total);
        for row in &response.refused {
            let _ = match row.line {
                0 => writeln!(text, "  {}", row.reason),
                line => writeln!(text, "  line {line}: {}", row.reason),
            };
        }
    }
    text
}

/// What came of a change, for machines.
pub fn changed_json(response: &v1::ChangeSubscriptionsResponse) -> Value {
    let refused: Vec<Value> = response
        .refused
        .iter()
        .map(|row| json!({ "line": row.line, "reason": row.reason }))
        .collect();
    json!({
        "added": response.added,
        "asked_again": response.asked_again,
        "unchanged": response.unchanged,
        "removed": response.removed,
        "refused": refused,
        "refused_total": response.refused_total,
    })
}

/// How far subscriptions are, for a person: those of one device if one was named, else all.
pub fn status(response: &v1::ListSubscriptionsResponse) -> String {
    let mut text = String::new();
    if response.status.is_empty() {
        let _ = writeln!(text, "{:<14} {:<8} {:>10}", "topic", "state", "count");
        for count in response.counts.iter().filter(|count| count.count > 0) {
            let (topic, state) = (topic(count.topic()), state(count.state()));
            let _ = writeln!(text, "{topic:<14} {state:<8} {:>10}", count.count);
        }
        let _ = writeln!(text, "{} requests under way", response.in_flight);
        return text;
    }
    for status in &response.status {
        let (topic, state) = (topic(status.topic()), state(status.state()));
        let _ = write!(text, "{topic:<14} {state:<8}");
        if let Some(expires) = status.expires_at.and_then(timestamp) {
            let _ = write!(text, " until {expires}");
        }
        if let Some(result) = result(status) {
            let _ = write!(text, " refused with {result}");
        }
        text.push('\n');
    }
    text
}

/// How far subscriptions are, for machines.
pub fn status_json(response: &v1::ListSubscriptionsResponse) -> Value {
    let counts: Vec<Value> = response
        .counts
        .iter()
        .map(|count| {
            json!({ "topic": topic(count.topic()), "state": state(count.state()), "count": count.count })
        })
        .collect();
    let status: Vec<Value> = response
        .status
        .iter()
        .map(|status| {
            json!({
                "topic": topic(status.topic()),
                "state": state(status.state()),
                "expires_at": status.expires_at.and_then(timestamp).map(|time| time.to_string()),
                "result": result(status),
            })
        })
        .collect();
    json!({ "counts": counts, "in_flight": response.in_flight, "status": status })
}

/// `5012`, or `10415:5001` for a number of a vendor.
fn result(status: &v1::SubscriptionStatus) -> Option<String> {
    match (status.result_vendor, status.result_code) {
        (_, 0) => None,
        (0, code) => Some(code.to_string()),
        (vendor, code) => Some(format!("{vendor}:{code}")),
    }
}

fn topic(topic: v1::SubscriptionTopic) -> &'static str {
    match topic {
        v1::SubscriptionTopic::Unspecified => "unknown",
        v1::SubscriptionTopic::Reachability => "reachability",
        v1::SubscriptionTopic::ImsState => "ims-state",
    }
}

fn state(state: v1::SubscriptionState) -> &'static str {
    match state {
        v1::SubscriptionState::Unspecified => "unknown",
        v1::SubscriptionState::Wanted => "wanted",
        v1::SubscriptionState::Active => "active",
        v1::SubscriptionState::Failed => "failed",
        v1::SubscriptionState::Ending => "ending",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_what_came_of_a_change_and_which_lines_were_refused() {
        let row = |line| v1::RefusedRow {
            line,
            reason: "msisdn: not a number".into(),
        };
        let response = v1::ChangeSubscriptionsResponse {
            added: 2,
            refused: vec![row(7), row(0)],
            refused_total: 2,
            ..v1::ChangeSubscriptionsResponse::default()
        };
        assert_eq!(
            changed(&response, true),
            "2 added, 0 asked for again, 0 unchanged\n2 refused:\n  line 7: msisdn: not a number\n  msisdn: not a number\n"
        );
    }

    #[test]
    fn a_device_is_told_topic_by_topic() {
        let part =
            |topic: v1::SubscriptionTopic, state: v1::SubscriptionState, code| v1::SubscriptionStatus {
                topic: topic.into(),
                state: state.into(),
                expires_at: (code == 0).then_some(prost_types::Timestamp {
                    seconds: 1_769_860_800,
                    nanos: 0,
                }),
                result_vendor: 10415,
                result_code: code,
            };
        let response = v1::ListSubscriptionsResponse {
            status: vec![
                part(
                    v1::SubscriptionTopic::Reachability,
                    v1::SubscriptionState::Active,
                    0,
                ),
                part(
                    v1::SubscriptionTopic::ImsState,
                    v1::SubscriptionState::Failed,
                    5101,
                ),
            ],
            ..v1::ListSubscriptionsResponse::default()
        };
        assert_eq!(
            status(&response),
            "reachability   active   until 2026-01-31T12:00:00.000000Z\nims-state      failed   refused with 10415:5101\n"
        );
        assert_eq!(
            status_json(&response).pointer("/status/1/result"),
            Some(&json!("10415:5101"))
        );
    }
}
