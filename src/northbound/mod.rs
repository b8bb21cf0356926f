//! Answers: lookups and streams of changes over gRPC. Only reads, and never waits for the store.
//!
//! A request's way: [`identifier`] chooses and checks, [`answers`] asks the index, [`convert`] puts it into protobuf words;
//! [`error`] is the one table of everything that can be wrong with a question. [`lookup`] is the service, [`watch`] its
//! streams. [`identifier::Device`] and [`answers`] know no wire format: whatever asks, asks through them.

pub mod answers;
pub mod convert;
pub mod error;
pub mod explain;
pub mod identifier;
pub mod lookup;
pub mod watch;

pub use answers::{Answer, Answers, Refresh, Terms};
pub use explain::Explain;
pub use lookup::Lookup;
