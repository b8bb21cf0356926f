//! Which sessions count.

use super::*;

fn counts(octets: &[u8], apns: &Apns) -> bool {
    let terms = Terms {
        copies: true,
        apns: apns.clone(),
    };
    let decoded = decode(&Message::decode(octets).unwrap(), now(), &terms).unwrap();
    decoded.events.iter().any(|event| !event.changes.is_empty())
}

/// Race 30, "Rf STOP of IMS APN or dedicated bearer | data shown lost | per session, count only configured APNs"
#[test]
fn only_access_points_that_are_named_count() {
    let at = |apn: &'static str| {
        [
            record(START, |request| {
                request.avp_utf8(&base::CALLED_STATION_ID, apn);
            }),
            record(STOP, |request| {
                packet_switched(request, |ps| {
                    ps.avp_utf8(&base::CALLED_STATION_ID, apn);
                });
            }),
        ]
    };
    let internet = Apns::named(["internet"]);
    for octets in at("internet.mnc001.mcc001.gprs") {
        assert!(counts(&octets, &internet));
    }
    for octets in at("ims") {
        assert!(!counts(&octets, &internet));
        assert!(counts(&octets, &Apns::ALL));
    }
    // What does not name one may be of any.
    assert!(counts(&record(STOP, |_| {}), &internet));
}

/// "Service-Context-Id: …32251@3gpp.org packet switched, 32260@ IMS, 32255@ 5GC": a call is no data connection.
#[test]
fn only_services_that_carry_data_count() {
    let of = |context: &'static str| {
        record(START, |request| {
            request.avp_utf8(&base::SERVICE_CONTEXT_ID, context);
        })
    };
    for data in [
        "32251@3gpp.org",
        "8.32251@3gpp.org",
        "mnc001.mcc999.15.32255@3GPP.org",
        "32252@3gpp.org",
        "something@maker.example",
        "something",
    ] {
        assert!(counts(&of(data), &Apns::ALL), "{data}");
    }
    for other in [
        "32260@3gpp.org",
        "8.32274@3gpp.org",
        "32270@3gpp.org",
        "@3gpp.org",
    ] {
        assert!(!counts(&of(other), &Apns::ALL), "{other}");
    }
}

/// "a known AVP is never 5001": what charging clients of either dialect put at message level with M set.
#[test]
fn what_charging_clients_mark_mandatory_is_known() {
    use crate::diameter::dict::{charging, gi, radius};
    let octets = record(START, |request| {
        for (def, octets) in [
            (&radius::SERVICE_TYPE, &[0, 0, 0, 2][..]),
            (&radius::FRAMED_PROTOCOL, &[0, 0, 0, 7]),
            (&radius::NAS_PORT_TYPE, &[0, 0, 0, 18]),
            (&radius::ACCOUNTING_INPUT_OCTETS, &[0; 8]),
            (&radius::ACCT_SESSION_TIME, &[0; 4]),
            (&radius::MULTIPLE_SERVICES_CREDIT_CONTROL, &[]),
            (&radius::USER_EQUIPMENT_INFO, &[]),
            (&gi::TGPP_SELECTION_MODE, b"0"),
            (&gi::TGPP_MS_TIMEZONE, &[0, 0]),
            (&tgpp::TGPP_CHARGING_ID, &[0; 4]),
            (&charging::SGW_ADDRESS, &[0, 1, 192, 0, 2, 1]),
            (&charging::OFFLINE_CHARGING, &[]),
        ] {
            let mandatory = crate::diameter::dict::AvpDef {
                mandatory: true,
                ..*def
            };
            request.avp_octets(&mandatory, octets);
        }
    });
    assert!(read(&octets).is_ok());
    let unknown = record(START, |request| {
        let def = crate::diameter::dict::AvpDef {
            vendor: 9,
            mandatory: true,
            ..base::CLASS
        };
        request.avp_octets(&def, b"x");
    });
    assert_eq!(refused(&unknown), (5001, Some(25)));
}
