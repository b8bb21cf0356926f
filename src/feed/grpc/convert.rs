//! Events on the wire to events of the domain: every field is checked here, and nowhere after.

mod session;

use std::fmt::Display;

use crate::domain::{
    Change, Ends, Event, ExternalIdentifier, GatewayRestarted, Imsi, Msisdn, News, Node, Slot,
    SubscriberIdentifiers, Timestamp,
};
use crate::proto::v1;
use crate::proto::v1::event::Kind;

use super::refusal::{Reason, Refusal};

/// The last second of the year 9999, where protobuf's timestamps end.
const LAST_SECOND: i64 = 253_402_300_799;

/// Checks an event received at `received_at`.
///
/// # Errors
/// What is wrong with which field.
pub fn event(event: v1::Event, received_at: Timestamp) -> Result<News, Refusal> {
    let v1::Event {
        subscriber,
        event_time,
        kind,
    } = event;
    let event_time = event_time.ok_or_else(|| Refusal::invalid("event.event_time: required"))?;
    let event_time = timestamp("event.event_time", event_time)?;
    let subscriber = subscriber.unwrap_or_default();
    if let Some(Kind::GatewayRestart(restart)) = &kind {
        if subscriber != v1::Subscriber::default() {
            return Err(Refusal::invalid(
                "event.subscriber: not with gateway_restart, which is about all who had a session there",
            ));
        }
        let gateway = session::restarted_gateway(restart)?;
        return Ok(GatewayRestarted::new(gateway, event_time, received_at).into());
    }
    let subscriber = identifiers(subscriber)?;
    let (change, addresses) = match kind {
        Some(Kind::Registration(registration)) => (Some(change(registration, event_time)?), Vec::new()),
        Some(Kind::IpSession(session)) => {
            let (change, addresses) = session::ip_session(session)?;
            (Some(change), addresses)
        }
        Some(Kind::Binding(_)) if subscriber.bindings().next().is_none() => {
            return Err(Refusal::invalid(
                "event.binding: the subscriber needs at least two identifiers to bind",
            ));
        }
        None if subscriber.bindings().next().is_none() => {
            return Err(Refusal::invalid(
                "event.kind: required, unless the subscriber has several identifiers to bind",
            ));
        }
        // A restart was told above.
        Some(Kind::Binding(_) | Kind::GatewayRestart(_)) | None => (None, Vec::new()),
    };
    let event = Event::new(subscriber, event_time, received_at, change);
    Ok(event.with_addresses(addresses).into())
}

fn identifiers(subscriber: v1::Subscriber) -> Result<SubscriberIdentifiers, Refusal> {
    let v1::Subscriber {
        imsi,
        msisdn,
        external_identifier,
    } = subscriber;
    let imsi = given("event.subscriber.imsi", &imsi, Imsi::parse)?;
    let msisdn = given("event.subscriber.msisdn", &msisdn, Msisdn::parse)?;
    let external = given(
        "event.subscriber.external_identifier",
        &external_identifier,
        ExternalIdentifier::parse,
    )?;
    SubscriberIdentifiers::new(imsi, msisdn, external).ok_or_else(|| {
        Refusal::new(
            Reason::MissingIdentifier,
            "event.subscriber: needs an imsi, msisdn or external_identifier",
        )
    })
}

/// Reads a text field; an empty one is not given.
fn given<T, E: Display>(
    field: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    parse(text)
        .map(Some)
        .map_err(|error| Refusal::invalid(format!("{field}: {error}")))
}

fn change(registration: v1::RegistrationEvent, event_time: Timestamp) -> Result<Change, Refusal> {
    use v1::RegistrationChange as What;
    let v1::RegistrationEvent {
        slot,
        node,
        change,
        until,
    } = registration;
    let slot = v1::Slot::try_from(slot)
        .ok()
        .and_then(slot_of)
        .ok_or_else(|| Refusal::invalid("event.registration.slot: one of the named slots is required"))?;
    let until = match until {
        None => None,
        Some(until) => Some(timestamp("event.registration.until", until)?),
    };
    if until.is_some_and(|until| until <= event_time) {
        return Err(Refusal::invalid(
            "event.registration.until: has to be later than event_time",
        ));
    }
    let what = What::try_from(change).unwrap_or(What::Unspecified);
    if until.is_some() && !matches!(what, What::Reachable | What::Unreachable | What::Unspecified) {
        return Err(Refusal::invalid(
            "event.registration.until: only with REACHABLE and UNREACHABLE",
        ));
    }
    if what == What::Cleared {
        return match node.as_str() {
            "" => Ok(Change::Cleared { slot }),
            _ => Err(Refusal::invalid(
                "event.registration.node: not with CLEARED, which is about whichever node held the slot",
            )),
        };
    }
    let node =
        Node::parse(&node).map_err(|error| Refusal::invalid(format!("event.registration.node: {error}")))?;
    match what {
        What::Registered => Ok(Change::Registered {
            slot,
            node,
            ends: Ends::default(),
        }),
        What::Deregistered => Ok(Change::Deregistered { slot, node }),
        What::Reachable => Ok(Change::Reachable { slot, node, until }),
        What::Unreachable => Ok(Change::Unreachable { slot, node, until }),
        What::Cleared | What::Unspecified => Err(Refusal::invalid(
            "event.registration.change: one of the named changes is required",
        )),
    }
}

fn slot_of(slot: v1::Slot) -> Option<Slot> {
    Some(match slot {
        v1::Slot::Unspecified => return None,
        v1::Slot::Mme => Slot::Mme,
        v1::Slot::Sgsn => Slot::Sgsn,
        v1::Slot::Amf3gpp => Slot::Amf3gpp,
        v1::Slot::AmfNon3gpp => Slot::AmfNon3gpp,
        v1::Slot::Session => Slot::Session,
        v1::Slot::Msc => Slot::Msc,
        v1::Slot::MmeSms => Slot::MmeSms,
        v1::Slot::SgsnSms => Slot::SgsnSms,
        v1::Slot::Smsf3gpp => Slot::Smsf3gpp,
        v1::Slot::SmsfNon3gpp => Slot::SmsfNon3gpp,
        v1::Slot::IpSmGw => Slot::IpSmGw,
        v1::Slot::AnySms => Slot::AnySms,
    })
}

pub(super) fn timestamp(field: &str, time: prost_types::Timestamp) -> Result<Timestamp, Refusal> {
    let prost_types::Timestamp { seconds, nanos } = time;
    let wrong = || {
        Refusal::invalid(format!(
            "{field}: a time after 1970-01-01 and before the year 10000"
        ))
    };
    if !(0..=LAST_SECOND).contains(&seconds) || !(0..1_000_000_000).contains(&nanos) {
        return Err(wrong());
    }
    // Microseconds until the year 10000 fit an i64.
    Timestamp::from_micros(seconds * 1_000_000 + i64::from(nanos / 1000)).ok_or_else(wrong)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
