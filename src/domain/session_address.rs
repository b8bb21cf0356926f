//! What a session has of the network's addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The network in which an IPv4 address means one device: private ranges repeat. The empty name is the default one.
///
/// 1 to 64 letters, digits, dots, underscores and hyphens; cloning shares the text. Not personal data.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoutingDomain(Option<Arc<str>>);

/// Why a text is not a routing domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a routing domain has 1 to 64 letters, digits, dots, underscores and hyphens")]
pub struct RoutingDomainError;

impl RoutingDomain {
    /// Reads a name; the empty one is the default domain.
    ///
    /// # Errors
    ///
    /// More than 64 characters, or others than letters, digits, `.`, `_` and `-`.
    pub fn parse(name: &str) -> Result<Self, RoutingDomainError> {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        match name.len() {
            0 => Ok(Self::default()),
            1..=64 if name.bytes().all(fine) => Ok(Self(Some(name.into()))),
            _ => Err(RoutingDomainError),
        }
    }

    /// Whether it is the one without a name.
    pub fn is_default(&self) -> bool {
        self.0.is_none()
    }

    /// The name, empty for the default domain.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for RoutingDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoutingDomain({})", self.as_str())
    }
}

/// Ports of one address, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// `None` if it would end before it begins.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The lowest port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    pub fn last(self) -> u16 {
        self.last
    }

    /// Whether a port is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

/// What a session of the subscriber has of the network's addresses: an IPv4 address in a routing domain, an IPv6 prefix, or
/// ports of a public IPv4 address behind which NAT puts it.
///
/// Personal data while the session lasts: `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionAddress(Kind);

/// Constructors alone make these, so that each is one that a device can have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    V4(RoutingDomain, Ipv4Addr),
    V6(Ipv6Addr, u8),
    Nat(Ipv4Addr, PortRange),
}

/// A [`SessionAddress`] to look into.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AddressParts<'a> {
    /// An IPv4 address in a routing domain.
    V4(&'a RoutingDomain, Ipv4Addr),
    /// An IPv6 network, host bits zero, and how many bits its prefix has (1 to 128).
    V6(Ipv6Addr, u8),
    /// Ports of a public IPv4 address.
    Nat(Ipv4Addr, PortRange),
}

impl SessionAddress {
    /// An IPv4 address in a routing domain; `None` for one that no device can have.
    pub fn v4(domain: RoutingDomain, address: Ipv4Addr) -> Option<Self> {
        is_usable(address).then_some(Self(Kind::V4(domain, address)))
    }

    /// The IPv6 prefix of that many bits to which an address belongs; `None` for none, more than 128, and for a prefix
    /// that no device can have.
    pub fn v6(address: Ipv6Addr, length: u8) -> Option<Self> {
        let network = network(address, length)?;
        let usable = !network.is_unspecified()
            && !network.is_loopback()
            && !network.is_multicast()
            && !network.is_unicast_link_local();
        usable.then_some(Self(Kind::V6(network, length)))
    }

    /// Ports of a public address that NAT gives the session; `None` for an address that no device can have.
    pub fn nat(public: Ipv4Addr, ports: PortRange) -> Option<Self> {
        is_usable(public).then_some(Self(Kind::Nat(public, ports)))
    }

    /// What it is made of. Personal data.
    pub fn parts(&self) -> AddressParts<'_> {
        match &self.0 {
            Kind::V4(domain, address) => AddressParts::V4(domain, *address),
            Kind::V6(network, length) => AddressParts::V6(*network, *length),
            Kind::Nat(public, ports) => AddressParts::Nat(*public, *ports),
        }
    }

    /// Reads what [`Self::text`] wrote, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let read = if let Some((address, rest)) = text.split_once('/') {
            let (length, domain) = rest.split_once('@').unwrap_or((rest, ""));
            match (address.parse().ok()?, length.parse().ok()?) {
                (IpAddr::V4(address), 32) => Self::v4(RoutingDomain::parse(domain).ok()?, address),
                (IpAddr::V4(_), _) => None,
                (IpAddr::V6(address), length) => Self::v6(address, length),
            }
        } else {
            let (address, ports) = text.split_once(':')?;
            let (first, last) = ports.split_once('-')?;
            let ports = PortRange::new(first.parse().ok()?, last.parse().ok()?)?;
            Self::nat(address.parse().ok()?, ports)
        };
        read.filter(|address| address.text() == text)
    }

    /// Such as `192.0.2.1/32`, `100.64.0.1/32@north`, `2001:db8::/64` and `192.0.2.1:1024-2047`. Personal data.
    pub fn text(&self) -> String {
        match &self.0 {
            Kind::V4(domain, address) if domain.is_default() => format!("{address}/32"),
            Kind::V4(domain, address) => format!("{address}/32@{}", domain.as_str()),
            Kind::V6(network, length) => format!("{network}/{length}"),
            Kind::Nat(public, ports) => format!("{public}:{}-{}", ports.first, ports.last),
        }
    }
}

impl fmt::Debug for SessionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionAddress(redacted)")
    }
}

impl fmt::Debug for AddressParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressParts(redacted)")
    }
}

/// The first bits of an address; `None` for no bits at all, and for more than it has.
pub fn network(address: Ipv6Addr, length: u8) -> Option<Ipv6Addr> {
    let mask = match length {
        1..=128 => u128::MAX << (128 - length),
        _ => return None,
    };
    Some(Ipv6Addr::from_bits(address.to_bits() & mask))
}

fn is_usable(address: Ipv4Addr) -> bool {
    // 255.255.255.254 and .255 ask for an address where one is told (RFC 7155 §4.4.10.5.1).
    !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
        && address < Ipv4Addr::new(255, 255, 255, 254)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(domain: &str, octets: [u8; 4]) -> Option<SessionAddress> {
        SessionAddress::v4(RoutingDomain::parse(domain).unwrap(), octets.into())
    }

    fn v6(text: &str, length: u8) -> Option<SessionAddress> {
        SessionAddress::v6(text.parse().unwrap(), length)
    }

    #[test]
    fn an_address_is_its_network_and_reads_back() {
        let prefix = v6("2001:db8:1:2:3:4:5:6", 64).unwrap();
        assert_eq!(Some(&prefix), v6("2001:db8:1:2::", 64).as_ref());
        assert_eq!(prefix.text(), "2001:db8:1:2::/64");
        let host = v4("", [192, 0, 2, 1]).unwrap();
        assert_eq!(host.text(), "192.0.2.1/32");
        let elsewhere = v4("north-1", [192, 0, 2, 1]).unwrap();
        assert_eq!(elsewhere.text(), "192.0.2.1/32@north-1");
        assert_ne!(host, elsewhere);
        let ports = PortRange::new(1024, 2047).unwrap();
        let nat = SessionAddress::nat([192, 0, 2, 1].into(), ports).unwrap();
        assert_eq!(nat.text(), "192.0.2.1:1024-2047");
        for known in [prefix, host, elsewhere, nat, v6("2001:db8::1", 128).unwrap()] {
            assert_eq!(SessionAddress::parse(&known.text()), Some(known));
        }
        for wrong in [
            "",
            "192.0.2.1",
            "192.0.2.1/24",
            "192.0.2.1/032",
            "192.0.2.1/32@",
            "192.0.2.1/32@a b",
            "192.0.2.1:1024",
            "192.0.2.1:2-1",
            "192.0.2.1:1-65536",
            "192.0.2.1:01-2",
            "2001:DB8::/64",
            "2001:db8::1/64",
            "2001:db8::/64@north",
            "2001:db8::/129",
            "2001:db8::/0",
        ] {
            assert_eq!(SessionAddress::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_no_device_can_have_is_no_address() {
        let ports = PortRange::new(0, 65535).unwrap();
        for octets in [
            [0, 0, 0, 0],
            [127, 0, 0, 1],
            [224, 0, 0, 1],
            [255, 255, 255, 254],
            [255; 4],
        ] {
            assert_eq!(v4("", octets), None, "{octets:?}");
            assert_eq!(SessionAddress::nat(octets.into(), ports), None, "{octets:?}");
        }
        for (text, length) in [
            ("::", 64),
            ("::1", 128),
            ("ff02::1", 128),
            ("fe80::1", 64),
            ("2001:db8::", 0),
        ] {
            assert_eq!(v6(text, length), None, "{text}");
        }
    }

    #[test]
    fn a_range_has_both_its_ends() {
        let ports = PortRange::new(1024, 2047).unwrap();
        assert!(ports.contains(1024) && ports.contains(2047));
        assert!(!ports.contains(1023) && !ports.contains(2048));
        assert_eq!(PortRange::new(2, 1), None);
        assert!(PortRange::new(7, 7).is_some_and(|one| one.contains(7)));
    }

    #[test]
    fn routing_domains_have_plain_names() {
        let longest = "a".repeat(64);
        for fine in ["", "north", "vrf_7.example-1", longest.as_str()] {
            assert_eq!(
                RoutingDomain::parse(fine).unwrap().as_str(),
                fine,
                "kept as it is"
            );
        }
        let longer = "a".repeat(65);
        for wrong in [" ", "a b", "a@b", "a/b", "ä", longer.as_str()] {
            assert_eq!(RoutingDomain::parse(wrong), Err(RoutingDomainError), "{wrong}");
        }
    }

    #[test]
    fn debug_output_shows_no_address() {
        let address = v4("", [192, 0, 2, 1]).unwrap();
        let shown = format!("{address:?} {:?}", address.parts());
        assert_eq!(shown, "SessionAddress(redacted) AddressParts(redacted)");
    }
}
