//! The dictionaries: AVPs and commands as data, with the clause that defines them.
//!
//! [`base`] holds what the IETF defined, [`tgpp`] the AVPs of vendor 10415, and each application has a file with its
//! commands, masks and values; [`radius`], [`gi`] and [`charging`] hold what is only met, and never read, in accounting.
//! [`APPLICATIONS`] lists what is served, [`check`] holds a request against its command's grammar. Look an AVP up by code
//! and vendor with [`lookup`]; names are for people only. The dictionary is generous on purpose: an AVP that is known here is never rejected for
//! its M bit, whatever the sender chose (TS 29.272 §7.3.1, note on the M bit).

pub mod accounting;
mod application;
pub mod base;
pub mod charging;
pub mod check;
pub mod gi;
pub mod radius;
pub mod s6a;
pub mod s6c;
pub mod s6t;
pub mod sh;
pub mod t6a;
pub mod tgpp;

pub use application::{
    APPLICATIONS, Advertised, Application, application, application_name, application_named,
};
pub use check::{check_answer, check_request};

use super::codec::AvpFlags;

/// The type of an AVP's data (RFC 6733 §4.2, §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AvpType {
    /// Any octets.
    OctetString,
    /// 4 octets.
    Integer32,
    /// 4 octets.
    Unsigned32,
    /// 8 octets.
    Unsigned64,
    /// An Integer32 with a list of values.
    Enumerated,
    /// AVPs.
    Grouped,
    /// Address family and address.
    Address,
    /// NTP seconds.
    Time,
    /// UTF-8.
    Utf8String,
    /// A host or realm name.
    DiameterIdentity,
    /// `aaa://…`
    DiameterUri,
}

impl AvpType {
    /// Octets of data of a type that has only one size.
    pub const fn fixed_len(self) -> Option<usize> {
        match self {
            Self::Integer32 | Self::Unsigned32 | Self::Enumerated | Self::Time => Some(4),
            Self::Unsigned64 => Some(8),
            _ => None,
        }
    }

    /// The fewest octets of data that can be of this type.
    pub const fn min_len(self) -> usize {
        match self {
            Self::Integer32 | Self::Unsigned32 | Self::Enumerated | Self::Time => 4,
            Self::Unsigned64 => 8,
            Self::Address => 6,
            Self::OctetString
            | Self::Grouped
            | Self::Utf8String
            | Self::DiameterIdentity
            | Self::DiameterUri => 0,
        }
    }
}

/// One AVP of a dictionary. Code and vendor together name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvpDef {
    /// AVP Code.
    pub code: u32,
    /// Vendor-Id, 0 for the IETF's.
    pub vendor: u32,
    /// The name in the standard.
    pub name: &'static str,
    /// The type of its data.
    pub kind: AvpType,
    /// Whether M is set when it is sent.
    pub mandatory: bool,
}

impl AvpDef {
    /// The flags octet with which it is sent.
    pub const fn flags(&self) -> AvpFlags {
        let vendor = if self.vendor == 0 { 0 } else { AvpFlags::VENDOR.0 };
        let mandatory = if self.mandatory { AvpFlags::MANDATORY.0 } else { 0 };
        AvpFlags(vendor | mandatory)
    }
}

/// The AVPs of the IETF, those met most often first.
const IETF: &[&[AvpDef]] = &[base::AVPS, radius::AVPS];
/// The AVPs of 3GPP likewise.
const TGPP: &[&[AvpDef]] = &[tgpp::AVPS, gi::AVPS, charging::AVPS];

/// The AVP of that code and vendor, if it is known.
pub fn lookup(code: u32, vendor: u32) -> Option<&'static AvpDef> {
    let tables = match vendor {
        0 => IETF,
        tgpp::VENDOR_ID => TGPP,
        _ => return None,
    };
    tables.iter().find_map(|table| {
        let place = table.binary_search_by_key(&code, |def| def.code).ok()?;
        table.get(place)
    })
}

/// A command and the grammar of its request.
#[derive(Clone, Copy, Debug)]
pub struct CommandDef {
    /// Command code.
    pub code: u32,
    /// Application-Id.
    pub application: u32,
    /// The name in the standard, without `-Request` and `-Answer`.
    pub name: &'static str,
    /// The three letters of the request.
    pub request: &'static str,
    /// The three letters of the answer.
    pub answer: &'static str,
    /// Whether P is set in its requests, and nothing else is legal.
    pub proxiable: bool,
    /// What a request must carry exactly once.
    pub required: &'static [&'static [AvpDef]],
    /// What a request may carry once. Anything else may be repeated.
    pub optional: &'static [&'static [AvpDef]],
}

impl CommandDef {
    /// Whether a request must carry that AVP.
    pub fn requires(&self, def: &AvpDef) -> bool {
        self.required
            .iter()
            .copied()
            .flatten()
            .any(|required| required == def)
    }
}

/// Writes a dictionary: one line per AVP, in the order of the codes, each becoming a constant and an entry of `AVPS`.
/// `M` at the end of a line: sent with the M bit; `-`: without.
macro_rules! avps {
    (@mandatory M) => { true };
    (@mandatory -) => { false };
    (vendor $vendor:expr; $($konst:ident = $code:literal $name:literal $kind:ident $m:tt $clause:literal;)*) => {
        $(
            #[doc = concat!($name, " (", stringify!($kind), "): ", $clause, ".")]
            pub const $konst: $crate::diameter::dict::AvpDef = $crate::diameter::dict::AvpDef {
                code: $code,
                vendor: $vendor,
                name: $name,
                kind: $crate::diameter::dict::AvpType::$kind,
                mandatory: avps!(@mandatory $m),
            };
        )*
        /// All of them, sorted by code.
        pub(super) const AVPS: &[$crate::diameter::dict::AvpDef] = &[$($konst),*];
    };
}
use avps;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_so_that_every_entry_is_found() {
        for table in IETF.iter().chain(TGPP) {
            assert!(table.is_sorted_by(|a, b| a.code < b.code));
            for def in *table {
                // Whatever stands in two tables would be found in one of them alone, and under one name.
                assert_eq!(lookup(def.code, def.vendor), Some(def));
            }
        }
    }

    #[test]
    fn the_vendor_is_part_of_the_name() {
        assert_eq!(lookup(1, 0).map(|def| def.name), Some("User-Name"));
        assert_eq!(lookup(1, tgpp::VENDOR_ID).map(|def| def.name), Some("3GPP-IMSI"));
        assert_eq!(lookup(1400, 0), None);
        assert_eq!(lookup(1400, 13019), None);
    }
}
