//! What can be wrong with a message whose frame is sound, and the Failed-AVP that tells so (RFC 6733 §7.1.5, §7.5).

use std::fmt;

use super::{Avp, AvpFlags, ResultCode};
use crate::diameter::dict::{self, AvpDef};

/// Offending data beyond this is cut from Failed-AVP: an answer must not grow with the attack.
const MAX_FAILED_DATA: usize = 256;

/// A defect and the answer it deserves.
#[derive(Clone, PartialEq, Eq)]
pub struct Defect {
    /// What to answer.
    pub result_code: ResultCode,
    /// The AVP to wrap into Failed-AVP, header and padding included.
    pub failed_avp: Option<Box<[u8]>>,
}

impl Defect {
    /// A defect that no AVP is to blame for.
    pub fn new(result_code: ResultCode) -> Self {
        Self {
            result_code,
            failed_avp: None,
        }
    }

    /// A defect of this AVP, which is copied as received, giant data cut.
    pub fn of(result_code: ResultCode, avp: &Avp<'_>) -> Self {
        let data = avp.data.get(..MAX_FAILED_DATA).unwrap_or(avp.data);
        Self {
            result_code,
            failed_avp: Some(octets(avp.code, avp.flags, avp.vendor, data.iter().copied())),
        }
    }

    /// 5005: a required AVP is absent. Failed-AVP shows an example with zeros of the least length.
    pub fn missing(def: &AvpDef) -> Self {
        let zeros = std::iter::repeat_n(0, def.kind.min_len());
        Self {
            result_code: ResultCode::MISSING_AVP,
            failed_avp: Some(octets(def.code, def.flags(), def.vendor, zeros)),
        }
    }

    /// 5004: a value that is undefined, out of range or ill-formed.
    pub fn invalid_value(avp: &Avp<'_>) -> Self {
        Self::of(ResultCode::INVALID_AVP_VALUE, avp)
    }

    /// 5014: the data has not the size of its type. Failed-AVP shows the header over zeros of the right size.
    pub fn wrong_size(avp: &Avp<'_>) -> Self {
        Self {
            result_code: ResultCode::INVALID_AVP_LENGTH,
            failed_avp: Some(with_least_data(avp.code, avp.flags, avp.vendor)),
        }
    }

    /// 5014: these octets begin with an AVP whose length is below its header's or beyond the end, or they are too few
    /// for a header. Failed-AVP shows the header, filled up with zeros if it is incomplete, with its length corrected.
    pub(super) fn invalid_length(octets: &[u8]) -> Self {
        let mut head = [0u8; 12];
        for (place, octet) in head.iter_mut().zip(octets) {
            *place = *octet;
        }
        let [c0, c1, c2, c3, flags, _, _, _, v0, v1, v2, v3] = head;
        let flags = AvpFlags(flags);
        let vendor = if flags.is_vendor() {
            u32::from_be_bytes([v0, v1, v2, v3])
        } else {
            0
        };
        Self {
            result_code: ResultCode::INVALID_AVP_LENGTH,
            failed_avp: Some(with_least_data(
                u32::from_be_bytes([c0, c1, c2, c3]),
                flags,
                vendor,
            )),
        }
    }

    /// 5012: more AVPs or levels than are read.
    pub(super) fn unable_to_comply() -> Self {
        Self::new(ResultCode::UNABLE_TO_COMPLY)
    }

    /// Code and vendor of the AVP to blame.
    pub fn avp(&self) -> Option<(u32, u32)> {
        let failed = self.failed_avp.as_deref()?;
        let (code, rest) = failed.split_first_chunk()?;
        let (flags, rest) = rest.split_first()?;
        let vendor = if AvpFlags(*flags).is_vendor() {
            u32::from_be_bytes(*rest.get(3..)?.first_chunk()?)
        } else {
            0
        };
        Some((u32::from_be_bytes(*code), vendor))
    }
}

/// The AVP with zeros for data: as many as its type needs at least, none if it is not known.
fn with_least_data(code: u32, flags: AvpFlags, vendor: u32) -> Box<[u8]> {
    let least = dict::lookup(code, vendor).map_or(0, |def| def.kind.min_len());
    octets(code, flags, vendor, std::iter::repeat_n(0, least))
}

fn octets(code: u32, flags: AvpFlags, vendor: u32, data: impl ExactSizeIterator<Item = u8>) -> Box<[u8]> {
    let header_len = if flags.is_vendor() { 12 } else { 8 };
    let length = header_len + data.len();
    let mut octets = Vec::with_capacity(length.next_multiple_of(4));
    octets.extend(code.to_be_bytes());
    // Data is short here: see MAX_FAILED_DATA.
    octets.extend((length as u32 | u32::from(flags.0) << 24).to_be_bytes());
    if flags.is_vendor() {
        octets.extend(vendor.to_be_bytes());
    }
    octets.extend(data);
    octets.resize(length.next_multiple_of(4), 0);
    octets.into()
}

impl fmt::Display for Defect {
    /// Result-Code and AVP, never the AVP's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.result_code)?;
        match self.avp() {
            Some((code, vendor)) => match dict::lookup(code, vendor) {
                Some(def) => write!(f, ", {}", def.name),
                None => write!(f, ", AVP {code} of vendor {vendor}"),
            },
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Defect {
    /// As [`fmt::Display`]: the data may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Defect({self})")
    }
}

impl std::error::Error for Defect {}
