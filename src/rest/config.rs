//! Section `rest` of the configuration. Without it nothing is served over HTTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::northbound::identifier::Kind;

use super::auth::AuthConfig;

/// Section `rest`: the CAMARA API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RestConfig {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The kinds of identifiers that devices may be asked for by.
    pub identifiers: Vec<IdentifierKind>,
    /// Beginnings of the phone numbers that are served, each with its plus. None: every number is.
    pub served_numbers: Vec<String>,
    /// Who may ask.
    pub auth: AuthConfig,
    /// How much of everything.
    pub limits: LimitsConfig,
    /// Certificate and key, to serve HTTPS instead of HTTP.
    pub tls: RestTlsConfig,
}

/// A kind of identifier as the API names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IdentifierKind {
    /// A phone number.
    PhoneNumber,
    /// An external identifier. CAMARA leaves it out of these versions.
    NetworkAccessIdentifier,
    /// An IPv4 address.
    Ipv4Address,
    /// An IPv6 address.
    Ipv6Address,
}

impl From<IdentifierKind> for Kind {
    fn from(kind: IdentifierKind) -> Self {
        match kind {
            IdentifierKind::PhoneNumber => Self::PhoneNumber,
            IdentifierKind::NetworkAccessIdentifier => Self::NetworkAccessIdentifier,
            IdentifierKind::Ipv4Address => Self::Ipv4Address,
            IdentifierKind::Ipv6Address => Self::Ipv6Address,
        }
    }
}

/// Section `rest.limits`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Requests that one client may send in a second, on the average. 0: no limit.
    pub rate: u32,
    /// Requests that one client may send at once after a pause.
    pub burst: u32,
    /// Requests that one client may send in a day (UTC). 0: no limit.
    pub per_day: u64,
    /// Clients that are told apart; those beyond share one allowance.
    pub clients: usize,
    /// Requests that are answered at the same time.
    pub concurrency: usize,
    /// Connections that are open at the same time.
    pub connections: usize,
    /// The largest body taken, in octets.
    pub body: usize,
    /// How long the head of a request may take from its first octet on.
    #[serde(with = "humantime_serde")]
    pub head_timeout: Duration,
    /// How long the body of a request may take.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// How long a response may wait for a client that does not read.
    #[serde(with = "humantime_serde")]
    pub write_timeout: Duration,
    /// How long a connection may be open without a request.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
}

/// Section `rest.tls`. The files are read again when they change, and on SIGHUP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RestTlsConfig {
    /// PEM: our certificate, followed by what leads to its authority. Both empty: no TLS.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

impl Default for RestConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            // As CAMARA has it: the network access identifier is for a later version.
            identifiers: vec![
                IdentifierKind::PhoneNumber,
                IdentifierKind::Ipv4Address,
                IdentifierKind::Ipv6Address,
            ],
            served_numbers: Vec::new(),
            auth: AuthConfig::default(),
            limits: LimitsConfig::default(),
            tls: RestTlsConfig::default(),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            rate: 100,
            burst: 200,
            per_day: 0,
            clients: 10_000,
            concurrency: 1024,
            connections: 10_000,
            body: 16 * 1024,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
        }
    }
}

impl RestConfig {
    /// What is wrong, as (key, sentence).
    pub fn problems(&self) -> Vec<(String, String)> {
        let Self {
            listen: _,
            identifiers,
            served_numbers,
            auth,
            limits,
            tls: _,
        } = self;
        let mut problems = limits.problems();
        if identifiers.is_empty() {
            problems.push((
                "identifiers".to_owned(),
                "has to name at least one kind, such as \"phoneNumber\"".to_owned(),
            ));
        }
        let is_beginning = |text: &String| {
            text.strip_prefix('+').is_some_and(|digits| {
                (1..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
            })
        };
        if !served_numbers.iter().all(is_beginning) {
            problems.push((
                "served_numbers".to_owned(),
                "has to hold beginnings of numbers with their plus, such as \"+999\"".to_owned(),
            ));
        }
        problems.extend(
            auth.problems()
                .into_iter()
                .map(|(key, sentence)| (format!("auth.{key}"), sentence)),
        );
        problems
    }

    /// Files that it names and that cannot be used, as (key, sentence). Reads them.
    pub fn machine_problems(&self) -> Vec<(String, String)> {
        let mut problems: Vec<_> = self
            .auth
            .machine_problems()
            .into_iter()
            .map(|(key, sentence)| (format!("auth.{key}"), sentence))
            .collect();
        if self.tls.is_on()
            && let Err((key, sentence)) = super::server::tls::read(&self.tls)
        {
            problems.push((format!("tls.{key}"), sentence));
        }
        problems
    }

    /// What can be used and is not fit for the open, as (key, sentence).
    pub fn warnings(&self) -> Vec<(String, String)> {
        self.auth
            .warnings()
            .into_iter()
            .map(|(key, sentence)| (format!("auth.{key}"), sentence))
            .collect()
    }
}

impl RestTlsConfig {
    /// Whether HTTPS is served.
    pub fn is_on(&self) -> bool {
        let Self { certificate, key } = self;
        [certificate, key].iter().any(|path| !path.as_os_str().is_empty())
    }
}

impl LimitsConfig {
    fn problems(&self) -> Vec<(String, String)> {
        let Self {
            rate,
            burst,
            per_day: _,
            clients,
            concurrency,
            connections,
            body,
            head_timeout,
            body_timeout,
            write_timeout,
            idle_timeout,
        } = self;
        let time = Duration::from_millis(100)..=Duration::from_secs(3600);
        let some = 1..=1_000_000;
        [
            (*rate == 0 || *burst > 0, "burst", "has to be at least 1"),
            (
                some.contains(clients),
                "clients",
                "has to lie between 1 and 1000000",
            ),
            (
                some.contains(concurrency),
                "concurrency",
                "has to lie between 1 and 1000000",
            ),
            (
                some.contains(connections),
                "connections",
                "has to lie between 1 and 1000000",
            ),
            (
                (1024..=1024 * 1024).contains(body),
                "body",
                "has to lie between 1024 and 1048576 octets",
            ),
            (
                time.contains(head_timeout),
                "head_timeout",
                "has to lie between 100ms and 1h",
            ),
            (
                time.contains(body_timeout),
                "body_timeout",
                "has to lie between 100ms and 1h",
            ),
            (
                time.contains(write_timeout),
                "write_timeout",
                "has to lie between 100ms and 1h",
            ),
            (
                time.contains(idle_timeout),
                "idle_timeout",
                "has to lie between 100ms and 1h",
            ),
        ]
        .into_iter()
        .filter(|(fine, ..)| !fine)
        .map(|(_, key, sentence)| (format!("limits.{key}"), sentence.to_owned()))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn problems(json: &str) -> Vec<String> {
        let config: RestConfig = serde_json::from_str(json).unwrap();
        config.problems().into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn by_default_it_listens_on_loopback_and_wants_to_know_whose_tokens_to_trust() {
        assert!(RestConfig::default().listen.ip().is_loopback());
        assert_eq!(problems("{}"), ["auth.issuer", "auth.audience", "auth.jwks_url"]);
        assert!(problems(r#"{"auth": {"mode": "none"}}"#).is_empty());
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let json = r#"{
            "auth": {"mode": "none"}, "identifiers": [], "served_numbers": ["999"],
            "limits": {"burst": 0, "clients": 0, "concurrency": 0, "connections": 0, "body": 1,
                       "head_timeout": "0s", "body_timeout": "0s", "write_timeout": "2h", "idle_timeout": "0s"}
        }"#;
        assert_eq!(
            problems(json),
            [
                "limits.burst",
                "limits.clients",
                "limits.concurrency",
                "limits.connections",
                "limits.body",
                "limits.head_timeout",
                "limits.body_timeout",
                "limits.write_timeout",
                "limits.idle_timeout",
                "identifiers",
                "served_numbers"
            ]
        );
    }

    #[test]
    fn unknown_keys_and_kinds_are_refused() {
        assert!(serde_json::from_str::<RestConfig>(r#"{"listne": "127.0.0.1:0"}"#).is_err());
        assert!(serde_json::from_str::<RestConfig>(r#"{"identifiers": ["imsi"]}"#).is_err());
    }
}
