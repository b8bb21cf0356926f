//! What goes out to an HSS (TS 29.328 §6.1.1, §6.1.3).

use super::*;
use crate::diameter::apps::sh::{Query, write_subscription};
use crate::diameter::codec::Avp;
use crate::domain::{ExternalIdentifier, Msisdn, Topic, User};

/// The AVPs of a request as `Name=value`, groups as `Name{…}`.
fn written(write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<String> {
    let mut out = BytesMut::new();
    let mut request = MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, 306, sh::APPLICATION, 1, 1);
    write(&mut request);
    request.finish();
    Message::decode(&out).unwrap().avps().map(shown).collect()
}

fn shown(avp: Avp<'_>) -> String {
    let def = crate::diameter::dict::lookup(avp.code, avp.vendor).unwrap();
    assert_eq!(avp.flags, def.flags(), "{}", def.name);
    let value = match def.name {
        "User-Identity" => {
            let members: Vec<_> = avp.grouped().unwrap().avps().map(shown).collect();
            return format!("User-Identity{{{}}}", members.join(" "));
        }
        "MSISDN" => avp.as_tbcd().unwrap().as_str().to_owned(),
        "External-Identifier" | "Public-Identity" => avp.as_utf8().unwrap().to_owned(),
        "Requested-Nodes" => avp.as_u32().unwrap().to_string(),
        "Expiry-Time" => avp.as_time().unwrap().to_string(),
        _ => avp.as_i32().unwrap().to_string(),
    };
    format!("{}={value}", def.name)
}

fn number() -> User {
    User::Msisdn(Msisdn::parse(NUMBER).unwrap())
}

fn external() -> User {
    User::External(ExternalIdentifier::parse("meter@iot.example").unwrap())
}

#[test]
fn each_query_asks_for_one_kind_of_data() {
    let identity = "User-Identity{MSISDN=99900000001}";
    for (query, expected) in [
        (
            Query::PacketState,
            &["Data-Reference=15", "Requested-Domain=1", "Requested-Nodes=11"][..],
        ),
        (Query::CircuitState, &["Data-Reference=15", "Requested-Domain=0"]),
        (
            Query::ServingNode,
            &[
                "Data-Reference=14",
                "Requested-Domain=1",
                "Current-Location=0",
                "Requested-Nodes=1",
                "Serving-Node-Indication=0",
            ],
        ),
        (Query::SmsRegistration, &["Data-Reference=24"]),
    ] {
        let written = written(|request| query.write(request, &number()));
        assert_eq!(written[0], identity);
        assert_eq!(&written[1..], expected, "{query:?}");
    }
}

#[test]
fn a_subscription_to_reachability_is_for_one_notification() {
    let until = now().plus(std::time::Duration::from_secs(3600));
    assert_eq!(
        written(|request| write_subscription(request, &external(), Topic::Reachability, Some(until))),
        [
            "User-Identity{External-Identifier=meter@iot.example}",
            "Subs-Req-Type=0",
            "Data-Reference=25",
            "Expiry-Time=1769864400",
            "One-Time-Notification=0",
        ]
    );
    assert_eq!(
        written(|request| write_subscription(request, &number(), Topic::Reachability, None)),
        [
            "User-Identity{MSISDN=99900000001}",
            "Subs-Req-Type=1",
            "Data-Reference=25",
            "One-Time-Notification=0",
        ]
    );
}

#[test]
fn a_subscription_to_the_state_in_ims_is_by_public_identity_and_asks_for_the_state_of_now() {
    assert_eq!(
        written(|request| write_subscription(request, &number(), Topic::ImsState, Some(now()))),
        [
            "User-Identity{Public-Identity=tel:+99900000001}",
            "Subs-Req-Type=0",
            "Data-Reference=11",
            "Send-Data-Indication=1",
            "Expiry-Time=1769860800",
        ]
    );
    assert_eq!(
        written(|request| write_subscription(request, &external(), Topic::ImsState, None)),
        [
            "User-Identity{Public-Identity=sip:meter@iot.example}",
            "Subs-Req-Type=1",
            "Data-Reference=11",
        ]
    );
}
