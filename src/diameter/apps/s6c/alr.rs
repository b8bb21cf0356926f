//! Alert-Service-Centre-Request: a subscriber for whom messages wait can be tried again (TS 29.338 §5.2.2).

use super::sra::serving_node;
use super::{Changes, found};
use crate::diameter::apps::read::{available_until, mask, origin_host};
use crate::diameter::codec::{Defect, Message};
use crate::diameter::dict::s6c::alert_event;
use crate::diameter::dict::tgpp;
use crate::domain::{Change, Ends, Slot, Timestamp};

/// | SMS-GMSC-Alert-Event | change |
/// |---|---|
/// | absent or without a known bit: from an HSS | reachable by an untold path, until Maximum-UE-Availability-Time |
/// | bit 0 UE-Available-For-MT-SMS: from an MME or SGSN | the same: which of the two it is, it does not tell |
/// | bit 1 UE-Under-New-Serving-Node | deregistered at the Origin-Host; registered for SMS in Serving-Node |
pub(super) fn read(request: &Message<'_>, received_at: Timestamp) -> Result<Changes, Defect> {
    let mut changes = Changes::new();
    let until = available_until(request, received_at)?;
    let event = mask(request, &tgpp::SMS_GMSC_ALERT_EVENT)?.unwrap_or(0);
    let moved = event & alert_event::UE_UNDER_NEW_SERVING_NODE != 0;
    if event & alert_event::UE_AVAILABLE_FOR_MT_SMS != 0 || !moved {
        changes.push(found(Slot::AnySms, until));
    }
    if moved {
        let node = origin_host(request)?;
        // A slot that the node does not hold is not touched by it.
        for slot in [Slot::MmeSms, Slot::SgsnSms] {
            changes.push(Change::Deregistered {
                slot,
                node: node.clone(),
            });
        }
        if let Some(new) = request.find(&tgpp::SERVING_NODE)
            && let Some((slot, node)) = serving_node(&new.grouped()?)?
        {
            changes.push(Change::Registered {
                slot,
                node,
                ends: Ends::default(),
            });
        }
    }
    Ok(changes)
}
