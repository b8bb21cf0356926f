//! What holds for any octets.

use bytes::BytesMut;
use proptest::prelude::*;

use super::frame;
use super::structure::purge;
use crate::diameter::codec::*;

/// Reads everything that can be read, as every type, down to the last group.
fn read_all(avps: Avps<'_>) -> usize {
    avps.map(|avp| {
        let _ = (
            avp.as_u32(),
            avp.as_i32(),
            avp.as_u64(),
            avp.as_time(),
            avp.as_utf8(),
        );
        let _ = (avp.as_identity(), avp.as_address(), avp.as_tbcd());
        1 + avp.grouped().map_or(0, |group| read_all(group.avps()))
    })
    .sum()
}

/// Writes a message anew from what was read.
fn rewrite(message: &Message<'_>) -> BytesMut {
    let header = message.header();
    let mut out = BytesMut::new();
    let mut copy = MessageBuilder::request(
        &mut out,
        header.flags,
        header.command,
        header.application,
        header.hop_by_hop,
        header.end_to_end,
    );
    for avp in message.avps() {
        copy.raw(&avp);
    }
    copy.finish();
    out
}

/// An AVP of any code, vendor and flags with sound lengths.
fn any_avp() -> impl Strategy<Value = Vec<u8>> {
    let data = prop::collection::vec(any::<u8>(), 0..40);
    (any::<u32>(), any::<u8>(), any::<u32>(), data).prop_map(|(code, flags, vendor, data)| {
        let head = if flags & 0x80 == 0 { 8 } else { 12 };
        let length = u32::try_from(head + data.len()).unwrap();
        let mut avp = code.to_be_bytes().to_vec();
        avp.extend((length | u32::from(flags) << 24).to_be_bytes());
        if flags & 0x80 != 0 {
            avp.extend(vendor.to_be_bytes());
        }
        avp.extend(data);
        avp.resize(avp.len().next_multiple_of(4), 0);
        avp
    })
}

proptest! {
    #[test]
    fn no_octets_at_all_make_the_codec_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = frame_length(&octets, 4096);
        if let Ok(message) = Message::decode(&octets) {
            read_all(message.avps());
        }
    }

    #[test]
    fn no_octets_behind_a_sound_header_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        let frame = frame(&octets);
        match Message::decode(&frame) {
            Ok(message) => { read_all(message.avps()); }
            Err(error) => {
                prop_assert_eq!(error.result_code(), ResultCode::INVALID_MESSAGE_LENGTH);
                prop_assert_ne!(octets.len() % 4, 0);
            }
        }
    }

    /// Changes a few octets of a sound message: nearer to what breaks decoders than noise.
    #[test]
    fn damage_is_found_or_harmless(damage in prop::collection::vec((0usize..160, any::<u8>()), 1..6)) {
        let mut octets = purge();
        for (place, value) in damage {
            if let Some(octet) = octets.get_mut(place) {
                *octet = value;
            }
        }
        if let Ok(message) = Message::decode(&octets) {
            read_all(message.avps());
            // Every defect can be answered, and the answer is sound.
            for defect in message.defects() {
                let identity = LocalIdentity { origin_host: "a".into(), origin_realm: "b".into() };
                let mut out = BytesMut::new();
                answer_error(&mut out, &message, &identity, defect, None);
                let answer = Message::decode(&out).expect("a sound frame");
                prop_assert!(answer.defects().is_empty());
            }
        }
    }

    #[test]
    fn all_avps_survive_in_their_order_known_or_not(avps in prop::collection::vec(any_avp(), 0..20)) {
        let octets = frame(&avps.concat());
        let message = Message::decode(&octets).unwrap();
        prop_assert!(message.defects().is_empty());
        prop_assert_eq!(message.avps().count(), avps.len());
        let copy = rewrite(&message);
        prop_assert_eq!(&copy[..], &octets[..]);
    }

    /// Decode, encode, decode: the second reading is the first, whatever came in (padding octets are not kept).
    #[test]
    fn what_was_read_reads_the_same_again(octets in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut octets = octets;
        octets.truncate(octets.len() / 4 * 4);
        let octets = frame(&octets);
        let message = Message::decode(&octets).unwrap();
        let copy = rewrite(&message);
        let again = Message::decode(&copy).unwrap();
        prop_assert!(again.defects().is_empty());
        prop_assert!(message.avps().eq(again.avps()));
    }

    #[test]
    fn a_message_cut_anywhere_is_waited_for(cut in 0usize..200) {
        let whole = purge();
        let part = &whole[..cut.min(whole.len())];
        let expected = (part.len() >= Header::LEN).then_some(whole.len());
        prop_assert_eq!(frame_length(part, 4096), Ok(expected));
    }
}
