//! Report-SM-Delivery-Status-Request: how the delivery of a short message went (TS 29.338 §5.2.3).

use super::{Changes, found, lost};
use crate::diameter::apps::read::required;
use crate::diameter::codec::{Defect, Group, Message};
use crate::diameter::dict::s6c::delivery_cause;
use crate::diameter::dict::{AvpDef, tgpp};
use crate::domain::{Node, Slot};

/// The outcome of each path, and the slot it is about.
const PATHS: [(AvpDef, Slot); 6] = [
    (tgpp::MME_SM_DELIVERY_OUTCOME, Slot::MmeSms),
    (tgpp::MSC_SM_DELIVERY_OUTCOME, Slot::Msc),
    (tgpp::SGSN_SM_DELIVERY_OUTCOME, Slot::SgsnSms),
    (tgpp::IP_SM_GW_SM_DELIVERY_OUTCOME, Slot::IpSmGw),
    (tgpp::SMSF_3GPP_SM_DELIVERY_OUTCOME, Slot::Smsf3gpp),
    (tgpp::SMSF_NON_3GPP_SM_DELIVERY_OUTCOME, Slot::SmsfNon3gpp),
];

/// One change for each path that was tried:
///
/// | SM-Delivery-Cause | change |
/// |---|---|
/// | 2 SUCCESSFUL_TRANSFER | reachable |
/// | 0 UE_MEMORY_CAPACITY_EXCEEDED | reachable: the device answered |
/// | 1 ABSENT_USER | unreachable |
///
/// Every absence is taken for "unreachable", whatever Absent-User-Diagnostic-SM says of a deregistration: the report
/// names no node and comes late, and would end a registration that began after the attempt (ADR 10). If every path that
/// was tried failed, an alert that named none has come to nothing too.
pub(super) fn read(request: &Message<'_>) -> Result<Changes, Defect> {
    let outcomes = required(request, &tgpp::SM_DELIVERY_OUTCOME)?.grouped()?;
    let mut changes = Changes::new();
    let mut answered = false;
    for (def, slot) in &PATHS {
        let Some(outcome) = outcomes.find(def) else {
            continue;
        };
        match device_answered(&outcome.grouped()?)? {
            Some(true) => {
                answered = true;
                changes.push(found(*slot, None));
            }
            Some(false) => changes.push(lost(*slot, Node::unnamed())),
            None => {}
        }
    }
    if !answered && !changes.is_empty() {
        changes.push(lost(Slot::AnySms, Node::unnamed()));
    }
    Ok(changes)
}

/// `None` if the report does not say.
fn device_answered(outcome: &Group<'_>) -> Result<Option<bool>, Defect> {
    let Some(cause) = outcome.find(&tgpp::SM_DELIVERY_CAUSE) else {
        return Ok(None);
    };
    match cause.as_i32()? {
        delivery_cause::SUCCESSFUL_TRANSFER | delivery_cause::UE_MEMORY_CAPACITY_EXCEEDED => Ok(Some(true)),
        delivery_cause::ABSENT_USER => Ok(Some(false)),
        _ => Err(Defect::invalid_value(&cause)),
    }
}
