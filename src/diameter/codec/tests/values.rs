//! Every type of AVP data: what is written is read, at its edges too, and what is wrong gets 5004 or 5014.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::BytesMut;

use super::{frame, hex};
use crate::diameter::codec::*;
use crate::diameter::dict::{base, tgpp};

/// Writes one AVP and hands it to a judge.
fn with_avp<T>(write: impl FnOnce(&mut MessageBuilder<'_>), judge: impl FnOnce(Avp<'_>) -> T) -> T {
    let mut out = BytesMut::new();
    let mut message = MessageBuilder::request(&mut out, CommandFlags::default(), 316, 0, 0, 0);
    write(&mut message);
    message.finish();
    let message = Message::decode(&out).unwrap();
    assert!(message.defects().is_empty());
    judge(message.avps().next().unwrap())
}

/// The Result-Code of what is wrong with an AVP of these octets, read in this way.
macro_rules! code_of {
    ($def:expr, $data:expr, $read:ident) => {
        with_avp(
            |message| {
                message.avp_octets($def, $data);
            },
            |avp| avp.$read().err().map(|defect| defect.result_code),
        )
    };
}

#[test]
fn numbers_have_exactly_their_size() {
    for len in 0..12 {
        let data = vec![0xff; len];
        let wrong = |right: usize| (len != right).then_some(ResultCode::INVALID_AVP_LENGTH);
        assert_eq!(code_of!(&base::RESULT_CODE, &data, as_u32), wrong(4), "{len}");
        assert_eq!(
            code_of!(&base::DISCONNECT_CAUSE, &data, as_i32),
            wrong(4),
            "{len}"
        );
        assert_eq!(
            code_of!(&base::EVENT_TIMESTAMP, &data, as_time),
            wrong(4),
            "{len}"
        );
        assert_eq!(
            code_of!(&base::ACCOUNTING_SUB_SESSION_ID, &data, as_u64),
            wrong(8),
            "{len}"
        );
    }
}

#[test]
fn time_goes_on_after_ntps_first_era() {
    // RFC 5905: the era ends at 2036-02-07T06:28:16Z; a clear top bit means the next one.
    for (ntp, unix) in [
        (0x8000_0000u32, -61_505_152),
        (0x83aa_7e80, 0),
        (0xffff_ffff, 2_085_978_495),
        (0x0000_0000, 2_085_978_496),
        (0x7fff_ffff, 4_233_462_143),
    ] {
        let write = |message: &mut MessageBuilder<'_>| {
            message.avp_time(&base::EVENT_TIMESTAMP, unix);
        };
        let (octets, read) = with_avp(write, |avp| (avp.data.to_vec(), avp.as_time()));
        assert_eq!((octets, read), (ntp.to_be_bytes().to_vec(), Ok(unix)));
    }
}

#[test]
fn addresses_of_both_families_are_read_and_others_refused() {
    for address in [
        IpAddr::from(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    ] {
        let write = |message: &mut MessageBuilder<'_>| {
            message.avp_address(&base::HOST_IP_ADDRESS, address);
        };
        assert_eq!(with_avp(write, |avp| avp.as_address()), Ok(address));
    }
    for (octets, code) in [
        ("", ResultCode::INVALID_AVP_LENGTH),
        ("00", ResultCode::INVALID_AVP_LENGTH),
        ("0001 c00002", ResultCode::INVALID_AVP_LENGTH),
        ("0001 c000020101", ResultCode::INVALID_AVP_LENGTH),
        ("0002 c0000201", ResultCode::INVALID_AVP_LENGTH),
        ("0008 393939", ResultCode::INVALID_AVP_VALUE),
    ] {
        let read = code_of!(&base::HOST_IP_ADDRESS, &hex(octets), as_address);
        assert_eq!(read, Some(code), "{octets}");
    }
}

#[test]
fn identities_are_host_names_of_at_most_255_octets() {
    let longest = "a".repeat(255);
    for right in [
        "mme-1.epc.mnc001.mcc001.3gppnetwork.org",
        "A",
        "mme_1",
        longest.as_str(),
    ] {
        assert_eq!(code_of!(&base::ORIGIN_HOST, right.as_bytes(), as_identity), None);
    }
    let giant = "a".repeat(256);
    for wrong in ["", "a b", "a\0", "a\n", "é", "a;b", "a@b", giant.as_str()] {
        let read = code_of!(&base::ORIGIN_HOST, wrong.as_bytes(), as_identity);
        assert_eq!(read, Some(ResultCode::INVALID_AVP_VALUE), "{wrong:?}");
    }
}

#[test]
fn text_has_to_be_utf_8() {
    assert_eq!(code_of!(&base::USER_NAME, "é".as_bytes(), as_utf8), None);
    let read = code_of!(&base::USER_NAME, &[0xc3], as_utf8);
    assert_eq!(read, Some(ResultCode::INVALID_AVP_VALUE));
}

#[test]
fn tbcd_digits_stand_low_nibble_first() {
    for (digits, octets) in [
        ("999123456789", "99 19 32 54 76 98"),
        ("99912345678", "99 19 32 54 76 f8"),
        ("0", "f0"),
    ] {
        let write = |message: &mut MessageBuilder<'_>| {
            message.avp_tbcd(&tgpp::MSISDN, digits);
        };
        let judge = |avp: Avp<'_>| {
            let read = avp.as_tbcd().unwrap();
            assert!(!format!("{read:?}").contains(digits) || digits.len() == 1);
            (avp.data.to_vec(), read.as_str().to_owned())
        };
        assert_eq!(with_avp(write, judge), (hex(octets), digits.to_owned()));
    }
}

#[test]
fn what_is_no_decimal_digit_is_no_number() {
    for wrong in [
        "",
        "ff",    // nothing but filler
        "9f 19", // filler before the end
        "f9 19", // likewise, in a high nibble
        "a9",
        "9b",
        "c1",
        "1d",
        "e1",                                    // *, #, a, b, c
        "1111111111 1111111111 1111111111 1111", // 34 digits
    ] {
        let read = code_of!(&tgpp::MSISDN, &hex(wrong), as_tbcd);
        assert_eq!(read, Some(ResultCode::INVALID_AVP_VALUE), "{wrong}");
    }
}

#[test]
fn the_last_padding_of_a_group_may_be_missing() {
    // Vendor-Specific-Application-Id over User-Name of 3 octets, one octet of padding not counted. RFC 6733 §4.4
    // counts it; some senders do not.
    let octets = frame(&hex("00000104 40000013 00000001 4000000b 303031 00"));
    let message = Message::decode(&octets).unwrap();
    assert!(message.defects().is_empty());
    let group = message.avps().next().unwrap().grouped().unwrap();
    assert_eq!(group.find(&base::USER_NAME).unwrap().as_utf8(), Ok("001"));
}
