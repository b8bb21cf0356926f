//! Which identifier of a device is used, and whether it is well formed.

use crate::domain::{ExternalIdentifier, Identifier, Msisdn};
use crate::proto::v1;

use super::error::LookupError;

/// A device as a caller names it, in any protocol. An absent member was not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device<'a> {
    /// E.164 with leading plus.
    pub phone_number: Option<&'a str>,
    /// `local@domain`.
    pub network_access_identifier: Option<&'a str>,
    /// An IPv4 address with what tells it from others behind the same NAT.
    pub ipv4_address: Option<Ipv4Address<'a>>,
    /// One address out of the device's prefix.
    pub ipv6_address: Option<&'a str>,
}

/// An IPv4 address as a caller names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipv4Address<'a> {
    /// As servers see it.
    pub public_address: Option<&'a str>,
    /// As the device has it.
    pub private_address: Option<&'a str>,
    /// The port that servers see.
    pub public_port: Option<u16>,
}

/// The kinds of identifiers, in the order in which they are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A phone number.
    PhoneNumber,
    /// A network access identifier.
    NetworkAccessIdentifier,
    /// An IPv4 address.
    Ipv4Address,
    /// An IPv6 address.
    Ipv6Address,
}

impl Kind {
    /// All of them, the preferred first.
    pub const ALL: [Self; 4] = [
        Self::PhoneNumber,
        Self::NetworkAccessIdentifier,
        Self::Ipv4Address,
        Self::Ipv6Address,
    ];
}

impl Device<'_> {
    /// The identifier of a kind, `None` if the caller gave none of this kind.
    ///
    /// # Errors
    /// That it is malformed, or that nobody can be looked up by it.
    pub fn read(&self, kind: Kind) -> Option<Result<Identifier, LookupError>> {
        match kind {
            Kind::PhoneNumber => self.phone_number.map(parse_phone_number),
            Kind::NetworkAccessIdentifier => self.network_access_identifier.map(|text| {
                ExternalIdentifier::parse(text)
                    .map(Identifier::External)
                    .map_err(|_| LookupError::NetworkAccessIdentifier)
            }),
            Kind::Ipv4Address => self
                .ipv4_address
                .map(|_| Err(LookupError::UnsupportedIpv4Address)),
            Kind::Ipv6Address => self
                .ipv6_address
                .map(|_| Err(LookupError::UnsupportedIpv6Address)),
        }
    }

    /// The first identifier given, in the order of [`Kind::ALL`], and its kind.
    ///
    /// # Errors
    /// That there is none, or what is wrong with the first: it is not passed over for the next.
    pub fn choose(&self) -> Result<(Identifier, Kind), LookupError> {
        Kind::ALL
            .into_iter()
            .find_map(|kind| Some(self.read(kind)?.map(|identifier| (identifier, kind))))
            .unwrap_or(Err(LookupError::MissingIdentifier))
    }
}

/// Takes the first identifier given, in the order of the contract, and with it the device that names only that one, as
/// it was sent. An empty text counts as not given.
pub fn choose(device: Option<v1::Device>) -> Result<(Identifier, v1::Device), LookupError> {
    let device = device.ok_or(LookupError::MissingIdentifier)?;
    let (identifier, kind) = plain(&device).choose()?;
    let mut used = v1::Device::default();
    match kind {
        Kind::PhoneNumber => used.phone_number = device.phone_number,
        Kind::NetworkAccessIdentifier => used.network_access_identifier = device.network_access_identifier,
        Kind::Ipv4Address => used.ipv4_address = device.ipv4_address,
        Kind::Ipv6Address => used.ipv6_address = device.ipv6_address,
    }
    Ok((identifier, used))
}

/// Without protobuf, in which an empty text or a zero was not given.
fn plain(device: &v1::Device) -> Device<'_> {
    fn given(text: &str) -> Option<&str> {
        Some(text).filter(|text| !text.is_empty())
    }
    Device {
        phone_number: given(&device.phone_number),
        network_access_identifier: given(&device.network_access_identifier),
        ipv4_address: device.ipv4_address.as_ref().map(|address| Ipv4Address {
            public_address: given(&address.public_address),
            private_address: given(&address.private_address),
            // A number that is no port names no device, and is refused where it is looked at.
            public_port: u16::try_from(address.public_port).ok().filter(|port| *port > 0),
        }),
        ipv6_address: given(&device.ipv6_address),
    }
}

/// `^\+[1-9][0-9]{4,14}$`: unlike feeds, callers have to send the plus.
fn parse_phone_number(number: &str) -> Result<Identifier, LookupError> {
    if !number.starts_with('+') {
        return Err(LookupError::PhoneNumber);
    }
    Msisdn::parse(number)
        .map(Identifier::Msisdn)
        .map_err(|_| LookupError::PhoneNumber)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn phone(number: &str) -> v1::Device {
        v1::Device {
            phone_number: number.to_owned(),
            ..v1::Device::default()
        }
    }

    #[test]
    fn the_first_identifier_in_the_order_of_the_contract_is_used_and_echoed_alone() {
        let all = v1::Device {
            phone_number: "+99912345".into(),
            network_access_identifier: "Meter-7@IoT.Example".into(),
            ipv4_address: Some(v1::DeviceIpv4Address::default()),
            ipv6_address: "2001:db8::1".into(),
        };
        let (identifier, used) = choose(Some(all.clone())).unwrap();
        assert_eq!(identifier, Identifier::Msisdn(Msisdn::parse("99912345").unwrap()));
        assert_eq!(used, phone("+99912345"));

        let without_phone = v1::Device {
            phone_number: String::new(),
            ..all.clone()
        };
        let (identifier, used) = choose(Some(without_phone.clone())).unwrap();
        let external = ExternalIdentifier::parse("Meter-7@iot.example").unwrap();
        assert_eq!(identifier, Identifier::External(external));
        assert_eq!(used.network_access_identifier, "Meter-7@IoT.Example");
        assert_eq!((used.ipv4_address, used.ipv6_address.as_str()), (None, ""));

        let addresses = v1::Device {
            network_access_identifier: String::new(),
            ..without_phone
        };
        assert_eq!(
            choose(Some(addresses.clone())),
            Err(LookupError::UnsupportedIpv4Address)
        );
        let ipv6 = v1::Device {
            ipv4_address: None,
            ..addresses
        };
        assert_eq!(choose(Some(ipv6)), Err(LookupError::UnsupportedIpv6Address));
    }

    #[test]
    fn nothing_given_is_a_missing_identifier() {
        assert_eq!(choose(None), Err(LookupError::MissingIdentifier));
        assert_eq!(
            choose(Some(v1::Device::default())),
            Err(LookupError::MissingIdentifier)
        );
    }

    #[test]
    fn a_phone_number_needs_its_plus_and_5_to_15_digits() {
        for fine in ["+99912", "+999123456789012"] {
            assert!(choose(Some(phone(fine))).is_ok(), "{fine}");
        }
        for wrong in [
            "99912345678",
            "+9991",
            "+9991234567890123",
            "+09991234",
            "++99912345",
            "+999 12345",
            "+",
        ] {
            assert_eq!(
                choose(Some(phone(wrong))),
                Err(LookupError::PhoneNumber),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_malformed_first_identifier_is_not_passed_over_for_the_next() {
        let device = v1::Device {
            network_access_identifier: "meter@example.com".into(),
            ..phone("12")
        };
        assert_eq!(choose(Some(device)), Err(LookupError::PhoneNumber));
    }
}
