//! What the Diameter stack counts.
//!
//! Labels are bounded: a peer is named by its configured identity, or `unknown`; commands, results and causes come from
//! fixed lists. Handles are looked up once and held.
//!
//! [`names`] is the list of all metrics; the rest are the handles, cut by what they count: messages (by the commands
//! listed), states of peers, connections that came, went or were turned away, and what is to be there before it happens.

mod certificates;
mod commands;
mod connections;
mod expected;
mod messages;
pub mod names;
mod state;

pub use names::*;
pub use state::PeerState;

pub(crate) use certificates::{certificate_ends, certificates_read};
pub(crate) use connections::{EndCounter, RefusalCause, connect_failed, refused, side};
pub(crate) use expected::{expect_peer, expect_refusals};
pub(crate) use messages::{Direction, Outcome, PeerMetrics};
pub(crate) use state::PeerStateGauge;
