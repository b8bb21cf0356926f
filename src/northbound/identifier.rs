//! Which identifier of a device is used, and whether it is well formed.

use crate::domain::{ExternalIdentifier, Identifier, Msisdn};
use crate::proto::v1;

use super::error::LookupError;

/// Takes the first identifier given, in the order of the contract, and with it the device that names only that one, as
/// it was sent. An empty text counts as not given.
pub fn choose(device: Option<v1::Device>) -> Result<(Identifier, v1::Device), LookupError> {
    let v1::Device {
        phone_number,
        network_access_identifier,
        ipv4_address,
        ipv6_address,
    } = device.ok_or(LookupError::MissingIdentifier)?;
    if !phone_number.is_empty() {
        let identifier = Identifier::Msisdn(parse_phone_number(&phone_number)?);
        let used = v1::Device {
            phone_number,
            ..v1::Device::default()
        };
        return Ok((identifier, used));
    }
    if !network_access_identifier.is_empty() {
        let external = ExternalIdentifier::parse(&network_access_identifier)
            .map_err(|_| LookupError::NetworkAccessIdentifier)?;
        let used = v1::Device {
            network_access_identifier,
            ..v1::Device::default()
        };
        return Ok((Identifier::External(external), used));
    }
    if ipv4_address.is_some() {
        return Err(LookupError::UnsupportedIpv4Address);
    }
    if !ipv6_address.is_empty() {
        return Err(LookupError::UnsupportedIpv6Address);
    }
    Err(LookupError::MissingIdentifier)
}

/// `^\+[1-9][0-9]{4,14}$`: unlike feeds, callers have to send the plus.
fn parse_phone_number(number: &str) -> Result<Msisdn, LookupError> {
    if !number.starts_with('+') {
        return Err(LookupError::PhoneNumber);
    }
    Msisdn::parse(number).map_err(|_| LookupError::PhoneNumber)
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
