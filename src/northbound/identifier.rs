//! Which identifier of a device is used, and whether it is well formed.
//!
//! The rules are those of CAMARA's `Device` and `DeviceIpv4Addr`, whatever carries the question: of several identifiers the
//! first of phone number, network access identifier, IPv4 address, IPv6 address is used, the others are not looked at, and
//! no error tells whether they belong together. An IPv4 address is its public address together with the private address or
//! the public port.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::domain::{DeviceQuery, ExternalIdentifier, Identifier, Msisdn};
use crate::proto::v1;

use super::error::LookupError;

/// A device as a caller names it, in any protocol. An absent member was not given.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "identifiers are not for output")]
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
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "identifiers are not for output")]
pub struct Ipv4Address<'a> {
    /// As servers see it.
    pub public_address: Option<&'a str>,
    /// As the device has it.
    pub private_address: Option<&'a str>,
    /// The port that servers see, up to 65535.
    pub public_port: Option<u32>,
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
    /// What the identifier of a kind asks for, `None` if the caller gave none of this kind.
    ///
    /// # Errors
    /// That it is malformed, or not complete.
    pub fn read(&self, kind: Kind) -> Option<Result<DeviceQuery, LookupError>> {
        match kind {
            Kind::PhoneNumber => self.phone_number.map(parse_phone_number),
            Kind::NetworkAccessIdentifier => self.network_access_identifier.map(|text| {
                ExternalIdentifier::parse(text)
                    .map(|external| Identifier::External(external).into())
                    .map_err(|_| LookupError::NetworkAccessIdentifier)
            }),
            Kind::Ipv4Address => self.ipv4_address.map(|address| address.read()),
            Kind::Ipv6Address => self.ipv6_address.map(|text| {
                let address: Ipv6Addr = text.parse().map_err(|_| LookupError::Ipv6Address)?;
                Ok(DeviceQuery::Ipv6(address))
            }),
        }
    }

    /// The first identifier given, in the order of [`Kind::ALL`], and its kind.
    ///
    /// # Errors
    /// That there is none, or what is wrong with the first: it is not passed over for the next.
    pub fn choose(&self) -> Result<(DeviceQuery, Kind), LookupError> {
        Kind::ALL
            .into_iter()
            .find_map(|kind| Some(self.read(kind)?.map(|query| (query, kind))))
            .unwrap_or(Err(LookupError::MissingIdentifier))
    }
}

impl Ipv4Address<'_> {
    fn read(&self) -> Result<DeviceQuery, LookupError> {
        let read = |text: Option<&str>, wrong| text.map(|text| text.parse().map_err(|_| wrong)).transpose();
        let public: Option<Ipv4Addr> = read(self.public_address, LookupError::PublicAddress)?;
        let private: Option<Ipv4Addr> = read(self.private_address, LookupError::PrivateAddress)?;
        let port = self.public_port.map(u16::try_from).transpose();
        let port = port.map_err(|_| LookupError::PublicPort)?;
        let public = public.ok_or(LookupError::MissingPublicAddress)?;
        if private.is_none() && port.is_none() {
            return Err(LookupError::IncompleteIpv4Address);
        }
        Ok(DeviceQuery::Ipv4 {
            public,
            private,
            port,
        })
    }
}

/// Takes the first identifier given, in the order of the contract, and with it the device that names only that one, as
/// it was sent. An empty text counts as not given.
pub fn choose(device: Option<v1::Device>) -> Result<(DeviceQuery, v1::Device), LookupError> {
    let device = device.ok_or(LookupError::MissingIdentifier)?;
    let (query, kind) = plain(&device).choose()?;
    let mut used = v1::Device::default();
    match kind {
        Kind::PhoneNumber => used.phone_number = device.phone_number,
        Kind::NetworkAccessIdentifier => used.network_access_identifier = device.network_access_identifier,
        Kind::Ipv4Address => used.ipv4_address = device.ipv4_address,
        Kind::Ipv6Address => used.ipv6_address = device.ipv6_address,
    }
    Ok((query, used))
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
            public_port: Some(address.public_port).filter(|port| *port > 0),
        }),
        ipv6_address: given(&device.ipv6_address),
    }
}

/// `^\+[1-9][0-9]{4,14}$`: unlike feeds, callers have to send the plus.
fn parse_phone_number(number: &str) -> Result<DeviceQuery, LookupError> {
    if !number.starts_with('+') {
        return Err(LookupError::PhoneNumber);
    }
    Msisdn::parse(number)
        .map(|msisdn| Identifier::Msisdn(msisdn).into())
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

    fn behind(public: &str, private: &str, port: u32) -> v1::Device {
        v1::Device {
            ipv4_address: Some(v1::DeviceIpv4Address {
                public_address: public.into(),
                private_address: private.into(),
                public_port: port,
            }),
            ..v1::Device::default()
        }
    }

    #[test]
    fn the_first_identifier_in_the_order_of_the_contract_is_used_and_echoed_alone() {
        let address = behind("192.0.2.1", "100.64.0.1", 4711);
        let all = v1::Device {
            phone_number: "+99912345".into(),
            network_access_identifier: "Meter-7@IoT.Example".into(),
            ipv6_address: "2001:db8::1".into(),
            ..address.clone()
        };
        let (query, used) = choose(Some(all.clone())).unwrap();
        assert_eq!(
            query,
            Identifier::Msisdn(Msisdn::parse("99912345").unwrap()).into()
        );
        assert_eq!(used, phone("+99912345"));

        let without_phone = v1::Device {
            phone_number: String::new(),
            ..all
        };
        let (query, used) = choose(Some(without_phone.clone())).unwrap();
        let external = ExternalIdentifier::parse("Meter-7@iot.example").unwrap();
        assert_eq!(query, Identifier::External(external).into());
        assert_eq!(used.network_access_identifier, "Meter-7@IoT.Example");
        assert_eq!((used.ipv4_address, used.ipv6_address.as_str()), (None, ""));

        let addresses = v1::Device {
            network_access_identifier: String::new(),
            ..without_phone
        };
        let (query, used) = choose(Some(addresses.clone())).unwrap();
        let expected = DeviceQuery::Ipv4 {
            public: [192, 0, 2, 1].into(),
            private: Some([100, 64, 0, 1].into()),
            port: Some(4711),
        };
        assert_eq!(query, expected);
        assert_eq!(used, address);

        let ipv6 = v1::Device {
            ipv4_address: None,
            ..addresses
        };
        let (query, used) = choose(Some(ipv6.clone())).unwrap();
        assert_eq!(query, DeviceQuery::Ipv6("2001:db8::1".parse().unwrap()));
        assert_eq!(used, ipv6);
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
    fn an_ipv4_address_is_a_public_one_with_a_private_one_or_a_port() {
        for (private, port) in [
            ("100.64.0.1", 0),
            ("", 65535),
            ("192.0.2.1", 0),
            ("100.64.0.1", 1),
        ] {
            let (query, _) = choose(Some(behind("192.0.2.1", private, port))).unwrap();
            let expected = DeviceQuery::Ipv4 {
                public: [192, 0, 2, 1].into(),
                private: private.parse().ok(),
                port: u16::try_from(port).ok().filter(|port| *port > 0),
            };
            assert_eq!(query, expected, "{private} {port}");
        }
    }

    #[test]
    fn an_address_that_is_malformed_or_not_complete_is_refused_for_its_own_reason() {
        use LookupError as E;
        for (public, private, port, expected) in [
            ("192.0.2.1", "", 0, E::IncompleteIpv4Address),
            ("", "10.0.0.1", 0, E::MissingPublicAddress),
            ("", "", 4711, E::MissingPublicAddress),
            ("", "", 0, E::MissingPublicAddress),
            ("192.0.2.256", "10.0.0.1", 0, E::PublicAddress),
            ("192.0.2.1/32", "", 1, E::PublicAddress),
            ("192.0.2.01", "", 1, E::PublicAddress),
            ("2001:db8::1", "", 1, E::PublicAddress),
            ("192.0.2.1", "x", 1, E::PrivateAddress),
            ("192.0.2.1", "", 65536, E::PublicPort),
        ] {
            let refused = choose(Some(behind(public, private, port)));
            assert_eq!(refused, Err(expected), "{public} {private} {port}");
        }
        for wrong in ["2001:db8::/64", "192.0.2.1", "x", "2001:db8::1%eth0"] {
            let device = v1::Device {
                ipv6_address: wrong.into(),
                ..v1::Device::default()
            };
            assert_eq!(choose(Some(device)), Err(E::Ipv6Address), "{wrong}");
        }
    }

    #[test]
    fn port_zero_is_given_where_it_can_be() {
        let address = Ipv4Address {
            public_address: Some("192.0.2.1"),
            private_address: None,
            public_port: Some(0),
        };
        let device = Device {
            ipv4_address: Some(address),
            ..Device::default()
        };
        assert!(device.choose().is_ok());
    }

    #[test]
    fn a_malformed_first_identifier_is_not_passed_over_for_the_next() {
        let device = v1::Device {
            network_access_identifier: "meter@example.com".into(),
            ..phone("12")
        };
        assert_eq!(choose(Some(device)), Err(LookupError::PhoneNumber));
        let device = v1::Device {
            ipv6_address: "2001:db8::1".into(),
            ..behind("192.0.2.1", "", 0)
        };
        assert_eq!(choose(Some(device)), Err(LookupError::IncompleteIpv4Address));
    }
}
