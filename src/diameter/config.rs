//! The `[diameter]` section of the configuration.
//!
//! Durations carry their unit (`"30s"`). What the types alone cannot rule out is found by
//! [`DiameterConfig::problems`], which names every fault at once with its key and what to do.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use super::dict::{APPLICATIONS, application_named};

/// The Diameter node and its peers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiameterConfig {
    /// Where TCP connections are accepted. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Origin-Host of this node: a fully qualified host name.
    pub identity: String,
    /// Origin-Realm of this node.
    pub realm: String,
    /// Whether a peer that is not configured may connect. Meant for laboratories: such a peer may report anything about
    /// any subscriber. It is read in mode `copy`.
    pub accept_unknown_peers: bool,
    /// The peers this node knows.
    pub peers: Vec<PeerConfig>,
    /// Twinit of RFC 3539 §3.4.1: silence that long makes this node ask for a sign of life. At least 6 s for
    /// production by the RFC; lower values are let pass down to 100 ms for laboratories.
    #[serde(with = "humantime_serde")]
    pub watchdog: Duration,
    /// Tc of RFC 6733 §2.1: the longest pause between two attempts to connect to a peer.
    #[serde(with = "humantime_serde")]
    pub reconnect: Duration,
    /// How long an attempt to connect may take.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// How long a new connection may take to complete the capabilities exchange.
    #[serde(with = "humantime_serde")]
    pub cer_timeout: Duration,
    /// How long the answer to Disconnect-Peer, or the peer's disconnection after ours, is waited for.
    #[serde(with = "humantime_serde")]
    pub disconnect_timeout: Duration,
    /// How long pending requests are given to be answered before an orderly close goes on.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    /// How long a message may take to arrive, from its first octet to its last.
    #[serde(with = "humantime_serde")]
    pub message_timeout: Duration,
    /// How long a peer may leave what we write unread before the connection is closed.
    #[serde(with = "humantime_serde")]
    pub write_timeout: Duration,
    /// The longest message accepted, in octets.
    pub max_message_size: usize,
    /// The greatest number of connections accepted at a time.
    pub max_connections: usize,
    /// Requests of one connection that may wait for their answer; beyond it the connection is not read.
    pub max_pending: usize,
    /// How many requests are remembered to recognise duplicates, at about 100 octets each. Each is remembered for four
    /// minutes at least, unless there are more than half as many in four minutes.
    pub remembered_requests: usize,
}

impl Default for DiameterConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3868)),
            identity: "reachd.localdomain".to_owned(),
            realm: "localdomain".to_owned(),
            accept_unknown_peers: false,
            peers: Vec::new(),
            watchdog: Duration::from_secs(30),
            reconnect: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            cer_timeout: Duration::from_secs(10),
            disconnect_timeout: Duration::from_secs(5),
            grace: Duration::from_secs(2),
            message_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            max_message_size: 256 * 1024,
            max_connections: 256,
            max_pending: 4096,
            remembered_requests: 1_000_000,
        }
    }
}

/// One configured peer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerConfig {
    /// Its Origin-Host.
    pub identity: String,
    /// Its Origin-Realm. A peer that names another one is refused; without this key any realm is fine.
    #[serde(default)]
    pub realm: Option<String>,
    /// Where to connect to, as `host:port`. Without it this node waits for the peer to connect.
    #[serde(default)]
    pub address: Option<String>,
    /// How its messages are to be read.
    #[serde(default)]
    pub mode: PeerMode,
    /// The applications it may use, by name. Empty means every one that this node serves.
    #[serde(default)]
    pub applications: Vec<String>,
}

/// How a peer's messages are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerMode {
    /// It sends us copies of requests meant for another host. Our answers go nowhere beyond it, and Destination-Host
    /// and Destination-Realm name the original addressee.
    #[default]
    Copy,
    /// Its requests are addressed to us and our answers act.
    Endpoint,
}

impl PeerConfig {
    /// A peer known by its identity alone; the rest takes the defaults.
    #[must_use]
    pub fn new(identity: &str) -> Self {
        Self {
            identity: identity.to_owned(),
            realm: None,
            address: None,
            mode: PeerMode::default(),
            applications: Vec::new(),
        }
    }

    /// The Application-Ids it may use: those named that this node serves, or all of them.
    #[must_use]
    pub fn application_ids(&self) -> Vec<u32> {
        APPLICATIONS
            .iter()
            .filter(|application| {
                self.applications.is_empty()
                    || self
                        .applications
                        .iter()
                        .any(|own| own.eq_ignore_ascii_case(application.name))
            })
            .map(|application| application.id)
            .collect()
    }
}

impl DiameterConfig {
    /// Everything that is wrong, as (key below `diameter`, what is wrong and what to do). Empty means usable.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut found = |key: String, text: String| problems.push((key, text));

        if let Err(text) = check_identity(&self.identity) {
            found(
                "identity".to_owned(),
                format!("{text}; set it to this node's host name, such as \"reachd1.example.net\""),
            );
        }
        if let Err(text) = check_identity(&self.realm) {
            found(
                "realm".to_owned(),
                format!("{text}; set it to this node's realm, such as \"example.net\""),
            );
        }
        for (key, value, least) in [
            ("watchdog", self.watchdog, Duration::from_millis(100)),
            ("reconnect", self.reconnect, Duration::from_millis(10)),
            ("connect_timeout", self.connect_timeout, Duration::from_millis(10)),
            ("cer_timeout", self.cer_timeout, Duration::from_millis(10)),
            (
                "disconnect_timeout",
                self.disconnect_timeout,
                Duration::from_millis(10),
            ),
            ("message_timeout", self.message_timeout, Duration::from_millis(10)),
            ("write_timeout", self.write_timeout, Duration::from_millis(10)),
            ("grace", self.grace, Duration::ZERO),
        ] {
            if value < least || value > LONGEST {
                found(
                    key.to_owned(),
                    format!("{value:?} is out of range; choose between {least:?} and {LONGEST:?}"),
                );
            }
        }
        for (key, value, least, most) in [
            (
                "max_message_size",
                self.max_message_size,
                4096,
                16 * 1024 * 1024 - 4,
            ),
            ("max_connections", self.max_connections, 1, 65_536),
            ("max_pending", self.max_pending, 1, 1 << 20),
            ("remembered_requests", self.remembered_requests, 1000, 100_000_000),
        ] {
            if value < least || value > most {
                found(
                    key.to_owned(),
                    format!("{value} is out of range; choose between {least} and {most}"),
                );
            }
        }
        let mut seen = HashSet::new();
        for (index, peer) in self.peers.iter().enumerate() {
            let key = |name: &str| format!("peers[{index}].{name}");
            match check_identity(&peer.identity) {
                Err(text) => found(
                    key("identity"),
                    format!("{text}; set it to the Origin-Host that the peer sends"),
                ),
                Ok(()) => {
                    if !seen.insert(peer.identity.to_ascii_lowercase()) {
                        found(
                            key("identity"),
                            format!("\"{}\" is configured twice; remove one", peer.identity),
                        );
                    }
                    if peer.identity.eq_ignore_ascii_case(&self.identity) {
                        found(
                            key("identity"),
                            "is this node's own identity; name the peer's".to_owned(),
                        );
                    }
                }
            }
            if let Some(Err(text)) = peer.realm.as_deref().map(check_identity) {
                found(
                    key("realm"),
                    format!("{text}; set it to the Origin-Realm that the peer sends, or leave it out"),
                );
            }
            if let Some(address) = &peer.address
                && !is_host_and_port(address)
            {
                found(
                    key("address"),
                    format!("\"{address}\" is not host:port; write it as \"dra1.example.net:3868\""),
                );
            }
            for name in &peer.applications {
                if application_named(name).is_none() {
                    let known: Vec<_> = APPLICATIONS.iter().map(|known| known.name).collect();
                    found(
                        key("applications"),
                        format!(
                            "\"{name}\" is not an application of this node; known: {}",
                            known.join(", ")
                        ),
                    );
                }
            }
        }
        problems
    }
}

/// No timer of a connection is longer: an hour of silence is no state to be in.
const LONGEST: Duration = Duration::from_secs(3600);

/// The same alphabet that is accepted from peers, so that what is configured can be matched.
fn check_identity(identity: &str) -> Result<(), String> {
    let sound = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    if identity.is_empty() {
        return Err("is empty".to_owned());
    }
    if identity.len() > 255 || !identity.bytes().all(sound) {
        return Err("is not a host name of at most 255 letters, digits, hyphens and dots".to_owned());
    }
    Ok(())
}

fn is_host_and_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && host.len() <= 255 && port.parse::<u16>().is_ok_and(|port| port != 0)
    })
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
mod tests {
    use super::*;
    use crate::diameter::dict::s6a;

    fn keys(config: &DiameterConfig) -> Vec<String> {
        config.problems().into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn the_defaults_are_usable() {
        assert_eq!(DiameterConfig::default().problems(), []);
    }

    #[test]
    fn durations_carry_units_and_unknown_keys_are_refused() {
        let config: DiameterConfig = serde_json::from_str(
            r#"{"watchdog": "6s", "peers": [{"identity": "dra1.example", "mode": "endpoint", "applications": ["s6a"]}]}"#,
        )
        .unwrap();
        assert_eq!(config.watchdog, Duration::from_secs(6));
        assert_eq!(config.peers[0].mode, PeerMode::Endpoint);
        assert_eq!(config.peers[0].application_ids(), [s6a::APPLICATION]);
        assert!(serde_json::from_str::<DiameterConfig>(r#"{"watchdogs": "6s"}"#).is_err());
        assert!(
            serde_json::from_str::<DiameterConfig>(r#"{"peers": [{"identity": "a", "port": 1}]}"#).is_err()
        );
    }

    #[test]
    fn every_problem_is_named_at_once_with_its_key() {
        let mut twice = PeerConfig::new("DRA1.example");
        twice.address = Some("nowhere".to_owned());
        twice.applications = vec!["gx".to_owned()];
        twice.realm = Some(String::new());
        let config = DiameterConfig {
            identity: "not a name".to_owned(),
            realm: String::new(),
            watchdog: Duration::from_millis(1),
            max_pending: 0,
            peers: vec![PeerConfig::new("dra1.example"), twice],
            ..DiameterConfig::default()
        };
        assert_eq!(
            keys(&config),
            [
                "identity",
                "realm",
                "watchdog",
                "max_pending",
                "peers[1].identity",
                "peers[1].realm",
                "peers[1].address",
                "peers[1].applications"
            ]
        );
    }

    #[test]
    fn a_peer_cannot_have_our_own_identity() {
        let config = DiameterConfig {
            peers: vec![PeerConfig::new("Reachd.LocalDomain")],
            ..DiameterConfig::default()
        };
        assert_eq!(keys(&config), ["peers[0].identity"]);
    }
}
