//! Made-up subscribers and serving nodes: every number follows from an index.
//!
//! MCC 999 is for internal use (ITU-T E.212) and country code 999 is unassigned (E.164), so nothing here can belong to a
//! person.

use std::fmt::Write as _;

/// How many devices there can be: what nine digits of a number leave room for, and memory allows.
pub const MAX_DEVICES: u32 = 100_000_000;

/// How many MMEs serve the population.
pub const NODES: u16 = 24;

/// Realm of the simulated network (TS 23.003 §19.2).
pub const REALM: &str = "epc.mnc001.mcc999.3gppnetwork.org";

/// The HSS that requests are addressed to.
pub const HSS: &str = "hss01.epc.mnc001.mcc999.3gppnetwork.org";

/// Visited-PLMN-Id of MCC 999, MNC 01 (TS 29.272 §7.3.9): MCC2 MCC1, MNC3 MCC3, MNC2 MNC1, with F for the third digit
/// that the MNC does not have.
pub const VISITED_PLMN: [u8; 3] = [0x99, 0xf9, 0x10];

/// One made-up device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device(pub u32);

impl Device {
    /// `99901` and ten digits.
    pub fn imsi(self) -> String {
        let mut digits = String::with_capacity(15);
        self.write_imsi(&mut digits);
        digits
    }

    /// Appends the IMSI.
    pub fn write_imsi(self, to: &mut String) {
        // Writing into a String cannot fail.
        let _ = write!(to, "99901{:010}", self.0);
    }

    /// `+999` and nine digits.
    pub fn phone_number(self) -> String {
        format!("+999{:09}", self.0)
    }

    /// `device-…@sim.example`.
    pub fn external_identifier(self) -> String {
        format!("device-{:09}@sim.example", self.0)
    }
}

/// A simulated MME, from 0 to [`NODES`] less one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mme(pub u16);

impl Mme {
    /// Its Diameter identity.
    pub fn identity(self) -> String {
        format!("mme{:02}.{REALM}", self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ExternalIdentifier, Imsi, Msisdn, Node};

    #[test]
    fn every_made_up_identifier_is_a_legal_one() {
        for device in [0, 1, 54_321, MAX_DEVICES - 1].map(Device) {
            assert!(Imsi::parse(&device.imsi()).is_ok());
            assert!(Msisdn::parse(&device.phone_number()).is_ok());
            assert!(ExternalIdentifier::parse(&device.external_identifier()).is_ok());
        }
        assert!(Node::parse(&Mme(NODES - 1).identity()).is_ok());
    }
}
