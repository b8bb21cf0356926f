//! An event as a line of JSON: protobuf's own mapping of `reachability.v1.Event`, told in docs/ingest.md.

use super::object::{JsonError, Object};
use crate::proto::v1;
use crate::proto::v1::event::Kind;

/// Reads a line.
///
/// # Errors
/// What is wrong with which member. What the values mean is for the daemon to check.
pub fn event(line: &str) -> Result<v1::Event, JsonError> {
    Object::parse(line)?.read(|event| {
        Ok(v1::Event {
            subscriber: event.object("subscriber", subscriber)?,
            event_time: event.time("eventTime")?,
            kind: kind(event)?,
        })
    })
}

fn subscriber(object: &mut Object) -> Result<v1::Subscriber, JsonError> {
    Ok(v1::Subscriber {
        imsi: object.text("imsi")?,
        msisdn: object.text("msisdn")?,
        external_identifier: object.text("externalIdentifier")?,
    })
}

fn kind(event: &mut Object) -> Result<Option<Kind>, JsonError> {
    let kinds = [
        event
            .object("registration", registration)?
            .map(Kind::Registration),
        event
            .object("binding", |_| Ok(v1::BindingEvent {}))?
            .map(Kind::Binding),
        event.object("ipSession", ip_session)?.map(Kind::IpSession),
        event
            .object("gatewayRestart", gateway_restart)?
            .map(Kind::GatewayRestart),
    ];
    let mut kinds = kinds.into_iter().flatten();
    match (kinds.next(), kinds.next()) {
        (kind, None) => Ok(kind),
        _ => Err(event.wrong(
            "registration, binding, ipSession, gatewayRestart",
            "an event is one of them",
        )),
    }
}

fn registration(object: &mut Object) -> Result<v1::RegistrationEvent, JsonError> {
    use v1::{RegistrationChange, Slot};
    Ok(v1::RegistrationEvent {
        slot: object.word("slot", Slot::from_str_name, Slot::Mme.as_str_name())?,
        node: object.text("node")?,
        change: object.word(
            "change",
            RegistrationChange::from_str_name,
            RegistrationChange::Registered.as_str_name(),
        )?,
        until: object.time("until")?,
    })
}

fn ip_session(object: &mut Object) -> Result<v1::IpSessionEvent, JsonError> {
    use v1::IpSessionChange;
    Ok(v1::IpSessionEvent {
        change: object.word(
            "change",
            IpSessionChange::from_str_name,
            IpSessionChange::Started.as_str_name(),
        )?,
        session_id: object.text("sessionId")?,
        gateway: object.text("gateway")?,
        ipv4_address: object.text("ipv4Address")?,
        routing_domain: object.text("routingDomain")?,
        ipv6_prefixes: object.texts("ipv6Prefixes")?,
        nat_mappings: object.objects("natMappings", nat_mapping)?,
    })
}

fn nat_mapping(object: &mut Object) -> Result<v1::NatMapping, JsonError> {
    Ok(v1::NatMapping {
        public_address: object.text("publicAddress")?,
        first_port: object.number("firstPort")?,
        last_port: object.number("lastPort")?,
    })
}

fn gateway_restart(object: &mut Object) -> Result<v1::GatewayRestartEvent, JsonError> {
    Ok(v1::GatewayRestartEvent {
        gateway: object.text("gateway")?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use prost::Message;
    use prost_types::{DescriptorProto, FileDescriptorSet, field_descriptor_proto::Type};
    use serde_json::{Value, json};

    use super::*;

    fn refusal(line: &Value) -> String {
        event(&line.to_string()).unwrap_err().to_string()
    }

    #[test]
    fn a_line_becomes_the_event_that_it_describes() {
        let read = event(
            r#"{"subscriber": {"imsi": "001010000000001", "msisdn": "+99912345"},
                "eventTime": "2026-01-31T13:00:00.000001+01:00",
                "registration": {"slot": "SLOT_MME", "node": "mme1.epc.example",
                                 "change": "REGISTRATION_CHANGE_UNREACHABLE", "until": "2026-01-31T12:30:00Z"}}"#,
        )
        .unwrap();
        let subscriber = read.subscriber.unwrap();
        assert_eq!(
            (subscriber.imsi.as_str(), subscriber.msisdn.as_str()),
            ("001010000000001", "+99912345")
        );
        let time = read.event_time.unwrap();
        assert_eq!((time.seconds, time.nanos), (1_769_860_800, 1000));
        let Some(Kind::Registration(registration)) = read.kind else {
            unreachable!("it is one")
        };
        assert_eq!(
            (registration.slot(), registration.change()),
            (v1::Slot::Mme, v1::RegistrationChange::Unreachable)
        );
        assert_eq!(registration.until.unwrap().seconds, 1_769_862_600);
    }

    #[test]
    fn a_session_has_lists_of_prefixes_and_mappings_and_numbers_may_be_strings() {
        let line = json!({"ipSession": {
            "change": "IP_SESSION_CHANGE_STARTED", "sessionId": "1", "gateway": "pgw1", "ipv4Address": "100.64.0.1",
            "routingDomain": "south", "ipv6Prefixes": ["2001:db8::/64"],
            "natMappings": [{"publicAddress": "192.0.2.1", "firstPort": 1024, "lastPort": "2047"}],
        }});
        let Some(Kind::IpSession(session)) = event(&line.to_string()).unwrap().kind else {
            unreachable!("it is one")
        };
        assert_eq!(session.ipv6_prefixes, ["2001:db8::/64"]);
        let [mapping] = session.nat_mappings.as_slice() else {
            unreachable!("there is one")
        };
        assert_eq!((mapping.first_port, mapping.last_port), (1024, 2047));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_member_and_without_its_value() {
        let table = [
            (json!([]), "has to be an object"),
            (json!({"subscriber": "66677"}), "subscriber: has to be an object"),
            (
                json!({"subscriber": {"imsi": 66677}}),
                "subscriber.imsi: has to be a string",
            ),
            (
                json!({"eventTime": "66677"}),
                "eventTime: has to be a time in RFC 3339, such as 2026-01-31T12:00:00Z",
            ),
            (
                json!({"registration": {"slot": "SLOT_66677"}}),
                "registration.slot: has to be one of the words of the schema, such as SLOT_MME",
            ),
            (
                json!({"registration": {"slot": "SLOT_MME", "slott": 1}}),
                "registration: there is no member \"slott\"",
            ),
            (json!({"event": {}}), "there is no member \"event\""),
            (
                json!({"eventTime": "2026-01-31T12:00:00Z", "event_time": "2026-01-31T12:00:00Z"}),
                "eventTime: is there twice",
            ),
            (
                json!({"registration": {}, "binding": {}}),
                "registration, binding, ipSession, gatewayRestart: an event is one of them",
            ),
            (
                json!({"ipSession": {"natMappings": [{}, {"firstPort": -1}]}}),
                "ipSession.natMappings[1].firstPort: has to be a whole number from 0 on",
            ),
            (
                json!({"ipSession": {"ipv6Prefixes": [66677]}}),
                "ipSession.ipv6Prefixes: has to be a list of strings",
            ),
        ];
        for (line, expected) in table {
            assert_eq!(refusal(&line), expected);
        }
        for (line, expected) in [
            (r#"{"subscriber": {"imsi": 66677, }"#, "not JSON, at column 32"),
            (r#"{"subscriber""#, "the JSON ends too early"),
        ] {
            assert_eq!(event(line).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn null_is_absent() {
        let line = json!({"subscriber": null, "eventTime": null, "registration": null});
        assert_eq!(event(&line.to_string()), Ok(v1::Event::default()));
    }

    /// The message of the schema with that name.
    fn schema(name: &str) -> DescriptorProto {
        let files = FileDescriptorSet::decode(crate::proto::FILE_DESCRIPTOR_SET).unwrap();
        let mut messages = files.file.into_iter().flat_map(|file| file.message_type);
        messages
            .find(|message| message.name() == name)
            .unwrap_or_else(|| panic!("the schema has {name}"))
    }

    #[test]
    fn every_field_of_the_schema_is_known_by_both_its_names() {
        fn walk(message: &str, around: &dyn Fn(Value) -> Value) {
            for field in schema(message).field {
                for name in [field.name(), field.json_name()] {
                    // No member is a truth value: who looks at it refuses it, who does not know it says so.
                    let said = refusal(&around(json!({ name: true })));
                    assert!(!said.contains("there is no member"), "{message}.{name}: {said}");
                }
                let inner = field.type_name().rsplit('.').next().unwrap_or_default();
                if field.r#type() == Type::Message && inner != "Timestamp" {
                    let repeated = field.label() == prost_types::field_descriptor_proto::Label::Repeated;
                    walk(inner, &|value| {
                        let value = if repeated { json!([value]) } else { value };
                        around(json!({ field.json_name(): value }))
                    });
                }
            }
        }
        walk("Event", &|value| value);
    }
}
