//! The types of AVP data (RFC 6733 §4.2, §4.3) and TBCD digits (TS 29.002 §17.7.8).
//!
//! ```text
//! Unsigned32, Integer32, Enumerated   4 octets
//! Unsigned64                          8 octets
//! Time       4 octets: NTP seconds; top bit clear = the era that begins 2036-02-07T06:28:16Z
//! Address    2 octets family (1 IPv4, 2 IPv6), then 4 or 16 octets
//! TBCD       first digit in the low nibble of the first octet; 0xF fills the last high nibble of an odd count
//! ```
//!
//! A wrong size is 5014, a wrong value 5004; either names the AVP.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Avp, Defect};

/// Seconds from 1900 to 1970.
const NTP_ERA_0: i64 = 2_208_988_800;
/// Seconds from 1970 to the begin of NTP's next era, 2036-02-07T06:28:16Z.
const NTP_ERA_1: i64 = 2_085_978_496;

/// The Unix time of four octets of NTP time (RFC 6733 §4.3.1; the era rule is that of SNTP, RFC 5905).
pub(super) fn unix_from_ntp(ntp: u32) -> i64 {
    if ntp & 0x8000_0000 != 0 {
        i64::from(ntp) - NTP_ERA_0
    } else {
        i64::from(ntp) + NTP_ERA_1
    }
}

/// The four octets for a Unix time between 1968 and 2104.
pub(super) fn ntp_from_unix(unix: i64) -> u32 {
    // Both eras are the same number modulo 2^32.
    (unix.wrapping_add(NTP_ERA_0) & 0xffff_ffff) as u32
}

/// Decimal digits read from TBCD. Personal data as a rule: `Debug` shows none of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TbcdDigits {
    ascii: [u8; Self::MAX],
    len: u8,
}

impl TbcdDigits {
    /// No telephone or IMSI number is longer, with some room for service codes.
    pub const MAX: usize = 32;

    /// Reads digits; `None` if there are none or too many, for the nibbles A to E, and for a filler anywhere but in the
    /// last high nibble.
    fn read(octets: &[u8]) -> Option<Self> {
        if octets.is_empty() || octets.len() > Self::MAX / 2 {
            return None;
        }
        let mut digits = Self {
            ascii: [0; Self::MAX],
            len: 0,
        };
        let mut places = digits.ascii.iter_mut();
        let mut len = 0;
        let last = octets.len() - 1;
        for (position, octet) in octets.iter().enumerate() {
            for (nibble, may_fill) in [(octet & 0xf, false), (octet >> 4, position == last)] {
                match nibble {
                    0..=9 => {
                        *places.next()? = b'0' + nibble;
                        len += 1;
                    }
                    0xf if may_fill => {}
                    _ => return None,
                }
            }
        }
        digits.len = len;
        Some(digits)
    }

    /// The digits in ASCII.
    pub fn as_str(&self) -> &str {
        let digits = self.ascii.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(digits).unwrap_or_default()
    }
}

impl fmt::Debug for TbcdDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TbcdDigits({} digits)", self.len)
    }
}

impl<'a> Avp<'a> {
    /// The data as it is.
    pub fn as_octets(&self) -> &'a [u8] {
        self.data
    }

    fn fixed<const N: usize>(&self) -> Result<[u8; N], Defect> {
        self.data.try_into().map_err(|_| Defect::wrong_size(self))
    }

    /// Unsigned32. Bit 0 of a mask is the least significant.
    ///
    /// # Errors
    ///
    /// 5014 unless the data has 4 octets.
    pub fn as_u32(&self) -> Result<u32, Defect> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// Integer32 and Enumerated.
    ///
    /// # Errors
    ///
    /// 5014 unless the data has 4 octets.
    pub fn as_i32(&self) -> Result<i32, Defect> {
        self.fixed().map(i32::from_be_bytes)
    }

    /// Unsigned64.
    ///
    /// # Errors
    ///
    /// 5014 unless the data has 8 octets.
    pub fn as_u64(&self) -> Result<u64, Defect> {
        self.fixed().map(u64::from_be_bytes)
    }

    /// UTF8String.
    ///
    /// # Errors
    ///
    /// 5004 if it is not UTF-8.
    pub fn as_utf8(&self) -> Result<&'a str, Defect> {
        std::str::from_utf8(self.data).map_err(|_| Defect::invalid_value(self))
    }

    /// DiameterIdentity, in the case received. Underscores are let pass: they are no host-name characters, but deployed
    /// nodes use them.
    ///
    /// # Errors
    ///
    /// 5004 unless there are 1 to 255 letters, digits, hyphens and dots.
    pub fn as_identity(&self) -> Result<&'a str, Defect> {
        let legal = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
        if self.data.is_empty() || self.data.len() > 255 || !self.data.iter().all(legal) {
            return Err(Defect::invalid_value(self));
        }
        self.as_utf8()
    }

    /// Time, in seconds since 1970-01-01 UTC, between 1968 and 2104.
    ///
    /// # Errors
    ///
    /// 5014 unless the data has 4 octets.
    pub fn as_time(&self) -> Result<i64, Defect> {
        self.as_u32().map(unix_from_ntp)
    }

    /// Address of family IPv4 or IPv6.
    ///
    /// # Errors
    ///
    /// 5004 for another family, 5014 if the address has not the family's size.
    pub fn as_address(&self) -> Result<IpAddr, Defect> {
        let Some((family, address)) = self.data.split_first_chunk::<2>() else {
            return Err(Defect::wrong_size(self));
        };
        let address = match u16::from_be_bytes(*family) {
            1 => <[u8; 4]>::try_from(address)
                .ok()
                .map(|v4| Ipv4Addr::from(v4).into()),
            2 => <[u8; 16]>::try_from(address)
                .ok()
                .map(|v6| Ipv6Addr::from(v6).into()),
            _ => return Err(Defect::invalid_value(self)),
        };
        address.ok_or_else(|| Defect::wrong_size(self))
    }

    /// OctetString that holds decimal digits as TBCD.
    ///
    /// # Errors
    ///
    /// 5004 for none or more than [`TbcdDigits::MAX`] digits, for the nibbles A to E, and for a filler before the end.
    pub fn as_tbcd(&self) -> Result<TbcdDigits, Defect> {
        TbcdDigits::read(self.data).ok_or_else(|| Defect::invalid_value(self))
    }
}
