//! Holds a request against the grammar of its command (RFC 6733 §3.2, §7.1.5).

use super::{CommandDef, lookup};
use crate::diameter::codec::{Defect, Message, ResultCode};

/// Judges a request, the first defect found first (RFC 6733 §7: only one is reported):
///
/// * its structure is broken (whatever [`Message::defects`] says);
/// * P is not as the command defines it, or E is set: 3008;
/// * an AVP has V set with vendor 0: 3009;
/// * an AVP with M is in no dictionary here: 5001. Members of groups are not looked at;
/// * an AVP of a fixed-size type has another size: 5014;
/// * an AVP that may occur once occurs again: 5009;
/// * a required AVP is absent: 5005.
///
/// # Errors
///
/// The defect, ready to be answered.
pub fn check_request(request: &Message<'_>, command: &CommandDef) -> Result<(), Defect> {
    if let Some(defect) = request.defects().first() {
        return Err(defect.clone());
    }
    let flags = request.header().flags;
    if flags.is_error() || flags.is_proxiable() != command.proxiable {
        return Err(Defect::new(ResultCode::INVALID_HDR_BITS));
    }
    // One bit per AVP that the command names, the required first. No command here names more than 64.
    let mut seen = 0u64;
    let required = || command.required.iter().copied().flatten();
    let named = || required().chain(command.optional.iter().copied().flatten());
    for avp in request.avps() {
        if avp.flags.is_vendor() && avp.vendor == 0 {
            return Err(Defect::of(ResultCode::INVALID_AVP_BITS, &avp));
        }
        let Some(def) = lookup(avp.code, avp.vendor) else {
            if avp.flags.is_mandatory() {
                return Err(Defect::of(ResultCode::AVP_UNSUPPORTED, &avp));
            }
            continue;
        };
        if def.kind.fixed_len().is_some_and(|len| len != avp.data.len()) {
            return Err(Defect::wrong_size(&avp));
        }
        if let Some(place) = named().position(|named| avp.is(named)) {
            let bit = 1u64.checked_shl(place as u32).unwrap_or(0);
            if seen & bit != 0 {
                return Err(Defect::of(ResultCode::AVP_OCCURS_TOO_MANY_TIMES, &avp));
            }
            seen |= bit;
        }
    }
    match required().enumerate().find(|(place, _)| seen >> place & 1 == 0) {
        Some((_, def)) => Err(Defect::missing(def)),
        None => Ok(()),
    }
}
