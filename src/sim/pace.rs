//! How fast events may go out: a token bucket.

use std::time::{Duration, Instant};

/// Timers are not finer than this, so a wait shorter than it would only be a busy loop.
const TICK: Duration = Duration::from_millis(1);
/// What may be caught up after a stall: tokens of this long. More would turn a stall into a burst that nobody asked
/// for.
const CATCH_UP: f64 = 0.1;

/// Hands out leave to send.
#[derive(Clone, Debug)]
pub struct Pacer {
    /// Tokens per second; `None`: as fast as the window allows.
    rate: Option<f64>,
    tokens: f64,
    refilled: Instant,
}

impl Pacer {
    /// `rate` events a second, 0 for as many as the window allows. Begins with one token.
    pub fn new(rate: u32, now: Instant) -> Self {
        Self {
            rate: (rate > 0).then_some(f64::from(rate)),
            tokens: 1.0,
            refilled: now,
        }
    }

    /// Whether something may be sent now.
    pub fn ready(&mut self, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        let passed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = self.refilled.max(now);
        self.tokens = (self.tokens + passed * rate).min((rate * CATCH_UP).max(1.0));
        self.tokens >= 1.0
    }

    /// Takes note that something was sent.
    pub fn spend(&mut self) {
        if self.rate.is_some() {
            self.tokens -= 1.0;
        }
    }

    /// When there will be something to send again, at the earliest: `now` if already.
    pub fn next(&self, now: Instant) -> Instant {
        match self.rate {
            Some(rate) if self.tokens < 1.0 => {
                let wait = Duration::try_from_secs_f64((1.0 - self.tokens) / rate).unwrap_or(TICK);
                (self.refilled + wait).max(now + TICK)
            }
            _ => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many go out if the pacer is asked every `every`, for `span`.
    fn sent(rate: u32, every: Duration, span: Duration) -> usize {
        let start = Instant::now();
        let mut pacer = Pacer::new(rate, start);
        let (mut now, mut count) = (start, 0);
        while now < start + span {
            while count < 1_000_000 && pacer.ready(now) {
                pacer.spend();
                count += 1;
            }
            now += every;
        }
        count
    }

    #[test]
    fn the_rate_is_kept_whatever_the_timer_does() {
        for (rate, every) in [(10, 1), (2000, 1), (2000, 7), (100_000, 1), (1, 1)] {
            let count = sent(rate, Duration::from_millis(every), Duration::from_secs(10));
            let asked = f64::from(rate) * 10.0;
            assert!(
                (count as f64 - asked).abs() <= (asked * 0.01).max(1.0),
                "{rate}: {count}"
            );
        }
    }

    #[test]
    fn a_stall_is_caught_up_for_a_tenth_of_a_second_only() {
        let start = Instant::now();
        let mut pacer = Pacer::new(1000, start);
        let late = start + Duration::from_secs(60);
        let mut count = 0;
        while pacer.ready(late) {
            pacer.spend();
            count += 1;
        }
        assert_eq!(count, 100);
        assert!(pacer.next(late) > late);
    }

    #[test]
    fn without_a_rate_there_is_always_leave() {
        let now = Instant::now();
        let mut pacer = Pacer::new(0, now);
        for _ in 0..1000 {
            assert!(pacer.ready(now));
            pacer.spend();
        }
        assert_eq!(pacer.next(now), now);
    }
}
