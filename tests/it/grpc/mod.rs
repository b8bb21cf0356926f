//! The gRPC side over the wire: lookups, events in, provisioning, health, reflection, metrics, and the commands that
//! ask a daemon.

mod commands;
mod daemon;
mod events;
mod health;
mod held_store;
mod lookups;
mod metrics;
mod provisioning;
mod push_back;
mod reflection;
mod sources;
