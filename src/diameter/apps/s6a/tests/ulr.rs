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
        // "SMS-Only (bit 7) does not say that data is absent"
        (S6A | KEEP_5GS | 1 << 7, registered(Slot::Mme, false, false)),
        // Unknown bits are ignored.
        (S6A | KEEP_5GS | 1 << 31, registered(Slot::Mme, false, false)),
    ] {
        assert_eq!(changes(&s6a::UPDATE_LOCATION, ulr(flags)), expected, "{flags:#b}");
    }
}

fn with(flags: u32, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<Change> {
    changes(&s6a::UPDATE_LOCATION, |request| {
        ulr(flags | KEEP_5GS)(request);
        write(request);
    })
}

/// "MME-Number-for-MT-SMS, SMS-Register-Request, ULR-Flags bit 7 SMS-Only | request only", "SMS-Register-Request 1
/// NOT_PREFERRED | the MME prefers SGs", and "ULA not visible (mode C) | leave SMS of the slot unknown, do not infer from the
/// request".
#[test]
fn a_wish_for_sms_registers_no_sms() {
    let mme = registered(Slot::Mme, false, false);
    for wish in [0, 1, 2] {
        let changes = with(S6A | 1 << 7, |request| {
            request
                .avp_tbcd(&tgpp::MME_NUMBER_FOR_MT_SMS, "99912345")
                .avp_i32(&tgpp::SMS_REGISTER_REQUEST, wish);
        });
        assert_eq!(changes, mme, "{wish}");
    }
    // "S6d with SMS-in-SGSN accepted (Subscription-Data-Flags bit 1) | SGSN slot SMS-registered": in the answer.
    let sgsn = with(0, |request| {
        request.avp_tbcd(&tgpp::SGSN_NUMBER, "99912345");
    });
    assert_eq!(sgsn, registered(Slot::Sgsn, false, false));
}

/// "bit 4 Node-Type, or SGSN-Number in an S6a ULR, or Coupled-Node-Diameter-ID, or same Origin-Host on S6a and S6d | combined
/// MME/SGSN: later PUR and CLR may mean one half or both": the request itself is for the half that its indicator tells.
#[test]
fn a_combined_node_registers_one_half_at_a_time() {
    let mme = registered(Slot::Mme, false, false);
    assert_eq!(with(S6A | 1 << 4, |_| {}), mme);
    let number = with(S6A, |request| {
        request.avp_tbcd(&tgpp::SGSN_NUMBER, "99912345");
    });
    assert_eq!(number, mme);
    let coupled = with(S6A | 1 << 4, |request| {
        request.avp_utf8(&tgpp::COUPLED_NODE_DIAMETER_ID, "sgsn.epc.example");
    });
    assert_eq!(coupled, mme);
    assert_eq!(with(1 << 4, |_| {}), registered(Slot::Sgsn, false, false));
}

/// "RAT-Type is an open list: accept and store unknown numbers", and whatever else is not read is no reason to lose an
/// attach.
#[test]
fn values_of_a_later_release_are_let_pass() {
    let changes = changes(&s6a::UPDATE_LOCATION, |request| {
        request
            .avp_i32(&tgpp::RAT_TYPE, 1034)
            .avp_u32(&tgpp::ULR_FLAGS, S6A | KEEP_5GS)
            .avp_octets(&tgpp::VISITED_PLMN_ID, &[0x00, 0xf1, 0x10])
            .avp_i32(&tgpp::SMS_REGISTER_REQUEST, 77)
            .avp_octets(&tgpp::MME_NUMBER_FOR_MT_SMS, &[0xaa]);
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
