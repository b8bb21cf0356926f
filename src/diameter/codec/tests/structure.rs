//! What is written can be read, and every kind of broken structure gets its own defect.

use bytes::BytesMut;

use crate::diameter::codec::*;
use crate::diameter::dict::{base, s6a, tgpp};

/// A Purge-UE-Request as a combined MME/SGSN sends it.
pub(super) fn purge() -> BytesMut {
    let mut out = BytesMut::new();
    MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, 321, s6a::APPLICATION, 7, 9)
        .avp_utf8(&base::SESSION_ID, "mme.example;1;2")
        .avp_i32(&base::AUTH_SESSION_STATE, 1)
        .avp_utf8(&base::ORIGIN_HOST, "mme.example")
        .avp_utf8(&base::ORIGIN_REALM, "example")
        .avp_utf8(&base::DESTINATION_REALM, "example")
        .avp_utf8(&base::USER_NAME, "001010000000001")
        .avp_u32(&tgpp::PUR_FLAGS, 1)
        .group(&tgpp::SUPPORTED_FEATURES, |g| {
            g.avp_u32(&base::VENDOR_ID, 10415)
                .avp_u32(&tgpp::FEATURE_LIST_ID, 1);
        })
        .finish();
    out
}

#[test]
fn a_request_reads_as_it_was_written() {
    let out = purge();
    assert_eq!(frame_length(&out, 65_536), Ok(Some(out.len())));
    let message = Message::decode(&out).unwrap();
    assert!(message.defects().is_empty());
    let header = message.header();
    assert!(header.flags.is_request() && header.flags.is_proxiable());
    assert_eq!(
        (header.command, header.hop_by_hop, header.end_to_end),
        (321, 7, 9)
    );
    assert_eq!(message.session_id(), Some(&b"mme.example;1;2"[..]));
    assert_eq!(message.find(&tgpp::PUR_FLAGS).unwrap().as_u32(), Ok(1));
    assert_eq!(
        message.find(&base::ORIGIN_HOST).unwrap().as_identity(),
        Ok("mme.example")
    );
    let group = message
        .find(&tgpp::SUPPORTED_FEATURES)
        .unwrap()
        .grouped()
        .unwrap();
    assert_eq!(group.find(&tgpp::FEATURE_LIST_ID).unwrap().as_u32(), Ok(1));
    assert_eq!(group.avps().count(), 2);
}
