//! Purge-UE-Request (TS 29.272 §5.2.1.3).

use super::*;

#[test]
fn flags_select_the_half_that_is_purged() {
    let (mme, sgsn) = (deregistered(Slot::Mme), deregistered(Slot::Sgsn));
    for (flags, expected) in [
        // "equals MME and SGSN, PUR-Flags absent: MME and SGSN deregistered"; "equals MME only", "equals SGSN only"
        // and "equals neither" look the same on the wire: joining the facts makes the half not held harmless.
        (None, vec![mme.clone(), sgsn.clone()]),
        (Some(0), vec![mme.clone(), sgsn.clone()]),
        // "PUR-Flags bit 0 only: MME only"
        (Some(1), vec![mme.clone()]),
        // "PUR-Flags bit 1 only: SGSN only"
        (Some(2), vec![sgsn.clone()]),
        (Some(3), vec![mme, sgsn]),
    ] {
        let purged = changes(&s6a::PURGE_UE, |request| {
            if let Some(flags) = flags {
                request.avp_u32(&tgpp::PUR_FLAGS, flags);
            }
        });
        assert_eq!(purged, expected, "{flags:?}");
    }
}
