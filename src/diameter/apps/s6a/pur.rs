//! Purge-UE-Request: a node has deleted the subscriber (TS 29.272 §5.2.1.3).

use super::{AnyReply, Changes, Reply};
use crate::diameter::apps::read::{mask, origin_host};
use crate::diameter::codec::{Defect, Message};
use crate::diameter::dict::s6a::pur_flags;
use crate::diameter::dict::tgpp;
use crate::domain::{Change, Slot};

/// PUR-Flags select a half of a combined node; with neither bit or both, whatever the Origin-Host holds is purged.
///
/// A half that the node does not hold, or no longer, is harmless: it only adds to that node's own facts.
pub(super) fn read(request: &Message<'_>, changes: &mut Changes) -> Result<AnyReply, Defect> {
    let flags = mask(request, &tgpp::PUR_FLAGS)?.unwrap_or(0);
    let node = origin_host(request)?;
    let mme_only = (true, false);
    let sgsn_only = (false, true);
    let (mme, sgsn) = match (
        flags & pur_flags::UE_PURGED_IN_MME != 0,
        flags & pur_flags::UE_PURGED_IN_SGSN != 0,
    ) {
        (true, false) => mme_only,
        (false, true) => sgsn_only,
        _ => (true, true),
    };
    for (slot, purged) in [(Slot::Mme, mme), (Slot::Sgsn, sgsn)] {
        if purged {
            changes.push(Change::Deregistered {
                slot,
                node: node.clone(),
            });
        }
    }
    Ok(AnyReply::S6a(Reply::Purge { mme, sgsn }))
}
