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
    /// The phone number is not E.164 with leading plus.
    PhoneNumber,
    /// The network access identifier is not `local@domain`.
    NetworkAccessIdentifier,
    /// The IPv4 address comes without a public one.
    MissingPublicAddress,
    /// The public IPv4 address comes alone: many devices share it.
    IncompleteIpv4Address,
    /// The public address is no IPv4 address.
    PublicAddress,
    /// The private address is no IPv4 address.
    PrivateAddress,
    /// The public port is beyond 65535.
    PublicPort,
    /// The IPv6 address is none.
    Ipv6Address,
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
    pub const ALL: [Self; 13] = [
        Self::MissingIdentifier,
        Self::PhoneNumber,
        Self::NetworkAccessIdentifier,
        Self::MissingPublicAddress,
        Self::IncompleteIpv4Address,
        Self::PublicAddress,
        Self::PrivateAddress,
        Self::PublicPort,
        Self::Ipv6Address,
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
                "a device needs a phone_number, a network_access_identifier, an ipv4_address or an ipv6_address",
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
            Self::MissingPublicAddress => (
                Code::InvalidArgument,
                "INVALID_ARGUMENT",
                Some("device.ipv4_address.public_address"),
                "required, together with private_address or public_port",
            ),
            Self::IncompleteIpv4Address => (
                Code::InvalidArgument,
                "INVALID_ARGUMENT",
                Some("device.ipv4_address"),
                "a public_address needs the private_address or the public_port beside it",
            ),
            Self::PublicAddress => (
                Code::InvalidArgument,
                "INVALID_ARGUMENT",
                Some("device.ipv4_address.public_address"),
                "a single IPv4 address such as 192.0.2.1",
            ),
            Self::PrivateAddress => (
                Code::InvalidArgument,
                "INVALID_ARGUMENT",
                Some("device.ipv4_address.private_address"),
                "a single IPv4 address such as 100.64.0.1",
            ),
            Self::PublicPort => (
                Code::InvalidArgument,
                "INVALID_ARGUMENT",
                Some("device.ipv4_address.public_port"),
                "a port from 0 to 65535",
            ),
            Self::Ipv6Address => (
                Code::InvalidArgument,
                "INVALID_ARGUMENT",
                Some("device.ipv6_address"),
                "a single IPv6 address such as 2001:db8::1",
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
            (
                E::MissingPublicAddress,
                invalid,
                "INVALID_ARGUMENT",
                Some("device.ipv4_address.public_address"),
            ),
            (
                E::IncompleteIpv4Address,
                invalid,
                "INVALID_ARGUMENT",
                Some("device.ipv4_address"),
            ),
            (
                E::PublicAddress,
                invalid,
                "INVALID_ARGUMENT",
                Some("device.ipv4_address.public_address"),
            ),
            (
                E::PrivateAddress,
                invalid,
                "INVALID_ARGUMENT",
                Some("device.ipv4_address.private_address"),
            ),
            (
                E::PublicPort,
                invalid,
                "INVALID_ARGUMENT",
                Some("device.ipv4_address.public_port"),
            ),
            (
                E::Ipv6Address,
                invalid,
                "INVALID_ARGUMENT",
                Some("device.ipv6_address"),
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
