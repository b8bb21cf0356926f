//! Accepting connections (RFC 6733 §5.6: they stay outside the peer table until their CER has been judged).

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::tcp;
use crate::diameter::metrics::RefusalCause;
use crate::diameter::node::Node;
use crate::diameter::service::ServiceFactory;

/// After a failed accept (out of file descriptors, as a rule) there is no use in trying again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until `shutdown`; then returns the connections that still have to end.
pub(crate) async fn accept<F: ServiceFactory>(
    node: &Node<F>,
    listener: TcpListener,
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
            accepted = listener.accept() => match accepted {
                Ok((_, remote)) if connections.len() >= node.config().max_connections => {
                    node.0.refusals.refused(RefusalCause::TooMany, remote);
                }
                Ok((stream, remote)) => {
                    let local = stream.local_addr().map_or_else(|_| node.config().listen.ip(), |local| local.ip());
                    if let Err(error) = tcp::prepare(&stream) {
                        debug!(%error, "an accepted connection was gone at once");
                        continue;
                    }
                    let (reader, writer) = stream.into_split();
                    let node = Arc::clone(&node.0);
                    connections.spawn(async move {
                        // Why it ended has been logged and counted.
                        let _ = Node(node).serve(reader, writer, local, remote).await;
                    });
                }
                Err(error) => {
                    warn!(%error, "cannot accept a Diameter connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
