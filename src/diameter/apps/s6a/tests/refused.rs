//! Requests that are answered with an error at once.

use super::*;
use crate::diameter::codec::{Header, ResultCode};

/// The result code and the AVP to blame.
fn refused(octets: &[u8]) -> (u32, Option<u32>) {
    let defect = read(octets).unwrap_err();
    (defect.result_code.0, defect.avp().map(|(code, _)| code))
}

fn sound() -> BytesMut {
    request(&s6a::PURGE_UE, |_| {})
}

#[test]
fn another_command_or_application_is_refused() {
    let mut octets = sound();
    octets[7] = 60; // 316 - 256
    assert!(read(&octets).is_err_and(|defect| defect.result_code == ResultCode::MISSING_AVP));
    octets[7] = 68; // 324
    assert_eq!(refused(&octets), (3001, None));
    let mut octets = sound();
    octets[11] = 0;
    assert_eq!(refused(&octets), (3007, None));
}

#[test]
fn a_request_that_is_not_proxiable_is_refused() {
    let mut octets = sound();
    octets[4] = 0x80;
    assert_eq!(refused(&octets), (3008, None));
}

#[test]
fn each_request_misses_what_its_grammar_requires() {
    type Write = fn(&mut MessageBuilder<'_>);
    let nothing: Write = |_| {};
    for (command, write, missing) in [
        (&s6a::UPDATE_LOCATION, nothing, 1032),
        (&s6a::CANCEL_LOCATION, nothing, 1420),
        (&s6a::AUTHENTICATION_INFORMATION, nothing, 1407),
        (&s6a::INSERT_SUBSCRIBER_DATA, nothing, 1400),
        (&s6a::DELETE_SUBSCRIBER_DATA, nothing, 1421),
    ] {
        assert_eq!(
            refused(&request(command, write)),
            (5005, Some(missing)),
            "{}",
            command.request
        );
    }
}

#[test]
fn user_name_has_to_be_an_imsi() {
    for wrong in [
        "",
        "00101",
        "0010100000000011",
        "00101000000000x",
        "001010000000001@realm",
        "００１０１０",
    ] {
        let mut out = BytesMut::new();
        let mut message =
            MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, 321, s6a::APPLICATION, 0, 0);
        for avp in Message::decode(&sound())
            .unwrap()
            .avps()
            .filter(|avp| !avp.is(&base::USER_NAME))
        {
            message.raw(&avp);
        }
        message.avp_utf8(&base::USER_NAME, wrong).finish();
        assert_eq!(refused(&out), (5004, Some(1)), "{wrong}");
    }
}

#[test]
fn a_node_has_to_be_a_host_name() {
    let octets = sound();
    let at = octets
        .windows(MME.len())
        .position(|part| part == MME.as_bytes())
        .unwrap();
    for wrong in [b' ', b'\n', 0, 0xff] {
        let mut octets = octets.clone();
        octets[at] = wrong;
        assert_eq!(refused(&octets), (5004, Some(264)));
    }
}

#[test]
fn undefined_values_are_refused() {
    let octets = request(&s6a::CANCEL_LOCATION, |request| {
        request.avp_i32(&tgpp::CANCELLATION_TYPE, 5);
    });
    assert_eq!(refused(&octets), (5004, Some(1420)));
    let octets = request(&s6a::NOTIFY, |request| {
        request
            .avp_u32(&tgpp::NOR_FLAGS, 1 << 6)
            .avp_i32(&tgpp::ALERT_REASON, 2);
    });
    assert_eq!(refused(&octets), (5004, Some(1434)));
}

/// Any single octet may be anything: the request is read or refused, never a panic.
#[test]
fn every_octet_may_be_damaged() {
    let octets = request(&s6a::INSERT_SUBSCRIBER_DATA, |request| {
        request
            .group(&tgpp::SUBSCRIPTION_DATA, |group| {
                group.avp_tbcd(&tgpp::MSISDN, "99987654321");
            })
            .avp_u32(&tgpp::IDR_FLAGS, 1 << 6);
    });
    let mut refused = 0;
    for at in Header::LEN..octets.len() {
        for value in 0..=255 {
            let mut octets = octets.clone();
            octets[at] = value;
            if let Err(defect) = read(&octets) {
                let code = defect.result_code;
                assert!(code.is_protocol_error() || code.0 / 1000 == 5, "{code}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}
