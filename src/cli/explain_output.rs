//! An explanation as `reachd explain` shows it: to a person, and as JSON whose keys and words stay.

use std::fmt::Write;

use serde::Serialize;

use super::lookup_output::{self, Answer, as_rfc3339, timestamp};
use crate::domain::Timestamp;
use crate::proto::v1;

/// Why an answer is as it is.
#[derive(Debug, Serialize)]
pub struct Explanation {
    #[serde(flatten)]
    answer: Answer,
    rule: String,
    confirmed_by: String,
    slots: Vec<Slot>,
    feeds: Vec<Feed>,
    ignored: Vec<Ignored>,
}

#[derive(Debug, Serialize)]
struct Slot {
    slot: String,
    state: String,
    #[serde(serialize_with = "as_rfc3339")]
    since: Option<Timestamp>,
    #[serde(serialize_with = "as_rfc3339")]
    confirmed: Option<Timestamp>,
    confirmed_by: String,
    #[serde(serialize_with = "as_rfc3339")]
    cleared: Option<Timestamp>,
    registrations: Vec<Registration>,
}

#[derive(Debug, Serialize)]
struct Registration {
    node: String,
    holder: bool,
    #[serde(serialize_with = "as_rfc3339")]
    registered: Option<Timestamp>,
    #[serde(serialize_with = "as_rfc3339")]
    deregistered: Option<Timestamp>,
    #[serde(serialize_with = "as_rfc3339")]
    reachable: Option<Timestamp>,
    #[serde(serialize_with = "as_rfc3339")]
    reachable_until: Option<Timestamp>,
    #[serde(serialize_with = "as_rfc3339")]
    unreachable: Option<Timestamp>,
    #[serde(serialize_with = "as_rfc3339")]
    unreachable_until: Option<Timestamp>,
    feed: String,
    #[serde(serialize_with = "as_rfc3339")]
    received: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Feed {
    name: String,
    tells: Vec<String>,
    #[serde(serialize_with = "as_rfc3339")]
    alive_until: Option<Timestamp>,
    #[serde(serialize_with = "as_rfc3339")]
    away_since: Option<Timestamp>,
    gaps: u32,
    #[serde(serialize_with = "as_rfc3339")]
    resynchronised_as_of: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Ignored {
    outcome: String,
    change: String,
    slot: String,
    node: String,
    #[serde(serialize_with = "as_rfc3339")]
    event_time: Option<Timestamp>,
    #[serde(serialize_with = "as_rfc3339")]
    received: Option<Timestamp>,
    feed: String,
}

impl From<v1::ExplainSubscriberResponse> for Explanation {
    fn from(proto: v1::ExplainSubscriberResponse) -> Self {
        Self {
            answer: Answer::from(proto.reachability.unwrap_or_default()),
            rule: proto.rule,
            confirmed_by: proto.confirmed_by,
            slots: proto.slots.into_iter().map(Slot::from).collect(),
            feeds: proto.feeds.into_iter().map(Feed::from).collect(),
            ignored: proto.ignored.into_iter().map(Ignored::from).collect(),
        }
    }
}

impl From<v1::ExplainedSlot> for Slot {
    fn from(proto: v1::ExplainedSlot) -> Self {
        Self {
            slot: proto.slot,
            state: proto.state,
            since: proto.since.and_then(timestamp),
            confirmed: proto.confirmed.and_then(timestamp),
            confirmed_by: proto.confirmed_by,
            cleared: proto.cleared.and_then(timestamp),
            registrations: proto.registrations.into_iter().map(Registration::from).collect(),
        }
    }
}

impl From<v1::ExplainedRegistration> for Registration {
    fn from(proto: v1::ExplainedRegistration) -> Self {
        Self {
            node: proto.node,
            holder: proto.holder,
            registered: proto.registered.and_then(timestamp),
            deregistered: proto.deregistered.and_then(timestamp),
            reachable: proto.reachable.and_then(timestamp),
            reachable_until: proto.reachable_until.and_then(timestamp),
            unreachable: proto.unreachable.and_then(timestamp),
            unreachable_until: proto.unreachable_until.and_then(timestamp),
            feed: proto.feed,
            received: proto.received.and_then(timestamp),
        }
    }
}

impl From<v1::ExplainedFeed> for Feed {
    fn from(proto: v1::ExplainedFeed) -> Self {
        Self {
            name: proto.name,
            tells: proto.tells,
            alive_until: proto.alive_until.and_then(timestamp),
            away_since: proto.away_since.and_then(timestamp),
            gaps: proto.gaps,
            resynchronised_as_of: proto.resynchronised_as_of.and_then(timestamp),
        }
    }
}

impl From<v1::IgnoredEvent> for Ignored {
    fn from(proto: v1::IgnoredEvent) -> Self {
        Self {
            outcome: proto.outcome,
            change: proto.change,
            slot: proto.slot,
            node: proto.node,
            event_time: proto.event_time.and_then(timestamp),
            received: proto.received.and_then(timestamp),
            feed: proto.feed,
        }
    }
}

/// Some lines for a person.
pub fn for_a_person(explanation: &Explanation, now: Timestamp) -> String {
    // Writing to a String cannot fail.
    let mut text = lookup_output::for_a_person(&explanation.answer, now);
    let _ = writeln!(text, "{:<15} {}", "because", explanation.rule);
    if !explanation.confirmed_by.is_empty() {
        let _ = writeln!(text, "{:<15} {}", "confirmed by", explanation.confirmed_by);
    }
    for slot in &explanation.slots {
        slot.write(&mut text);
    }
    if !explanation.feeds.is_empty() {
        text.push_str("\nfeeds\n");
    }
    for feed in &explanation.feeds {
        let tells = match feed.tells.as_slice() {
            [] => "nothing by itself".to_owned(),
            tells => tells.join(", "),
        };
        let _ = write!(text, "  {}  tells of {tells}", feed.name);
        let _ = match (feed.away_since, feed.alive_until) {
            (Some(since), Some(_)) => write!(text, "; away since {since}"),
            (None, Some(until)) => write!(text, "; alive until {until}"),
            (_, None) => write!(text, "; never heard"),
        };
        if let Some(as_of) = feed.resynchronised_as_of {
            let _ = write!(text, "; told all it had at {as_of} again");
        }
        text.push('\n');
    }
    if !explanation.ignored.is_empty() {
        text.push_str("\nignored lately\n");
    }
    for ignored in &explanation.ignored {
        let received = ignored.received.map(|time| time.to_string()).unwrap_or_default();
        let Ignored {
            outcome,
            change,
            slot,
            node,
            feed,
            ..
        } = ignored;
        let _ = writeln!(
            text,
            "  {received}  {change} {slot} {node}  from {feed}: {outcome}"
        );
    }
    text
}

impl Slot {
    fn write(&self, text: &mut String) {
        let since = self
            .since
            .map(|since| format!(" since {since}"))
            .unwrap_or_default();
        let _ = writeln!(text, "\n{}  {}{since}", self.slot, self.state);
        if let Some(confirmed) = self.confirmed {
            let _ = writeln!(text, "  confirmed {confirmed}  {}", self.confirmed_by);
        }
        if let Some(cleared) = self.cleared {
            let _ = writeln!(text, "  cleared {cleared}");
        }
        for registration in &self.registrations {
            registration.write(text);
        }
    }
}

impl Registration {
    fn write(&self, text: &mut String) {
        let holder = if self.holder { "*" } else { " " };
        let _ = writeln!(text, " {holder}{}  from {}", self.node, self.feed);
        for (what, at, until) in [
            ("registered", self.registered, None),
            ("deregistered", self.deregistered, None),
            ("reachable", self.reachable, self.reachable_until),
            ("unreachable", self.unreachable, self.unreachable_until),
            ("received", self.received, None),
        ] {
            let Some(at) = at else { continue };
            let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
            let _ = writeln!(text, "    {what:<13} {at}{until}");
        }
    }
}
