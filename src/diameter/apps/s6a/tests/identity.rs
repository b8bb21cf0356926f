//! Who a request is about: Insert-Subscriber-Data (TS 29.272 §5.2.2.1) and Subscription-Data wherever it is seen.

use super::*;
use crate::domain::{Event, ExternalIdentifier, Identifier, Msisdn};

fn profile(write: impl Fn(&mut MessageBuilder<'_>)) -> impl Fn(&mut MessageBuilder<'_>) {
    move |request| {
        request.group(&tgpp::SUBSCRIPTION_DATA, |group| write(group));
    }
}

fn event(command: &CommandDef, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Option<Event> {
    read(&request(command, write)).unwrap().events.pop()
}

fn msisdn() -> Identifier {
    Identifier::Msisdn(Msisdn::parse("+99987654321").unwrap())
}

/// "IDR Subscription-Data with MSISDN, External-Identifier: identity update"
#[test]
fn identifiers_in_the_profile_are_bound_to_the_imsi() {
    let event = event(
        &s6a::INSERT_SUBSCRIBER_DATA,
        profile(|profile| {
            profile
                .avp_i32(&tgpp::SUBSCRIBER_STATUS, 0)
                .avp_tbcd(&tgpp::MSISDN, "99987654321")
                .avp_tbcd(&tgpp::A_MSISDN, "99911111111")
                .avp_utf8(&tgpp::EXTERNAL_IDENTIFIER, "meter-7@iot.example");
        }),
    )
    .unwrap();
    assert_eq!(event.subscriber.subscriber(), Imsi::parse(IMSI).unwrap().into());
    let external = ExternalIdentifier::parse("meter-7@iot.example").unwrap();
    let bindings: Vec<_> = event.subscriber.bindings().collect();
    assert_eq!(bindings, [msisdn(), Identifier::External(external)]);
    assert!(event.changes.is_empty());
}

#[test]
fn a_profile_that_names_nobody_is_no_event() {
    let write = profile(|profile| {
        profile.avp_i32(&tgpp::SUBSCRIBER_STATUS, 1);
    });
    assert_eq!(event(&s6a::INSERT_SUBSCRIBER_DATA, write), None);
    assert_eq!(event(&s6a::INSERT_SUBSCRIBER_DATA, profile(|_| {})), None);
}

#[test]
fn a_profile_is_read_wherever_it_is_seen() {
    let event = event(&s6a::UPDATE_LOCATION, |request| {
        ulr(2)(request);
        profile(|profile| {
            profile.avp_tbcd(&tgpp::MSISDN, "99987654321");
        })(request);
    })
    .unwrap();
    assert_eq!(event.subscriber.bindings().collect::<Vec<_>>(), [msisdn()]);
    assert_eq!(event.changes.len(), 1);
}

/// "IDR-Flags bit 6 Remove-SMS-Registration: MME SMS deregistered"; "IDR-Flags bit 0: none now"; the other bits ask
/// the node for something.
#[test]
fn only_the_removal_of_sms_is_a_change() {
    for bit in 0..32 {
        let changes = changes(&s6a::INSERT_SUBSCRIBER_DATA, |request| {
            profile(|_| {})(request);
            request.avp_u32(&tgpp::IDR_FLAGS, 1 << bit);
        });
        let expected = (bit == 6).then(|| deregistered(Slot::MmeSms));
        assert_eq!(changes, Vec::from_iter(expected), "bit {bit}");
    }
}

/// "Barring: Subscriber-Status 1, PDN-Connection-Restricted: … it is not a reachability event", "IDR
/// Monitoring-Event-Configuration | none"
#[test]
fn what_a_profile_allows_or_asks_for_is_no_event() {
    let write = profile(|profile| {
        profile
            .avp_i32(&tgpp::SUBSCRIBER_STATUS, 1)
            .avp_u32(&tgpp::OPERATOR_DETERMINED_BARRING, 1)
            .avp_u32(&tgpp::SUBSCRIPTION_DATA_FLAGS, 0b1011)
            .group(&tgpp::MONITORING_EVENT_CONFIGURATION, |_| {});
    });
    assert_eq!(event(&s6a::INSERT_SUBSCRIBER_DATA, write), None);
}

/// "DSR: identity or barring update only", "RSR: no reachability change", and AIR, which tells of an attempt alone.
#[test]
fn other_requests_are_no_events() {
    let air = event(&s6a::AUTHENTICATION_INFORMATION, |request| {
        request.avp_octets(&tgpp::VISITED_PLMN_ID, &[0x00, 0xf1, 0x10]);
    });
    let dsr = event(&s6a::DELETE_SUBSCRIBER_DATA, |request| {
        request.avp_u32(&tgpp::DSR_FLAGS, 0);
    });
    let rsr = event(&s6a::RESET, |request| {
        request
            .avp_utf8(&tgpp::USER_ID, "00101")
            .avp_utf8(&tgpp::USER_ID, "00102");
    });
    assert_eq!([air, dsr, rsr], [None, None, None]);
}

#[test]
fn a_profile_that_is_broken_is_refused_and_binds_nobody() {
    for octets in [
        &[0x99, 0x19, 0xa2][..], // a nibble that is no digit
        &[0x99, 0xff, 0x19],     // filler before the end
        &[],
        &[0x90, 0x99, 0x99], // 099999: no country code begins with 0
        &[0x19; 9],          // 18 digits
        b"99987654321",      // ASCII where TBCD belongs
    ] {
        let request = request(
            &s6a::INSERT_SUBSCRIBER_DATA,
            profile(|profile| {
                profile.avp_octets(&tgpp::MSISDN, octets);
            }),
        );
        let defect = read(&request).unwrap_err();
        assert_eq!(defect.result_code.0, 5004, "{octets:?}");
        assert_eq!(defect.avp(), Some((701, 10415)));
    }
}
