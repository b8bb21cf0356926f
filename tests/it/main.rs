//! Tests from outside: parts together on real engines, and the real binary asked as its users ask it.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

mod active_query;
mod applications;
mod by_address;
mod cli;
mod conformance;
mod crash;
mod deploy;
mod diameter_answers;
mod dissect;
mod duplicates;
mod erasure;
mod explain;
mod feeds;
mod freshness;
mod fuzz_corpus;
mod grpc;
mod import;
mod ingest;
mod interop;
mod layers;
mod malformed;
mod metrics;
mod monitoring;
mod outage;
mod own_requests;
mod publish;
mod rest;
mod sh;
mod shutdown;
mod simulation;
mod store;
mod transports;
mod watch;
mod whole_way;
