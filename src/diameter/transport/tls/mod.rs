//! TLS 1.2 and 1.3 over TCP, from the first octet on and mutual (RFC 6733 §13.1).
//!
//! Both sides show a certificate that one of the configured authorities stands behind. Whom it names is compared with the
//! Diameter identity: when we dial, in the handshake; when we accept, once the CER has said who it claims to be.

pub(crate) mod credentials;
mod failure;
pub(crate) mod reload;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::pki_types::{DnsName, ServerName};
use tokio::io::{AsyncWrite, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use tracing::debug;

use super::carrier::{Carrier, Connection, Ends};
use super::tcp;
use crate::certificate::Certificate;
use crate::diameter::config::Transport;
use crate::diameter::metrics::{self, RefusalCause};
use crate::diameter::node::ConnectError;
use reload::Source;

/// TLS with the credentials of a source, as they are when a handshake begins.
pub(crate) struct Tls(pub(crate) Arc<Source>);

type Secured = Connection<ReadHalf<TlsStream<TcpStream>>, Writer>;

impl Carrier for Tls {
    type Reader = ReadHalf<TlsStream<TcpStream>>;
    type Writer = Writer;

    async fn accept(&self, socket: TcpStream, remote: SocketAddr) -> Result<Secured, RefusalCause> {
        tcp::prepare(&socket).map_err(tcp::gone)?;
        let acceptor = TlsAcceptor::from(Arc::clone(&self.0.current().server));
        let stream = acceptor.accept(socket).await.map_err(|error| {
            debug!(%error, %remote, "TLS handshake failed");
            failure::of(&error).0
        })?;
        connection(stream.into(), remote).map_err(tcp::gone)
    }

    async fn connect(&self, address: &str, identity: &str) -> Result<Secured, ConnectError> {
        let stream = tcp::dial(address).await.map_err(ConnectError::Transport)?;
        let remote = stream.peer_addr().map_err(ConnectError::Transport)?;
        let name = DnsName::try_from(identity.to_owned()).map_err(|_| {
            refused(
                RefusalCause::Tls,
                "its identity is no name that a certificate could have".to_owned(),
            )
        })?;
        let connector = TlsConnector::from(Arc::clone(&self.0.current().client));
        let stream = connector
            .connect(ServerName::DnsName(name), stream)
            .await
            .map_err(|error| {
                debug!(%error, %remote, "TLS handshake failed");
                let (cause, text) = failure::of(&error);
                metrics::refused(cause);
                refused(cause, text)
            })?;
        connection(stream.into(), remote).map_err(ConnectError::Transport)
    }
}

fn refused(cause: RefusalCause, reason: String) -> ConnectError {
    ConnectError::Tls {
        cause: cause.label(),
        reason,
    }
}

/// The cause of a connection that broke off before it opened: TLS may have something to say on any.
pub(super) fn lost(error: &io::Error) -> RefusalCause {
    debug!(%error, "a connection broke off");
    failure::of(error).0
}

fn connection(stream: TlsStream<TcpStream>, remote: SocketAddr) -> io::Result<Secured> {
    let (socket, session) = stream.get_ref();
    let ends = Ends {
        transport: Transport::Tls,
        local: socket.local_addr()?.ip(),
        remote,
        certificate: session
            .peer_certificates()
            .and_then(<[_]>::first)
            .and_then(Certificate::new),
    };
    let (reader, writer) = split(stream);
    let writer = Writer {
        stream: writer,
        taken: 0,
    };
    Ok(Connection { reader, writer, ends })
}

/// Writes that are done when the socket has them.
///
/// A TLS stream takes octets into a buffer of its own, and unless somebody flushes, the end of a burst stays there until
/// the next one. Whoever writes here does not flush, so a write here includes it. While it waits it must be repeated with
/// the same octets in front, as [`Carrier::Writer`] has it.
#[derive(Debug)]
pub(crate) struct Writer {
    stream: WriteHalf<TlsStream<TcpStream>>,
    /// Octets of the write under way that the stream has taken.
    taken: usize,
}

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.taken == 0 {
            self.taken = ready!(Pin::new(&mut self.stream).poll_write(context, octets))?;
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        Poll::Ready(Ok(std::mem::take(&mut self.taken)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
