//! Requests of our own, to whoever can answer them: the other direction of every connection (RFC 6733 §5.5.4, §6.1.2).
//!
//! ```text
//! caller ── Client::request ──> Router: which peer? has it room? ──no──> waits, bounded, until its deadline
//!                                   │ yes                                        │ room, or a peer, comes
//!                                   ▼                                            ▼
//!                        handed to the connection, which is woken: Line ── Pending ── one write
//!                                   ▲                                │ answer ──────────> caller
//!                                   └── another peer: the connection is lost or suspect (T set, same End-to-End
//!                                       Identifier, same Session-Id), or the peer was too busy (no T)
//! ```
//!
//! A [`Client`] is cheap to clone and belongs to one node. Each open connection has a [`Line`], which its
//! [`Service`](super::service::Service) owns. The router's lock is held for a look, never over an await.
//!
//! Bounds: `window` requests and [`WINDOW_OCTETS`] octets under way per connection, so that our own requests alone never
//! fill its write buffer and stop the reading; `waiting` requests without a peer; [`MOST_PEERS`] peers tried for one that
//! is refused; every request ends at its deadline.

mod answer;
mod config;
mod error;
mod line;
mod metrics;
mod order;
mod request;
mod route;
mod router;
mod state;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout_at;

use super::codec::LocalIdentity;
use super::peer::identifiers::Identifiers;
use super::service::ConnectedPeer;
use metrics::Outcome;
use router::Router;

pub use answer::OwnAnswer;
pub use config::ClientConfig;
pub use error::RequestError;
pub use line::Line;
pub use metrics::*;
pub use request::OwnRequest;

/// Octets of requests under way on one connection, half of what makes it stop reading.
pub const WINDOW_OCTETS: usize = 128 * 1024;

/// The longest request, in octets.
pub const LONGEST: usize = 64 * 1024;

/// So many peers are asked when one after the other refuses (3002, 3004).
pub const MOST_PEERS: usize = 3;

/// Sends requests of our own. All clones are one.
#[derive(Clone, Debug)]
pub struct Client(Arc<Router>);

impl Client {
    /// A client without any connection. `identifiers` are those of the node that has that identity.
    #[must_use]
    pub fn new(identity: LocalIdentity, identifiers: Arc<Identifiers>, config: ClientConfig) -> Self {
        Self(Arc::new(Router::new(identity, identifiers, config)))
    }

    /// Sends a request and waits for its answer, whatever the answer says. Written around what the caller gives: the
    /// header, Session-Id, Vendor-Specific-Application-Id where the command requires it, Auth-Session-State, Origin-Host,
    /// Origin-Realm, Destination-Host and Destination-Realm.
    ///
    /// Goes to the host named in Destination-Host if it is a peer; else to a peer of the destination realm; else to an
    /// agent that relays everything; in turns where several will do. Only peers that are open, trusted by the watchdog and
    /// have the application in common count. Until there is one with room the request waits.
    ///
    /// Dropping the future withdraws the request if it waits, and ignores its answer if it has left.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]. After [`RequestError::Unanswered`] and [`RequestError::Unusable`] the request may have been
    /// acted upon.
    pub async fn request(&self, request: OwnRequest) -> Result<OwnAnswer, RequestError> {
        let mut outcome = Outcome::of(request.command);
        let result = self.ask(request).await;
        outcome.note(&result);
        result
    }

    async fn ask(&self, request: OwnRequest) -> Result<OwnAnswer, RequestError> {
        let deadline = now() + request.within;
        let (withdrawal, mut reply) = self.0.submit(&request, deadline.into_std())?;
        drop(request);
        match timeout_at(deadline, &mut reply).await {
            Ok(Ok(result)) => result,
            // Nobody lets go of a request without a word, unless the runtime ends.
            Ok(Err(_)) => Err(RequestError::Stopped),
            Err(_) => {
                let error = withdrawal.overdue();
                reply.try_recv().unwrap_or(Err(error))
            }
        }
    }

    /// A connection opened. `wake` is called, from anywhere, when [`Line::fill`] has something to write.
    pub fn open(&self, peer: &ConnectedPeer, wake: impl Fn() + Send + Sync + 'static) -> Line {
        Line::new(Arc::clone(&self.0), peer, Box::new(wake))
    }

    /// Takes no more requests and lets those go that wait for a peer. What is under way may still be answered.
    pub fn stop(&self) {
        self.0.stop();
    }
}

/// The present. Taken from tokio's clock, so that tests can run on virtual time.
fn now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// A request without a deadline of its own would be one without a bound.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
