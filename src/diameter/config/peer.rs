//! `[[diameter.peers]]`: who may connect or is connected to, and how its messages are read.

use std::time::Duration;

use serde::Deserialize;

use super::DiameterConfig;
use super::problems::{LEAST, LEAST_WATCHDOG, check_duration, check_identity};
use super::tls::can_be_certified;
use crate::diameter::dict::{APPLICATIONS, application_named};

/// One configured peer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerConfig {
    /// Its Origin-Host.
    pub identity: String,
    /// Its Origin-Realm. A peer that names another one is refused; without this key any realm is fine.
    #[serde(default)]
    pub realm: Option<String>,
    /// The realms whose nodes it may speak for: a request with another Origin-Realm, or with an Origin-Host that is not
    /// within it, is refused (RFC 6733 §2.9). Empty means any.
    #[serde(default)]
    pub origin_realms: Vec<String>,
    /// Where to connect to, as `host:port`. Without it this node waits for the peer to connect.
    #[serde(default)]
    pub address: Option<String>,
    /// What carries its messages. It is refused on any other transport.
    #[serde(default)]
    pub transport: Transport,
    /// Who makes the connection. Left out: both with an `address`, else the peer.
    #[serde(default)]
    pub initiate: Option<Initiate>,
    /// Twinit for this peer instead of the node's.
    #[serde(default, with = "humantime_serde")]
    pub watchdog: Option<Duration>,
    /// Tc for this peer instead of the node's.
    #[serde(default, with = "humantime_serde")]
    pub reconnect: Option<Duration>,
    /// How its messages are to be read.
    #[serde(default)]
    pub mode: PeerMode,
    /// The applications it may use, by name. Empty means every one that this node serves in this mode.
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

/// What carries the messages of a peer (RFC 6733 §2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Plain TCP.
    #[default]
    Tcp,
    /// TLS over TCP, from the first octet on (RFC 6733 §13.1).
    Tls,
    /// SCTP, one user message for each Diameter message.
    Sctp,
}

impl Transport {
    /// As the configuration and the log have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Sctp => "sctp",
        }
    }
}

/// Who makes the connection with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Initiate {
    /// This node. Connections that the peer makes are refused.
    Us,
    /// The peer. This node never dials, whether it has an address or not.
    Peer,
    /// Either; two at once are settled by the election (RFC 6733 §5.6.4).
    Both,
}

impl PeerConfig {
    /// A peer known by its identity alone; the rest takes the defaults.
    #[must_use]
    pub fn new(identity: &str) -> Self {
        Self {
            identity: identity.to_owned(),
            realm: None,
            origin_realms: Vec::new(),
            address: None,
            transport: Transport::default(),
            initiate: None,
            watchdog: None,
            reconnect: None,
            mode: PeerMode::default(),
            applications: Vec::new(),
        }
    }

    /// Who makes the connection, with the default filled in.
    #[must_use]
    pub fn initiator(&self) -> Initiate {
        let without_a_word = match &self.address {
            Some(_) => Initiate::Both,
            None => Initiate::Peer,
        };
        self.initiate.unwrap_or(without_a_word)
    }

    /// Where this node dials, if it does.
    #[must_use]
    pub fn dials(&self) -> Option<&str> {
        self.address
            .as_deref()
            .filter(|_| self.initiator() != Initiate::Peer)
    }

    /// The Application-Ids it may use: those named that this node serves, or all of them that it serves in this mode.
    #[must_use]
    pub fn application_ids(&self) -> Vec<u32> {
        APPLICATIONS
            .iter()
            .filter(|application| {
                if self.applications.is_empty() {
                    return !application.copies_only || self.mode == PeerMode::Copy;
                }
                self.applications
                    .iter()
                    .any(|own| own.eq_ignore_ascii_case(application.name))
            })
            .map(|application| application.id)
            .collect()
    }

    /// What is wrong with it, as (key of the peer, what is wrong and what to do). Other peers are not looked at.
    pub(super) fn problems(&self, node: &DiameterConfig) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut found = |key, text| problems.push((key, text));
        if let Err(text) = check_identity(&self.identity) {
            found(
                "identity",
                format!("{text}; set it to the Origin-Host that the peer sends"),
            );
        } else if self.identity.eq_ignore_ascii_case(&node.identity) {
            found(
                "identity",
                "is this node's own identity; name the peer's".to_owned(),
            );
        }
        if let Some(Err(text)) = self.realm.as_deref().map(check_identity) {
            found(
                "realm",
                format!("{text}; set it to the Origin-Realm that the peer sends, or leave it out"),
            );
        }
        for realm in &self.origin_realms {
            if let Err(text) = check_identity(realm) {
                found(
                    "origin_realms",
                    format!("{text}; list the Origin-Realms of the nodes whose requests the peer hands over"),
                );
            }
        }
        if let Some(address) = &self.address
            && !is_host_and_port(address)
        {
            found(
                "address",
                format!("\"{address}\" is not host:port; write it as \"dra1.example.net:3868\""),
            );
        }
        if self.address.is_none() && matches!(self.initiate, Some(Initiate::Us | Initiate::Both)) {
            found(
                "initiate",
                "this node is to connect and has no address; add \"address\", or let the peer initiate"
                    .to_owned(),
            );
        }
        if self.transport == Transport::Tls {
            if !node.tls.is_on() {
                found(
                    "transport",
                    "TLS has no certificates; name them in [diameter.tls]".to_owned(),
                );
            }
            if !can_be_certified(&self.identity) {
                found(
                    "transport",
                    format!(
                        "no certificate can name \"{}\"; TLS needs a host name",
                        self.identity
                    ),
                );
            }
        }
        if self.transport == Transport::Sctp && node.sctp_listen.is_none() && self.dials().is_none() {
            found(
                "transport",
                "the peer is to connect and nothing listens for SCTP; set diameter.sctp_listen, or let this node connect"
                    .to_owned(),
            );
        }
        for (key, value, least) in [
            ("watchdog", self.watchdog, LEAST_WATCHDOG),
            ("reconnect", self.reconnect, LEAST),
        ] {
            if let Some(Err(text)) = value.map(|value| check_duration(value, least)) {
                found(key, text);
            }
        }
        for name in &self.applications {
            match application_named(name) {
                Some(application) if application.copies_only && self.mode == PeerMode::Endpoint => found(
                    "applications",
                    format!(
                        "\"{name}\" is read from copies only, because this node is no HSS; set mode to \"copy\" or leave \
                         it out"
                    ),
                ),
                Some(_) => {}
                None => {
                    let known: Vec<_> = APPLICATIONS.iter().map(|known| known.name).collect();
                    found(
                        "applications",
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

fn is_host_and_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && host.len() <= 255 && port.parse::<u16>().is_ok_and(|port| port != 0)
    })
}
