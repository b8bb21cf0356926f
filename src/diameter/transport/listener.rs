//! Accepting connections (RFC 6733 §5.6: they stay outside the peer table until their CER has been judged).

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{sctp, tcp};
use crate::diameter::config::{DiameterConfig, Transport};
use crate::diameter::metrics::RefusalCause;
use crate::diameter::node::{BindError, Node};
use crate::diameter::service::ServiceFactory;

/// After a failed accept (out of file descriptors, as a rule) there is no use in trying again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The listening sockets of a node, one for each transport that is configured.
pub(crate) struct Listeners {
    bound: Vec<(Transport, TcpListener)>,
    /// Who is asked first next time, so that a flood on one cannot starve the others.
    first: usize,
}

impl Listeners {
    /// Binds what is configured.
    pub(crate) fn bind(config: &DiameterConfig) -> Result<Self, BindError> {
        let mut wanted = vec![(Transport::Tcp, "diameter.listen", config.listen)];
        if config.tls.is_on() {
            wanted.push((Transport::Tls, "diameter.tls_listen", config.tls_listen));
        }
        if let Some(address) = config.sctp_listen {
            wanted.push((Transport::Sctp, "diameter.sctp_listen", address));
        }
        let bind = |(transport, key, address)| {
            let listener = match transport {
                Transport::Tcp | Transport::Tls => tcp::listen(address),
                Transport::Sctp => sctp::listen(address),
            };
            listener
                .map(|listener| (transport, listener))
                .map_err(|source| BindError::Listen { key, address, source })
        };
        Ok(Self {
            bound: wanted.into_iter().map(bind).collect::<Result<_, _>>()?,
            first: 0,
        })
    }

    /// The address bound for a transport, if it is served.
    pub(crate) fn address(&self, transport: Transport) -> Option<io::Result<SocketAddr>> {
        let (_, listener) = self.bound.iter().find(|(bound, _)| *bound == transport)?;
        Some(listener.local_addr())
    }

    /// The next connection, whichever transport it comes by.
    async fn accept(&mut self) -> io::Result<(Transport, TcpStream, SocketAddr)> {
        poll_fn(|context| {
            for turn in 0..self.bound.len() {
                let at = (self.first + turn) % self.bound.len();
                if let Some((transport, listener)) = self.bound.get(at)
                    && let Poll::Ready(accepted) = listener.poll_accept(context)
                {
                    self.first = at + 1;
                    return Poll::Ready(accepted.map(|(socket, remote)| (*transport, socket, remote)));
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Accepts until `shutdown`; then returns the connections that still have to end.
pub(crate) async fn accept<F: ServiceFactory>(
    node: &Node<F>,
    mut listeners: Listeners,
    shutdown: &CancellationToken,
) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return connections,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if ended.is_err_and(|error| error.is_panic()) {
                    warn!("a Diameter connection's task panicked; the connection is gone, the others go on");
                }
            }
            accepted = listeners.accept() => match accepted {
                Ok((_, _, remote)) if connections.len() >= node.config().max_connections => {
                    node.0.refusals.refused(RefusalCause::TooMany, remote);
                }
                Ok((transport, socket, remote)) => {
                    let node = Node(Arc::clone(&node.0));
                    connections.spawn(async move { node.take(transport, socket, remote).await });
                }
                Err(error) => {
                    warn!(%error, "cannot accept a Diameter connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn listeners_take_turns_however_much_waits_at_one_of_them() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config = DiameterConfig {
            listen: any,
            tls_listen: any,
            ..DiameterConfig::default()
        };
        config.tls.certificate = "somewhere".into();
        let mut listeners = Listeners::bind(&config).unwrap();
        let mut waiting = Vec::new();
        for transport in [Transport::Tcp, Transport::Tls] {
            let address = listeners.address(transport).unwrap().unwrap();
            for _ in 0..3 {
                waiting.push(TcpStream::connect(address).await.unwrap());
            }
        }
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(listeners.accept().await.unwrap().0);
        }
        assert_ne!(taken[0], taken[1]);
        assert_eq!(taken[..2], taken[2..]);
    }
}
