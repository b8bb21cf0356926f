//! What the Diameter stack counts.
//!
//! Labels are bounded: a peer is named by its configured identity, or `unknown`; commands, results and causes come from
//! fixed lists. Handles are looked up once and held.
//!
//! [`names`] is the list of all metrics; the rest are the handles, cut by what they count: messages, states of peers, and
//! connections that came, went or were turned away.

mod certificates;
mod connections;
mod messages;
pub mod names;
mod state;

pub use names::*;

pub(crate) use certificates::{certificate_ends, certificates_read};
pub(crate) use connections::{EndCounter, RefusalCause, refused};
pub(crate) use messages::{Direction, PeerMetrics};
pub(crate) use state::{PeerState, PeerStateGauge};
