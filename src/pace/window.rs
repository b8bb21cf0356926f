//! How many requests may leave in a second, whenever in it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::Timestamp;

const SECOND: Duration = Duration::from_secs(1);

/// Never more than so many in any second, whenever it begins; all of them at once, if none left in the second before.
///
/// For requests that nobody wants later: what may not leave now, never does. Takes eight octets for each that may leave in a
/// second.
#[derive(Clone, Debug)]
pub struct Window {
    most: usize,
    /// When those left that count, in their order.
    left: VecDeque<Timestamp>,
}

impl Window {
    /// So many in any second, one at least.
    pub fn new(rate: u32) -> Self {
        Self {
            most: usize::try_from(rate.max(1)).unwrap_or(usize::MAX),
            left: VecDeque::new(),
        }
    }

    /// Whether one may leave now; then it has. `now` never goes back.
    pub fn leave(&mut self, now: Timestamp) -> bool {
        while self.left.front().is_some_and(|left| now.since(*left) >= SECOND) {
            self.left.pop_front();
        }
        let may = self.left.len() < self.most;
        if may {
            self.left.push_back(now);
        }
        may
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
    fn a_seconds_worth_may_leave_at_once_and_then_nothing_for_a_second() {
        let mut window = Window::new(3);
        assert!((0..3).all(|_| window.leave(at(0))));
        assert!(!window.leave(at(0)));
        assert!(!window.leave(at(999_999)));
        assert!((0..3).all(|_| window.leave(at(1_000_000))));
        assert!(!window.leave(at(1_000_000)));
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_the_rate_and_nobody_is_refused_who_would_not_exceed_it(
            rate in 1u32..20, pauses in prop::collection::vec(0i64..400_000, 1..200),
        ) {
            let mut window = Window::new(rate);
            let (mut now, mut left) = (0, Vec::<i64>::new());
            for pause in pauses {
                now += pause;
                let within = left.iter().filter(|left| now - **left < 1_000_000).count();
                prop_assert_eq!(window.leave(at(now)), within < rate as usize);
                if within < rate as usize {
                    left.push(now);
                }
                prop_assert!(window.left.len() <= rate as usize);
            }
        }
    }
}
