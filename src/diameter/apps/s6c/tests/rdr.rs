//! Report-SM-Delivery-Status-Request.

use super::*;
use crate::diameter::dict::AvpDef;

const MME: AvpDef = tgpp::MME_SM_DELIVERY_OUTCOME;
const MSC: AvpDef = tgpp::MSC_SM_DELIVERY_OUTCOME;
const SGSN: AvpDef = tgpp::SGSN_SM_DELIVERY_OUTCOME;
const IP_SM_GW: AvpDef = tgpp::IP_SM_GW_SM_DELIVERY_OUTCOME;

/// The outcomes: of which path, the cause, and the diagnostic.
fn report(outcomes: &[(AvpDef, Option<i32>, Option<u32>)]) -> BytesMut {
    request(&s6c::REPORT_SM_DELIVERY_STATUS, |request| {
        request.group(&tgpp::SM_DELIVERY_OUTCOME, |group| {
            for (path, cause, diagnostic) in outcomes {
                group.group(path, |outcome| {
                    if let Some(cause) = cause {
                        outcome.avp_i32(&tgpp::SM_DELIVERY_CAUSE, *cause);
                    }
                    if let Some(diagnostic) = diagnostic {
                        outcome.avp_u32(&tgpp::ABSENT_USER_DIAGNOSTIC_SM, *diagnostic);
                    }
                });
            }
        });
    })
}

fn told(outcomes: &[(AvpDef, Option<i32>, Option<u32>)]) -> Vec<Change> {
    event(&report(outcomes)).map_or_else(Vec::new, |event| event.changes.into_vec())
}

/// "slot named by the group"
#[test]
fn the_group_names_the_slot() {
    for (path, slot) in [
        (MME, Slot::MmeSms),
        (MSC, Slot::Msc),
        (SGSN, Slot::SgsnSms),
        (IP_SM_GW, Slot::IpSmGw),
        (tgpp::SMSF_3GPP_SM_DELIVERY_OUTCOME, Slot::Smsf3gpp),
        (tgpp::SMSF_NON_3GPP_SM_DELIVERY_OUTCOME, Slot::SmsfNon3gpp),
    ] {
        assert_eq!(told(&[(path, Some(2), None)]), [found(slot)], "{}", path.name);
        assert_eq!(
            told(&[(path, Some(1), Some(5))]),
            [lost(slot), lost(Slot::AnySms)],
            "{}",
            path.name
        );
    }
}

#[test]
fn the_cause_tells_whether_the_device_answered() {
    // "RDR, node outcome 2 SUCCESSFUL_TRANSFER | reachable (SMS), UE in contact"
    assert_eq!(told(&[(MSC, Some(2), None)]), [found(Slot::Msc)]);
    // "RDR, 0 MEMORY_CAPACITY_EXCEEDED | UE answered: reachable; SMS cannot be stored"
    assert_eq!(told(&[(MSC, Some(0), None)]), [found(Slot::Msc)]);
    // "RDR, 1 ABSENT_USER | unreachable (SMS), reason §5.1"
    assert_eq!(
        told(&[(MSC, Some(1), None)]),
        [lost(Slot::Msc), lost(Slot::AnySms)]
    );
    // An outcome without a cause tells nothing.
    assert_eq!(told(&[(MSC, None, None)]), []);
    assert_eq!(told(&[]), []);
}

/// §5.1: "0, 5 no paging response", "12", "13 temporarily unavailable", "1, 6 detached", "2 roaming restriction",
/// "9, 10 unidentified: slot stale", and those that would deregister ("3, 7, 11 deregistered", "4, 8 purged"): a report
/// without a node ends no registration, which may have begun after the attempt. In every case the device could not be
/// reached there.
#[test]
fn every_diagnostic_is_an_absence() {
    for diagnostic in 0..=40 {
        assert_eq!(
            told(&[(MSC, Some(1), Some(diagnostic))]),
            [lost(Slot::Msc), lost(Slot::AnySms)],
            "{diagnostic}"
        );
    }
}

/// "One RDR may carry several outcomes with different results; emit one event each": one change each, of one event.
#[test]
fn several_outcomes_are_several_changes_of_one_event() {
    assert_eq!(
        told(&[(SGSN, Some(2), None), (MSC, Some(1), Some(1))]),
        [lost(Slot::Msc), found(Slot::SgsnSms)],
        "delivered by one of them: an alert that named no path was right"
    );
    assert_eq!(
        told(&[(MME, Some(1), Some(5)), (MSC, Some(1), Some(0))]),
        [lost(Slot::MmeSms), lost(Slot::Msc), lost(Slot::AnySms)]
    );
}

#[test]
fn a_cause_that_is_none_is_an_invalid_value() {
    for cause in [-1, 3] {
        let defect = read(&report(&[(MSC, Some(cause), None)])).unwrap_err();
        assert_eq!((defect.result_code.0, defect.avp()), (5004, Some((3321, 10415))));
    }
}
