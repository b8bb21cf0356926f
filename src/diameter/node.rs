//! A Diameter node: one identity, its listener, the peers it connects to, and its orderly stop (RFC 6733 §2, §5.4).
//!
//! ```no_run
//! # async fn example<F: reachd::diameter::service::ServiceFactory>(factory: F) -> Result<(), Box<dyn std::error::Error>> {
//! use reachd::diameter::node::{BoundNode, NodeConfig};
//! use tokio_util::sync::CancellationToken;
//!
//! let node = BoundNode::bind(NodeConfig::default(), factory)?;
//! println!("Diameter on {}", node.local_addr()?);
//! let shutdown = CancellationToken::new();
//! node.run(shutdown).await; // returns when every connection has ended
//! # Ok(())
//! # }
//! ```

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::client::Client;
use super::codec::LocalIdentity;
use super::config::{DiameterConfig, Transport};
use super::dict::APPLICATIONS;
use super::metrics::{self, RefusalCause};
use super::peer::capabilities::{Local, Remote};
use super::peer::identifiers::Identifiers;
use super::peer::timer::Random;
use super::service::ServiceFactory;
use super::status::Peers;
use super::table::{Link, PeerEntry, PeerTable};
use super::transport::carrier::{Carrier, Connection};
use super::transport::half_open::HalfOpen;
use super::transport::listener::Listeners;
use super::transport::refusal_log::RefusalLog;
use super::transport::sctp::Sctp;
use super::transport::tcp::Tcp;
use super::transport::tls::Tls;
use super::transport::tls::reload::{Source, keep_fresh};
use super::transport::{driver, handshake, listener};
use crate::files::Reload;

pub use super::transport::phase::CloseReason;

/// What a node needs to know to start.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The `[diameter]` section. Its [`problems`](DiameterConfig::problems) have been ruled out.
    pub diameter: DiameterConfig,
    /// Origin-State-Id: has to grow from one start to the next.
    pub origin_state_id: u32,
    /// What names the messages and sessions of this node. Whatever sends under its identity has to share them.
    pub identifiers: Arc<Identifiers>,
}

impl NodeConfig {
    /// A client that sends requests of its own over the connections of this node, once the node's services have been
    /// given it (see [`Client::open`]).
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(
            identity(&self.diameter),
            Arc::clone(&self.identifiers),
            self.diameter.client.clone(),
        )
    }
}

impl Default for NodeConfig {
    fn default() -> Self {
        DiameterConfig::default().into()
    }
}

impl From<DiameterConfig> for NodeConfig {
    /// Takes the present second as Origin-State-Id, as RFC 6733 §8.16 suggests.
    fn from(diameter: DiameterConfig) -> Self {
        let since_1970 = since_1970();
        let seed = RandomState::new().build_hasher().finish();
        Self {
            diameter,
            origin_state_id: since_1970.as_secs() as u32,
            identifiers: Arc::new(Identifiers::new(since_1970, seed)),
        }
    }
}

fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::from_secs(1))
}

fn identity(config: &DiameterConfig) -> LocalIdentity {
    LocalIdentity {
        origin_host: config.identity.as_str().into(),
        origin_realm: config.realm.as_str().into(),
    }
}

/// Why a connection that was asked for did not open.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The transport could not be made.
    #[error("cannot connect to the Diameter peer")]
    Transport(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed: {reason}")]
    Tls {
        /// What it is counted under.
        cause: &'static str,
        /// For people.
        reason: String,
    },
    /// The transport was not there in time.
    #[error("the Diameter peer did not take the connection in time")]
    Timeout,
    /// The capabilities exchange failed.
    #[error("the capabilities exchange failed: {0}")]
    Refused(&'static str),
    /// The peer has connected by itself, and that connection is kept (RFC 6733 §5.6.4).
    #[error("the Diameter peer has connected by itself")]
    Superseded,
    /// This side was told to stop.
    #[error("stopped")]
    Stopped,
}

/// Why a node cannot start to listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// An address that cannot be used.
    #[error("{key}: cannot listen on {address}")]
    Listen {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Certificate files that cannot be used: a sentence for each, with its key.
    #[error("{0}")]
    Certificates(String),
}

/// What all connections of a node share.
pub(crate) struct Shared<F> {
    pub(crate) config: DiameterConfig,
    pub(crate) local: Local,
    pub(crate) table: Arc<PeerTable>,
    pub(crate) factory: F,
    /// Cancelled when every connection has to end in order.
    pub(crate) stopping: CancellationToken,
    pub(crate) refusals: RefusalLog,
    /// The certificates, if TLS is configured.
    pub(crate) tls: Option<Arc<Source>>,
    half_open: HalfOpen,
    identifiers: Arc<Identifiers>,
    seed: AtomicU64,
}

impl<F> Shared<F> {
    fn new(config: NodeConfig, factory: F, stopping: CancellationToken, tls: Option<Arc<Source>>) -> Self {
        let NodeConfig {
            diameter,
            origin_state_id,
            identifiers,
        } = config;
        let local = Local {
            identity: identity(&diameter),
            origin_state_id,
            applications: APPLICATIONS.iter().map(|application| application.id).collect(),
        };
        Self {
            table: Arc::new(PeerTable::new(&diameter, Arc::clone(&local.applications))),
            refusals: RefusalLog::default(),
            tls,
            half_open: HalfOpen::new(diameter.max_connections),
            config: diameter,
            local,
            factory,
            stopping,
            identifiers,
            seed: AtomicU64::new(RandomState::new().build_hasher().finish()),
        }
    }

    /// A Hop-by-Hop Identifier for a message of the base protocol.
    pub(crate) fn next_hop_by_hop(&self) -> u32 {
        self.identifiers.hop_by_hop()
    }

    /// An End-to-End Identifier for a message of the base protocol.
    pub(crate) fn next_end_to_end(&self) -> u32 {
        self.identifiers.end_to_end()
    }

    /// A sequence of its own for whoever asks.
    pub(crate) fn random(&self) -> Random {
        Random::new(self.seed.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed))
    }
}

impl PeerEntry {
    /// Whether a CEA comes from the peer that was dialled.
    pub(crate) fn expects(&self, remote: &Remote) -> bool {
        (self.identity.is_empty() || self.identity == remote.origin_host)
            && self
                .realm
                .as_ref()
                .is_none_or(|realm| realm.eq_ignore_ascii_case(&remote.origin_realm))
    }
}

/// A handle on a node without its listener.
pub(crate) struct Node<F>(pub(crate) Arc<Shared<F>>);

impl<F> Clone for Node<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: ServiceFactory> Node<F> {
    pub(crate) fn new(
        config: NodeConfig,
        factory: F,
        stopping: CancellationToken,
        tls: Option<Arc<Source>>,
    ) -> Self {
        Self(Arc::new(Shared::new(config, factory, stopping, tls)))
    }

    pub(crate) fn config(&self) -> &DiameterConfig {
        &self.0.config
    }

    /// Serves a socket that was accepted by a listener of that transport, until the connection ends.
    pub(crate) async fn take(&self, transport: Transport, socket: TcpStream, remote: SocketAddr) {
        // Why it ended has been logged and counted.
        let _ = match transport {
            Transport::Tcp => self.serve(remote, Tcp.accept(socket, remote)).await,
            Transport::Sctp => self.serve(remote, Sctp.accept(socket, remote)).await,
            Transport::Tls => {
                // Without certificates nobody listens.
                let Some(source) = &self.0.tls else { return };
                let tls = Tls(Arc::clone(source));
                self.serve(remote, tls.accept(socket, remote)).await
            }
        };
    }

    /// Serves a connection that arrives, until it ends.
    pub(crate) async fn serve<R, W>(
        &self,
        remote: SocketAddr,
        arriving: impl Future<Output = Result<Connection<R, W>, RefusalCause>>,
    ) -> Result<CloseReason, RefusalCause>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let welcomed = match self.0.half_open.enter(remote.ip()) {
            // The place is given back as soon as the peer has shown who it is.
            Some(_place) => handshake::welcome(&self.0, arriving).await,
            None => Err(RefusalCause::TooMany),
        };
        match welcomed {
            Ok((opened, connection)) => Ok(driver::run(&self.0, opened, connection).await),
            Err(cause) => {
                self.0.refusals.refused(cause, remote);
                Err(cause)
            }
        }
    }

    /// Drives a connection that this node made, until it ends.
    pub(crate) async fn drive<R, W>(
        &self,
        link: Link,
        mut connection: Connection<R, W>,
    ) -> Result<CloseReason, RefusalCause>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        match handshake::initiate(&self.0, link, &mut connection).await {
            Ok(opened) => Ok(driver::run(&self.0, opened, connection).await),
            Err(cause) => {
                // Whoever dialled tells of it.
                metrics::refused(cause);
                Err(cause)
            }
        }
    }
}

/// A node whose listeners are bound. Nothing happens before [`Self::run`].
pub struct BoundNode<F> {
    node: Node<F>,
    listeners: Listeners,
    reload: Reload,
}

impl<F: ServiceFactory> BoundNode<F> {
    /// Binds the listeners. Has to be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// A listen address cannot be bound, or a certificate file cannot be used.
    pub fn bind(config: NodeConfig, factory: F) -> Result<Self, BindError> {
        let DiameterConfig { tls, identity, .. } = &config.diameter;
        let tls = tls
            .is_on()
            .then(|| Source::open(tls, identity).map(Arc::new))
            .transpose()
            .map_err(|faults| {
                let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
                BindError::Certificates(faults.join("\n"))
            })?;
        let listeners = Listeners::bind(&config.diameter)?;
        Ok(Self {
            node: Node::new(config, factory, CancellationToken::new(), tls),
            listeners,
            reload: Reload::default(),
        })
    }

    /// How to have the certificates read again.
    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// The address bound for TCP, with the port that port 0 has turned into.
    ///
    /// # Errors
    ///
    /// The operating system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.address(Transport::Tcp)
            .unwrap_or_else(|| Err(io::ErrorKind::NotConnected.into()))
    }

    /// The address bound for a transport, or `None` if this node does not accept connections over it.
    pub fn address(&self, transport: Transport) -> Option<io::Result<SocketAddr>> {
        self.listeners.address(transport)
    }

    /// The peers, for those who look on.
    pub fn peers(&self) -> Peers {
        Peers(Arc::clone(&self.node.0.table))
    }

    /// Accepts and connects until `shutdown`, then stops accepting, disconnects from every peer in order
    /// (Disconnect-Peer, cause REBOOTING, after pending requests have had their grace) and returns once all connections
    /// have ended. Bounded: by twice `grace` plus `disconnect_timeout` plus `write_timeout`; what has not ended by then
    /// is dropped. Dropping the future ends everything at once.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self {
            node,
            listeners,
            reload,
        } = self;
        // Ends with this future.
        let mut helpers = JoinSet::new();
        if let Some(source) = &node.0.tls {
            helpers.spawn(keep_fresh(Arc::clone(source), reload));
        }
        let mut diallers = JoinSet::new();
        for peer in &node.config().peers {
            if let (Some(address), Some(entry)) = (peer.dials(), node.0.table.configured(&peer.identity)) {
                diallers.spawn(node.clone().keep(entry, address.to_owned()));
            }
        }
        let mut connections = listener::accept(&node, listeners, &shutdown).await;
        node.0.stopping.cancel();
        let config = node.config();
        let bound =
            config.grace * 2 + config.disconnect_timeout + config.write_timeout + Duration::from_secs(2);
        let ended = async {
            while connections.join_next().await.is_some() {}
            while diallers.join_next().await.is_some() {}
        };
        if timeout(bound, ended).await.is_err() {
            warn!("Diameter connections did not end in time and are dropped");
        }
    }
}

/// Dials once over TCP as `config` says, and drives the connection until it ends or `shutdown` asks for an orderly
/// Disconnect-Peer.
///
/// With `expected`, a peer that answers under another Origin-Host is refused; without, any peer is fine.
///
/// # Errors
///
/// The connection could not be made, or the capabilities exchange failed.
pub async fn connect<F: ServiceFactory>(
    address: &str,
    config: NodeConfig,
    expected: Option<&str>,
    factory: F,
    shutdown: CancellationToken,
) -> Result<CloseReason, ConnectError> {
    let node = Node::new(config, factory, shutdown, None);
    let entry = node.0.table.dialled(expected);
    // A fresh entry is closed, so that there always is a link to start.
    node.dial(&entry, address)
        .await
        .unwrap_or(Err(ConnectError::Stopped))
}
