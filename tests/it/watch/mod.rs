//! Streams of changes from the real binary: what clients see, come back to, and are told.

mod client;
mod command_line;
mod erased;
mod limits;
mod resuming;
mod streams;
