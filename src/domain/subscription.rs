//! What this node has an HSS notify it of over Sh, and about whom.

use super::{ExternalIdentifier, Identifier, Msisdn, SubscriberIdentifiers};

/// Whom an HSS is asked about. Sh knows no IMSI, and no groups.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum User {
    /// By phone number.
    Msisdn(Msisdn),
    /// By external identifier.
    External(ExternalIdentifier),
}

impl User {
    /// The user of that identifier; `None` for an IMSI.
    pub fn of(identifier: &Identifier) -> Option<Self> {
        match identifier {
            Identifier::Imsi(_) => None,
            Identifier::Msisdn(msisdn) => Some(Self::Msisdn(*msisdn)),
            Identifier::External(external) => Some(Self::External(external.clone())),
        }
    }

    /// Every user that a subscriber with these identifiers can be asked about as.
    pub fn all_of(subscriber: &SubscriberIdentifiers) -> impl Iterator<Item = Self> {
        let number = subscriber.msisdn().map(Self::Msisdn);
        let external = subscriber.external().cloned().map(Self::External);
        number.into_iter().chain(external)
    }

    /// The identifier.
    pub fn identifier(&self) -> Identifier {
        match self {
            Self::Msisdn(msisdn) => Identifier::Msisdn(*msisdn),
            Self::External(external) => Identifier::External(external.clone()),
        }
    }

    /// The subscriber.
    pub fn subscriber(&self) -> SubscriberIdentifiers {
        match self {
            Self::Msisdn(msisdn) => SubscriberIdentifiers::from(*msisdn),
            Self::External(external) => SubscriberIdentifiers::from(external.clone()),
        }
    }
}

/// What can be subscribed to (Sh-Subs-Notif, TS 29.328 §6.1.3).
///
/// The numbers are part of the store's format: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Topic {
    /// UEReachabilityForIP. The HSS tells once that the user can be reached, and the subscription is over.
    Reachability = 1,
    /// IMSUserState: every change of it.
    ImsState = 2,
}

impl Topic {
    /// Every topic, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Reachability, Self::ImsState];

    /// The number by which the store names it.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The topic of that number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The name used in configuration, metrics and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reachability => "reachability",
            Self::ImsState => "ims-state",
        }
    }

    /// The topic of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// Whether one notification ends the subscription.
    pub fn is_one_time(self) -> bool {
        self == Self::Reachability
    }
}

/// How far a subscription has come.
///
/// The numbers are part of the store's format: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SubscriptionState {
    /// To be asked for.
    Wanted = 1,
    /// The HSS has it.
    Active = 2,
    /// Refused for good.
    Failed = 3,
    /// No longer wanted; the HSS is asked to end it.
    Ending = 4,
}

impl SubscriptionState {
    /// Every state, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Wanted, Self::Active, Self::Failed, Self::Ending];

    /// The number by which the store names it.
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
            Self::Active => "active",
            Self::Failed => "failed",
            Self::Ending => "ending",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::Imsi;

    #[test]
    fn topics_and_states_are_known_by_number_and_name() {
        for topic in Topic::ALL {
            assert_eq!(Topic::from_number(topic.number()), Some(topic));
            assert_eq!(Topic::named(topic.name()), Some(topic));
        }
        for state in SubscriptionState::ALL {
            assert_eq!(SubscriptionState::from_number(state.number()), Some(state));
        }
        assert_eq!((Topic::from_number(0), Topic::from_number(3)), (None, None));
        assert_eq!(SubscriptionState::from_number(5), None);
    }

    #[test]
    fn a_user_is_whom_its_identifier_names_and_an_imsi_is_nobody_here() {
        let msisdn = Msisdn::parse("+99912345").unwrap();
        let external = ExternalIdentifier::parse("meter@iot.example").unwrap();
        for user in [User::Msisdn(msisdn), User::External(external.clone())] {
            assert_eq!(User::of(&user.identifier()), Some(user.clone()));
            assert_eq!(User::all_of(&user.subscriber()).collect::<Vec<_>>(), [user]);
        }
        let imsi = Imsi::parse("001010000000001").unwrap();
        assert_eq!(User::of(&Identifier::Imsi(imsi)), None);
        let all = SubscriberIdentifiers::new(Some(imsi), Some(msisdn), Some(external)).unwrap();
        assert_eq!(User::all_of(&all).count(), 2);
    }
}
