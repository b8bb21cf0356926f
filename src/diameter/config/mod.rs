//! The `[diameter]` section of the configuration.
//!
//! Durations carry their unit (`"30s"`). What the types alone cannot rule out is found by
//! [`DiameterConfig::problems`], which names every fault at once with its key and what to do.

mod accounting;
mod peer;
mod problems;
mod s6t;
mod sh;
mod tls;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::client::ClientConfig;

pub use accounting::AccountingConfig;
pub use peer::{Initiate, PeerConfig, PeerMode, Transport};
pub use s6t::S6tConfig;
pub use sh::{ShConfig, ShQuery, ShTopic};
pub use tls::TlsConfig;

/// Loopback until decided otherwise, like all listeners (the port: RFC 6733 §11.4).
const TLS_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5658);

/// The Diameter node and its peers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiameterConfig {
    /// Where TCP connections are accepted. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Where TLS connections are accepted, if [`Self::tls`] names certificates.
    pub tls_listen: SocketAddr,
    /// The certificates; none by default.
    pub tls: TlsConfig,
    /// Where SCTP associations are accepted; nowhere by default. A wildcard address stands for all of the machine.
    #[serde(deserialize_with = "address_or_nothing")]
    pub sctp_listen: Option<SocketAddr>,
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
    /// How long an attempt to connect may take, the TLS handshake included.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// How long a new connection may take to complete the TLS handshake, if any, and the capabilities exchange.
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
    /// minutes at least, unless there are more than three eighths as many in four minutes: then those of the peers that
    /// send most are forgotten early.
    pub remembered_requests: usize,
    /// Requests of our own.
    pub client: ClientConfig,
    /// What accounting records count for.
    pub accounting: AccountingConfig,
    /// What is asked of HSSs.
    pub s6t: S6tConfig,
    /// What is asked of HSSs over Sh.
    pub sh: ShConfig,
}

impl Default for DiameterConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3868)),
            tls_listen: TLS_LISTEN,
            tls: TlsConfig::default(),
            sctp_listen: None,
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
            client: ClientConfig::default(),
            accounting: AccountingConfig::default(),
            s6t: S6tConfig::default(),
            sh: ShConfig::default(),
        }
    }
}

/// A listener that may be off: empty, so that it can be written down without being turned on.
fn address_or_nothing<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(D::Error::custom)
}
