//! What lies below Diameter: whatever carries octets both ways, and who is known to be at its other end.
//!
//! A carrier makes sockets into connections on which a capabilities exchange may begin. From there on every transport is
//! served by the same code.

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::certificate::Certificate;
use crate::diameter::config::Transport;
use crate::diameter::metrics::RefusalCause;
use crate::diameter::node::ConnectError;

/// One transport.
pub(crate) trait Carrier: Send + Sync + 'static {
    /// Where octets come from.
    type Reader: AsyncRead + Unpin + Send + 'static;
    /// Where they go. Every write begins with a whole message, and is repeated with the same octets until it is taken.
    type Writer: AsyncWrite + Unpin + Send + 'static;

    /// Makes a socket that the listener gave ready for the peer's CER.
    fn accept(
        &self,
        socket: TcpStream,
        remote: SocketAddr,
    ) -> impl Future<Output = Result<Connection<Self::Reader, Self::Writer>, RefusalCause>> + Send;

    /// Connects to the peer of that identity and makes the connection ready for our CER.
    fn connect(
        &self,
        address: &str,
        identity: &str,
    ) -> impl Future<Output = Result<Connection<Self::Reader, Self::Writer>, ConnectError>> + Send;
}

/// A connection on which nothing of Diameter has been said.
pub(crate) struct Connection<R, W> {
    pub(crate) reader: R,
    pub(crate) writer: W,
    pub(crate) ends: Ends,
}

/// Between whom a connection is.
pub(crate) struct Ends {
    pub(crate) transport: Transport,
    /// Our own address, for Host-IP-Address.
    pub(crate) local: IpAddr,
    pub(crate) remote: SocketAddr,
    /// What the peer has shown of itself. With TLS it has to be there and to name the peer.
    pub(crate) certificate: Option<Certificate>,
}

impl Ends {
    /// Whether the other end may call itself that. Without TLS anybody may.
    pub(crate) fn may_be(&self, identity: &str) -> bool {
        self.transport != Transport::Tls
            || self
                .certificate
                .as_ref()
                .is_some_and(|certificate| certificate.names(identity))
    }
}
