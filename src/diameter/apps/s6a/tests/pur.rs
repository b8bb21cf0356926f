//! Purge-UE-Request (TS 29.272 §5.2.1.3).

use super::watch::Watch;
use super::*;
use crate::domain::Outcome;

const MME_FLAGS: u32 = 1 << 1 | 1 << 8;
const SGSN_FLAGS: u32 = 1 << 8;
const OTHER: &str = "mme-b.epc.example";

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

/// The table of §2.3: who is registered where, what the purge selects, what is purged, and PUA-Flags.
#[test]
fn what_the_node_holds_is_purged_and_the_answer_says_what() {
    type Set = fn(&mut Watch);
    let both: Set = |watch| {
        watch.attach(MME, MME_FLAGS);
        watch.attach(MME, SGSN_FLAGS);
    };
    let mme: Set = |watch| {
        watch.attach(MME, MME_FLAGS);
        watch.attach(OTHER, SGSN_FLAGS);
    };
    let sgsn: Set = |watch| {
        watch.attach(OTHER, MME_FLAGS);
        watch.attach(MME, SGSN_FLAGS);
    };
    let neither: Set = |watch| {
        watch.attach(OTHER, MME_FLAGS);
        watch.attach(OTHER, SGSN_FLAGS);
    };
    for (place, (known, flags, left, pua_flags)) in [
        // "equals MME and SGSN, PUR-Flags absent | MME and SGSN: deregistered (purged) | bits 0 and 1"
        (both, None, (false, false), 0b11),
        // "equals MME and SGSN, PUR-Flags bit 0 only | MME only | bit 0"
        (both, Some(1), (false, true), 0b01),
        // "equals MME and SGSN, PUR-Flags bit 1 only | SGSN only | bit 1"
        (both, Some(2), (true, false), 0b10),
        // "equals MME only | MME | bit 0"
        (mme, None, (false, true), 0b01),
        (mme, Some(1), (false, true), 0b01),
        // "equals SGSN only | SGSN | bit 1"
        (sgsn, None, (true, false), 0b10),
        (sgsn, Some(2), (true, false), 0b10),
        // The half that the node does not hold is not purged by it.
        (mme, Some(2), (true, true), 0),
        (sgsn, Some(1), (true, true), 0),
        // "equals neither | none (stale purge) | both clear, Result-Code still 2001"
        (neither, None, (true, true), 0),
        (neither, Some(3), (true, true), 0),
    ]
    .into_iter()
    .enumerate()
    {
        let mut watch = Watch::new();
        known(&mut watch);
        let (verdict, _) = watch.purge(MME, flags);
        assert_eq!(
            (watch.is_up(Slot::Mme), watch.is_up(Slot::Sgsn)),
            left,
            "row {place}"
        );
        assert_eq!(
            (verdict.answered.code(), verdict.detail),
            (2001, pua_flags),
            "row {place}"
        );
    }
}

/// "IMSI unknown | none | 5001 in Experimental-Result": a copy does not tell whom the HSS knows, so it is taken for a purge by
/// a node that holds nothing (ADR 10).
#[test]
fn a_purge_of_somebody_of_whom_nothing_is_known_is_kept_without_effect() {
    let mut watch = Watch::new();
    let (verdict, effect) = watch.purge(MME, None);
    assert_eq!((verdict.answered.code(), verdict.detail), (2001, 0));
    assert_eq!(effect.unwrap().outcome, Outcome::NotHolder);
}

/// "EPS-Location-Information in PUR is the last known location, not a current one."
#[test]
fn a_last_known_location_is_no_sign_of_life() {
    let purged = changes(&s6a::PURGE_UE, |request| {
        request.group(&tgpp::EPS_LOCATION_INFORMATION, |location| {
            location.group(&tgpp::MME_LOCATION_INFORMATION, |_| {});
        });
    });
    assert_eq!(purged, [deregistered(Slot::Mme), deregistered(Slot::Sgsn)]);
}
