//! Events on the wire to events of the domain: every field is checked here, and nowhere after.

use std::fmt::Display;

use crate::domain::{
    Change, Ends, Event, ExternalIdentifier, Imsi, Msisdn, Node, Slot, SubscriberIdentifiers, Timestamp,
};
use crate::proto::v1;

use super::refusal::{Reason, Refusal};

/// The last second of the year 9999, where protobuf's timestamps end.
const LAST_SECOND: i64 = 253_402_300_799;

/// Checks an event received at `received_at`.
pub fn event(event: Option<v1::Event>, received_at: Timestamp) -> Result<Event, Refusal> {
    let Some(v1::Event {
        subscriber,
        event_time,
        registration,
    }) = event
    else {
        return Err(Refusal::invalid("event: required"));
    };
    let event_time = event_time.ok_or_else(|| Refusal::invalid("event.event_time: required"))?;
    let event_time = timestamp("event.event_time", event_time)?;
    let subscriber = identifiers(subscriber.unwrap_or_default())?;
    let change = match registration {
        Some(registration) => Some(change(registration, event_time)?),
        None if subscriber.bindings().next().is_none() => {
            return Err(Refusal::invalid(
                "event.registration: required, unless the subscriber has several identifiers to bind",
            ));
        }
        None => None,
    };
    Ok(Event::new(subscriber, event_time, received_at, change))
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
    use v1::RegistrationChange as Kind;
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
    let node =
        Node::parse(&node).map_err(|error| Refusal::invalid(format!("event.registration.node: {error}")))?;
    let until = match until {
        None => None,
        Some(until) => Some(timestamp("event.registration.until", until)?),
    };
    if until.is_some_and(|until| until <= event_time) {
        return Err(Refusal::invalid(
            "event.registration.until: has to be later than event_time",
        ));
    }
    let kind = Kind::try_from(change).unwrap_or(Kind::Unspecified);
    if until.is_some() && matches!(kind, Kind::Registered | Kind::Deregistered) {
        return Err(Refusal::invalid(
            "event.registration.until: only with REACHABLE and UNREACHABLE",
        ));
    }
    match kind {
        Kind::Registered => Ok(Change::Registered {
            slot,
            node,
            ends: Ends::default(),
        }),
        Kind::Deregistered => Ok(Change::Deregistered { slot, node }),
        Kind::Reachable => Ok(Change::Reachable { slot, node, until }),
        Kind::Unreachable => Ok(Change::Unreachable { slot, node, until }),
        Kind::Unspecified => Err(Refusal::invalid(
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
    })
}

fn timestamp(field: &str, time: prost_types::Timestamp) -> Result<Timestamp, Refusal> {
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
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    fn time(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    }

    fn fine() -> v1::Event {
        v1::Event {
            subscriber: Some(v1::Subscriber {
                imsi: "001010000000001".into(),
                ..v1::Subscriber::default()
            }),
            event_time: time(1000),
            registration: Some(v1::RegistrationEvent {
                slot: v1::Slot::Mme.into(),
                node: "MME1.epc.example".into(),
                change: v1::RegistrationChange::Registered.into(),
                until: None,
            }),
        }
    }

    fn with(change: impl FnOnce(&mut v1::Event)) -> v1::Event {
        let mut event = fine();
        change(&mut event);
        event
    }

    fn with_registration(change: impl FnOnce(&mut v1::RegistrationEvent)) -> v1::Event {
        with(|event| change(event.registration.as_mut().unwrap()))
    }

    fn with_subscriber(change: impl FnOnce(&mut v1::Subscriber)) -> v1::Event {
        with(|event| change(event.subscriber.as_mut().unwrap()))
    }

    #[test]
    fn every_change_becomes_the_domains_change() {
        use v1::RegistrationChange as Kind;
        let node = Node::parse("mme1.epc.example").unwrap();
        let slot = Slot::Mme;
        let until = Some(at(2000));
        let table = [
            (
                Kind::Registered,
                None,
                Change::Registered {
                    slot,
                    node: node.clone(),
                    ends: Ends::default(),
                },
            ),
            (
                Kind::Deregistered,
                None,
                Change::Deregistered {
                    slot,
                    node: node.clone(),
                },
            ),
            (
                Kind::Reachable,
                time(2000),
                Change::Reachable {
                    slot,
                    node: node.clone(),
                    until,
                },
            ),
            (
                Kind::Unreachable,
                time(2000),
                Change::Unreachable { slot, node, until },
            ),
        ];
        for (kind, until, expected) in table {
            let sent = with_registration(|registration| {
                registration.change = kind.into();
                registration.until = until;
            });
            let read = event(Some(sent), at(1500)).unwrap();
            assert_eq!((read.event_time, read.received_at), (at(1000), at(1500)));
            assert_eq!(read.changes.to_vec(), [expected]);
        }
    }

    #[test]
    fn every_slot_has_its_counterpart() {
        for number in 1..=11 {
            let sent = with_registration(|registration| registration.slot = number);
            let read = event(Some(sent), at(1500)).unwrap();
            let slot = read.changes.first().unwrap().slot();
            let proto = v1::Slot::try_from(number).unwrap();
            let words = proto.as_str_name().trim_start_matches("SLOT_");
            assert_eq!(slot.name().replace('-', "_").to_uppercase(), words);
        }
    }

    #[test]
    fn a_time_ahead_of_its_receipt_is_taken_back_to_it() {
        let read = event(Some(fine()), at(900)).unwrap();
        assert_eq!(read.event_time, at(900));
    }

    #[test]
    fn several_identifiers_without_a_registration_are_a_binding() {
        let sent = with(|event| {
            event.registration = None;
            event.subscriber.as_mut().unwrap().msisdn = "+99912345".into();
        });
        let read = event(Some(sent), at(1500)).unwrap();
        assert!(read.changes.is_empty());
        assert_eq!(read.subscriber.bindings().count(), 1);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field_and_without_its_value() {
        let table = [
            (None, "event:"),
            (Some(with(|e| e.event_time = None)), "event.event_time:"),
            (Some(with(|e| e.event_time = time(0))), "event.event_time:"),
            (Some(with(|e| e.event_time = time(-5))), "event.event_time:"),
            (Some(with(|e| e.event_time = time(i64::MAX))), "event.event_time:"),
            (
                Some(with(|e| {
                    e.event_time = Some(prost_types::Timestamp {
                        seconds: 5,
                        nanos: 1_000_000_000,
                    });
                })),
                "event.event_time:",
            ),
            (Some(with(|e| e.registration = None)), "event.registration:"),
            (
                Some(with_subscriber(|s| s.imsi = "66677".into())),
                "event.subscriber.imsi:",
            ),
            (
                Some(with_subscriber(|s| s.msisdn = "066677".into())),
                "event.subscriber.msisdn:",
            ),
            (
                Some(with_subscriber(|s| s.external_identifier = "66677".into())),
                "event.subscriber.external_identifier:",
            ),
            (
                Some(with_registration(|r| r.slot = 0)),
                "event.registration.slot:",
            ),
            (
                Some(with_registration(|r| r.slot = 99)),
                "event.registration.slot:",
            ),
            (
                Some(with_registration(|r| r.change = 0)),
                "event.registration.change:",
            ),
            (
                Some(with_registration(|r| r.change = -1)),
                "event.registration.change:",
            ),
            (
                Some(with_registration(|r| r.node = String::new())),
                "event.registration.node:",
            ),
            (
                Some(with_registration(|r| r.node = "66677 66677".into())),
                "event.registration.node:",
            ),
            (
                Some(with_registration(|r| r.until = time(2000))),
                "event.registration.until:",
            ),
            (
                Some(with_registration(|r| {
                    r.change = v1::RegistrationChange::Reachable.into();
                    r.until = time(1000);
                })),
                "event.registration.until:",
            ),
        ];
        for (sent, field) in table {
            let refusal = event(sent, at(1500)).unwrap_err();
            assert_eq!(refusal.reason, Reason::InvalidArgument, "{refusal:?}");
            assert!(
                refusal.message.starts_with(field),
                "{refusal:?}, expected {field}"
            );
            assert!(!refusal.message.contains("66677"), "{refusal:?}");
        }
    }

    #[test]
    fn a_subscriber_without_any_identifier_is_a_missing_identifier() {
        let nobody = with(|event| event.subscriber = None);
        let empty = with_subscriber(|subscriber| subscriber.imsi = String::new());
        for sent in [nobody, empty] {
            let refusal = event(Some(sent), at(1500)).unwrap_err();
            assert_eq!(refusal.reason, Reason::MissingIdentifier);
            assert!(refusal.message.starts_with("event.subscriber:"));
        }
    }
}
