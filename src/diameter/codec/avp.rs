//! Attribute-value pairs and groups of them (RFC 6733 §4).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +---------------------------------------------------------------+
//! |                           AVP Code                            |
//! +---------------+-----------------------------------------------+
//! |V M P r r r r r|  AVP Length: header and data, padding not     |
//! +---------------+-----------------------------------------------+
//! |                   Vendor-Id, only if V is set                 |
//! +---------------------------------------------------------------+
//! |  Data …                       | 0 to 3 octets of padding      |
//! ```
//!
//! An AVP is named by its code together with its vendor, never by the code alone.

use std::fmt;

use super::Defect;
use crate::diameter::dict::AvpDef;

/// Groups nested deeper than this are a defect. The deepest chain of S6a, Sh, S6t and Rf has about five levels.
pub const MAX_DEPTH: u8 = 16;

/// More AVPs than this in one message, or members in one group, are a defect.
pub const MAX_AVPS: usize = 1024;

/// The flags octet of an AVP. Reserved bits are kept as received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AvpFlags(pub u8);

impl AvpFlags {
    /// V: a Vendor-Id follows.
    pub const VENDOR: Self = Self(0x80);
    /// M: whoever does not know the AVP must reject the message.
    pub const MANDATORY: Self = Self(0x40);

    /// V is set.
    pub const fn is_vendor(self) -> bool {
        self.0 & Self::VENDOR.0 != 0
    }

    /// M is set.
    pub const fn is_mandatory(self) -> bool {
        self.0 & Self::MANDATORY.0 != 0
    }
}

/// One AVP, borrowed from the frame. Its length is sound; its value is judged by the accessor that reads it (see
/// [`value`](super::value)).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Avp<'a> {
    /// AVP Code.
    pub code: u32,
    /// Vendor-Id; 0 for an AVP of the IETF.
    pub vendor: u32,
    /// V, M and the rest.
    pub flags: AvpFlags,
    /// The data, without padding.
    pub data: &'a [u8],
    /// Header and data as received, without padding.
    bytes: &'a [u8],
    /// How many groups it stands in.
    depth: u8,
}

impl<'a> Avp<'a> {
    /// Header and data as received, without padding.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether it is the one of the dictionary.
    pub fn is(&self, def: &AvpDef) -> bool {
        self.code == def.code && self.vendor == def.vendor
    }

    /// Its members.
    ///
    /// # Errors
    ///
    /// 5014 if a member's length is wrong or octets are left over, 5012 if there are more than [`MAX_AVPS`] members or
    /// [`MAX_DEPTH`] levels.
    pub fn grouped(&self) -> Result<Group<'a>, Defect> {
        if self.depth >= MAX_DEPTH {
            return Err(Defect::unable_to_comply());
        }
        let members = Avps {
            rest: self.data,
            depth: self.depth + 1,
        };
        match members.check() {
            (_, Some(defect)) => Err(defect),
            (_, None) => Ok(Group { members }),
        }
    }

    /// Splits the first AVP off.
    fn split(octets: &'a [u8], depth: u8) -> Result<(Self, &'a [u8]), Defect> {
        let Some((head, after)) = octets.split_first_chunk::<8>() else {
            return Err(Defect::invalid_length(octets));
        };
        let [c0, c1, c2, c3, flags, l0, l1, l2] = *head;
        let flags = AvpFlags(flags);
        let (vendor, header_len) = match (flags.is_vendor(), after.first_chunk()) {
            (false, _) => (0, 8),
            (true, Some(vendor)) => (u32::from_be_bytes(*vendor), 12),
            (true, None) => return Err(Defect::invalid_length(octets)),
        };
        // At most 2^24 - 1: rounding up cannot overflow.
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let Some((bytes, data)) = octets
            .get(..length)
            .and_then(|bytes| Some((bytes, bytes.get(header_len..)?)))
        else {
            return Err(Defect::invalid_length(octets));
        };
        // Between the AVPs of a message padding is always there, since message lengths are multiples of 4. Behind the
        // last member of a group it may be missing: RFC 6733 §4.4 counts it, but not every sender does.
        let rest = octets.get(length.next_multiple_of(4)..).unwrap_or_default();
        let avp = Self {
            code: u32::from_be_bytes([c0, c1, c2, c3]),
            vendor,
            flags,
            data,
            bytes,
            depth,
        };
        Ok((avp, rest))
    }
}

impl fmt::Debug for Avp<'_> {
    /// Without the data: it may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code, vendor, flags, ..
        } = self;
        write!(
            f,
            "Avp({code} of vendor {vendor}, flags {:#04x}, {} octets)",
            flags.0,
            self.data.len()
        )
    }
}

/// The AVPs of a message or group, in their order.
#[derive(Clone)]
pub struct Avps<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl fmt::Debug for Avps<'_> {
    /// Without their data: it may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> Avps<'a> {
    /// The AVPs of a message behind its header, as far as they are sound, and what ended them early.
    pub(super) fn of_message(body: &'a [u8]) -> (Self, Option<Defect>) {
        let all = Self { rest: body, depth: 0 };
        let (sound, defect) = all.check();
        let rest = body.get(..sound).unwrap_or_default();
        (Self { rest, depth: 0 }, defect)
    }

    /// Walks all AVPs: how many octets are sound, and what is wrong behind them.
    fn check(&self) -> (usize, Option<Defect>) {
        let mut rest = self.rest;
        for _ in 0..MAX_AVPS {
            if rest.is_empty() {
                return (self.rest.len(), None);
            }
            match Avp::split(rest, self.depth) {
                Ok((_, behind)) => rest = behind,
                Err(defect) => return (self.rest.len() - rest.len(), Some(defect)),
            }
        }
        let sound = self.rest.len() - rest.len();
        let defect = (!rest.is_empty()).then(Defect::unable_to_comply);
        (sound, defect)
    }
}

impl<'a> Iterator for Avps<'a> {
    type Item = Avp<'a>;

    fn next(&mut self) -> Option<Avp<'a>> {
        // Looked at first: every walk ends here, and a defect takes an allocation.
        if self.rest.is_empty() {
            return None;
        }
        // Only checked octets get here, so an error cannot arise; if it did, it would end the walk.
        let (avp, rest) = Avp::split(self.rest, self.depth).ok()?;
        self.rest = rest;
        Some(avp)
    }
}

/// The members of a Grouped AVP, all of sound length.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    members: Avps<'a>,
}

impl<'a> Group<'a> {
    /// All members, in their order.
    pub fn avps(&self) -> Avps<'a> {
        self.members.clone()
    }

    /// The first member of that kind.
    pub fn find(&self, def: &AvpDef) -> Option<Avp<'a>> {
        self.avps().find(|avp| avp.is(def))
    }

    /// Every member of that kind.
    pub fn find_all<'d>(&self, def: &'d AvpDef) -> impl Iterator<Item = Avp<'a>> + use<'a, 'd> {
        self.avps().filter(move |avp| avp.is(def))
    }
}
