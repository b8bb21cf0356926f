//! The lines of the log that tell a peer's life: once for each change, at a level that says what it means to the operator,
//! and nothing for a message.
//!
//! | line | level | when |
//! |---|---|---|
//! | Diameter peer up | info | a connection opened |
//! | Diameter peer suspect | warn | a watchdog request went unanswered |
//! | Diameter peer recovered | info | it was suspect, or came back after a failure, and is trusted again |
//! | Diameter peer restarted | info | its Origin-State-Id rose |
//! | Diameter peer down | info after Disconnect-Peer or an election, else warn | the connection ended |
//!
//! Whoever is turned away before that is told of by `refusal_log`; a peer that cannot be reached, once, by the dialler.

use std::time::Duration;

use tracing::{info, warn};

use super::phase::CloseReason;
use crate::diameter::dict::application_name;
use crate::diameter::metrics::side;
use crate::diameter::record::Restart;
use crate::diameter::status::Connection;

/// A connection opened.
pub(super) fn up(peer: &str, connection: &Connection) {
    let Connection {
        side: who,
        transport,
        remote,
        realm,
        applications,
        since: _,
    } = connection;
    let names: Vec<_> = applications.iter().map(|id| application_name(*id)).collect();
    let (side, applications) = (side(*who), names.join(","));
    info!(%peer, %realm, side, transport, %remote, applications, "Diameter peer up");
}

/// The connection ended.
pub(super) fn down(peer: &str, reason: CloseReason, lasted: Duration) {
    let (cause, reason, seconds) = (reason.text(), reason.label(), lasted.as_secs());
    if matches!(reason, "peer_left" | "stopped" | "superseded") {
        info!(%peer, reason, cause, seconds, "Diameter peer down");
    } else {
        warn!(%peer, reason, cause, seconds, "Diameter peer down");
    }
}

/// A watchdog request went unanswered.
pub(super) fn suspect(peer: &str) {
    warn!(%peer, "Diameter peer suspect: it does not answer the watchdog");
}

/// It answers again.
pub(super) fn recovered(peer: &str) {
    info!(%peer, "Diameter peer recovered");
}

/// It lost its state. Told only as often as the record says.
pub(crate) fn restarted(peer: &str, origin_state_id: u32, restart: Restart) {
    if let Some(suppressed) = restart.suppressed {
        info!(%peer, origin_state_id, suppressed, "Diameter peer restarted");
    }
}
