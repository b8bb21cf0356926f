//! Octets that are wrong, each with the answer that RFC 6733 §7.1.5 asks for.

use bytes::BytesMut;

use super::structure::purge;
use super::{frame, hex};
use crate::diameter::codec::avp::{MAX_AVPS, MAX_DEPTH};
use crate::diameter::codec::*;
use crate::diameter::dict::{base, tgpp};

/// Headers, and what is wrong with their frames. The greatest message here has 4096 octets.
#[test]
fn frames_are_judged_before_their_octets_are_waited_for() {
    let version = Some(ResultCode::UNSUPPORTED_VERSION);
    let length = Some(ResultCode::INVALID_MESSAGE_LENGTH);
    for (start, expected) in [
        ("01 000014", None),
        ("01 001000", None),
        ("00 000014", version),
        ("02 000014", version),
        ("16 030100", version), // TLS where clear text is expected
        ("01 000000", length),
        ("01 000010", length),
        ("01 000015", length), // no multiple of 4
        ("01 001004", length), // above the limit
        ("01 fffffc", length),
    ] {
        let mut octets = hex(start);
        octets.extend(hex("80000118 00000000 00000001 00000002"));
        let judged = frame_length(&octets, 4096);
        assert_eq!(judged.err().map(|error| error.result_code()), expected, "{start}");
        if let Err(error) = judged {
            assert_eq!(error.header().unwrap().end_to_end, 2);
        }
    }
}

#[test]
fn a_frame_that_is_shorter_or_longer_than_its_header_says_is_refused() {
    let whole = purge();
    for len in 0..whole.len() {
        assert!(Message::decode(&whole[..len]).is_err(), "{len} octets");
    }
    let mut longer = whole.clone();
    longer.extend_from_slice(&[0; 4]);
    assert!(Message::decode(&longer).is_err());
    for len in 0..Header::LEN {
        assert_eq!(frame_length(&whole[..len], 4096), Ok(None));
    }
}

/// AVPs behind a sound User-Name, the result code, and the content of Failed-AVP.
#[test]
fn every_wrong_length_has_its_failed_avp() {
    let sound = "00000001 4000000b 303031 00";
    for (what, octets, failed) in [
        (
            "length below the header",
            "00000108 40000007",
            "00000108 40000008",
        ),
        ("length zero", "00000108 40000000", "00000108 40000008"),
        (
            "length below the header with vendor",
            "0000057d c000000b 000028af 00000000",
            "0000057d c0000010 000028af 00000000", // an Unsigned32 has at least 4 octets
        ),
        (
            "length beyond the end",
            "00000108 4000000d 61616161",
            "00000108 40000008",
        ),
        ("the greatest length", "00000108 40ffffff", "00000108 40000008"),
        (
            "a number whose length is beyond the end",
            "0000010c 40000010 00000001",
            "0000010c 4000000c 00000000",
        ),
        ("half a header", "00000108", "00000108 00000008"),
        (
            "a header without its vendor",
            "0000057d c000000c",
            "0000057d c000000c 00000000", // vendor 0: no type to go by
        ),
        ("a group beyond the end", "00000104 400000ff", "00000104 40000008"),
    ] {
        let octets = frame(&[hex(sound), hex(octets)].concat());
        let message = Message::decode(&octets).expect(what);
        let [defect] = message.defects() else {
            panic!("{what}: no defect")
        };
        assert_eq!(defect.result_code, ResultCode::INVALID_AVP_LENGTH, "{what}");
        assert_eq!(defect.failed_avp.as_deref(), Some(&hex(failed)[..]), "{what}");
        // What lies before is usable.
        assert_eq!(message.avps().count(), 1, "{what}");
        assert!(message.find(&base::USER_NAME).is_some(), "{what}");
    }
}

#[test]
fn a_member_cannot_read_beyond_its_group() {
    // The member claims 16 octets, its group ends after 12; the User-Name behind the group must not be touched.
    let octets = frame(&hex(
        "00000104 40000014 0000010a 40000010 000028af  00000001 4000000b 303031 00",
    ));
    let message = Message::decode(&octets).unwrap();
    assert!(message.defects().is_empty());
    let defect = message.avps().next().unwrap().grouped().unwrap_err();
    assert_eq!(defect.result_code, ResultCode::INVALID_AVP_LENGTH);
    assert_eq!(
        defect.failed_avp.as_deref(),
        Some(&hex("0000010a 4000000c 00000000")[..])
    );
}

#[test]
fn octets_left_over_in_a_group_are_a_defect() {
    for left_over in 1..8 {
        let member = hex("0000010a 4000000c 000028af");
        let mut group = hex("00000104 40000000");
        group.extend(&member);
        group.extend(vec![0; left_over]);
        group[7] = u8::try_from(group.len()).unwrap();
        group.resize(group.len().next_multiple_of(4), 0);
        let octets = frame(&group);
        let message = Message::decode(&octets).unwrap();
        let defect = message.avps().next().unwrap().grouped().unwrap_err();
        assert_eq!(defect.result_code, ResultCode::INVALID_AVP_LENGTH, "{left_over}");
    }
}

#[test]
fn groups_are_followed_to_a_bounded_depth() {
    let mut out = BytesMut::new();
    fn nest(message: &mut MessageBuilder<'_>, levels: u8) {
        if levels > 0 {
            message.group(&base::FAILED_AVP, |group| nest(group, levels - 1));
        }
    }
    let mut message = MessageBuilder::request(&mut out, CommandFlags::default(), 316, 0, 0, 0);
    nest(&mut message, MAX_DEPTH + 1);
    message.finish();
    let message = Message::decode(&out).unwrap();
    let mut avp = message.avps().next().unwrap();
    for _ in 0..MAX_DEPTH {
        avp = avp.grouped().unwrap().avps().next().unwrap();
    }
    assert_eq!(
        avp.grouped().unwrap_err().result_code,
        ResultCode::UNABLE_TO_COMPLY
    );
}

#[test]
fn messages_and_groups_have_a_bounded_number_of_avps() {
    let fill = |message: &mut MessageBuilder<'_>, count: usize| {
        for _ in 0..count {
            message.avp_octets(&base::PROXY_STATE, &[]);
        }
    };
    for (count, fine) in [(MAX_AVPS, true), (MAX_AVPS + 1, false)] {
        let mut out = BytesMut::new();
        let mut message = MessageBuilder::request(&mut out, CommandFlags::default(), 316, 0, 0, 0);
        fill(&mut message, count);
        message.finish();
        let message = Message::decode(&out).unwrap();
        assert_eq!(message.defects().is_empty(), fine);
        assert_eq!(message.avps().count(), MAX_AVPS);

        let mut out = BytesMut::new();
        let mut message = MessageBuilder::request(&mut out, CommandFlags::default(), 316, 0, 0, 0);
        message
            .group(&base::PROXY_INFO, |group| fill(group, count))
            .finish();
        let message = Message::decode(&out).unwrap();
        assert_eq!(message.avps().next().unwrap().grouped().is_ok(), fine);
    }
}

#[test]
fn an_error_answer_does_not_grow_with_the_offending_avp() {
    let mut out = BytesMut::new();
    MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, 316, 0, 0, 0)
        .avp_octets(&base::USER_NAME, &[b'x'; 60_000])
        .finish();
    let message = Message::decode(&out).unwrap();
    let defect = Defect::invalid_value(&message.find(&base::USER_NAME).unwrap());
    let failed = defect.failed_avp.as_deref().unwrap();
    assert!(failed.len() < 300);
    // Cut, but with a length of its own that is right.
    let octets = frame(failed);
    assert!(Message::decode(&octets).unwrap().defects().is_empty());
}

#[test]
fn error_answers_carry_what_the_standard_asks_in_its_order() {
    let identity = LocalIdentity {
        origin_host: "reachd.example".into(),
        origin_realm: "example".into(),
    };
    let mut request = BytesMut::new();
    MessageBuilder::request(&mut request, CommandFlags(0xd0), 316, 16_777_251, 3, 4)
        .avp_utf8(&base::ORIGIN_HOST, "mme.example")
        .avp_i32(&base::AUTH_SESSION_STATE, 1)
        .avp_utf8(&base::SESSION_ID, "mme.example;1")
        .group(&base::PROXY_INFO, |g| {
            g.avp_utf8(&base::PROXY_HOST, "dra1")
                .avp_octets(&base::PROXY_STATE, b"1");
        })
        .avp_utf8(&base::ROUTE_RECORD, "dra1")
        .group(&base::PROXY_INFO, |g| {
            g.avp_utf8(&base::PROXY_HOST, "dra2")
                .avp_octets(&base::PROXY_STATE, b"2");
        })
        .finish();
    let request = Message::decode(&request).unwrap();
    let proxy_infos: Vec<_> = request
        .find_all(&base::PROXY_INFO)
        .map(|avp| avp.bytes())
        .collect();

    for (defect, flags, names) in [
        (
            Defect::new(ResultCode::COMMAND_UNSUPPORTED),
            0x60,
            vec![263, 268, 264, 296, 281, 284, 284],
        ),
        (
            Defect::missing(&tgpp::ULR_FLAGS),
            0x40,
            vec![263, 277, 268, 264, 296, 281, 279, 284, 284],
        ),
    ] {
        let mut out = BytesMut::new();
        answer_error(&mut out, &request, &identity, &defect, Some("why"));
        let answer = Message::decode(&out).unwrap();
        assert!(answer.defects().is_empty());
        assert_eq!(answer.header().flags.0, flags);
        assert_eq!((answer.header().hop_by_hop, answer.header().end_to_end), (3, 4));
        assert_eq!(answer.avps().map(|avp| avp.code).collect::<Vec<_>>(), names);
        let code = answer.find(&base::RESULT_CODE).unwrap().as_u32();
        assert_eq!(code, Ok(defect.result_code.0));
        let echoed: Vec<_> = answer
            .find_all(&base::PROXY_INFO)
            .map(|avp| avp.bytes())
            .collect();
        assert_eq!(echoed, proxy_infos);
        if let Some(failed) = answer.find(&base::FAILED_AVP) {
            // An example of what is missing: ULR-Flags, V and M, zero.
            assert_eq!(failed.data, hex("0000057d c0000010 000028af 00000000"));
        }
    }
}

#[test]
fn a_framing_error_is_answered_from_its_header_unless_that_is_an_answers() {
    let identity = LocalIdentity {
        origin_host: "reachd.example".into(),
        origin_realm: "example".into(),
    };
    for (flags, answered) in [(0x80, true), (0x00, false)] {
        let mut header = Header::read(&purge()).unwrap();
        header.version = 2;
        header.flags = CommandFlags(flags);
        let mut out = BytesMut::new();
        answer_framing_error(&mut out, &header, &identity, ResultCode::UNSUPPORTED_VERSION);
        assert_eq!(!out.is_empty(), answered);
        if answered {
            let answer = Message::decode(&out).unwrap();
            assert!(answer.header().flags.is_error() && !answer.header().flags.is_request());
            assert_eq!(answer.find(&base::RESULT_CODE).unwrap().as_u32(), Ok(5011));
        }
    }
}

#[test]
fn defects_are_shown_without_the_data_of_their_avps() {
    let octets = frame(&hex("00000001 4000000b 303939 00"));
    let message = Message::decode(&octets).unwrap();
    let defect = Defect::invalid_value(&message.avps().next().unwrap());
    assert_eq!(defect.to_string(), "DIAMETER_INVALID_AVP_VALUE (5004), User-Name");
    let shown = format!("{defect:?} {message:?}");
    assert!(!shown.contains("099") && !shown.contains("48, 57"), "{shown}");
}
