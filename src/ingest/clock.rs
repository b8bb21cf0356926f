//! When something was received.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use crate::domain::Timestamp;

/// Gives receipt times that strictly increase within this process, also when the system clock steps back or two
/// messages arrive in one microsecond. Messages without a time of their own (S6a) are ordered by these.
///
/// It is also the present for whatever judges age, so that a test can let time pass ([`Self::advance`]).
#[derive(Debug, Default)]
pub struct ReceiptClock {
    last: AtomicI64,
    /// Microseconds by which it is ahead of the system's clock.
    ahead: AtomicI64,
}

impl ReceiptClock {
    /// Now, and later than every earlier answer.
    pub fn now(&self) -> Timestamp {
        let system = self.present().map_or(1, Timestamp::as_micros);
        let next = |last: i64| Some(system.max(last.saturating_add(1)));
        let last = self
            .last
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next)
            .unwrap_or(0);
        Timestamp::from_micros(system.max(last.saturating_add(1))).unwrap_or(Timestamp::MAX)
    }
}

impl ReceiptClock {
    /// Now, as it is; `None` if the system's clock stands before 1970.
    pub fn present(&self) -> Option<Timestamp> {
        self.when(SystemTime::now())
    }

    /// A time of the system's clock, by this one.
    pub fn when(&self, time: SystemTime) -> Option<Timestamp> {
        let time = Timestamp::from_system_time(time)?;
        Timestamp::from_micros(
            time.as_micros()
                .saturating_add(self.ahead.load(Ordering::Relaxed)),
        )
    }

    /// Lets this much time pass at once, for whoever goes by this clock. For tests.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.ahead.fetch_add(micros, Ordering::Relaxed);
    }

    /// Answers later than `seen` from now on: receipt times must not step back over a restart either.
    pub fn raise(&self, seen: Timestamp) {
        self.last.fetch_max(seen.as_micros(), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipt_times_go_on_after_what_was_received_before_a_restart() {
        let clock = ReceiptClock::default();
        let ahead = clock.now().plus(Duration::from_secs(100));
        clock.raise(ahead);
        assert!(clock.now() > ahead);
        clock.raise(Timestamp::from_micros(1).unwrap());
        assert!(clock.now() > ahead);
    }

    #[test]
    fn receipt_times_strictly_increase() {
        let clock = ReceiptClock::default();
        let mut last = clock.now();
        for _ in 0..10_000 {
            let now = clock.now();
            assert!(now > last);
            last = now;
        }
    }
}
