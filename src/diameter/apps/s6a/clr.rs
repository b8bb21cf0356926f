//! Cancel-Location-Request: the HSS tells a node that it serves the subscriber no longer (TS 29.272 §5.2.1.2).

use super::{AnyReply, Changes};
use crate::diameter::apps::read::{destination_host, mask, required};
use crate::diameter::codec::{Defect, Message};
use crate::diameter::dict::s6a::{cancellation_type, clr_flags};
use crate::diameter::dict::tgpp;
use crate::domain::{Change, Node, Slot};

/// The node that is cancelled is the Destination-Host; the Origin-Host is the HSS.
///
/// | Cancellation-Type | change |
/// |---|---|
/// | 0, 1, 3: the device has moved to another node | none |
/// | 2: the subscription was withdrawn | deregistered in MME and SGSN |
/// | 4: initial attach in the other domain, CLR-Flags bit 0 set | unreachable in MME, deregistered in MME-SMS |
/// | 4, bit 0 clear | unreachable in SGSN |
/// | 4, CLR-Flags absent | both of these |
///
/// A move changes nothing by itself. The new node's ULR takes the slot over; if the CLR overtakes it, ending the old
/// registration here would show a connected device as gone until the ULR arrives. Types 2 and 4 name both slots where
/// the message does not tell which: the one that the node does not hold is not touched by it.
pub(super) fn read(request: &Message<'_>, changes: &mut Changes) -> Result<AnyReply, Defect> {
    let cause = required(request, &tgpp::CANCELLATION_TYPE)?;
    let flags = mask(request, &tgpp::CLR_FLAGS)?;
    let node = destination_host(request)?;
    match cause.as_i32()? {
        cancellation_type::MME_UPDATE_PROCEDURE
        | cancellation_type::SGSN_UPDATE_PROCEDURE
        | cancellation_type::UPDATE_PROCEDURE_IWF => {}
        cancellation_type::SUBSCRIPTION_WITHDRAWAL => {
            for slot in [Slot::Mme, Slot::Sgsn] {
                changes.push(Change::Deregistered {
                    slot,
                    node: node.clone(),
                });
            }
        }
        cancellation_type::INITIAL_ATTACH_PROCEDURE => {
            let mme_half = flags.map(|flags| flags & clr_flags::S6A_S6D_INDICATOR != 0);
            if mme_half != Some(false) {
                changes.push(unreachable(Slot::Mme, &node));
                changes.push(Change::Deregistered {
                    slot: Slot::MmeSms,
                    node: node.clone(),
                });
            }
            if mme_half != Some(true) {
                changes.push(unreachable(Slot::Sgsn, &node));
            }
        }
        _ => return Err(Defect::invalid_value(&cause)),
    }
    Ok(AnyReply::Plain)
}

fn unreachable(slot: Slot, node: &Node) -> Change {
    Change::Unreachable {
        slot,
        node: node.clone(),
        until: None,
    }
}
