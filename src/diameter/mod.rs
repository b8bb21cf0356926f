//! Diameter: codec, dictionaries, peer machine, transport and applications (RFC 6733, RFC 3539, TS 29.272).
//!
//! `codec` and `dict` take bytes; `peer` takes messages and time and hands out actions; `transport` owns sockets and
//! drives the machine; `node` is the identity with its peer table, listener and orderly stop; `apps` turn messages into
//! domain events and back. Only `apps` knows the domain. `client` sends requests of our own over the same connections.

pub mod apps;
pub mod client;
pub mod codec;
pub mod config;
pub mod dict;
pub mod metrics;
pub mod node;
pub mod peer;
mod record;
#[cfg(test)]
mod seeds;
pub mod service;
pub mod status;
mod table;
mod transport;
