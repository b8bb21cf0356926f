//! `reachd import`.

pub mod csv;
