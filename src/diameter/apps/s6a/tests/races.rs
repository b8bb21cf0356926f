//! The races of event-mapping §8 that S6a runs, one by one, with what the naive result would be.

use std::time::Duration;

use super::watch::{Watch, experimental, renamed};
use super::*;
use crate::diameter::apps::Verdict;
use crate::domain::{Ends, Outcome, Status};

const A: &str = MME;
const B: &str = "mme-b.epc.example";
const SGSN: &str = "sgsn1.epc.example";

/// ULR-Flags: from an MME, the registration in 5GS stays.
const LTE: u32 = 1 << 1 | 1 << 8;
/// From an SGSN, likewise.
const UTRAN: u32 = 1 << 8;
const SINGLE: u32 = 1 << 0;
const INITIAL: u32 = 1 << 5;

fn amf() -> Change {
    Change::Registered {
        slot: Slot::Amf3gpp,
        node: Node::parse("amf1.5gc.example").unwrap(),
        ends: Ends::default(),
    }
}

/// 1: "UE moved MME-A → MME-B; PUR from A arrives later | B's registration wiped | compare Origin-Host with slot.node;
/// unequal → success answer with both freeze bits clear, no event"
#[test]
fn a_late_purge_by_the_old_node_changes_nothing() {
    let mut watch = Watch::new();
    watch.attach(A, LTE);
    watch.attach(B, LTE);
    let (verdict, effect) = watch.purge(A, None);
    assert_eq!(verdict, Verdict::SUCCESS);
    assert_eq!(effect.unwrap().outcome, Outcome::NotHolder);
    assert_eq!(watch.status(), Status::ConnectedData);
    let (_, effect) = watch.purge(B, None);
    assert_eq!(effect.unwrap().outcome, Outcome::Applied);
    assert_eq!(watch.status(), Status::NotConnected);
}

/// 2: "CLR to A seen after ULR/ULA from B | B wiped | compare Destination-Host with slot.node; unequal → ignore"
#[test]
fn a_late_cancel_of_the_old_node_changes_nothing() {
    for (cause, flags) in [(0, None), (2, None), (3, None), (4, Some(1)), (4, None)] {
        let mut watch = Watch::new();
        watch.attach(A, LTE);
        watch.attach(B, LTE);
        watch.cancel(A, cause, flags);
        assert_eq!(watch.status(), Status::ConnectedData, "{cause} {flags:?}");
        assert_eq!(watch.holder(Slot::Mme).as_deref(), Some(B));
    }
}

/// 3: "CLR to A seen before ULA of B | brief unreachable blip | types 0, 1, 3 mean moved: hold, no `unreachable`"
#[test]
fn a_cancel_that_overtakes_the_new_registration_is_no_gap() {
    for cause in [0, 1, 3] {
        let mut watch = Watch::new();
        watch.attach(A, LTE);
        watch.cancel(A, cause, None);
        assert_eq!(watch.status(), Status::ConnectedData, "{cause}");
        watch.attach(B, LTE);
        assert_eq!(watch.holder(Slot::Mme).as_deref(), Some(B));
    }
}

/// 4: "ULR of B rejected (ULA error) | B shown as serving | effect only on ULA success". A copy shows no answer: B is taken
/// for serving (ADR 5), and the next sign of life of A puts that right.
#[test]
fn an_attach_that_was_rejected_is_put_right_by_the_node_that_still_serves() {
    let mut watch = Watch::new();
    watch.attach(A, LTE);
    watch.attach(B, LTE);
    assert_eq!(watch.holder(Slot::Mme).as_deref(), Some(B));
    watch.attach(A, LTE);
    assert_eq!(watch.holder(Slot::Mme).as_deref(), Some(A));
    assert_eq!(watch.status(), Status::ConnectedData);
}

/// 5: "T-flagged ULR duplicate of A arrives after B registered | registration jumps back to A | a duplicate never changes
/// state": it is read as of its first receipt (ADR 7).
#[test]
fn a_duplicate_of_the_old_attach_does_not_move_the_device_back() {
    let mut watch = Watch::new();
    let first = renamed(request(&s6a::UPDATE_LOCATION, ulr(LTE)), A);
    let received = now();
    watch.receive(&first, received);
    watch.attach(B, LTE);
    let before = watch.known();
    let mut again = first.clone();
    again[4] |= 0x10;
    watch.receive(&again, received);
    assert_eq!(watch.holder(Slot::Mme).as_deref(), Some(B));
    assert_eq!(watch.known(), before);
}

/// 6: "NOR from A after move | A's "reachable" or SMS removal applied to B | sender ≠ slot.node → 5423, ignore"
#[test]
fn a_report_by_the_old_node_is_refused_and_does_not_speak_for_the_new_one() {
    let mut watch = Watch::new();
    watch.attach(A, LTE);
    assert_eq!(watch.notify(A, 1 << 6), Verdict::SUCCESS);
    watch.attach(B, LTE);
    // Also where SMS at A is taken away with it, which only A ever served.
    for flags in [1 << 3, 1 << 3 | 1 << 9] {
        assert_eq!(experimental(watch.notify(A, flags)), Some(5423), "{flags:#b}");
    }
    assert_eq!(watch.notify(B, 1 << 6), Verdict::SUCCESS);
    let before = watch.known();
    assert_eq!((before.data, before.sms), (true, true));
    assert_eq!(experimental(watch.notify(A, 1 << 3 | 1 << 9)), Some(5423));
    assert_eq!(watch.known(), before);
}

/// 7: "NOR bit 9 or IDR bit 6 | whole subscriber shown unreachable | only the SMS part of the MME slot"
#[test]
fn the_end_of_sms_in_the_mme_leaves_data() {
    let remove_by_hss = |watch: &mut Watch| {
        watch.take(A, &s6a::INSERT_SUBSCRIBER_DATA, |request| {
            request
                .group(&tgpp::SUBSCRIPTION_DATA, |_| {})
                .avp_u32(&tgpp::IDR_FLAGS, 1 << 6);
        });
    };
    let remove_by_mme = |watch: &mut Watch| {
        watch.notify(A, 1 << 9);
    };
    let removals: [&dyn Fn(&mut Watch); 2] = [&remove_by_hss, &remove_by_mme];
    for remove in removals {
        let mut watch = Watch::new();
        watch.attach(A, LTE);
        watch.notify(A, 1 << 6);
        assert_eq!((watch.known().data, watch.known().sms), (true, true));
        remove(&mut watch);
        assert_eq!((watch.known().data, watch.known().sms), (true, false));
    }
}

/// 8: "PUR crosses a re-attach at the same MME | live UE purged | same node, so comparison cannot help: … hold the purge and
/// confirm". There is nobody to confirm it here: the purge counts (ADR 5) until the node is heard of again, and other
/// evidence, such as a session, stands beside it.
#[test]
fn a_purge_that_overtook_a_re_attach_counts_until_the_device_is_seen_again() {
    let mut watch = Watch::new();
    watch.attach(A, LTE);
    watch.attach(A, LTE | INITIAL);
    watch.purge(A, None);
    assert_eq!(watch.status(), Status::NotConnected);
    watch.other(Change::Registered {
        slot: Slot::Session,
        node: Node::parse("session-1").unwrap(),
        ends: Ends::default(),
    });
    assert_eq!(watch.status(), Status::ConnectedData);
    watch.attach(A, LTE);
    assert!(watch.is_up(Slot::Mme));
}

/// 9: "Initial attach in LTE while SGSN slot filled | stale SGSN keeps the UE "reachable" | bit 5 → SGSN unreachable; bit 0 →
/// SGSN deregistered"
#[test]
fn an_attach_in_one_domain_ends_the_other() {
    for flags in [INITIAL, SINGLE, INITIAL | SINGLE] {
        let mut watch = Watch::new();
        watch.attach(SGSN, UTRAN);
        watch.attach(B, LTE | flags);
        assert!(!watch.is_up(Slot::Sgsn), "{flags:#b}");
        watch.purge(B, None);
        assert_eq!(watch.status(), Status::NotConnected, "{flags:#b}");
    }
    let mut watch = Watch::new();
    watch.attach(A, LTE);
    watch.attach(SGSN, UTRAN | INITIAL);
    assert!(!watch.is_up(Slot::Mme));
    watch.purge(SGSN, None);
    assert_eq!(watch.status(), Status::NotConnected);
}

/// 10: "TAU from 3G to LTE, neither bit | dropping SGSN loses a legal registration; later SGSN purge or LoC marks UE
/// unreachable | keep both; OR over slots; SGSN reports touch only the SGSN slot"
#[test]
fn a_move_between_domains_keeps_both() {
    let mut watch = Watch::new();
    watch.attach(SGSN, UTRAN);
    watch.attach(A, LTE);
    assert!(watch.is_up(Slot::Sgsn) && watch.is_up(Slot::Mme));
    watch.purge(SGSN, None);
    assert!(!watch.is_up(Slot::Sgsn));
    assert_eq!(watch.status(), Status::ConnectedData);
    watch.purge(A, None);
    assert_eq!(watch.status(), Status::NotConnected);
}

/// 11: "combined MME/SGSN with one Diameter identity | PUR or CLR hits both halves | PUR-Flags / CLR-Flags select the half;
/// absent = both for purge, slot by type for cancel"
#[test]
fn flags_select_a_half_of_a_combined_node() {
    let combined = || {
        let mut watch = Watch::new();
        watch.attach(A, LTE | 1 << 4);
        watch.attach(A, UTRAN | 1 << 4);
        assert!(watch.is_up(Slot::Mme) && watch.is_up(Slot::Sgsn));
        watch
    };
    let halves = |watch: &Watch| (watch.is_up(Slot::Mme), watch.is_up(Slot::Sgsn));
    for (flags, expected) in [
        (None, (false, false)),
        (Some(1), (false, true)),
        (Some(2), (true, false)),
        (Some(3), (false, false)),
    ] {
        let mut watch = combined();
        watch.purge(A, flags);
        assert_eq!(halves(&watch), expected, "PUR-Flags {flags:?}");
    }
    for (cause, flags, expected) in [
        (0, None, (true, true)),
        (1, None, (true, true)),
        (2, None, (false, false)),
        (3, None, (true, true)),
        (4, Some(1), (false, true)),
        (4, Some(0), (true, false)),
        (4, None, (false, false)),
    ] {
        let mut watch = combined();
        watch.cancel(A, cause, flags);
        assert_eq!(halves(&watch), expected, "type {cause}, CLR-Flags {flags:?}");
    }
}

/// 12: "5GS ↔ EPS, single registration | both slots live for ever | ULR with bit 8 clear ends AMF-3GPP; AMF-3GPP
/// registration ends MME". The latter is the source's to say (ADR 5).
#[test]
fn an_attach_in_eps_ends_a_single_registration_in_5gs() {
    let mut watch = Watch::new();
    watch.other(amf());
    watch.attach(A, 1 << 1);
    assert!(!watch.is_up(Slot::Amf3gpp));
    watch.purge(A, None);
    assert_eq!(watch.status(), Status::NotConnected);
}

/// 13: "dual registration (bit 8 set) | losing one treated as losing all | independent slots"
#[test]
fn a_dual_registration_is_lost_slot_by_slot() {
    let mut watch = Watch::new();
    watch.other(amf());
    watch.attach(A, LTE);
    watch.purge(A, None);
    assert!(watch.is_up(Slot::Amf3gpp) && !watch.is_up(Slot::Mme));
    assert_eq!(watch.status(), Status::ConnectedData);
}

/// 14: "SMS-only attach, SMS in MME | data inferred from SMS or the reverse | SMS from ULA-Flags bit 1; data from session or
/// state evidence"
#[test]
fn a_wish_for_sms_alone_says_nothing_of_sms_and_takes_nothing_from_data() {
    let mut watch = Watch::new();
    watch.attach(A, LTE | 1 << 7);
    assert_eq!((watch.known().data, watch.known().sms), (true, false));
}

/// 17: "PSM device sleeps | … use `until`; after `until` state is "registered, asleep""
#[test]
fn a_device_that_sleeps_is_reachable_until_it_said() {
    let mut watch = Watch::new();
    watch.attach(A, LTE);
    let until = watch.now().plus(Duration::from_secs(60));
    watch.take(A, &s6a::NOTIFY, |request| {
        request
            .avp_u32(&tgpp::NOR_FLAGS, 1 << 3)
            .avp_time(&tgpp::MAXIMUM_UE_AVAILABILITY_TIME, until.as_micros() / 1_000_000);
    });
    assert_eq!(watch.status(), Status::ConnectedData);
    assert_eq!(watch.reachability_at(until).status, Status::NotConnected);
    // It is still registered: the next sign of life is enough.
    watch.attach(A, LTE);
    assert_eq!(watch.reachability_at(until).status, Status::ConnectedData);
}

/// 27: "HSS/UDM restart (RSR …) | mass unreachable, or silent loss of subscriptions | no state change; … mark unconfirmed"
#[test]
fn a_restart_of_the_hss_changes_no_registration_and_casts_doubt() {
    let mut watch = Watch::new();
    watch.attach(A, LTE);
    let before = watch.known();
    assert_eq!(watch.take(A, &s6a::RESET, |_| {}), None);
    assert_eq!(watch.known(), before);
    let decoded = read(&request(&s6a::RESET, |_| {})).unwrap();
    assert_eq!(decoded.doubt.unwrap().server.as_str(), HSS);
}
