//! The far side: a simulated network that talks to a daemon through a real Diameter connection.
//!
//! It stands for a DRA (TS 29.213 annex, RFC 6733 §1.2) that copies what MMEs and an HSS say to one another on S6a. For
//! `reachd simulate`, `reachd demo` and tests; the daemon itself uses none of it.
//!
//! [`scenario`] decides what happens, [`load`] when, [`peer`] puts it on the wire, [`view`] shows it to a person.

pub mod format;
pub mod histogram;
pub mod load;
pub mod mix;
pub mod pace;
pub mod peer;
pub mod population;
pub mod request;
pub mod rng;
pub mod run;
pub mod scenario;
pub mod stats;
pub mod view;
