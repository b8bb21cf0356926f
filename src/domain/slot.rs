//! The places in the core network where a subscriber can be registered.

use std::fmt;

/// One place of registration. Clearing one slot never clears another, but for the rules named in
/// [`Ends`](super::Ends) and in [`reachability`](super::reachability).
///
/// The numbers are part of the store's format: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Slot {
    /// MME, LTE packet service (S6a).
    Mme = 1,
    /// SGSN, 2G/3G packet service (S6d).
    Sgsn = 2,
    /// AMF over 3GPP access.
    Amf3gpp = 3,
    /// AMF over non-3GPP access (Wi-Fi).
    AmfNon3gpp = 4,
    /// PDN or PDU sessions seen by accounting. Several may stand at once, each with its own node.
    Session = 5,
    /// MSC: circuit-switched or SGs.
    Msc = 6,
    /// SMS in MME.
    MmeSms = 7,
    /// SMS in SGSN.
    SgsnSms = 8,
    /// SMSF over 3GPP access.
    Smsf3gpp = 9,
    /// SMSF over non-3GPP access.
    SmsfNon3gpp = 10,
    /// IP short message gateway (SMS over IMS).
    IpSmGw = 11,
    /// SMS by a path that the network did not tell: an HSS says that a subscriber can be reached again, and not where.
    AnySms = 12,
}

impl Slot {
    /// Every slot, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Mme,
        Self::Sgsn,
        Self::Amf3gpp,
        Self::AmfNon3gpp,
        Self::Session,
        Self::Msc,
        Self::MmeSms,
        Self::SgsnSms,
        Self::Smsf3gpp,
        Self::SmsfNon3gpp,
        Self::IpSmGw,
        Self::AnySms,
    ];

    /// The slots that carry data.
    pub const DATA: [Self; 5] = [
        Self::Mme,
        Self::Sgsn,
        Self::Amf3gpp,
        Self::AmfNon3gpp,
        Self::Session,
    ];

    /// The slots that carry SMS.
    pub const SMS: [Self; 7] = [
        Self::Msc,
        Self::MmeSms,
        Self::SgsnSms,
        Self::Smsf3gpp,
        Self::SmsfNon3gpp,
        Self::IpSmGw,
        Self::AnySms,
    ];

    /// The data slots of the cellular network, one of which an attached device holds.
    pub(super) const CELLULAR_DATA: [Self; 3] = [Self::Mme, Self::Sgsn, Self::Amf3gpp];

    /// The SMS slots by which a device is reached over the cellular network.
    pub(super) const CELLULAR_SMS: [Self; 4] = [Self::Msc, Self::MmeSms, Self::SgsnSms, Self::Smsf3gpp];

    /// Whether it carries data; otherwise it carries SMS.
    pub fn carries_data(self) -> bool {
        matches!(
            self,
            Self::Mme | Self::Sgsn | Self::Amf3gpp | Self::AmfNon3gpp | Self::Session
        )
    }

    /// The number by which the store names this slot.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The slot of that number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The name used in logs, metrics and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mme => "mme",
            Self::Sgsn => "sgsn",
            Self::Amf3gpp => "amf-3gpp",
            Self::AmfNon3gpp => "amf-non-3gpp",
            Self::Session => "session",
            Self::Msc => "msc",
            Self::MmeSms => "mme-sms",
            Self::SgsnSms => "sgsn-sms",
            Self::Smsf3gpp => "smsf-3gpp",
            Self::SmsfNon3gpp => "smsf-non-3gpp",
            Self::IpSmGw => "ip-sm-gw",
            Self::AnySms => "any-sms",
        }
    }

    /// The other half of a combined MME/SGSN: what a single registration in this slot ends.
    pub fn other_eps_half(self) -> Option<Self> {
        match self {
            Self::Mme => Some(Self::Sgsn),
            Self::Sgsn => Some(Self::Mme),
            _ => None,
        }
    }

    /// The slot an SMS slot hangs on: it counts only while that one is not known to be deregistered.
    pub fn carrier(self) -> Option<Self> {
        match self {
            Self::MmeSms => Some(Self::Mme),
            Self::SgsnSms => Some(Self::Sgsn),
            Self::Smsf3gpp => Some(Self::Amf3gpp),
            Self::SmsfNon3gpp => Some(Self::AmfNon3gpp),
            _ => None,
        }
    }

    /// Whether SMS of this slot is served by the very node of its carrier, so that it ends when the carrier moves
    /// to another node (SMS in MME and in SGSN; an SMSF outlives a change of AMF).
    pub fn moves_with_carrier(self) -> bool {
        matches!(self, Self::MmeSms | Self::SgsnSms)
    }

    /// Whether several nodes may hold this slot at once instead of the newest alone.
    pub fn is_shared(self) -> bool {
        self == Self::Session
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_their_slots() {
        for slot in Slot::ALL {
            assert_eq!(Slot::from_number(slot.number()), Some(slot));
        }
        assert_eq!(Slot::from_number(0), None);
        assert_eq!(Slot::from_number(13), None);
    }

    #[test]
    fn every_slot_carries_either_data_or_sms() {
        for slot in Slot::ALL {
            assert_ne!(Slot::DATA.contains(&slot), Slot::SMS.contains(&slot), "{slot}");
            assert_eq!(Slot::DATA.contains(&slot), slot.carries_data(), "{slot}");
        }
    }
}
