//! reachd: the reachability daemon of a mobile operator's core network.

pub mod domain;
pub mod index;
pub mod proto;
