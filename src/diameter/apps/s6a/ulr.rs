//! Update-Location-Request: a node serves the subscriber from now on (TS 29.272 §5.2.1.1).

use super::{AnyReply, Changes, Reply};
use crate::diameter::apps::read::{origin_host, required};
use crate::diameter::codec::{Defect, Message};
use crate::diameter::dict::s6a::ulr_flags;
use crate::diameter::dict::tgpp;
use crate::domain::{Change, Ends, Slot};

/// The slot is MME or SGSN by the S6a/S6d-Indicator, its holder the Origin-Host.
///
/// The other EPS half ends with Single-Registration-Indication, which only an MME sends, and with
/// Initial-Attach-Indicator: the HSS then has the other half drop its contexts (Cancellation-Type 4). Without either,
/// MME and SGSN stay registered side by side. AMF-3GPP ends unless Dual-Registration-5G-Indicator is set. SMS of the
/// slot is decided in the answer of the HSS, which a copy feed does not see, and is not inferred from the request.
pub(super) fn read(request: &Message<'_>, changes: &mut Changes) -> Result<AnyReply, Defect> {
    let flags = required(request, &tgpp::ULR_FLAGS)?.as_u32()?;
    let set = |bit| flags & bit != 0;
    let s6a = set(ulr_flags::S6A_S6D_INDICATOR);
    let single = s6a && set(ulr_flags::SINGLE_REGISTRATION);
    changes.push(Change::Registered {
        slot: if s6a { Slot::Mme } else { Slot::Sgsn },
        node: origin_host(request)?,
        ends: Ends {
            other_eps_half: single || set(ulr_flags::INITIAL_ATTACH),
            amf_3gpp: !set(ulr_flags::DUAL_REGISTRATION_5G),
        },
    });
    Ok(AnyReply::S6a(Reply::UpdateLocation))
}
