//! What this node asks the network to watch, and of whom.

use super::{ExternalIdentifier, Identifier, Msisdn, SubscriberIdentifiers};

/// One thing that is watched of a target. Each is a configuration of its own at the HSS (TS 29.336 §5.2).
///
/// The numbers are part of the store's format: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Aspect {
    /// Loss of connectivity.
    Loss = 1,
    /// Reachability for data.
    Data = 2,
    /// Reachability for SMS. The HSS reports it once and forgets the configuration.
    Sms = 3,
}

impl Aspect {
    /// Every aspect, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Loss, Self::Data, Self::Sms];

    /// The number by which the store names this aspect.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The aspect of that number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The name used in metrics and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss-of-connectivity",
            Self::Data => "reachability-for-data",
            Self::Sms => "reachability-for-sms",
        }
    }

    /// Whether one report ends the configuration.
    pub fn is_one_time(self) -> bool {
        self == Self::Sms
    }
}

/// Of whom something is watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A subscriber by phone number.
    Msisdn(Msisdn),
    /// A subscriber by external identifier.
    External(ExternalIdentifier),
    /// A group by its external group identifier, which has the form of an external identifier (TS 23.003 §19.7.3).
    Group(ExternalIdentifier),
}

impl Target {
    /// The subscriber it names; `None` for a group.
    pub fn subscriber(&self) -> Option<SubscriberIdentifiers> {
        match self {
            Self::Msisdn(msisdn) => SubscriberIdentifiers::new(None, Some(*msisdn), None),
            Self::External(external) => SubscriberIdentifiers::new(None, None, Some(external.clone())),
            Self::Group(_) => None,
        }
    }

    /// Whether it is a group.
    pub fn is_group(&self) -> bool {
        matches!(self, Self::Group(_))
    }

    /// The target that a subscriber would be watched as by this identifier; `None` for an IMSI, which S6t does not know.
    pub fn of(identifier: &Identifier) -> Option<Self> {
        match identifier {
            Identifier::Imsi(_) => None,
            Identifier::Msisdn(msisdn) => Some(Self::Msisdn(*msisdn)),
            Identifier::External(external) => Some(Self::External(external.clone())),
        }
    }
}

/// How far the watching of one aspect of a target has come.
///
/// The numbers are part of the store's format: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MonitoringState {
    /// To be asked for.
    Wanted = 1,
    /// Asked for, not confirmed yet.
    Asking = 2,
    /// The HSS has it.
    Active = 3,
    /// The HSS has it, and its replacement is asked for.
    Renewing = 4,
    /// The HSS has it, and does not report for a while.
    Suspended = 5,
    /// Refused for good.
    Failed = 6,
    /// No longer wanted; the HSS is asked to end it.
    Ending = 7,
}

impl MonitoringState {
    /// Every state, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Wanted,
        Self::Asking,
        Self::Active,
        Self::Renewing,
        Self::Suspended,
        Self::Failed,
        Self::Ending,
    ];

    /// The number by which the store names this state.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The state of that number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The name used in metrics and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Asking => "asking",
            Self::Active => "active",
            Self::Renewing => "renewing",
            Self::Suspended => "suspended",
            Self::Failed => "failed",
            Self::Ending => "ending",
        }
    }
}

/// What the network answered, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkResult {
    /// Whose numbers: 0 for Result-Code of the base protocol, else the vendor of an Experimental-Result.
    pub vendor: u32,
    /// The number.
    pub code: u32,
}

impl std::fmt::Display for NetworkResult {
    /// `5012`, or `10415:5001` for a number of a vendor.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.vendor {
            0 => write!(f, "{}", self.code),
            vendor => write!(f, "{vendor}:{}", self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn numbers_lead_back_to_what_they_name() {
        for aspect in Aspect::ALL {
            assert_eq!(Aspect::from_number(aspect.number()), Some(aspect));
        }
        assert_eq!(Aspect::from_number(0), None);
        assert_eq!(Aspect::from_number(4), None);
        for state in MonitoringState::ALL {
            assert_eq!(MonitoringState::from_number(state.number()), Some(state));
        }
        assert_eq!(MonitoringState::from_number(0), None);
        assert_eq!(MonitoringState::from_number(8), None);
    }

    #[test]
    fn a_target_names_its_subscriber_and_a_group_names_none() {
        let msisdn = Msisdn::parse("+99912345").unwrap();
        let external = ExternalIdentifier::parse("meter@iot.example").unwrap();
        for identifier in [Identifier::Msisdn(msisdn), Identifier::External(external.clone())] {
            let target = Target::of(&identifier).unwrap();
            assert_eq!(target.subscriber().unwrap().strongest(), identifier);
        }
        assert_eq!(Target::Group(external).subscriber(), None);
    }
}
