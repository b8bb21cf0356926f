//! Addresses that a session gives a subscriber for as long as it lasts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Node, Timestamp};

/// What a session of the subscriber has of the network's addresses: one IPv4 address, or one IPv6 prefix.
///
/// Personal data while the session lasts: `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpPrefix {
    address: IpAddr,
    length: u8,
}

impl IpPrefix {
    /// An IPv4 address; `None` for one that no device can have.
    pub fn v4(address: Ipv4Addr) -> Option<Self> {
        // 255.255.255.254 and .255 ask for an address where one is told (RFC 7155 §4.4.10.5.1).
        let usable = !address.is_unspecified()
            && !address.is_loopback()
            && !address.is_multicast()
            && address < Ipv4Addr::new(255, 255, 255, 254);
        usable.then_some(Self {
            address: address.into(),
            length: 32,
        })
    }

    /// The IPv6 prefix of that many bits to which an address belongs; `None` for none, more than 128, and for a prefix
    /// that no device can have.
    pub fn v6(address: Ipv6Addr, length: u8) -> Option<Self> {
        let mask = match length {
            1..=128 => u128::MAX << (128 - length),
            _ => return None,
        };
        let address = Ipv6Addr::from_bits(address.to_bits() & mask);
        let usable = !address.is_unspecified()
            && !address.is_loopback()
            && !address.is_multicast()
            && !address.is_unicast_link_local();
        usable.then_some(Self {
            address: address.into(),
            length,
        })
    }

    /// Reads what [`Self::text`] wrote, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let prefix = match (address.parse().ok()?, length.parse().ok()?) {
            (IpAddr::V4(address), 32) => Self::v4(address),
            (IpAddr::V4(_), _) => None,
            (IpAddr::V6(address), length) => Self::v6(address, length),
        };
        prefix.filter(|prefix| prefix.text() == text)
    }

    /// Such as `192.0.2.1/32` and `2001:db8::/64`. Personal data.
    pub fn text(self) -> String {
        format!("{}/{}", self.address, self.length)
    }
}

impl fmt::Debug for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IpPrefix(redacted)")
    }
}

/// A session got or lost an address, at the time of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpChange {
    /// Which address.
    pub prefix: IpPrefix,
    /// Which session: the node under which it is registered in [`Slot::Session`](super::Slot::Session).
    pub session: Node,
    /// Got or lost.
    pub kind: IpChangeKind,
}

/// What happened to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpChangeKind {
    /// The session has it, from then on or since before.
    Started,
    /// The session has it no longer.
    Ended,
}

/// All that is known of one session's hold on one address: the newest of each, so that facts join in any order.
///
/// The session has the address in the half-open interval from the one to the other. Of several sessions with one
/// address the one that started last has it, even after its end: the earlier ones lost it when the later one began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IpFacts {
    /// Newest time at which the session had it.
    pub started_at: Option<Timestamp>,
    /// Newest time at which the session let it go.
    pub ended_at: Option<Timestamp>,
}

impl IpFacts {
    /// The facts of one change.
    pub fn of(kind: IpChangeKind, at: Timestamp) -> Self {
        match kind {
            IpChangeKind::Started => Self {
                started_at: Some(at),
                ended_at: None,
            },
            IpChangeKind::Ended => Self {
                started_at: None,
                ended_at: Some(at),
            },
        }
    }

    /// Takes the newest of each. Commutative, associative, and joining twice is joining once.
    pub fn join(&mut self, other: &Self) {
        self.started_at = self.started_at.max(other.started_at);
        self.ended_at = self.ended_at.max(other.ended_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_its_network_and_reads_back() {
        let v6 = |text: &str, length| IpPrefix::v6(text.parse().unwrap(), length);
        let prefix = v6("2001:db8:1:2:3:4:5:6", 64).unwrap();
        assert_eq!(Some(prefix), v6("2001:db8:1:2::", 64));
        assert_eq!(prefix.text(), "2001:db8:1:2::/64");
        let host = IpPrefix::v4(Ipv4Addr::new(192, 0, 2, 1)).unwrap();
        assert_eq!(host.text(), "192.0.2.1/32");
        let whole = v6("2001:db8::1", 128).unwrap();
        for known in [prefix, host, whole] {
            assert_eq!(IpPrefix::parse(&known.text()), Some(known));
        }
        for wrong in [
            "",
            "192.0.2.1",
            "192.0.2.1/24",
            "192.0.2.1/032",
            "2001:DB8::/64",
            "2001:db8::1/64",
            "2001:db8::/129",
            "2001:db8::/0",
        ] {
            assert_eq!(IpPrefix::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_no_device_can_have_is_no_address() {
        for octets in [
            [0, 0, 0, 0],
            [127, 0, 0, 1],
            [224, 0, 0, 1],
            [255, 255, 255, 254],
            [255; 4],
        ] {
            assert_eq!(IpPrefix::v4(octets.into()), None, "{octets:?}");
        }
        for (text, length) in [
            ("::", 64),
            ("::1", 128),
            ("ff02::1", 128),
            ("fe80::1", 64),
            ("2001:db8::", 0),
        ] {
            assert_eq!(IpPrefix::v6(text.parse().unwrap(), length), None, "{text}");
        }
    }

    #[test]
    fn debug_output_shows_no_address() {
        let prefix = IpPrefix::v4(Ipv4Addr::new(192, 0, 2, 1)).unwrap();
        assert_eq!(format!("{prefix:?}"), "IpPrefix(redacted)");
    }
}
