//! Which device a question is about.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Identifier, RoutingDomain};

/// What names the device that a question is about. Personal data: `Debug` shows nothing of addresses.
#[derive(Clone, PartialEq, Eq)]
pub enum DeviceQuery {
    /// A lasting identifier.
    Identifier(Identifier),
    /// An IPv4 address, seen from inside or from outside or both. What is seen from inside is asked first.
    Ipv4 {
        /// The address that the device has, in the routing domain in which it has it.
        private: Option<(RoutingDomain, Ipv4Addr)>,
        /// The address and port that others see of it. Without NAT that is the address that it has.
        public: Option<(Ipv4Addr, u16)>,
    },
    /// Any IPv6 address of the device.
    Ipv6(Ipv6Addr),
}

impl fmt::Debug for DeviceQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identifier(identifier) => write!(f, "Identifier({identifier:?})"),
            Self::Ipv4 { .. } => f.write_str("Ipv4(redacted)"),
            Self::Ipv6(_) => f.write_str("Ipv6(redacted)"),
        }
    }
}

impl From<Identifier> for DeviceQuery {
    fn from(identifier: Identifier) -> Self {
        Self::Identifier(identifier)
    }
}
