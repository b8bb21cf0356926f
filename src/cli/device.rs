//! A device as a person names it where any identifier will do: by a name, or by an address that it has now.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::proto::v1;

use super::lookup::DeviceName;

const WRONG_IPV4: &str = "an IPv4 address is the public one, with its port (192.0.2.1:4711), with the private address \
     behind it (192.0.2.1,100.64.0.7), or with both";
const WRONG_IPV6: &str =
    "an IPv6 address is one of the device's, such as 2001:db8::1, without port or prefix length";

/// Any one device.
#[derive(Clone, PartialEq, Eq)]
pub enum AnyDevice {
    /// By a phone number or an external identifier.
    Named(DeviceName),
    /// By what servers see of it.
    Ipv4 {
        /// The address that servers see.
        public: Ipv4Addr,
        /// The port that they see; never 0.
        port: Option<u16>,
        /// The address that the device has; there is one if there is no port.
        private: Option<Ipv4Addr>,
    },
    /// By one of its addresses.
    Ipv6(Ipv6Addr),
}

impl fmt::Debug for AnyDevice {
    /// Redacted: what names a device is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyDevice(redacted)")
    }
}

impl FromStr for AnyDevice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with('+') || text.contains('@') {
            return text.parse().map(Self::Named);
        }
        let (outside, private) = match text.split_once(',') {
            None => (text, None),
            Some((outside, private)) => (outside, Some(private.parse().map_err(|_| WRONG_IPV4)?)),
        };
        let (public, port) = match outside.split_once(':') {
            None => (outside, None),
            Some((_, port)) if port.contains(':') => return v6(text),
            Some((public, port)) => (public, Some(port.parse().map_err(|_| WRONG_IPV4)?)),
        };
        match public.parse() {
            Ok(_) if port == Some(0) || (port, private) == (None, None) => Err(WRONG_IPV4),
            Ok(public) => Ok(Self::Ipv4 {
                public,
                port,
                private,
            }),
            Err(_) if public.contains('.') => Err(WRONG_IPV4),
            // Most likely meant as a name.
            Err(_) => text.parse().map(Self::Named),
        }
    }
}

fn v6(text: &str) -> Result<AnyDevice, &'static str> {
    text.parse().map(AnyDevice::Ipv6).map_err(|_| WRONG_IPV6)
}

impl From<AnyDevice> for v1::Device {
    fn from(device: AnyDevice) -> Self {
        match device {
            AnyDevice::Named(name) => name.into(),
            AnyDevice::Ipv4 {
                public,
                port,
                private,
            } => Self {
                ipv4_address: Some(v1::DeviceIpv4Address {
                    public_address: public.to_string(),
                    private_address: private.map(|private| private.to_string()).unwrap_or_default(),
                    public_port: port.map(u32::from).unwrap_or_default(),
                }),
                ..Self::default()
            },
            AnyDevice::Ipv6(address) => Self {
                ipv6_address: address.to_string(),
                ..Self::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn behind(public: &str, port: u32, private: &str) -> v1::Device {
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
    fn each_kind_of_identifier_is_recognised() {
        for (text, device) in [
            ("192.0.2.1:4711", behind("192.0.2.1", 4711, "")),
            ("192.0.2.1,100.64.0.7", behind("192.0.2.1", 0, "100.64.0.7")),
            (
                "192.0.2.1:4711,100.64.0.7",
                behind("192.0.2.1", 4711, "100.64.0.7"),
            ),
            (
                "2001:db8::1",
                v1::Device {
                    ipv6_address: "2001:db8::1".into(),
                    ..v1::Device::default()
                },
            ),
            (
                "+99912345678",
                v1::Device {
                    phone_number: "+99912345678".into(),
                    ..v1::Device::default()
                },
            ),
            (
                "Meter-7@iot.example",
                v1::Device {
                    network_access_identifier: "Meter-7@iot.example".into(),
                    ..v1::Device::default()
                },
            ),
        ] {
            assert_eq!(
                v1::Device::from(text.parse::<AnyDevice>().unwrap()),
                device,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_what_it_was_most_likely_meant_to_be() {
        for (text, word) in [
            ("192.0.2.1", "IPv4"),
            ("192.0.2.1:0", "IPv4"),
            ("192.0.2.1:65536", "IPv4"),
            ("192.0.2.1:", "IPv4"),
            ("192.0.2.256:80", "IPv4"),
            ("192.0.2.1,", "IPv4"),
            ("192.0.2.1,2001:db8::1", "IPv4"),
            ("192.0.2.1,100.64.0.7:80", "IPv4"),
            (",100.64.0.7", "phone number"),
            ("2001:db8::/64", "IPv6"),
            ("[2001:db8::1]:443", "IPv6"),
            ("2001:db8::1,100.64.0.7", "IPv6"),
            ("99912345678", "phone number"),
            ("", "phone number"),
            ("meter@", "external identifier"),
        ] {
            let told = text.parse::<AnyDevice>().unwrap_err();
            assert!(told.contains(word), "{text}: {told}");
        }
    }
}
