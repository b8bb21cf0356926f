//! Notify-Request: a node reports what it learnt about the subscriber (TS 29.272 §5.2.5).

use super::{AnyReply, Changes, Reply};
use crate::diameter::apps::read::{available_until, mask, origin_host};
use crate::diameter::codec::{Defect, Message};
use crate::diameter::dict::s6a::{alert_reason, nor_flags};
use crate::diameter::dict::tgpp;
use crate::domain::{Change, Node, Slot, Timestamp};

/// The bits of NOR-Flags are independent of each other; the node is the Origin-Host.
///
/// | bit | change |
/// |---|---|
/// | 1 SGSN-Area-Restricted | unreachable in SGSN |
/// | 2 Ready-for-SM-from-SGSN | reachable in SGSN-SMS; with Alert-Reason UE_PRESENT in SGSN too |
/// | 3 UE-Reachable-from-MME | reachable in MME |
/// | 5 UE-Reachable-from-SGSN | reachable in SGSN |
/// | 6 Ready-for-SM-from-MME | reachable in MME-SMS; with Alert-Reason UE_PRESENT in MME too |
/// | 9 Removal-of-MME-Registration-for-SMS | deregistered in MME-SMS; MME stays |
///
/// Bit 0, Single-Registration-Indication, asks the HSS to cancel whatever SGSN there is. It names no holder, so coming
/// late it would end a newer registration than its sender knew of; it is left to the registrations themselves, which
/// carry the same indication.
///
/// Maximum-UE-Availability-Time ends what is reported reachable, unless it has passed already: a time that was over
/// when the report was made bounds nothing.
pub(super) fn read(
    request: &Message<'_>,
    received_at: Timestamp,
    changes: &mut Changes,
) -> Result<AnyReply, Defect> {
    let flags = mask(request, &tgpp::NOR_FLAGS)?.unwrap_or(0);
    let set = |bit| flags & bit != 0;
    let until = available_until(request, received_at)?;
    let node = origin_host(request)?;
    let ready_mme = set(nor_flags::READY_FOR_SM_FROM_MME);
    let ready_sgsn = set(nor_flags::READY_FOR_SM_FROM_SGSN);
    let present = (ready_mme || ready_sgsn) && ue_is_present(request)?;
    let reachable = [
        (
            Slot::Mme,
            set(nor_flags::UE_REACHABLE_FROM_MME) || ready_mme && present,
        ),
        (Slot::MmeSms, ready_mme),
        (
            Slot::Sgsn,
            set(nor_flags::UE_REACHABLE_FROM_SGSN) || ready_sgsn && present,
        ),
        (Slot::SgsnSms, ready_sgsn),
    ];
    for (slot, _) in reachable.into_iter().filter(|(_, reported)| *reported) {
        changes.push(Change::Reachable {
            slot,
            node: node.clone(),
            until,
        });
    }
    if set(nor_flags::SGSN_AREA_RESTRICTED) {
        changes.push(restricted(&node));
    }
    // Whether the sender is the registered node shows in its reports alone: an SMS registration is never seen on a
    // copy feed.
    let reports = u8::try_from(changes.len()).unwrap_or(u8::MAX);
    if set(nor_flags::REMOVAL_OF_MME_REGISTRATION_FOR_SMS) {
        changes.push(Change::Deregistered {
            slot: Slot::MmeSms,
            node,
        });
    }
    Ok(AnyReply::S6a(Reply::Notify { reports }))
}

fn restricted(node: &Node) -> Change {
    Change::Unreachable {
        slot: Slot::Sgsn,
        node: node.clone(),
        until: None,
    }
}

/// Whether the device has come back, rather than its memory having got room. Without Alert-Reason only the weaker,
/// that it takes short messages, is certain.
fn ue_is_present(request: &Message<'_>) -> Result<bool, Defect> {
    let Some(reason) = request.find(&tgpp::ALERT_REASON) else {
        return Ok(false);
    };
    match reason.as_i32()? {
        alert_reason::UE_PRESENT => Ok(true),
        alert_reason::UE_MEMORY_AVAILABLE => Ok(false),
        _ => Err(Defect::invalid_value(&reason)),
    }
}
