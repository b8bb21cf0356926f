//! Decode, encode, decode: the second reading is the first. Encoding goes through the writer's own functions, typed
//! where the type is known and the value is of it, so that each writer is held against its reader.

use bytes::BytesMut;
use reachd::diameter::codec::{Avp, Avps, CommandFlags, Message, MessageBuilder};
use reachd::diameter::dict::{AvpDef, AvpType, lookup};

use super::frames::each_message;

/// Reads the octets, writes what was read, reads again.
pub fn run(octets: &[u8]) {
    each_message(octets, |message| {
        let written = rewrite(message);
        let again = Message::decode(&written).expect("a sound header");
        assert_eq!(again.defects(), [], "what is written is sound");
        same_header(message, &again);
        same(message.avps(), again.avps());
        assert_eq!(rewrite(&again), written, "writing settles at once");
    });
}

fn rewrite(message: &Message<'_>) -> BytesMut {
    let header = message.header();
    // A place that is not the buffer's begin, as in a connection's write buffer.
    let mut out = BytesMut::from(&b"before"[..]);
    let mut copy = if header.flags.is_request() {
        MessageBuilder::request(
            &mut out,
            header.flags,
            header.command,
            header.application,
            header.hop_by_hop,
            header.end_to_end,
        )
    } else {
        MessageBuilder::answer(&mut out, header, header.flags.is_error())
    };
    for avp in message.avps() {
        write(&mut copy, &avp);
    }
    copy.finish();
    assert_eq!(&out[..6], b"before");
    out.split_off(6)
}

/// Writes an AVP by its value. One whose flags no dictionary can ask for is copied.
fn write(copy: &mut MessageBuilder<'_>, avp: &Avp<'_>) {
    let known = lookup(avp.code, avp.vendor);
    let def = AvpDef {
        code: avp.code,
        vendor: avp.vendor,
        name: "",
        kind: known.map_or(AvpType::OctetString, |def| def.kind),
        mandatory: avp.flags.is_mandatory(),
    };
    if def.flags() != avp.flags {
        copy.raw(avp);
        return;
    }
    match def.kind {
        AvpType::Unsigned32 => match avp.as_u32() {
            Ok(value) => copy.avp_u32(&def, value),
            Err(_) => copy.avp_octets(&def, avp.data),
        },
        AvpType::Integer32 | AvpType::Enumerated => match avp.as_i32() {
            Ok(value) => copy.avp_i32(&def, value),
            Err(_) => copy.avp_octets(&def, avp.data),
        },
        AvpType::Unsigned64 => match avp.as_u64() {
            Ok(value) => copy.avp_u64(&def, value),
            Err(_) => copy.avp_octets(&def, avp.data),
        },
        AvpType::Time => match avp.as_time() {
            Ok(value) => copy.avp_time(&def, value),
            Err(_) => copy.avp_octets(&def, avp.data),
        },
        AvpType::Address => match avp.as_address() {
            Ok(value) => copy.avp_address(&def, value),
            Err(_) => copy.avp_octets(&def, avp.data),
        },
        AvpType::Utf8String | AvpType::DiameterIdentity | AvpType::DiameterUri => match avp.as_utf8() {
            Ok(value) => copy.avp_utf8(&def, value),
            Err(_) => copy.avp_octets(&def, avp.data),
        },
        // Numbers are OctetStrings in the dictionary.
        AvpType::OctetString => match avp.as_tbcd() {
            Ok(digits) => copy.avp_tbcd(&def, digits.as_str()),
            Err(_) => copy.avp_octets(&def, avp.data),
        },
        AvpType::Grouped => match avp.grouped() {
            Ok(members) => copy.group(&def, |group| {
                for member in members.avps() {
                    write(group, &member);
                }
            }),
            Err(_) => copy.avp_octets(&def, avp.data),
        },
    };
}

fn same_header(first: &Message<'_>, second: &Message<'_>) {
    let (first, second) = (first.header(), second.header());
    // An answer has no other flags than these.
    let kept = if first.flags.is_request() {
        first.flags
    } else {
        CommandFlags(first.flags.0 & (CommandFlags::PROXIABLE.0 | CommandFlags::ERROR.0))
    };
    assert_eq!(second.flags, kept);
    assert_eq!(
        (second.command, second.application),
        (first.command, first.application)
    );
    assert_eq!(
        (second.hop_by_hop, second.end_to_end),
        (first.hop_by_hop, first.end_to_end)
    );
}

/// The same AVPs in the same order. Of groups the members are compared: the padding of the last may have been missing.
fn same(first: Avps<'_>, second: Avps<'_>) {
    let (mut first, mut second) = (first, second);
    loop {
        match (first.next(), second.next()) {
            (None, None) => return,
            (Some(one), Some(other)) => {
                assert_eq!(
                    (one.code, one.vendor, one.flags),
                    (other.code, other.vendor, other.flags)
                );
                match (one.grouped(), other.grouped()) {
                    (Ok(one), Ok(other)) => same(one.avps(), other.avps()),
                    _ => assert_eq!(one.data, other.data),
                }
            }
            (one, other) => panic!("an AVP was lost or added: {one:?}, {other:?}"),
        }
    }
}
