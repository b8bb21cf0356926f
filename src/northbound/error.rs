//! What can be wrong with a lookup: one table of code, reason, field and message.

use tonic::{Code, Status};

use crate::grpc::error::status;
use crate::proto::v1;

/// The largest number of devices in one batch.
pub const MAX_BATCH: usize = 1000;
/// The largest `max_age`, in seconds: ten years of 365 days. More is taken for a mistake.
pub const MAX_AGE_LIMIT: u64 = 10 * 365 * 24 * 3600;

/// Why a lookup has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.describe().message)]
pub enum LookupError {
    /// No device, or a device without an identifier.
    MissingIdentifier,
    /// The device is named by an IPv4 address.
    UnsupportedIpv4Address,
    /// The device is named by an IPv6 address.
    UnsupportedIpv6Address,
    /// The phone number is not E.164 with leading plus.
    PhoneNumber,
    /// The network access identifier is not `local@domain`.
    NetworkAccessIdentifier,
    /// `max_age` is negative, malformed or beyond [`MAX_AGE_LIMIT`].
    MaxAge,
    /// More than [`MAX_BATCH`] devices.
    TooManyDevices,
    /// No such identifier is known.
    IdentifierNotFound,
    /// The index is still being loaded.
    NotReady,
}

/// How the wire shows a [`LookupError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// The gRPC code.
    pub code: Code,
    /// `ErrorInfo.reason`.
    pub reason: &'static str,
    /// The field of `BadRequest`, where one is at fault.
    pub field: Option<&'static str>,
    /// For people. Never contains what was sent.
    pub message: &'static str,
}

impl LookupError {
    /// Every error.
    pub const ALL: [Self; 9] = [
        Self::MissingIdentifier,
        Self::UnsupportedIpv4Address,
        Self::UnsupportedIpv6Address,
        Self::PhoneNumber,
        Self::NetworkAccessIdentifier,
        Self::MaxAge,
        Self::TooManyDevices,
        Self::IdentifierNotFound,
        Self::NotReady,
    ];

    /// The table.
    pub const fn describe(self) -> Description {
        let (code, reason, field, message) = match self {
            Self::MissingIdentifier => (
                Code::InvalidArgument,
                "MISSING_IDENTIFIER",
                Some("device"),
                "a device needs a phone_number or a network_access_identifier",
            ),
            Self::UnsupportedIpv4Address => (
                Code::InvalidArgument,
                "UNSUPPORTED_IDENTIFIER",
                Some("device.ipv4_address"),
                "devices cannot be looked up by IP address; use phone_number or network_access_identifier",
            ),
            Self::UnsupportedIpv6Address => (
                Code::InvalidArgument,
                "UNSUPPORTED_IDENTIFIER",
                Some("device.ipv6_address"),
                "devices cannot be looked up by IP address; use phone_number or network_access_identifier",
            ),
            Self::PhoneNumber => (
                Code::InvalidArgument,
                "INVALID_ARGUMENT",
                Some("device.phone_number"),
                "E.164 with leading plus: + and 5 to 15 digits, the first of them not 0",
            ),
            Self::NetworkAccessIdentifier => (
                Code::InvalidArgument,
                "INVALID_ARGUMENT",
                Some("device.network_access_identifier"),
                "local@domain, at most 253 octets, without blanks",
            ),
            Self::MaxAge => (
                Code::InvalidArgument,
                "INVALID_ARGUMENT",
                Some("max_age"),
                "a duration from zero to ten years",
            ),
            Self::TooManyDevices => (
                Code::InvalidArgument,
                "INVALID_ARGUMENT",
                Some("devices"),
                "at most 1000 devices in one batch",
            ),
            Self::IdentifierNotFound => (
                Code::NotFound,
                "IDENTIFIER_NOT_FOUND",
                None,
                "no subscriber is known by this identifier",
            ),
            Self::NotReady => (
                Code::Unavailable,
                "NOT_READY",
                None,
                "the index is being loaded; try again shortly",
            ),
        };
        Description {
            code,
            reason,
            field,
            message,
        }
    }

    /// In place of one device's answer in a batch.
    pub fn in_batch(self) -> v1::LookupError {
        let Description {
            code,
            reason,
            message,
            ..
        } = self.describe();
        v1::LookupError {
            code: i32::from(code),
            reason: reason.to_owned(),
            message: message.to_owned(),
        }
    }
}

impl From<LookupError> for Status {
    fn from(error: LookupError) -> Self {
        let Description {
            code,
            reason,
            field,
            message,
        } = error.describe();
        status(code, reason, field, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_code_reason_and_field() {
        use LookupError as E;
        let invalid = Code::InvalidArgument;
        let table = [
            (
                E::MissingIdentifier,
                invalid,
                "MISSING_IDENTIFIER",
                Some("device"),
            ),
            (
                E::UnsupportedIpv4Address,
                invalid,
                "UNSUPPORTED_IDENTIFIER",
                Some("device.ipv4_address"),
            ),
            (
                E::UnsupportedIpv6Address,
                invalid,
                "UNSUPPORTED_IDENTIFIER",
                Some("device.ipv6_address"),
            ),
            (
                E::PhoneNumber,
                invalid,
                "INVALID_ARGUMENT",
                Some("device.phone_number"),
            ),
            (
                E::NetworkAccessIdentifier,
                invalid,
                "INVALID_ARGUMENT",
                Some("device.network_access_identifier"),
            ),
            (E::MaxAge, invalid, "INVALID_ARGUMENT", Some("max_age")),
            (E::TooManyDevices, invalid, "INVALID_ARGUMENT", Some("devices")),
            (
                E::IdentifierNotFound,
                Code::NotFound,
                "IDENTIFIER_NOT_FOUND",
                None,
            ),
            (E::NotReady, Code::Unavailable, "NOT_READY", None),
        ];
        assert_eq!(table.map(|(error, ..)| error), LookupError::ALL);
        for (error, code, reason, field) in table {
            let described = error.describe();
            assert_eq!(
                (described.code, described.reason, described.field),
                (code, reason, field),
                "{error:?}"
            );
            assert!(!described.message.is_empty());
        }
    }
}
