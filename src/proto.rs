//! Messages and services generated from `proto/`. They stay at the edge: only `northbound`, `feed::grpc` and the
//! clients in `cli` and `sim` know them.
#![allow(
    missing_docs,
    unreachable_pub,
    unnameable_types,
    unused_qualifications,
    clippy::all
)]
#![allow(clippy::use_self, clippy::or_fun_call, clippy::manual_let_else)]

/// Package `reachability.v1`.
pub mod v1 {
    tonic::include_proto!("reachability.v1");
}

/// The descriptors of all files, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/reachability.v1.bin"));
