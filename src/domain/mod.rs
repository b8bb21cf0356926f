//! The rules of reachability, without I/O, clocks or threads.
//!
//! Read in this order: [`subscriber`] (who), [`slot`] and [`node`] (where), [`event`] (what a feed says),
//! [`registration`] (what is kept, and how facts join), [`reachability`] (the answer), [`freshness`] (how sure).
//! Time always comes in as a parameter. Nothing here knows Diameter, gRPC or SQL.

pub mod event;
pub mod freshness;
pub mod node;
pub mod reachability;
pub mod registration;
pub mod slot;
pub mod subscriber;
pub mod time;

pub use event::{Change, Ends, Event};
pub use freshness::Freshness;
pub use node::Node;
pub use reachability::{Reachability, SlotState, Status, UnknownReason};
pub use registration::{Effect, Facts, Outcome, Registration, Registrations, Report};
pub use slot::Slot;
pub use subscriber::{
    ExternalIdentifier, Identifier, IdentifierError, Imsi, Msisdn, SubscriberId, SubscriberIdentifiers,
};
pub use time::Timestamp;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod scenarios;
