//! Sources of events: each turns one protocol into events of the domain and answers once they are durable.

pub mod admin;
pub mod asking;
pub mod auditing;
pub mod diameter;
pub mod erasing;
pub mod explaining;
pub mod forgetting;
pub mod grpc;
pub mod listing;
pub mod provisioning;
pub mod watching;
