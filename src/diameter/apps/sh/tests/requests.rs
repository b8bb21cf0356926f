//! What goes out to an HSS (TS 29.328 §6.1.1, §6.1.3).

use super::*;
use crate::diameter::apps::sh::{Query, Subscription, User};
use crate::diameter::codec::Avp;
use crate::domain::{ExternalIdentifier, Identifier, Imsi, Msisdn};

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
        written(|request| Subscription::Reachability.write(request, &external(), Some(until))),
        [
            "User-Identity{External-Identifier=meter@iot.example}",
            "Subs-Req-Type=0",
            "Data-Reference=25",
            "Expiry-Time=1769864400",
            "One-Time-Notification=0",
        ]
    );
    assert_eq!(
        written(|request| Subscription::Reachability.write(request, &number(), None)),
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
        written(|request| Subscription::ImsState.write(request, &number(), Some(now()))),
        [
            "User-Identity{Public-Identity=tel:+99900000001}",
            "Subs-Req-Type=0",
            "Data-Reference=11",
            "Send-Data-Indication=1",
            "Expiry-Time=1769860800",
        ]
    );
    assert_eq!(
        written(|request| Subscription::ImsState.write(request, &external(), None)),
        [
            "User-Identity{Public-Identity=sip:meter@iot.example}",
            "Subs-Req-Type=1",
            "Data-Reference=11",
        ]
    );
}

#[test]
fn a_user_is_whom_its_identifier_names_and_an_imsi_is_nobody_here() {
    for user in [number(), external()] {
        assert_eq!(User::of(&user.identifier()), Some(user.clone()));
        assert_eq!(user.subscriber().strongest(), user.identifier());
    }
    let imsi = Identifier::Imsi(Imsi::parse("001010000000001").unwrap());
    assert_eq!(User::of(&imsi), None);
}

#[test]
fn subscriptions_are_known_by_number_and_name() {
    for subscription in Subscription::ALL {
        assert_eq!(
            Subscription::from_number(subscription.number()),
            Some(subscription)
        );
        assert_eq!(Subscription::named(subscription.name()), Some(subscription));
    }
    assert_eq!(Subscription::from_number(0), None);
    assert_eq!(Subscription::from_number(3), None);
}
