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
//! A [`carrier::Carrier`] hides which transport it is: it makes a socket into two halves, of which handshake and driver
//! know nothing but that they read and write. So the same test bodies run over all of them and over memory. Nothing
//! here knows domain or store.

pub(crate) mod carrier;
mod dialler;
mod dispatch;
pub(crate) mod driver;
pub(crate) mod half_open;
pub(crate) mod handshake;
pub(crate) mod life_log;
pub(crate) mod listener;
#[cfg(test)]
mod memory;
mod messages;
pub(crate) mod phase;
pub(crate) mod refusal_log;
pub(crate) mod sctp;
pub(crate) mod tcp;
pub(crate) mod tls;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The present. Taken from tokio's clock, so that tests can run on virtual time.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The present by this machine's clock, for people: to the microsecond, as all times that are told.
pub(crate) fn wall_clock() -> SystemTime {
    to_the_microsecond(SystemTime::now())
}

/// Cuts off what is finer.
pub(crate) fn to_the_microsecond(time: SystemTime) -> SystemTime {
    time.duration_since(UNIX_EPOCH).map_or(time, |since| {
        let finer = Duration::from_nanos(u64::from(since.subsec_nanos() % 1000));
        time.checked_sub(finer).unwrap_or(time)
    })
}
