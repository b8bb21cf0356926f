//! What people type.

pub mod import;
