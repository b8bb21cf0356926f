//! Counters that the connections of a peer add to.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::diameter::metrics::Outcome;
use crate::diameter::status::Traffic;

/// Messages and octets in one direction.
#[derive(Debug, Default)]
pub(super) struct Lane {
    messages: [AtomicU64; Outcome::COUNT],
    bytes: AtomicU64,
}

impl Lane {
    pub(super) fn message(&self, outcome: Outcome) {
        if let Some(count) = self.messages.get(outcome as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn octets(&self, count: u64) {
        self.bytes.fetch_add(count, Relaxed);
    }

    pub(super) fn look(&self) -> Traffic {
        let [
            requests,
            success,
            protocol_error,
            transient,
            permanent,
            experimental,
            other,
        ] = &self.messages;
        Traffic {
            requests: requests.load(Relaxed),
            success: success.load(Relaxed),
            protocol_error: protocol_error.load(Relaxed),
            transient: transient.load(Relaxed),
            permanent: permanent.load(Relaxed),
            experimental: experimental.load(Relaxed),
            other: other.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        }
    }
}

/// The codes of RFC 6733 §7.1.3 and §7.1.5 have room, and a few more; later ones are not told apart here.
const CODES: usize = 32;

/// Defects by Result-Code, in the order in which the codes first came. A place is taken once and never given back, so
/// that neither counting nor looking needs a lock.
#[derive(Debug, Default)]
pub(super) struct Defects([(AtomicU32, AtomicU64); CODES]);

impl Defects {
    pub(super) fn add(&self, result_code: u32) {
        for (code, count) in &self.0 {
            let taken = match code.load(Relaxed) {
                0 => code
                    .compare_exchange(0, result_code, Relaxed, Relaxed)
                    .unwrap_or_else(|taken| taken),
                taken => taken,
            };
            // A place that was free is ours now, unless another connection was faster.
            if taken == 0 || taken == result_code {
                count.fetch_add(1, Relaxed);
                return;
            }
        }
    }

    /// By code.
    pub(super) fn look(&self) -> Vec<(u32, u64)> {
        let mut found: Vec<_> = self
            .0
            .iter()
            .map(|(code, count)| (code.load(Relaxed), count.load(Relaxed)))
            .take_while(|(code, _)| *code != 0)
            .collect();
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defects_are_counted_by_code_from_many_threads_at_once() {
        let defects = Defects::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..1000 {
                        defects.add(5004 - round % 3);
                    }
                });
            }
        });
        assert_eq!(defects.look(), [(5002, 1332), (5003, 1332), (5004, 1336)]);
    }

    #[test]
    fn codes_beyond_the_room_are_let_go() {
        let defects = Defects::default();
        for code in 1..=100 {
            defects.add(code);
        }
        assert_eq!(defects.look().len(), CODES);
    }
}
