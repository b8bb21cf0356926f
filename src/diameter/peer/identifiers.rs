//! The identifiers that this node gives to what it sends (RFC 6733 §3, §8.8): one source for everything that leaves under
//! one Origin-Host.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::timer::Random;

/// Counters behind Hop-by-Hop Identifier, End-to-End Identifier and Session-Id.
#[derive(Debug)]
pub struct Identifiers {
    hop_by_hop: AtomicU32,
    end_to_end: AtomicU32,
    session: AtomicU64,
}

impl Identifiers {
    /// `since_1970` is when this node started, `seed` anything that differs between nodes.
    ///
    /// End-to-End Identifiers begin with the low 12 bits of the second on top and 20 random bits below (RFC 6733 §3).
    /// Session-Ids begin with the start in units of 2⁻³² s, so that they go on above those of an earlier start, unless
    /// that one opened more than four thousand million sessions a second or the clock was set back (§8.8).
    #[must_use]
    pub fn new(since_1970: Duration, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let seconds = since_1970.as_secs();
        let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
        Self {
            hop_by_hop: AtomicU32::new(random.next() as u32),
            end_to_end: AtomicU32::new((seconds as u32) << 20 | random.next() as u32 & 0x000f_ffff),
            session: AtomicU64::new(seconds << 32 | fraction),
        }
    }

    /// A Hop-by-Hop Identifier, unlike any that was given in the last four thousand million.
    pub fn hop_by_hop(&self) -> u32 {
        self.hop_by_hop.fetch_add(1, Ordering::Relaxed)
    }

    /// An End-to-End Identifier, likewise.
    pub fn end_to_end(&self) -> u32 {
        self.end_to_end.fetch_add(1, Ordering::Relaxed)
    }

    /// A Session-Id of that Origin-Host.
    pub fn session_id(&self, origin_host: &str) -> String {
        let session = self.session.fetch_add(1, Ordering::Relaxed);
        format!("{origin_host};{};{}", session >> 32, session & 0xffff_ffff)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn numbers(session_id: &str) -> (u32, u32) {
        let mut parts = session_id.strip_prefix("reachd.example;").unwrap().split(';');
        let mut number = || parts.next().unwrap().parse().unwrap();
        (number(), number())
    }

    #[test]
    fn a_session_id_is_the_identity_and_a_number_that_grows_from_start_to_start() {
        let started = Duration::new(1_700_000_000, 250_000_000);
        let first = Identifiers::new(started, 1);
        let a_millisecond_later = Identifiers::new(started + Duration::from_millis(1), 1);
        let mut before = numbers(&first.session_id("reachd.example"));
        assert_eq!(before, (1_700_000_000, 1 << 30));
        for _ in 0..1000 {
            let session = numbers(&first.session_id("reachd.example"));
            assert!(session > before);
            before = session;
        }
        assert!(numbers(&a_millisecond_later.session_id("reachd.example")) > before);
    }

    #[test]
    fn end_to_end_identifiers_begin_with_the_time_and_differ() {
        let identifiers = Identifiers::new(Duration::from_secs(0x1234_5abc), 7);
        let first = identifiers.end_to_end();
        assert_eq!(first >> 20, 0xabc);
        assert_eq!(identifiers.end_to_end(), first.wrapping_add(1));
        assert_ne!(identifiers.hop_by_hop(), identifiers.hop_by_hop());
    }
}
