//! reachd: the reachability daemon of a mobile operator's core network.

pub mod cli;
pub mod diameter;
pub mod domain;
pub mod feed;
pub mod grpc;
pub mod index;
pub mod ingest;
pub mod northbound;
pub mod ops;
pub mod proto;
pub mod sim;
pub mod store;
