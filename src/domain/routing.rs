//! In which routing domain a device is that is seen from outside.

use std::net::Ipv4Addr;

use super::RoutingDomain;

/// Which routing domain is behind a public address.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    /// The longest prefix first.
    pools: Vec<(Pool, RoutingDomain)>,
}

/// An IPv4 network of public addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    network: u32,
    length: u32,
}

impl Pool {
    /// Reads such as `192.0.2.0/24`; `None` for anything else, and for host bits that are not zero.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
        let network = address.to_bits();
        (network & Self::mask(length) == network).then_some(Self { network, length })
    }

    fn mask(length: u32) -> u32 {
        u32::MAX.checked_shl(32 - length).unwrap_or(0)
    }

    fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & Self::mask(self.length) == self.network
    }
}

impl Routing {
    /// The table of these networks and domains. Of networks that lie in each other the longest prefix counts.
    pub fn new(pools: impl IntoIterator<Item = (Pool, RoutingDomain)>) -> Self {
        let mut pools: Vec<_> = pools.into_iter().collect();
        pools.sort_by_key(|(pool, _)| std::cmp::Reverse(pool.length));
        Self { pools }
    }

    /// The routing domain behind a public address; the default one where none is configured.
    pub fn domain_behind(&self, public: Ipv4Addr) -> RoutingDomain {
        let found = self.pools.iter().find(|(pool, _)| pool.contains(public));
        found.map(|(_, domain)| domain.clone()).unwrap_or_default()
    }
}
