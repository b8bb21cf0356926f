//! TCP sockets for Diameter (RFC 6733 §2.1, RFC 3539 §3).

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Connections that the kernel completes ahead of us.
const BACKLOG: i32 = 1024;

/// Listens, with SO_REUSEADDR so that a restart does not wait for old connections to time out.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Sets what every connection of ours has set.
///
/// TCP_NODELAY: RFC 3539 §3.1 asks that Nagle stays on, for the sake of senders that write message by message. Here the
/// answers of a burst leave in one write, so Nagle would only hold back the last segment of each burst until the peer
/// acknowledges the one before, up to its delayed-acknowledgement timer. Deployed stacks switch it off as well.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}
