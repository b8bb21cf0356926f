//! How many requests may leave, and when.

use std::time::Duration;

use crate::domain::Timestamp;

const MICROS: u64 = 1_000_000;

/// Never more than `rate` in any second, whenever it begins.
///
/// A bucket that holds a twentieth of a second's requests, so that a scheduler that wakes late can make up for it, and
/// fills as much more slowly that even a full bucket spent at once keeps within the rate.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    /// Requests that may leave at once.
    capacity: u64,
    /// Requests that become allowed in a second.
    fill: u64,
    /// Millionths of a request that may leave now.
    level: u64,
    filled_at: Option<Timestamp>,
}

impl Budget {
    pub(super) fn new(rate: u32) -> Self {
        let rate = u64::from(rate.max(1));
        let capacity = (rate / 20).max(1);
        Self {
            capacity,
            fill: rate - capacity + 1,
            level: capacity * MICROS,
            filled_at: None,
        }
    }

    /// Whether one may leave.
    pub(super) fn allows(&mut self, now: Timestamp) -> bool {
        self.fill(now);
        self.level >= MICROS
    }

    /// One leaves.
    pub(super) fn spend(&mut self) {
        self.level = self.level.saturating_sub(MICROS);
    }

    /// When the next may leave.
    pub(super) fn next_at(&self, now: Timestamp) -> Timestamp {
        let mut then = self.clone();
        then.fill(now);
        let missing = MICROS.saturating_sub(then.level);
        now.plus(Duration::from_micros(missing.div_ceil(self.fill)))
    }

    fn fill(&mut self, now: Timestamp) {
        let passed = self
            .filled_at
            .map_or(Duration::ZERO, |filled_at| now.since(filled_at));
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        self.level = self
            .level
            .saturating_add(micros.saturating_mul(self.fill))
            .min(self.capacity * MICROS);
        // A clock that stepped back gives nothing twice.
        self.filled_at = self.filled_at.max(Some(now));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(1_000_000_000 + micros).unwrap()
    }

    #[test]
    fn a_small_rate_is_kept_by_waiting_between_any_two() {
        let mut budget = Budget::new(2);
        assert!(budget.allows(at(0)));
        budget.spend();
        assert!(!budget.allows(at(0)));
        assert_eq!(budget.next_at(at(0)), at(500_000));
        assert!(!budget.allows(at(499_999)));
        assert!(budget.allows(at(500_000)));
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_the_rate_and_most_seconds_see_nearly_as_many(
            rate in 1u32..400, pauses in prop::collection::vec(0i64..200_000, 1..400),
        ) {
            let mut budget = Budget::new(rate);
            let (mut now, mut sent) = (0, Vec::new());
            for pause in pauses {
                now += pause;
                while budget.allows(at(now)) {
                    budget.spend();
                    sent.push(now);
                }
                prop_assert!(budget.next_at(at(now)) > at(now));
            }
            for (place, begin) in sent.iter().enumerate() {
                let within = sent.iter().skip(place).take_while(|at| **at < begin + 1_000_000).count();
                prop_assert!(within <= rate as usize, "{within} of {rate}");
            }
        }

        #[test]
        fn whoever_comes_when_told_gets_nearly_the_rate(rate in 1u32..400) {
            let mut budget = Budget::new(rate);
            let (mut now, mut sent) = (at(0), 0u32);
            while now < at(10_000_000) {
                prop_assert!(budget.allows(now));
                budget.spend();
                sent += 1;
                now = budget.next_at(now);
            }
            prop_assert!(sent >= rate * 9, "{sent} at {rate}");
        }
    }
}
