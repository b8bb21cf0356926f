//! Update-Location-Request (TS 29.272 §5.2.1.1).

use super::*;
use crate::domain::Ends;

const S6A: u32 = 1 << 1;
const KEEP_5GS: u32 = 1 << 8;

fn registered(slot: Slot, other_eps_half: bool, amf_3gpp: bool) -> Vec<Change> {
    vec![Change::Registered {
        slot,
        node: node(),
        ends: Ends {
            other_eps_half,
            amf_3gpp,
        },
    }]
}

#[test]
fn flags_tell_the_slot_and_what_else_ends() {
    for (flags, expected) in [
        // "ULR-Flags bit 1 set → MME; clear → SGSN"
        (S6A | KEEP_5GS, registered(Slot::Mme, false, false)),
        (KEEP_5GS, registered(Slot::Sgsn, false, false)),
        // "S6a, bit 0 Single-Registration-Indication: SGSN slot deregistered and forgotten"
        (S6A | KEEP_5GS | 1, registered(Slot::Mme, true, false)),
        // The bit is defined for an MME alone.
        (KEEP_5GS | 1, registered(Slot::Sgsn, false, false)),
        // "S6a, bit 5 Initial-Attach, bit 0 clear: SGSN contexts dropped"
        (S6A | KEEP_5GS | 1 << 5, registered(Slot::Mme, true, false)),
        // "S6d, bit 5 Initial-Attach: MME slot unreachable"
        (KEEP_5GS | 1 << 5, registered(Slot::Sgsn, true, false)),
        // "neither bit 0 nor bit 5: the other slot stays registered" – the first two rows.
        // "bit 8 Dual-Registration-5G-Indicator clear: AMF-3GPP slot deregistered"
        (S6A, registered(Slot::Mme, false, true)),
        (0, registered(Slot::Sgsn, false, true)),
        // "bit 8 set: AMF-3GPP stays" – the first rows.
        // "bit 2 Skip-Subscriber-Data: registration is as real as any other"
        (S6A | KEEP_5GS | 1 << 2, registered(Slot::Mme, false, false)),
        // "bit 4 Node-Type": a combined node; this request is for one half.
        (S6A | KEEP_5GS | 1 << 4, registered(Slot::Mme, false, false)),
        // "SMS-Only (bit 7) does not say that data is absent"
        (S6A | KEEP_5GS | 1 << 7, registered(Slot::Mme, false, false)),
        // Unknown bits are ignored.
        (S6A | KEEP_5GS | 1 << 31, registered(Slot::Mme, false, false)),
    ] {
        assert_eq!(changes(&s6a::UPDATE_LOCATION, ulr(flags)), expected, "{flags:#b}");
    }
}

/// "MME-Number-for-MT-SMS, SMS-Register-Request: request only" and "leave SMS of the slot unknown, do not infer from
/// the request".
#[test]
fn a_wish_for_sms_registers_no_sms() {
    let changes = changes(&s6a::UPDATE_LOCATION, |request| {
        ulr(S6A | KEEP_5GS | 1 << 7)(request);
        request
            .avp_tbcd(&tgpp::MME_NUMBER_FOR_MT_SMS, "99912345")
            .avp_i32(&tgpp::SMS_REGISTER_REQUEST, 0);
    });
    assert_eq!(changes, registered(Slot::Mme, false, false));
}

#[test]
fn the_node_is_the_origin_host_in_lower_case_and_no_agent() {
    let mut octets = request(&s6a::UPDATE_LOCATION, |request| {
        ulr(S6A)(request);
        request.avp_utf8(&base::ROUTE_RECORD, "dra.example");
    });
    let at = octets
        .windows(MME.len())
        .position(|part| part == MME.as_bytes())
        .unwrap();
    octets[at..at + 3].copy_from_slice(b"MME");
    let event = read(&octets).unwrap().events.pop().unwrap();
    assert_eq!(event.changes.into_vec(), registered(Slot::Mme, false, true));
}
