//! TCP sockets for Diameter (RFC 6733 §2.1, RFC 3539 §3).

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tracing::debug;

use super::carrier::{Carrier, Connection, Ends};
use crate::diameter::config::Transport;
use crate::diameter::metrics::RefusalCause;
use crate::diameter::node::ConnectError;

/// Connections that the kernel completes ahead of us.
pub(super) const BACKLOG: i32 = 1024;

/// Listens, with SO_REUSEADDR so that a restart does not wait for old connections to time out.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    listen_on(&socket, address)?;
    TcpListener::from_std(socket.into())
}

/// Makes any stream socket listen.
pub(super) fn listen_on(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)
}

/// Sets what every connection of ours has set.
///
/// TCP_NODELAY: RFC 3539 §3.1 asks that Nagle stays on, for the sake of senders that write message by message. Here the
/// answers of a burst leave in one write, so Nagle would only hold back the last segment of each burst until the peer
/// acknowledges the one before, up to its delayed-acknowledgement timer. Deployed stacks switch it off as well.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

/// Dials.
pub(super) async fn dial(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    prepare(&stream)?;
    Ok(stream)
}

/// Plain TCP.
pub(crate) struct Tcp;

impl Tcp {
    fn connection(
        stream: TcpStream,
        remote: SocketAddr,
    ) -> io::Result<Connection<OwnedReadHalf, OwnedWriteHalf>> {
        let local = stream.local_addr()?.ip();
        let (reader, writer) = stream.into_split();
        let ends = Ends {
            transport: Transport::Tcp,
            local,
            remote,
            certificate: None,
        };
        Ok(Connection { reader, writer, ends })
    }
}

impl Carrier for Tcp {
    type Reader = OwnedReadHalf;
    type Writer = OwnedWriteHalf;

    async fn accept(
        &self,
        socket: TcpStream,
        remote: SocketAddr,
    ) -> Result<Connection<OwnedReadHalf, OwnedWriteHalf>, RefusalCause> {
        prepare(&socket)
            .and_then(|()| Self::connection(socket, remote))
            .map_err(gone)
    }

    async fn connect(
        &self,
        address: &str,
        _identity: &str,
    ) -> Result<Connection<OwnedReadHalf, OwnedWriteHalf>, ConnectError> {
        let connected = dial(address).await.and_then(|stream| {
            let remote = stream.peer_addr()?;
            Self::connection(stream, remote)
        });
        connected.map_err(ConnectError::Transport)
    }
}

/// An accepted socket that cannot be used.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn gone(error: io::Error) -> RefusalCause {
    debug!(%error, "an accepted connection was gone at once");
    RefusalCause::Disconnected
}
