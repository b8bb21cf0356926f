//! Whom a push is about.

use super::*;
use crate::domain::{ExternalIdentifier, Identifier, Imsi, Msisdn};

const DATA: &str = "<EPSUserState>4</EPSUserState>";

/// The subscriber of a push with that User-Identity and whatever else is written.
fn whom(
    identity: impl FnOnce(&mut MessageBuilder<'_>),
    beside: impl FnOnce(&mut MessageBuilder<'_>),
) -> Result<SubscriberIdentifiers, Defect> {
    let octets = bare(|request| {
        request.group(&tgpp::USER_IDENTITY, identity);
        beside(request);
        request.avp_utf8(&tgpp::USER_DATA, &sh_data(DATA));
    });
    let mut decoded = read(&octets, Some(true))?;
    Ok(decoded.events.remove(0).subscriber)
}

fn public(uri: &str) -> Result<Identifier, Defect> {
    whom(
        |group| {
            group.avp_utf8(&tgpp::PUBLIC_IDENTITY, uri);
        },
        |_| {},
    )
    .map(|subscriber| subscriber.strongest())
}

fn number() -> Identifier {
    Identifier::Msisdn(Msisdn::parse(NUMBER).unwrap())
}

fn external(text: &str) -> Identifier {
    Identifier::External(ExternalIdentifier::parse(text).unwrap())
}

#[test]
fn a_user_is_known_by_number_or_external_identifier() {
    let by = whom(
        |group| {
            group.avp_tbcd(&tgpp::MSISDN, NUMBER);
        },
        |_| {},
    );
    assert_eq!(by.unwrap().strongest(), number());
    let by = whom(
        |group| {
            group.avp_utf8(&tgpp::EXTERNAL_IDENTIFIER, "meter@IoT.example");
        },
        |_| {},
    );
    assert_eq!(by.unwrap().strongest(), external("meter@iot.example"));
}

#[test]
fn a_public_identity_is_a_number_or_reads_as_an_external_identifier() {
    for uri in [
        "tel:+99900000001",
        "TEL:+999-000(000)01",
        "tel:+99900000001;phone-context=example",
        "sip:+99900000001@ims.example;user=phone",
        "sip:+99900000001@ims.example",
        "SIPS:+99900000001@ims.example;transport=tcp;User=Phone",
    ] {
        assert_eq!(public(uri), Ok(number()), "{uri}");
    }
    for (uri, expected) in [
        ("sip:meter@IoT.example", "meter@iot.example"),
        ("sip:meter@iot.example;lr", "meter@iot.example"),
        ("sip:+999-meter@ims.example", "+999-meter@ims.example"),
        ("sip:99900000001@ims.example", "99900000001@ims.example"),
    ] {
        assert_eq!(public(uri), Ok(external(expected)), "{uri}");
    }
}

#[test]
fn an_identity_that_is_nobodys_is_blamed() {
    for uri in [
        "",
        "tel:",
        "tel:99900000001",
        "tel:+0999",
        "tel:0123;phone-context=+999",
        "sip:99900000001@ims.example;user=phone",
        "sip:ims.example",
        "sip:+99900000001;user=phone",
        "sip:meter@[::1]",
        "mailto:meter@iot.example",
        "meter@iot.example",
    ] {
        let defect = public(uri).unwrap_err();
        assert_eq!(
            (defect.result_code.0, defect.avp()),
            (5004, Some((601, 10415))),
            "{uri}"
        );
    }
    let empty = whom(|_| {}, |_| {}).unwrap_err();
    assert_eq!((empty.result_code.0, empty.avp()), (5004, Some((700, 10415))));
    let not_digits = whom(
        |group| {
            group.avp_octets(&tgpp::MSISDN, &[0x91, 0xab]);
        },
        |_| {},
    );
    assert_eq!(not_digits.unwrap_err().avp(), Some((701, 10415)));
    let no_domain = whom(
        |group| {
            group.avp_utf8(&tgpp::EXTERNAL_IDENTIFIER, "meter");
        },
        |_| {},
    );
    assert_eq!(no_domain.unwrap_err().avp(), Some((3111, 10415)));
}

#[test]
fn identities_that_come_together_belong_together() {
    let subscriber = whom(
        |group| {
            group
                .avp_utf8(&tgpp::EXTERNAL_IDENTIFIER, "meter@iot.example")
                .avp_tbcd(&tgpp::MSISDN, NUMBER);
        },
        |_| {},
    )
    .unwrap();
    assert_eq!(subscriber.strongest(), number());
    let bound: Vec<Identifier> = subscriber.bindings().collect();
    assert_eq!(bound, [external("meter@iot.example")]);
}

#[test]
fn a_private_identity_made_of_an_imsi_tells_it() {
    let with_user_name = |name: &str| {
        whom(
            |group| {
                group.avp_tbcd(&tgpp::MSISDN, NUMBER);
            },
            |request| {
                request.avp_utf8(&base::USER_NAME, name);
            },
        )
        .unwrap()
    };
    let imsi = Identifier::Imsi(Imsi::parse("001010000000001").unwrap());
    for name in [
        "001010000000001@ims.mnc001.mcc001.3gppnetwork.org",
        "001010000000001@ims.mnc010.mcc001.3gppnetwork.org",
        "001010000000001@IMS.MNC001.MCC001.3gppnetwork.ORG",
    ] {
        let subscriber = with_user_name(name);
        assert_eq!(subscriber.strongest(), imsi, "{name}");
        assert!(subscriber.bindings().any(|bound| bound == number()));
    }
    for name in [
        "alice@ims.example",
        "001010000000001",
        "001010000000001@ims.example",
        "001010000000001@ims.mnc002.mcc001.3gppnetwork.org",
        "001010000000001@ims.mnc001.mcc999.3gppnetwork.org",
        "0010100001@ims.mnc001.mcc001.3gppnetwork.org",
        "00101000000000x@ims.mnc001.mcc001.3gppnetwork.org",
        "001010000000001@ims.mnc.mcc001.3gppnetwork.org",
    ] {
        assert_eq!(with_user_name(name).strongest(), number(), "{name}");
    }
}
