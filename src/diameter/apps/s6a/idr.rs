//! Insert-Subscriber-Data-Request: the HSS sends a node the subscriber's profile (TS 29.272 §5.2.2.1).

use super::{AnyReply, Changes};
use crate::diameter::apps::read::{destination_host, mask};
use crate::diameter::codec::{Defect, Message};
use crate::diameter::dict::s6a::idr_flags;
use crate::diameter::dict::tgpp;
use crate::domain::{Change, Slot};

/// Remove-SMS-Registration ends SMS in the MME that is addressed. The identifiers in Subscription-Data are read
/// for every command alike. Barring and the other requests in IDR-Flags say nothing about reachability now.
pub(super) fn read(request: &Message<'_>, changes: &mut Changes) -> Result<AnyReply, Defect> {
    let flags = mask(request, &tgpp::IDR_FLAGS)?.unwrap_or(0);
    if flags & idr_flags::REMOVE_SMS_REGISTRATION != 0 {
        changes.push(Change::Deregistered {
            slot: Slot::MmeSms,
            node: destination_host(request)?,
        });
    }
    Ok(AnyReply::Plain)
}
