//! Every field of an event: what it becomes, and how it is refused.

use super::*;

/// An event about a subscriber, and not other news.
fn event(sent: v1::Event, received_at: Timestamp) -> Result<Event, Refusal> {
    match super::event(sent, received_at)? {
        News::Event(event) => Ok(event),
        News::GatewayRestarted(_) => unreachable!("it is about a subscriber"),
    }
}

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
        kind: Some(Kind::Registration(v1::RegistrationEvent {
            slot: v1::Slot::Mme.into(),
            node: "MME1.epc.example".into(),
            change: v1::RegistrationChange::Registered.into(),
            until: None,
        })),
    }
}

fn with(change: impl FnOnce(&mut v1::Event)) -> v1::Event {
    let mut event = fine();
    change(&mut event);
    event
}

fn with_registration(change: impl FnOnce(&mut v1::RegistrationEvent)) -> v1::Event {
    with(|event| match &mut event.kind {
        Some(Kind::Registration(registration)) => change(registration),
        _ => unreachable!("it is one"),
    })
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
        let read = event(sent, at(1500)).unwrap();
        assert_eq!((read.event_time, read.received_at), (at(1000), at(1500)));
        assert_eq!(read.changes.to_vec(), [expected]);
    }
}

#[test]
fn a_slot_is_cleared_whoever_held_it() {
    let sent = with_registration(|registration| {
        registration.change = v1::RegistrationChange::Cleared.into();
        registration.node.clear();
    });
    let read = event(sent, at(1500)).unwrap();
    assert_eq!(read.changes.to_vec(), [Change::Cleared { slot: Slot::Mme }]);
}

#[test]
fn every_slot_has_its_counterpart() {
    for number in 1..=12 {
        let sent = with_registration(|registration| registration.slot = number);
        let read = event(sent, at(1500)).unwrap();
        let slot = read.changes.first().unwrap().slot();
        let proto = v1::Slot::try_from(number).unwrap();
        let words = proto.as_str_name().trim_start_matches("SLOT_");
        assert_eq!(slot.name().replace('-', "_").to_uppercase(), words);
    }
}

#[test]
fn a_time_ahead_of_its_receipt_is_taken_back_to_it() {
    let read = event(fine(), at(900)).unwrap();
    assert_eq!(read.event_time, at(900));
}

#[test]
fn several_identifiers_alone_are_a_binding_whether_or_not_it_is_said() {
    for kind in [None, Some(Kind::Binding(v1::BindingEvent {}))] {
        let sent = with(|event| {
            event.kind = kind;
            event.subscriber.as_mut().unwrap().msisdn = "+99912345".into();
        });
        let read = event(sent, at(1500)).unwrap();
        assert!(read.changes.is_empty());
        assert_eq!(read.subscriber.bindings().count(), 1);
    }
}

#[test]
fn what_is_wrong_is_named_by_its_field_and_without_its_value() {
    let table = [
        (with(|e| e.event_time = None), "event.event_time:"),
        (with(|e| e.event_time = time(0)), "event.event_time:"),
        (with(|e| e.event_time = time(-5)), "event.event_time:"),
        (with(|e| e.event_time = time(i64::MAX)), "event.event_time:"),
        (
            with(|e| {
                e.event_time = Some(prost_types::Timestamp {
                    seconds: 5,
                    nanos: 1_000_000_000,
                });
            }),
            "event.event_time:",
        ),
        (with(|e| e.kind = None), "event.kind:"),
        (
            with(|e| e.kind = Some(Kind::Binding(v1::BindingEvent {}))),
            "event.binding:",
        ),
        (
            with_subscriber(|s| s.imsi = "66677".into()),
            "event.subscriber.imsi:",
        ),
        (
            with_subscriber(|s| s.msisdn = "066677".into()),
            "event.subscriber.msisdn:",
        ),
        (
            with_subscriber(|s| s.external_identifier = "66677".into()),
            "event.subscriber.external_identifier:",
        ),
        (with_registration(|r| r.slot = 0), "event.registration.slot:"),
        (with_registration(|r| r.slot = 99), "event.registration.slot:"),
        (with_registration(|r| r.change = 0), "event.registration.change:"),
        (with_registration(|r| r.change = -1), "event.registration.change:"),
        (
            with_registration(|r| r.node = String::new()),
            "event.registration.node:",
        ),
        (
            with_registration(|r| r.node = "66677 66677".into()),
            "event.registration.node:",
        ),
        (
            with_registration(|r| r.change = v1::RegistrationChange::Cleared.into()),
            "event.registration.node:",
        ),
        (
            with_registration(|r| r.until = time(2000)),
            "event.registration.until:",
        ),
        (
            with_registration(|r| {
                r.change = v1::RegistrationChange::Reachable.into();
                r.until = time(1000);
            }),
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
        let refusal = event(sent, at(1500)).unwrap_err();
        assert_eq!(refusal.reason, Reason::MissingIdentifier);
        assert!(refusal.message.starts_with("event.subscriber:"));
    }
}

#[test]
fn a_restart_is_about_a_gateway_and_nobody_else() {
    let restart = |change: &dyn Fn(&mut v1::Event)| {
        let mut sent = v1::Event {
            subscriber: None,
            event_time: time(1000),
            kind: Some(Kind::GatewayRestart(v1::GatewayRestartEvent {
                gateway: "PGW1.core.example".into(),
            })),
        };
        change(&mut sent);
        super::event(sent, at(1500))
    };
    let Ok(News::GatewayRestarted(told)) = restart(&|_| {}) else {
        unreachable!("it is a restart")
    };
    assert_eq!(
        (told.gateway.as_str(), told.restarted_at),
        ("pgw1.core.example", at(1000))
    );
    let with_subscriber = restart(&|event| event.subscriber = fine().subscriber);
    assert!(with_subscriber.is_err_and(|refusal| refusal.message.starts_with("event.subscriber:")));
    let timeless = restart(&|event| event.event_time = None);
    assert!(timeless.is_err_and(|refusal| refusal.message.starts_with("event.event_time:")));
}

#[test]
fn a_session_holds_a_registration_and_its_addresses() {
    let sent = with(|event| {
        event.kind = Some(Kind::IpSession(v1::IpSessionEvent {
            change: v1::IpSessionChange::Started.into(),
            session_id: "7".into(),
            ipv4_address: "100.64.0.1".into(),
            ..v1::IpSessionEvent::default()
        }));
    });
    let read = event(sent, at(1500)).unwrap();
    assert_eq!(read.changes.first().map(Change::slot), Some(Slot::Session));
    assert_eq!(read.addresses.len(), 1);
}
