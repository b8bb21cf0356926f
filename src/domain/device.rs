//! Which device a question is about.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Identifier;

/// What names the device that a question is about. Personal data: `Debug` shows nothing of addresses.
#[derive(Clone, PartialEq, Eq)]
pub enum DeviceQuery {
    /// A lasting identifier.
    Identifier(Identifier),
    /// An IPv4 address, with what tells the device from others behind the same NAT. Of both, the private address is asked
    /// first.
    Ipv4 {
        /// As others see it.
        public: Ipv4Addr,
        /// As the device has it, in the routing domain behind the public one; without NAT it is the same.
        private: Option<Ipv4Addr>,
        /// The port that others see.
        port: Option<u16>,
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
