//! Connecting to peers: once, or for as long as the node lives (RFC 6733 §2.1, §5.6).

use std::sync::Arc;

use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::carrier::Carrier;
use super::now;
use super::phase::CloseReason;
use super::sctp::Sctp;
use super::tcp::Tcp;
use super::tls::Tls;
use crate::diameter::config::Transport;
use crate::diameter::metrics::{self, RefusalCause};
use crate::diameter::node::{ConnectError, Node};
use crate::diameter::peer::messages::DisconnectCause;
use crate::diameter::peer::timer::Backoff;
use crate::diameter::service::ServiceFactory;
use crate::diameter::table::{Link, PeerEntry};

impl<F: ServiceFactory> Node<F> {
    /// Dials once and stays until the connection ends. `None` while the peer has another connection.
    pub(crate) async fn dial(
        &self,
        entry: &Arc<PeerEntry>,
        address: &str,
    ) -> Option<Result<CloseReason, ConnectError>> {
        let link = entry.start(now())?;
        Some(match entry.transport.unwrap_or_default() {
            Transport::Tcp => self.dial_over(&Tcp, link, address).await,
            Transport::Sctp => self.dial_over(&Sctp, link, address).await,
            Transport::Tls => match &self.0.tls {
                Some(source) => self.dial_over(&Tls(Arc::clone(source)), link, address).await,
                None => Err(ConnectError::Tls {
                    cause: RefusalCause::Tls.label(),
                    reason: "this node has no certificate".to_owned(),
                }),
            },
        })
    }

    async fn dial_over<C: Carrier>(
        &self,
        carrier: &C,
        link: Link,
        address: &str,
    ) -> Result<CloseReason, ConnectError> {
        let identity = Arc::clone(&link.entry.identity);
        let connecting = timeout(self.0.config.connect_timeout, carrier.connect(address, &identity));
        // On any way out of here that drops the link, the peer machine is told that nothing came of it.
        let connection = tokio::select! {
            biased;
            () = self.0.stopping.cancelled() => return Err(ConnectError::Stopped),
            connected = connecting => connected.map_err(|_| ConnectError::Timeout)??,
        };
        self.drive(link, connection).await.map_err(|cause| match cause {
            RefusalCause::Stopping => ConnectError::Stopped,
            RefusalCause::Duplicate => ConnectError::Superseded,
            cause => ConnectError::Refused(cause.label()),
        })
    }

    /// Keeps a configured peer connected until the node stops.
    pub(crate) async fn keep(self, entry: Arc<PeerEntry>, address: String) {
        let mut backoff = Backoff::new(entry.reconnect, self.0.random().next());
        let mut complained = false;
        while !self.0.stopping.is_cancelled() {
            let pause = match self.dial(&entry, &address).await {
                // The peer has connected to us; look again later.
                None | Some(Err(ConnectError::Superseded)) => entry.reconnect,
                Some(Ok(CloseReason::PeerLeft(
                    DisconnectCause::Busy | DisconnectCause::DoNotWantToTalkToYou,
                ))) => {
                    complained = false;
                    backoff.unwanted()
                }
                Some(Ok(_)) => {
                    complained = false;
                    backoff.succeeded();
                    backoff.failed()
                }
                Some(Err(ConnectError::Stopped)) => return,
                Some(Err(error)) => {
                    let cause = metrics::connect_failed(&entry.record, &error);
                    if complained {
                        debug!(peer = %entry.identity, cause, %error, "still no connection");
                    } else {
                        complained = true;
                        warn!(peer = %entry.identity, cause, %error, "cannot connect to the Diameter peer; trying on");
                    }
                    backoff.failed()
                }
            };
            tokio::select! {
                () = self.0.stopping.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }
}
