//! Diameter over streams: one task per connection drives the peer machine and whoever serves the applications.
//!
//! ```text
//! listener ──accept──┐
//! dialler ──connect──┤   handshake: CER/CEA, outside the peer table until a CER is acceptable
//!                    ▼
//!                 driver ── one task per connection ──────────────────────────────────────────────┐
//!                    │  socket → buffer → base messages → watchdog, peer machine                    │
//!                    │                  → requests, answers → Service ─┐                            │
//!                    │  Completions (unbounded, filled by the service) ┴→ write buffer → one write  │
//!                    │  Signals (flags) from the peer's other connection, one timer for everything  │
//!                    └──────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Bounds: the read buffer by `max_message_size` and one burst; the write buffer by `driver::WRITE_HIGH_WATER` plus the
//! answers to `max_pending` requests, since reading stops at either; completions by the requests that wait.
//!
//! The driver is generic over its two halves, so that the same test bodies run over TCP and over memory. It knows
//! neither domain nor store.

mod dispatch;
pub(crate) mod driver;
pub(crate) mod half_open;
pub(crate) mod handshake;
pub(crate) mod listener;
pub(crate) mod phase;
pub(crate) mod refusal_log;
pub(crate) mod tcp;

#[cfg(test)]
mod tests;

use std::time::Instant;

/// The present. Taken from tokio's clock, so that tests can run on virtual time.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
