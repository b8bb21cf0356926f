//! Alert-Service-Centre-Request.

use super::*;

fn alert(event: Option<u32>, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<Change> {
    changes(&s6c::ALERT_SERVICE_CENTRE, |request| {
        if let Some(event) = event {
            request.avp_u32(&tgpp::SMS_GMSC_ALERT_EVENT, event);
        }
        write(request);
    })
}

/// "ALR from HSS | unknown slot | reachable (SMS) again; until from Maximum-UE-Availability-Time"
#[test]
fn an_alert_by_an_hss_tells_of_no_path() {
    assert_eq!(alert(None, |_| {}), [found(Slot::AnySms)]);
    let until = |unix: i64| {
        alert(None, |request| {
            request.avp_time(&tgpp::MAXIMUM_UE_AVAILABILITY_TIME, unix);
        })
    };
    let hour = Timestamp::from_micros((NOW_UNIX + 3600) * 1_000_000);
    assert_eq!(until(NOW_UNIX + 3600), [super::super::found(Slot::AnySms, hour)]);
    // Over before it was reported: bounds nothing.
    assert_eq!(until(NOW_UNIX), [found(Slot::AnySms)]);
}

/// "ALR from MME/SGSN, SMS-GMSC-Alert-Event bit 0 | slot of Origin-Host | reachable (SMS)": which of the two slots is the
/// Origin-Host's is not in the message.
#[test]
fn an_alert_by_a_serving_node_does_not_tell_which_kind_it_is() {
    assert_eq!(alert(Some(1), |_| {}), [found(Slot::AnySms)]);
    // Bits that are not known are ignored, and without a bit it is still an alert.
    assert_eq!(alert(Some(1 << 31), |_| {}), [found(Slot::AnySms)]);
    assert_eq!(alert(Some(0), |_| {}), [found(Slot::AnySms)]);
}

/// "ALR, bit 1 UE-Under-New-Serving-Node | slot of Origin-Host | deregistered there, Serving-Node (if present) is the new
/// one"
#[test]
fn an_alert_of_a_move_ends_sms_at_the_old_node() {
    let gone = [
        deregistered(Slot::MmeSms, GMSC),
        deregistered(Slot::SgsnSms, GMSC),
    ];
    assert_eq!(alert(Some(2), |_| {}), gone);
    let to_new = alert(Some(2), |request| {
        request.group(&tgpp::SERVING_NODE, |node| {
            node.avp_utf8(&tgpp::MME_NAME, "MME2.epc.example")
                .avp_utf8(&tgpp::MME_REALM, "epc.example");
        });
    });
    assert_eq!(
        to_new,
        [&gone[..], &[registered(Slot::MmeSms, "mme2.epc.example")]].concat()
    );
    // Both bits: it can be tried again, and elsewhere.
    assert_eq!(
        alert(Some(3), |_| {}),
        [&[found(Slot::AnySms)], &gone[..]].concat()
    );
    // Serving-Node means something with bit 1 only.
    let available = alert(Some(1), |request| {
        request.group(&tgpp::SERVING_NODE, |node| {
            node.avp_utf8(&tgpp::MME_NAME, "mme2.epc.example");
        });
    });
    assert_eq!(available, [found(Slot::AnySms)]);
}

/// "ALR from an HSS identifies the user by MSISDN (dummy MSISDN plus IMSI or SIP correlation for MSISDN-less users); from an
/// MME/SGSN by IMSI."
#[test]
fn the_user_is_named_by_number_by_imsi_or_by_both() {
    let user = |write: fn(&mut MessageBuilder<'_>)| {
        event(&bare(&s6c::ALERT_SERVICE_CENTRE, |request| {
            request.group(&tgpp::USER_IDENTIFIER, write);
        }))
        .map(|event| event.subscriber)
    };
    assert_eq!(
        user(|user| {
            user.avp_tbcd(&tgpp::MSISDN, NUMBER);
        }),
        Some(by_number())
    );
    assert_eq!(
        user(|user| {
            user.avp_utf8(&base::USER_NAME, IMSI);
        }),
        Some(imsi().into())
    );
    let both = SubscriberIdentifiers::new(Some(imsi()), Some(msisdn()), None);
    assert_eq!(
        user(|user| {
            user.avp_utf8(&base::USER_NAME, IMSI)
                .avp_tbcd(&tgpp::MSISDN, NUMBER);
        }),
        both
    );
    // The dummy number is nobody's.
    assert_eq!(
        user(|user| {
            user.avp_utf8(&base::USER_NAME, IMSI)
                .avp_tbcd(&tgpp::MSISDN, "000000000000000");
        }),
        Some(imsi().into())
    );
    // Named by SIP URIs alone, in SMSMI-Correlation-ID: nobody who is known here.
    assert_eq!(
        user(|user| {
            user.avp_tbcd(&tgpp::MSISDN, "000000000000000");
        }),
        None
    );
}

#[test]
fn what_is_no_identity_is_an_invalid_value() {
    type Write = fn(&mut MessageBuilder<'_>);
    let cases: [(Write, u32); 5] = [
        (
            |user| {
                user.avp_octets(&tgpp::MSISDN, &[0x99, 0x19, 0xa2]);
            },
            701,
        ),
        // A type of number before the digits is not part of them (§0.1).
        (
            |user| {
                user.avp_octets(
                    &tgpp::MSISDN,
                    &[0x91, 0x99, 0x78, 0x56, 0x34, 0x12, 0x99, 0x99, 0x99],
                );
            },
            701,
        ),
        (
            |user| {
                user.avp_octets(&tgpp::MSISDN, b"99987654321");
            },
            701,
        ),
        (
            |user| {
                user.avp_utf8(&base::USER_NAME, "somebody");
            },
            1,
        ),
        (
            |user| {
                user.avp_utf8(&tgpp::EXTERNAL_IDENTIFIER, "nobody");
            },
            3111,
        ),
    ];
    for (write, code) in cases {
        let octets = bare(&s6c::ALERT_SERVICE_CENTRE, |request| {
            request.group(&tgpp::USER_IDENTIFIER, write);
        });
        let defect = read(&octets).unwrap_err();
        assert_eq!(
            (defect.result_code.0, defect.avp().map(|avp| avp.0)),
            (5004, Some(code))
        );
    }
    let octets = request(&s6c::ALERT_SERVICE_CENTRE, |request| {
        request
            .avp_u32(&tgpp::SMS_GMSC_ALERT_EVENT, 2)
            .group(&tgpp::SERVING_NODE, |node| {
                node.avp_utf8(&tgpp::MME_NAME, "two words");
            });
    });
    let defect = read(&octets).unwrap_err();
    assert_eq!((defect.result_code.0, defect.avp()), (5004, Some((2402, 10415))));
}
