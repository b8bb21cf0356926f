//! reachd: the reachability daemon of a mobile operator's core network.
//!
//! Facts flow one way: a feed turns a protocol's messages into [`domain::Event`]s, [`ingest`] makes them durable in the
//! [`store`] and then visible in the [`index`], and [`northbound`] answers lookups from there. To get to know the code,
//! read `domain`, then `feed`, `ingest`, `index`, `northbound`; ARCHITECTURE.md draws the map.

pub mod app;
pub mod audit;
mod certificate;
pub mod cli;
pub mod config;
pub mod diameter;
pub mod domain;
pub mod erasure;
pub mod feed;
pub mod files;
pub mod grpc;
pub mod hss;
pub mod index;
pub mod ingest;
pub mod liveness;
pub mod monitoring;
pub mod northbound;
pub mod ops;
pub mod pace;
pub mod proto;
pub mod refresh;
pub mod rest;
pub mod sim;
pub mod store;
pub mod watch;
