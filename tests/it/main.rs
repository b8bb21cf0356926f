//! Tests from outside: parts together, on real engines.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

mod grpc;
mod layers;
mod store;
