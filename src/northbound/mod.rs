//! Answers: lookups over gRPC. Only reads, and never waits for the store.
//!
//! A request's way: [`identifier`] chooses and checks, the index answers, [`convert`] puts it into protobuf words;
//! [`error`] is the one table of everything that can be wrong with a question. [`lookup`] is the service.

pub mod convert;
pub mod error;
pub mod identifier;
pub mod lookup;

pub use lookup::Lookup;
