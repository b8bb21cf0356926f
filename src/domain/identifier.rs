//! By what subscribers are named: IMSI, MSISDN, external identifier.
//!
//! Identifiers are personal data: their `Debug` output is redacted and they have no `Display`. The digits leave
//! only through methods whose name says so, for the store and for the wire.

use std::fmt;

use super::SubscriberId;

/// Why a text is not an identifier. Never contains the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// An IMSI has 6 to 15 digits (TS 23.003 §2.2; 14 or 15 in practice).
    #[error("an IMSI has 6 to 15 decimal digits")]
    Imsi,
    /// An international number has 5 to 15 digits and does not begin with 0 (E.164).
    #[error("an international number (E.164) has 5 to 15 decimal digits, the first of them not 0")]
    Msisdn,
    /// An external identifier is `local@domain` (TS 23.003 §19.7.2).
    #[error("an external identifier has the form local@domain, at most 253 octets, without blanks")]
    External,
}

/// Up to 15 decimal digits packed as the number `1ddd…`: leading zeros and length survive.
fn pack_digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<u64> {
    if !length.contains(&text.len()) {
        return None;
    }
    text.bytes().try_fold(1u64, |packed, byte| {
        byte.is_ascii_digit()
            .then(|| packed * 10 + u64::from(byte - b'0'))
    })
}

/// The digits behind [`pack_digits`].
fn unpack_digits(packed: u64) -> String {
    let mut digits = packed.to_string();
    digits.remove(0);
    digits
}

/// International Mobile Subscriber Identity: the SIM's number (TS 23.003 §2.2). Leading zeros matter (MCC 001).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Imsi(pub(super) u64);

impl Imsi {
    /// Reads 6 to 15 decimal digits.
    pub fn parse(digits: &str) -> Result<Self, IdentifierError> {
        pack_digits(digits, 6..=15).map(Self).ok_or(IdentifierError::Imsi)
    }

    /// The digits, leading zeros included. Personal data.
    pub fn digits(self) -> String {
        unpack_digits(self.0)
    }
}

impl fmt::Debug for Imsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Imsi(redacted)")
    }
}

/// A phone number in international form (E.164): 5 to 15 digits, kept without the plus.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Msisdn(pub(super) u64);

impl Msisdn {
    /// Reads the number with or without a leading plus.
    pub fn parse(number: &str) -> Result<Self, IdentifierError> {
        let digits = number.strip_prefix('+').unwrap_or(number);
        if digits.starts_with('0') {
            return Err(IdentifierError::Msisdn);
        }
        pack_digits(digits, 5..=15)
            .map(Self)
            .ok_or(IdentifierError::Msisdn)
    }

    /// The digits without a plus. Personal data.
    pub fn digits(self) -> String {
        unpack_digits(self.0)
    }
}

impl fmt::Debug for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Msisdn(redacted)")
    }
}

/// An external identifier `local@domain` (TS 23.003 §19.7.2), CAMARA's network access identifier.
///
/// The domain compares without regard to case and is kept in lower case; the local part is kept as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalIdentifier(Box<str>);

impl ExternalIdentifier {
    /// Reads `local@domain`.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let (local, domain) = text.split_once('@').ok_or(IdentifierError::External)?;
        let domain_is_fine = !domain.is_empty()
            && domain.split('.').all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            });
        let local_is_fine = !local.is_empty() && local.bytes().all(|b| b.is_ascii_graphic() && b != b'@');
        if text.len() > 253 || !domain_is_fine || !local_is_fine {
            return Err(IdentifierError::External);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase()).into()))
    }

    /// The text. Personal data.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ExternalIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalIdentifier(redacted)")
    }
}

/// One identifier of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// The SIM's number.
    Imsi(Imsi),
    /// A phone number.
    Msisdn(Msisdn),
    /// `local@domain`.
    External(ExternalIdentifier),
}

impl Identifier {
    /// The subscriber this identifier names when nothing stronger is known.
    pub fn subscriber(&self) -> SubscriberId {
        match self {
            Self::Imsi(imsi) => SubscriberId::from(*imsi),
            Self::Msisdn(msisdn) => SubscriberId::from(*msisdn),
            Self::External(external) => SubscriberId::from(external),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_of_an_imsi_matter() {
        let (a, b) = (Imsi::parse("001010000000001"), Imsi::parse("01010000000001"));
        assert_ne!(a, b);
        assert_eq!(a.map(Imsi::digits), Ok("001010000000001".into()));
        assert_eq!(b.map(Imsi::digits), Ok("01010000000001".into()));
    }

    #[test]
    fn numbers_are_international_with_or_without_plus() {
        assert_eq!(Msisdn::parse("+99912345678"), Msisdn::parse("99912345678"));
        for wrong in [
            "",
            "+",
            "0999123456",
            "+9991234567890123",
            "+999 1234",
            "++99912345",
            "99912345٣",
            "1234",
        ] {
            assert_eq!(Msisdn::parse(wrong), Err(IdentifierError::Msisdn), "{wrong:?}");
        }
    }

    #[test]
    fn external_identifiers_fold_the_domain_and_keep_the_local_part() {
        let id = ExternalIdentifier::parse("Meter-7@IoT.Example.COM");
        assert_eq!(
            id.as_ref().map(ExternalIdentifier::text),
            Ok("Meter-7@iot.example.com")
        );
        let long = format!("{}@example.com", "a".repeat(300));
        for wrong in [
            "",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b@c",
            "a@b..c",
            "a@-b",
            "a@b c",
            "a",
            long.as_str(),
        ] {
            assert_eq!(
                ExternalIdentifier::parse(wrong),
                Err(IdentifierError::External),
                "{wrong:?}"
            );
        }
    }
}
