//! Section `lookup` of the configuration.

use serde::Deserialize;

use crate::domain::routing::Pool;
use crate::domain::{Routing, RoutingDomain};

/// Section `[lookup]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LookupConfig {
    /// Routing domains and the public addresses behind which they are.
    pub routing_domains: Vec<RoutingDomainConfig>,
}

/// A network in which private addresses are unique, `[[lookup.routing_domains]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingDomainConfig {
    /// As events name it: 1 to 64 letters, digits, dots, underscores and hyphens.
    pub name: String,
    /// The public addresses of its NAT, such as `192.0.2.0/24`.
    pub public: Vec<String>,
}

impl LookupConfig {
    /// More pools than an operator has, since every lookup by a private address goes through them.
    const MOST_POOLS: usize = 1024;

    /// What is wrong, as pairs of key and sentence.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut pools: Vec<Pool> = Vec::new();
        for (place, domain) in self.routing_domains.iter().enumerate() {
            let key = |name: &str| format!("lookup.routing_domains[{place}].{name}");
            match RoutingDomain::parse(&domain.name) {
                Err(error) => problems.push((key("name"), error.to_string())),
                Ok(name) if name.is_default() => problems.push((
                    key("name"),
                    "must not be empty: that is the domain of all other addresses".into(),
                )),
                Ok(_) => {}
            }
            if domain.public.is_empty() {
                let text = "must name at least one network, such as \"192.0.2.0/24\"";
                problems.push((key("public"), text.into()));
            }
            for text in &domain.public {
                match Pool::parse(text) {
                    None => problems.push((
                        key("public"),
                        format!("{text:?} is no IPv4 network such as \"192.0.2.0/24\", host bits zero"),
                    )),
                    Some(pool) if pools.contains(&pool) => {
                        problems.push((key("public"), format!("{text:?} is named twice")));
                    }
                    Some(pool) => pools.push(pool),
                }
            }
        }
        if pools.len() > Self::MOST_POOLS {
            let text = format!("at most {} networks in all", Self::MOST_POOLS);
            problems.push(("lookup.routing_domains".into(), text));
        }
        problems
    }

    /// The table for lookups. What [`Self::problems`] finds wrong is left out.
    pub fn routing(&self) -> Routing {
        let named = self.routing_domains.iter().filter_map(|domain| {
            let name = RoutingDomain::parse(&domain.name).ok()?;
            Some((name, &domain.public))
        });
        Routing::new(named.flat_map(|(name, public)| {
            let pools = public.iter().filter_map(|text| Pool::parse(text));
            pools.map(move |pool| (pool, name.clone()))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(domains: &[(&str, &[&str])]) -> LookupConfig {
        let domain = |(name, public): &(&str, &[&str])| RoutingDomainConfig {
            name: (*name).into(),
            public: public.iter().map(|text| (*text).into()).collect(),
        };
        LookupConfig {
            routing_domains: domains.iter().map(domain).collect(),
        }
    }

    #[test]
    fn the_longest_prefix_tells_the_domain() {
        let config = config(&[
            ("wide", &["192.0.2.0/24", "203.0.113.7/32"]),
            ("narrow", &["192.0.2.64/26"]),
            ("rest", &["0.0.0.0/0"]),
        ]);
        assert_eq!(config.problems(), []);
        let routing = config.routing();
        let behind = |octets: [u8; 4]| routing.domain_behind(octets.into()).as_str().to_owned();
        assert_eq!(behind([192, 0, 2, 63]), "wide");
        assert_eq!(behind([192, 0, 2, 64]), "narrow");
        assert_eq!(behind([192, 0, 2, 127]), "narrow");
        assert_eq!(behind([192, 0, 2, 128]), "wide");
        assert_eq!(behind([203, 0, 113, 7]), "wide");
        assert_eq!(behind([203, 0, 113, 8]), "rest");
        assert!(
            Routing::default()
                .domain_behind([192, 0, 2, 1].into())
                .is_default()
        );
    }

    #[test]
    fn every_wrong_value_is_named() {
        let config = config(&[
            ("", &["192.0.2.0/24"]),
            ("a b", &[]),
            (
                "fine",
                &["192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/24", "2001:db8::/32"],
            ),
        ]);
        let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
        let of = |place: usize, name: &str| format!("lookup.routing_domains[{place}].{name}");
        assert_eq!(
            keys,
            [
                of(0, "name"),
                of(1, "name"),
                of(1, "public"),
                of(2, "public"),
                of(2, "public"),
                of(2, "public"),
                of(2, "public"),
            ]
        );
    }
}
