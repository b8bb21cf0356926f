//! What this node asked of the network, as a connection needs it: to read reports, and to tell what they say of it.

use crate::diameter::apps::s6t::{Notice, ReportKind};
use crate::diameter::apps::{Asked, NothingAsked};
use crate::domain::{Node, Outcome};
use crate::ingest::{Ack, SubmitError};

/// Whoever keeps what was asked. Called from connections, so nothing here may block.
pub trait Asking: Asked {
    /// A request says this of what was asked. Acknowledged once it is durable: only then may the request be answered with
    /// success.
    ///
    /// # Errors
    /// It cannot be taken now, and no acknowledgement comes.
    fn notice(&self, notices: &[Notice], ack: Ack) -> Result<(), SubmitError>;

    /// A server of the network is said to have lost what it knew.
    fn reset(&self, server: &Node) {
        let _ = server;
    }

    /// A peer has lost what it knew, and tells that by this Origin-State-Id. Most peers were never asked for anything.
    fn restarted(&self, peer: &Node, id: u32) {
        let _ = (peer, id);
    }

    /// A server of the network told its Origin-State-Id with a notification. Reports tell it as a notice.
    fn state(&self, server: &Node, id: u32) {
        let _ = (server, id);
    }

    /// A request carried reports of these kinds.
    fn count(&self, kinds: &[ReportKind]) {
        let _ = kinds;
    }
}

impl Asking for NothingAsked {
    fn notice(&self, _: &[Notice], ack: Ack) -> Result<(), SubmitError> {
        ack.send(Ok(Outcome::Duplicate.into()));
        Ok(())
    }
}
