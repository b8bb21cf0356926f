//! Who an event or a question is about.
//!
//! A subscriber can be read back into the digits that name it, so it is personal data like they are: its `Debug` output is
//! redacted, and it has no `Display`.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{ExternalIdentifier, Identifier, Imsi, Msisdn};

/// One subscription, as a number derived from the strongest identifier known: IMSI, else MSISDN, else external
/// identifier. Never allocated by a sequence, so that replicas agree without talking.
///
/// ```text
///  bit 63   62 61   60 ........................ 0
///     0     kind    packed digits, or hash
///           01 IMSI   1ddd… (no two IMSIs share a number)
///           10 MSISDN 1ddd… (likewise)
///           11 external identifier: 61 bits of SHA-256
/// ```
///
/// The sign bit is clear, so the number fits SQL's `bigint`. It can be read back into digits and is therefore
/// personal data like they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberId(u64);

const KIND_SHIFT: u32 = 61;
const KIND_IMSI: u64 = 0b01 << KIND_SHIFT;
const KIND_MSISDN: u64 = 0b10 << KIND_SHIFT;
const KIND_EXTERNAL: u64 = 0b11 << KIND_SHIFT;
const VALUE_MASK: u64 = (1 << KIND_SHIFT) - 1;

impl SubscriberId {
    /// The number, for the store. Personal data.
    pub fn as_i64(self) -> i64 {
        // The sign bit is clear by construction.
        self.0 as i64
    }

    /// From the store; `None` if no identifier can have led to this number.
    pub fn from_i64(number: i64) -> Option<Self> {
        let number = u64::try_from(number).ok()?;
        (number >> KIND_SHIFT != 0).then_some(Self(number))
    }

    /// Whether a stronger identifier than the one behind this id exists in principle.
    pub fn is_weak(self) -> bool {
        self.0 & !VALUE_MASK != KIND_IMSI
    }

    /// The IMSI this id was derived from, if it was derived from one.
    pub fn as_imsi(self) -> Option<Imsi> {
        (self.0 & !VALUE_MASK == KIND_IMSI).then_some(Imsi(self.0 & VALUE_MASK))
    }

    /// The number this id was derived from, if it was derived from a number.
    pub fn as_msisdn(self) -> Option<Msisdn> {
        (self.0 & !VALUE_MASK == KIND_MSISDN).then_some(Msisdn(self.0 & VALUE_MASK))
    }

    /// A number spread evenly over all 64 bits, for choosing shards and table places.
    pub fn spread(self) -> u64 {
        // Steps of SplitMix64: neighbours in an IMSI range must not share a shard.
        let mut x = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^ (x >> 31)
    }
}

impl fmt::Debug for SubscriberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubscriberId(redacted)")
    }
}

impl From<Imsi> for SubscriberId {
    fn from(imsi: Imsi) -> Self {
        Self(KIND_IMSI | imsi.0)
    }
}

impl From<Msisdn> for SubscriberId {
    fn from(msisdn: Msisdn) -> Self {
        Self(KIND_MSISDN | msisdn.0)
    }
}

impl From<&ExternalIdentifier> for SubscriberId {
    fn from(external: &ExternalIdentifier) -> Self {
        let digest = Sha256::digest(external.text().as_bytes());
        let head = digest
            .iter()
            .take(8)
            .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        Self(KIND_EXTERNAL | (head & VALUE_MASK))
    }
}

/// The identifiers that one event or one provisioning row carries. They belong together from its time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriberIdentifiers {
    imsi: Option<Imsi>,
    msisdn: Option<Msisdn>,
    external: Option<ExternalIdentifier>,
}

impl SubscriberIdentifiers {
    /// `None` if there is no identifier at all.
    pub fn new(
        imsi: Option<Imsi>,
        msisdn: Option<Msisdn>,
        external: Option<ExternalIdentifier>,
    ) -> Option<Self> {
        (imsi.is_some() || msisdn.is_some() || external.is_some()).then_some(Self {
            imsi,
            msisdn,
            external,
        })
    }

    /// The subscriber, after the strongest identifier here.
    pub fn subscriber(&self) -> SubscriberId {
        match (self.imsi, self.msisdn, &self.external) {
            (Some(imsi), _, _) => imsi.into(),
            (None, Some(msisdn), _) => msisdn.into(),
            (None, None, Some(external)) => external.into(),
            (None, None, None) => unreachable!("the constructor asks for one identifier"),
        }
    }

    /// The identifiers to be bound to [`Self::subscriber`]: those weaker than the one that names it. A number that
    /// comes alone binds nothing, so it cannot outvote what is known about whose it is.
    pub fn bindings(&self) -> impl Iterator<Item = Identifier> + '_ {
        let msisdn = self.msisdn.filter(|_| self.imsi.is_some());
        let external = self
            .external
            .as_ref()
            .filter(|_| self.imsi.is_some() || self.msisdn.is_some());
        msisdn
            .map(Identifier::Msisdn)
            .into_iter()
            .chain(external.cloned().map(Identifier::External))
    }

    /// The phone number.
    pub fn msisdn(&self) -> Option<Msisdn> {
        self.msisdn
    }

    /// The external identifier.
    pub fn external(&self) -> Option<&ExternalIdentifier> {
        self.external.as_ref()
    }

    /// These and, where one is missing, those.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        Self {
            imsi: self.imsi.or(others.imsi),
            msisdn: self.msisdn.or(others.msisdn),
            external: self.external.clone().or_else(|| others.external.clone()),
        }
    }

    /// Takes out the identifiers to be bound that `is_out` tells of. The one that names the subscriber stays.
    pub fn unbind(&mut self, is_out: impl Fn(&Identifier) -> bool) {
        if self.imsi.is_some()
            && self
                .msisdn
                .is_some_and(|msisdn| is_out(&Identifier::Msisdn(msisdn)))
        {
            self.msisdn = None;
        }
        let named_otherwise = self.imsi.is_some() || self.msisdn.is_some();
        if named_otherwise
            && self
                .external
                .as_ref()
                .is_some_and(|external| is_out(&Identifier::External(external.clone())))
        {
            self.external = None;
        }
    }

    /// The identifier that names the subscriber.
    pub fn strongest(&self) -> Identifier {
        match (self.imsi, self.msisdn, &self.external) {
            (Some(imsi), _, _) => Identifier::Imsi(imsi),
            (None, Some(msisdn), _) => Identifier::Msisdn(msisdn),
            (None, None, Some(external)) => Identifier::External(external.clone()),
            (None, None, None) => unreachable!("the constructor asks for one identifier"),
        }
    }
}

impl From<Imsi> for SubscriberIdentifiers {
    fn from(imsi: Imsi) -> Self {
        Self {
            imsi: Some(imsi),
            msisdn: None,
            external: None,
        }
    }
}

impl From<Msisdn> for SubscriberIdentifiers {
    fn from(msisdn: Msisdn) -> Self {
        Self {
            imsi: None,
            msisdn: Some(msisdn),
            external: None,
        }
    }
}

impl From<ExternalIdentifier> for SubscriberIdentifiers {
    fn from(external: ExternalIdentifier) -> Self {
        Self {
            imsi: None,
            msisdn: None,
            external: Some(external),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn debug_output_shows_no_identifier() {
        let ids = SubscriberIdentifiers::new(
            Imsi::parse("001010123456789").ok(),
            Msisdn::parse("+99987654321").ok(),
            ExternalIdentifier::parse("someone@example.com").ok(),
        );
        let shown = format!(
            "{ids:?} {:?}",
            ids.as_ref().map(SubscriberIdentifiers::subscriber)
        );
        for secret in ["0123456789", "87654321", "someone"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn the_strongest_identifier_names_the_subscriber() {
        let (imsi, msisdn) = (
            Imsi::parse("999010000000001").ok(),
            Msisdn::parse("+99911111").ok(),
        );
        let both = SubscriberIdentifiers::new(imsi, msisdn, None).map(|ids| ids.subscriber());
        assert_eq!(both, imsi.map(SubscriberId::from));
        assert_eq!(SubscriberIdentifiers::new(None, None, None), None);
    }

    proptest! {
        #[test]
        fn no_two_identifiers_of_digits_share_a_subscriber(a in "[0-9]{6,15}", b in "[1-9][0-9]{4,14}") {
            let (imsi, msisdn) = (Imsi::parse(&a), Msisdn::parse(&b));
            prop_assert_eq!(imsi.map(Imsi::digits), Ok(a));
            prop_assert_eq!(msisdn.map(Msisdn::digits), Ok(b));
            let (imsi_id, msisdn_id) = (imsi.map(SubscriberId::from), msisdn.map(SubscriberId::from));
            prop_assert_ne!(imsi_id, msisdn_id);
            prop_assert_eq!(imsi_id.map(|id| SubscriberId::from_i64(id.as_i64())), imsi_id.map(Some));
        }
    }
}
