//! What people type: one file for each command.

pub mod client;
pub mod healthcheck;
pub mod import;
pub mod lookup;
pub mod lookup_output;
