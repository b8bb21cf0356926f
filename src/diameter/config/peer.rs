//! `[[diameter.peers]]`: who may connect or is connected to, and how its messages are read.

use serde::Deserialize;

use crate::diameter::dict::APPLICATIONS;

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
