//! Octets written down by hand from RFC 6733 §3, §4 and TS 29.272 §7.

use bytes::BytesMut;

use super::hex;
use crate::diameter::codec::*;
use crate::diameter::dict::{base, s6a, tgpp};

const DEVICE_WATCHDOG: &str = "
    01 000044  80 000118  00000000  11223344  55667788  # version 1, 68 octets; R, 280; application 0
    00000108 40 000013 6d6d652e6578616d706c65 00        # Origin-Host, M, 19 octets: mme.example
    00000128 40 00000f 6578616d706c65 00                # Origin-Realm, M, 15 octets: example
    00000116 40 00000c 00000001                         # Origin-State-Id, M, 12 octets";

const ULR_PART: &str = "
    01 000040  c0 00013c  01000023  00000001  00000002  # R and P, 316, S6a
    0000057d c0 000010 000028af 00000022                # ULR-Flags, V and M, 3GPP: bits 1 and 5
    0000057f c0 00000f 000028af 00f110 00               # Visited-PLMN-Id: 001-01
    00000001 00 00000b 303031 00                        # User-Name, without M";

#[test]
fn a_watchdog_request_is_written_octet_by_octet() {
    let mut out = BytesMut::new();
    MessageBuilder::request(
        &mut out,
        CommandFlags::default(),
        280,
        0,
        0x1122_3344,
        0x5566_7788,
    )
    .avp_utf8(&base::ORIGIN_HOST, "mme.example")
    .avp_utf8(&base::ORIGIN_REALM, "example")
    .avp_u32(&base::ORIGIN_STATE_ID, 1)
    .finish();
    assert_eq!(out, hex(DEVICE_WATCHDOG));
}

#[test]
fn vendor_avps_and_their_flags_are_read_octet_by_octet() {
    let octets = hex(ULR_PART);
    let message = Message::decode(&octets).unwrap();
    let header = Header {
        version: 1,
        length: 64,
        flags: CommandFlags(0xc0),
        command: 316,
        application: s6a::APPLICATION,
        hop_by_hop: 1,
        end_to_end: 2,
    };
    assert_eq!(*message.header(), header);
    let shown: Vec<_> = message
        .avps()
        .map(|avp| (avp.code, avp.vendor, avp.flags.0, avp.data.to_vec()))
        .collect();
    assert_eq!(
        shown,
        [
            (1405, 10415, 0xc0, vec![0, 0, 0, 0x22]),
            (1407, 10415, 0xc0, vec![0x00, 0xf1, 0x10]),
            (1, 0, 0x00, b"001".to_vec()),
        ]
    );
    assert_eq!(message.find(&tgpp::ULR_FLAGS).unwrap().as_u32(), Ok(0x22));
}

#[test]
fn an_answer_keeps_command_and_identifiers_and_copies_p_alone_of_the_flags() {
    let request = Header {
        version: 1,
        length: 20,
        flags: CommandFlags(0xdf),
        command: 316,
        application: s6a::APPLICATION,
        hop_by_hop: 1,
        end_to_end: 2,
    };
    let mut out = BytesMut::new();
    MessageBuilder::answer(&mut out, &request, false).finish();
    assert_eq!(out, hex("01000014 4000013c 01000023 00000001 00000002"));
    out.clear();
    MessageBuilder::answer(&mut out, &request, true).finish();
    assert_eq!(out, hex("01000014 6000013c 01000023 00000001 00000002"));
}

#[test]
fn messages_in_one_buffer_do_not_touch_each_other() {
    let mut out = BytesMut::from(&b"before"[..]);
    for id in 0..2 {
        MessageBuilder::request(&mut out, CommandFlags::default(), 280, 0, id, id)
            .avp_utf8(&base::ORIGIN_HOST, "a")
            .finish();
    }
    let (before, messages) = out.split_at(6);
    assert_eq!(before, b"before");
    let length = frame_length(messages, 4096).unwrap().unwrap();
    let (first, second) = messages.split_at(length);
    assert_eq!(Message::decode(first).unwrap().header().hop_by_hop, 0);
    assert_eq!(Message::decode(second).unwrap().header().hop_by_hop, 1);
}
