//! Whom a record is about.

use super::*;
use crate::domain::ExternalIdentifier;

fn subject(write: impl Fn(&mut MessageBuilder<'_>)) -> Option<SubscriberIdentifiers> {
    event(&bare(START, write)).map(|event| event.subscriber)
}

fn ids(imsi: Option<Imsi>, msisdn: Option<Msisdn>, external: Option<&str>) -> Option<SubscriberIdentifiers> {
    let external = external.map(|text| ExternalIdentifier::parse(text).unwrap());
    SubscriberIdentifiers::new(imsi, msisdn, external)
}

/// "Subscription-Id (type 0 MSISDN, 1 IMSI, 3 NAI), User-Name, 3GPP-IMSI"
#[test]
fn every_type_of_subscription_id_is_read() {
    for (kind, data, expected) in [
        (0, NUMBER, ids(None, Some(msisdn()), None)),
        (0, "+99987654321", ids(None, Some(msisdn()), None)),
        (1, IMSI, ids(Some(imsi()), None, None)),
        (2, "tel:+99987654321", ids(None, Some(msisdn()), None)),
        (2, "TEL:+99987654321;ext=1", ids(None, Some(msisdn()), None)),
        (
            2,
            "sip:+99987654321@ims.example;user=phone",
            ids(None, Some(msisdn()), None),
        ),
        (
            2,
            "sips:+99987654321@ims.example",
            ids(None, Some(msisdn()), None),
        ),
        (2, "sip:somebody@ims.example", None),
        (2, "tel:54321;phone-context=local", None),
        (2, "mailto:+99987654321", None),
        (
            3,
            "Meter-7@IoT.example",
            ids(None, None, Some("Meter-7@iot.example")),
        ),
        // NAIs that a network makes of an IMSI.
        (
            3,
            "001010000000001@nai.epc.mnc001.mcc001.3gppnetwork.org",
            ids(Some(imsi()), None, None),
        ),
        (
            3,
            "0001010000000001@nai.epc.mnc001.mcc001.3GPPnetwork.org",
            ids(Some(imsi()), None, None),
        ),
        (3, "nobody", None),
        (4, "whatever", None),
        (77, "of a later release", None),
    ] {
        assert_eq!(
            subject(|request| subscription_id(request, kind, data)),
            expected,
            "{kind} {data}"
        );
    }
}

/// "ids in Subscription-Id", which stands in Service-Information or at message level, and "repeatable".
#[test]
fn ids_that_stand_in_different_places_belong_together() {
    let both = ids(Some(imsi()), Some(msisdn()), None);
    assert_eq!(
        subject(|request| {
            request.group(&tgpp::SERVICE_INFORMATION, |service| {
                subscription_id(service, 0, NUMBER);
                subscription_id(service, 1, IMSI);
            });
        }),
        both
    );
    assert_eq!(
        subject(|request| {
            subscription_id(request, 0, NUMBER);
            packet_switched(request, |ps| {
                ps.avp_utf8(&tgpp::TGPP_IMSI, IMSI);
            });
        }),
        both
    );
    // The first of a kind counts.
    assert_eq!(
        subject(|request| {
            subscription_id(request, 0, NUMBER);
            subscription_id(request, 0, "99911111111");
        }),
        ids(None, Some(msisdn()), None)
    );
}

/// "Gi/SGi or NASREQ style: … Calling-Station-Id, 3GPP-IMSI and so on directly at message level"
#[test]
fn a_network_access_server_names_the_subscriber_at_message_level() {
    assert_eq!(
        subject(|request| {
            request
                .avp_utf8(&tgpp::TGPP_IMSI, IMSI)
                .avp_utf8(&base::CALLING_STATION_ID, NUMBER)
                .avp_utf8(&base::USER_NAME, "guest@isp.example");
        }),
        ids(Some(imsi()), Some(msisdn()), None)
    );
    for (name, expected) in [
        (IMSI, ids(Some(imsi()), None, None)),
        (
            "0001010000000001@wlan.mnc001.mcc001.3gppnetwork.org",
            ids(Some(imsi()), None, None),
        ),
        // Names that many share, and numbers of other kinds.
        ("guest", None),
        ("guest@isp.example", None),
        ("99912345", None),
        ("001010000000001@isp.example", None),
        ("0010100000000011", None),
    ] {
        let found = subject(|request| {
            request.avp_utf8(&base::USER_NAME, name);
        });
        assert_eq!(found, expected, "{name}");
    }
    // "MSISDN digits, operator dependent": what is none is passed over.
    for station in ["00-10-A4-23-19-C0", "", "0123", "not a number"] {
        let found = subject(|request| {
            request
                .avp_utf8(&tgpp::TGPP_IMSI, IMSI)
                .avp_utf8(&base::CALLING_STATION_ID, station);
        });
        assert_eq!(found, ids(Some(imsi()), None, None), "{station:?}");
    }
    // Another IMSI than the one in Subscription-Id: the latter is the subscriber's.
    assert_eq!(
        subject(|request| {
            subscription_id(request, 1, IMSI);
            request.avp_utf8(&tgpp::TGPP_IMSI, "001010000000009");
        }),
        ids(Some(imsi()), None, None)
    );
}

#[test]
fn what_claims_to_be_an_identity_and_is_none_is_refused() {
    let with = |kind, data: &'static str| bare(START, move |request| subscription_id(request, kind, data));
    for (octets, code) in [
        (with(0, "0123"), 444),
        (with(0, "somebody"), 444),
        (with(1, "12345"), 444),
        (with(1, "0010100000000011"), 444),
    ] {
        assert_eq!(refused(&octets), (5004, Some(code)));
    }
    let imsi = bare(START, |request| {
        request.avp_utf8(&tgpp::TGPP_IMSI, "x");
    });
    assert_eq!(refused(&imsi), (5004, Some(1)));
    let half = |def: &'static crate::diameter::dict::AvpDef| {
        bare(START, move |request| {
            request.group(&base::SUBSCRIPTION_ID, |id| {
                id.avp_octets(def, &[0, 0, 0, 1]);
            });
        })
    };
    assert_eq!(refused(&half(&base::SUBSCRIPTION_ID_TYPE)), (5005, Some(444)));
    assert_eq!(refused(&half(&base::SUBSCRIPTION_ID_DATA)), (5005, Some(450)));
}

#[test]
fn a_record_of_nobody_is_answered_and_no_event() {
    assert_eq!(event(&bare(START, |_| {})), None);
}

#[test]
fn a_record_without_a_session_binds_a_number_to_its_imsi() {
    let event = event(&record(EVENT, |request| subscription_id(request, 0, NUMBER))).unwrap();
    assert!(event.changes.is_empty() && event.addresses.is_empty());
    assert_eq!(event.subscriber.bindings().count(), 1);
}
