//! SCTP in the kernel's one-to-one style (RFC 6733 §2.1, RFC 6458 §4), without options that need more than a socket.
//!
//! Each Diameter message is one user message, on stream 0, in order. Reading takes user messages, or parts of them, as
//! they come: the header says where a message ends, as on any stream. A listener on a wildcard address offers every
//! address of the machine to its peers; path failover is then the kernel's.
//!
//! The payload protocol identifier stays 0, unspecified, instead of 46, and Nagle stays on: both are socket options that
//! cannot be set without unsafe code.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};

use super::carrier::{Carrier, Connection, Ends};
use super::messages::Messages;
use super::tcp;
use crate::diameter::config::Transport;
use crate::diameter::metrics::RefusalCause;
use crate::diameter::node::ConnectError;

/// Whether this machine has SCTP.
pub(crate) fn available() -> io::Result<()> {
    socket(SocketAddr::from(([127, 0, 0, 1], 0))).map(drop)
}

/// Listens.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    tcp::listen_on(&socket, address)?;
    TcpListener::from_std(socket.into())
}

#[cfg(target_os = "linux")]
fn socket(address: SocketAddr) -> io::Result<Socket> {
    use socket2::{Domain, Protocol, Type};
    Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::SCTP))
}

#[cfg(not(target_os = "linux"))]
fn socket(_: SocketAddr) -> io::Result<Socket> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "SCTP is served on Linux only",
    ))
}

/// SCTP.
pub(crate) struct Sctp;

pub(super) type Associated = Connection<Half, Messages<Half>>;

impl Carrier for Sctp {
    type Reader = Half;
    type Writer = Messages<Half>;

    async fn accept(&self, socket: TcpStream, remote: SocketAddr) -> Result<Associated, RefusalCause> {
        Half::new(socket).connection(remote).map_err(tcp::gone)
    }

    async fn connect(&self, address: &str, _identity: &str) -> Result<Associated, ConnectError> {
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for remote in lookup_host(address).await.map_err(ConnectError::Transport)? {
            match dial(remote).await.and_then(|half| half.connection(remote)) {
                Ok(association) => return Ok(association),
                Err(error) => failure = error,
            }
        }
        Err(ConnectError::Transport(failure))
    }
}

async fn dial(remote: SocketAddr) -> io::Result<Half> {
    let socket = socket(remote)?;
    socket.set_nonblocking(true)?;
    // Connecting, as well as accepting, is the same on any stream socket.
    let stream = TcpSocket::from_std_stream(socket.into()).connect(remote).await?;
    Ok(Half::new(stream))
}

/// Either direction of a socket that keeps messages apart.
///
/// The runtime's own reading takes a read that fills less than its buffer for the last one before more arrives. Here
/// every read ends where a message does, so only the socket itself can say that there is nothing left.
#[derive(Clone, Debug)]
pub(crate) struct Half(Arc<TcpStream>);

impl Half {
    /// A direction of a stream socket of whatever family.
    pub(super) fn new(socket: TcpStream) -> Self {
        Self(Arc::new(socket))
    }

    fn connection(self, remote: SocketAddr) -> io::Result<Associated> {
        let ends = Ends {
            transport: Transport::Sctp,
            local: self.0.local_addr()?.ip(),
            remote,
            certificate: None,
        };
        Ok(Connection {
            reader: self.clone(),
            writer: Messages(self),
            ends,
        })
    }
}

impl AsyncRead for Half {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(|count| buffer.advance(count))),
            }
        }
    }
}

impl AsyncWrite for Half {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write(octets) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.0).shutdown(Shutdown::Write))
    }
}
