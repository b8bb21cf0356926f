//! The driver, seen from the far end of a connection: the same bodies over memory and over TCP.
//!
//! The far end is a plain stream of octets that writes its own messages with the codec and knows nothing of the peer
//! machine, so that a mistake there cannot hide behind the same mistake here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

/// Runs each body over memory and over TCP.
macro_rules! over_both {
    ($($body:ident;)*) => {
        mod memory {
            $(#[tokio::test] async fn $body() { super::$body(super::Over::Memory).await; })*
        }
        mod tcp {
            $(#[tokio::test] async fn $body() { super::$body(super::Over::Tcp).await; })*
        }
    };
}

mod admission;
mod capabilities;
mod disconnect;
mod far_end;
mod framing;
mod isolation;
mod nodes;
mod peers;
mod watchdog;
