//! reachd: the reachability daemon of a mobile operator's core network.

pub mod domain;
pub mod grpc;
pub mod index;
pub mod northbound;
pub mod proto;
