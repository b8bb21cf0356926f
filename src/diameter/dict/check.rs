//! Holds a request against the grammar of its command (RFC 6733 §3.2, §7.1.5), and an answer against what every answer
//! has to keep.

use super::{AvpDef, CommandDef, lookup};
use crate::diameter::codec::{Avp, Defect, Message, ResultCode};

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
        // Most are named by the command, which spares the search in all dictionaries.
        let Some((place, def)) = named().enumerate().find(|(_, named)| avp.is(named)) else {
            check_avp(&avp)?;
            continue;
        };
        check_known(&avp, def)?;
        let bit = 1u64.checked_shl(place as u32).unwrap_or(0);
        if seen & bit != 0 {
            return Err(Defect::of(ResultCode::AVP_OCCURS_TOO_MANY_TIMES, &avp));
        }
        seen |= bit;
    }
    match required().enumerate().find(|(place, _)| seen >> place & 1 == 0) {
        Some((_, def)) => Err(Defect::missing(def)),
        None => Ok(()),
    }
}

/// Judges an answer as far as no command is needed for it: its structure, V with vendor 0, unknown AVPs with M, and the
/// size of AVPs of a fixed-size type. Nothing is sent back for a defect of an answer; the transaction has failed
/// (RFC 6733 §4.1, M bit).
///
/// # Errors
///
/// The first defect.
pub fn check_answer(answer: &Message<'_>) -> Result<(), Defect> {
    if let Some(defect) = answer.defects().first() {
        return Err(defect.clone());
    }
    answer.avps().try_for_each(|avp| check_avp(&avp))
}

/// Judges one AVP whatever message it stands in.
fn check_avp(avp: &Avp<'_>) -> Result<(), Defect> {
    match lookup(avp.code, avp.vendor) {
        Some(def) => check_known(avp, def),
        None => {
            check_vendor(avp)?;
            if avp.flags.is_mandatory() {
                return Err(Defect::of(ResultCode::AVP_UNSUPPORTED, avp));
            }
            Ok(())
        }
    }
}

/// Judges an AVP that is in a dictionary.
fn check_known(avp: &Avp<'_>, def: &AvpDef) -> Result<(), Defect> {
    check_vendor(avp)?;
    if def.kind.fixed_len().is_some_and(|len| len != avp.data.len()) {
        return Err(Defect::wrong_size(avp));
    }
    Ok(())
}

/// V set with vendor 0 is neither.
fn check_vendor(avp: &Avp<'_>) -> Result<(), Defect> {
    if avp.flags.is_vendor() && avp.vendor == 0 {
        return Err(Defect::of(ResultCode::INVALID_AVP_BITS, avp));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::BytesMut;

    use super::*;
    use crate::diameter::codec::{CommandFlags, MessageBuilder};
    use crate::diameter::dict::{AvpDef, AvpType, base, s6a, tgpp};

    /// Judges a Purge-UE-Request without AVPs but for what is written.
    fn judge_bare(
        flags: CommandFlags,
        write: impl FnOnce(&mut MessageBuilder<'_>),
    ) -> Option<(u32, Option<Box<[u8]>>)> {
        let mut out = BytesMut::new();
        let mut request = MessageBuilder::request(&mut out, flags, 321, s6a::APPLICATION, 0, 0);
        write(&mut request);
        request.finish();
        let request = Message::decode(&out).unwrap();
        let defect = check_request(&request, &s6a::PURGE_UE).err()?;
        Some((defect.result_code.0, defect.failed_avp))
    }

    /// Judges a sound Purge-UE-Request with what is written behind it; the result code and the AVP to blame.
    fn judge(write: impl FnOnce(&mut MessageBuilder<'_>)) -> Option<(u32, Option<u32>)> {
        let (code, failed) = judge_bare(CommandFlags::PROXIABLE, |request| {
            for def in required() {
                write_example(request, &def);
            }
            write(request);
        })?;
        let avp = failed.and_then(|avp| Some(u32::from_be_bytes(*avp.first_chunk()?)));
        Some((code, avp))
    }

    fn required() -> Vec<AvpDef> {
        s6a::PURGE_UE
            .required
            .iter()
            .copied()
            .flatten()
            .copied()
            .collect()
    }

    fn write_example(request: &mut MessageBuilder<'_>, def: &AvpDef) {
        request.avp_octets(def, &vec![0; def.kind.min_len()]);
    }

    #[test]
    fn a_sound_request_passes_with_any_avps_beside() {
        let passes = judge(|request| {
            // Route-Record and Supported-Features may be repeated.
            request
                .avp_utf8(&base::ROUTE_RECORD, "a")
                .avp_utf8(&base::ROUTE_RECORD, "b");
            request
                .avp_octets(&tgpp::SUPPORTED_FEATURES, &[])
                .avp_octets(&tgpp::SUPPORTED_FEATURES, &[]);
            // Known, though not in the grammar.
            request.avp_u32(&tgpp::ULR_FLAGS, 0);
        });
        assert_eq!(passes, None);
    }

    #[test]
    fn each_required_avp_is_missed_with_an_example() {
        for missing in required() {
            let (code, failed) = judge_bare(CommandFlags::PROXIABLE, |request| {
                for def in required().iter().filter(|def| **def != missing) {
                    write_example(request, def);
                }
            })
            .unwrap();
            assert_eq!(code, 5005, "{}", missing.name);
            let mut example = BytesMut::new();
            let mut request = MessageBuilder::request(&mut example, CommandFlags::default(), 0, 0, 0, 0);
            write_example(&mut request, &missing);
            assert_eq!(failed.as_deref(), example.get(20..), "{}", missing.name);
        }
    }

    #[test]
    fn what_may_occur_once_may_not_occur_again() {
        for def in required() {
            let judged = judge(|request| write_example(request, &def));
            assert_eq!(judged, Some((5009, Some(def.code))), "{}", def.name);
        }
        let judged = judge(|request| {
            request.avp_u32(&tgpp::PUR_FLAGS, 1).avp_u32(&tgpp::PUR_FLAGS, 2);
        });
        assert_eq!(judged, Some((5009, Some(1635))));
    }

    #[test]
    fn an_unknown_avp_is_refused_only_with_the_m_bit() {
        let unknown = |vendor, mandatory| AvpDef {
            code: 9999,
            vendor,
            name: "",
            kind: AvpType::OctetString,
            mandatory,
        };
        for vendor in [0, 10415, 94] {
            for (mandatory, expected) in [(true, Some((5001, Some(9999)))), (false, None)] {
                let judged = judge(|request| {
                    request.avp_octets(&unknown(vendor, mandatory), b"x");
                });
                assert_eq!(judged, expected, "vendor {vendor}");
            }
        }
    }

    #[test]
    fn a_known_avp_is_never_refused_for_its_m_bit() {
        for def in [
            tgpp::PUR_FLAGS,
            tgpp::RAT_TYPE,
            base::ERROR_MESSAGE,
            base::ORIGIN_STATE_ID,
        ] {
            for mandatory in [true, false] {
                let judged = judge(|request| write_example(request, &AvpDef { mandatory, ..def }));
                assert_eq!(judged, None, "{}", def.name);
            }
        }
    }

    #[test]
    fn a_member_that_is_unknown_does_not_make_its_group_unknown() {
        let unknown = AvpDef {
            code: 9999,
            vendor: 0,
            name: "",
            kind: AvpType::OctetString,
            mandatory: true,
        };
        let judged = judge(|request| {
            request.group(&tgpp::SUPPORTED_FEATURES, |group| {
                group.avp_octets(&unknown, b"x");
            });
        });
        assert_eq!(judged, None);
    }

    #[test]
    fn vendor_zero_with_the_v_bit_is_refused() {
        let judged = judge(|request| {
            // Origin-State-Id, V and M, 16 octets, vendor 0.
            request.encoded(&[0, 0, 1, 22, 0xc0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 1]);
        });
        assert_eq!(judged, Some((3009, Some(278))));
    }

    #[test]
    fn a_number_of_the_wrong_size_is_refused_whether_or_not_it_is_read() {
        for len in [0, 3, 5, 8] {
            let judged = judge(|request| {
                request.avp_octets(&base::ORIGIN_STATE_ID, &vec![0; len]);
            });
            assert_eq!(judged, Some((5014, Some(278))), "{len}");
        }
    }

    #[test]
    fn the_flags_of_a_request_have_to_be_those_of_its_command() {
        for (flags, expected) in [(0x40, None), (0x50, None), (0x00, Some(3008)), (0x60, Some(3008))] {
            let judged = judge_bare(CommandFlags(flags), |request| {
                for def in required() {
                    write_example(request, &def);
                }
            });
            assert_eq!(judged.map(|(code, _)| code), expected, "{flags:#x}");
        }
    }

    #[test]
    fn broken_structure_is_told_first() {
        let judged = judge_bare(CommandFlags::default(), |request| {
            request.encoded(&[0; 4]);
        });
        assert_eq!(judged.map(|(code, _)| code), Some(5014));
    }
}
