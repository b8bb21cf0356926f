//! The tables of RFC 6733 §5.6 and RFC 3539 row by row, and two whole peers against each other under virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod base_messages;
mod pair;
mod pending;
mod rows;
