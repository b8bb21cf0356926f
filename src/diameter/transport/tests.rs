//! The driver, seen from the far end of a connection: the same bodies over every transport.
//!
//! The far end is a plain stream of octets that writes its own messages with the codec and knows nothing of the peer
//! machine, so that a mistake there cannot hide behind the same mistake here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

/// Runs each body over memory, over memory that keeps messages apart, over TCP and over TLS.
macro_rules! over_all {
    ($($body:ident;)*) => {
        mod memory {
            $(#[tokio::test] async fn $body() { super::$body(super::Over::Memory).await; })*
        }
        mod messages {
            $(#[tokio::test] async fn $body() { super::$body(super::Over::Messages).await; })*
        }
        mod tcp {
            $(#[tokio::test] async fn $body() { super::$body(super::Over::Tcp).await; })*
        }
        mod tls {
            $(#[tokio::test] async fn $body() { super::$body(super::Over::Tls).await; })*
        }
    };
}

mod admission;
mod asking;
mod authority;
mod capabilities;
mod credentials;
mod disconnect;
mod failover;
mod far_end;
mod faults;
mod framing;
mod isolation;
mod looking_on;
mod nodes;
mod peers;
mod relayed;
mod requests;
mod sctp;
mod tls_accept;
mod tls_dial;
mod tls_reload;
mod watchdog;
