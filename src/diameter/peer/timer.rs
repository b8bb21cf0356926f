//! Deadlines without a clock: a table of named deadlines, the reconnect back-off and the randomness behind jitter.
//!
//! Nothing here reads a clock or sleeps. Whoever drives the machines passes the present in and asks for the next
//! deadline (RFC 6733 §2.1 for Tc, RFC 3539 §3.4.1 for the jitter of Tw).

use std::time::{Duration, Instant};

/// Everything a connection may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Tw of RFC 3539.
    Watchdog,
    /// The deadline of whoever serves the applications.
    Service,
    /// A message has begun to arrive and has to be complete by then.
    Message,
    /// Octets wait to be written and the peer has to take some by then.
    Write,
    /// The peer machine's own timer: capabilities exchange, or the answer to Disconnect-Peer.
    Peer,
    /// How long pending requests are given before an orderly close goes on.
    Grace,
}

impl Timer {
    const COUNT: usize = 6;
}

/// One optional deadline per [`Timer`].
#[derive(Clone, Debug, Default)]
pub struct Timers {
    deadlines: [Option<Instant>; Timer::COUNT],
}

impl Timers {
    /// Arms a timer, or disarms it with `None`.
    pub fn set(&mut self, timer: Timer, deadline: Option<Instant>) {
        if let Some(slot) = self.deadlines.get_mut(timer as usize) {
            *slot = deadline;
        }
    }

    /// When a timer is due, if it is armed.
    #[must_use]
    pub fn get(&self, timer: Timer) -> Option<Instant> {
        self.deadlines.get(timer as usize).copied().flatten()
    }

    /// Arms a timer unless it runs already.
    pub fn start(&mut self, timer: Timer, deadline: Instant) {
        if self.get(timer).is_none() {
            self.set(timer, Some(deadline));
        }
    }

    /// Whether a timer is armed and due.
    #[must_use]
    pub fn is_due(&self, timer: Timer, now: Instant) -> bool {
        self.get(timer).is_some_and(|deadline| deadline <= now)
    }

    /// The earliest deadline of all.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.deadlines.iter().copied().flatten().min()
    }
}

/// SplitMix64: jitter needs spread and a seed that a test can repeat, not secrecy.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, or 0 where `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    /// A duration spread evenly over `middle` ± `spread`, never below zero.
    pub fn around(&mut self, middle: Duration, spread: Duration) -> Duration {
        let width = u64::try_from(spread.as_micros())
            .unwrap_or(u64::MAX / 4)
            .saturating_mul(2);
        let offset = Duration::from_micros(self.below(width.saturating_add(1)));
        (middle + offset).saturating_sub(spread)
    }
}

/// How long to wait before the next attempt to connect: doubles from an eighth of Tc up to Tc, each ± a fifth.
///
/// RFC 6733 §2.1 recommends 30 s for Tc. Starting below it shortens the outage after a restart of the peer; the spread
/// keeps the peers of a restarted agent from all coming back in one instant.
#[derive(Clone, Debug)]
pub struct Backoff {
    tc: Duration,
    next: Duration,
    random: Random,
}

impl Backoff {
    /// A back-off below `tc` with jitter from `seed`.
    #[must_use]
    pub fn new(tc: Duration, seed: u64) -> Self {
        Self {
            tc,
            next: tc / 8,
            random: Random::new(seed),
        }
    }

    /// The time to wait after one more failure.
    pub fn failed(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.tc);
        self.random.around(wait, wait / 5)
    }

    /// A connection opened: the next failure starts small again.
    pub fn succeeded(&mut self) {
        self.next = self.tc / 8;
    }

    /// The peer said that it does not want us soon (Disconnect-Cause BUSY or DO_NOT_WANT_TO_TALK_TO_YOU): a whole Tc.
    pub fn unwanted(&mut self) -> Duration {
        self.next = self.tc;
        self.failed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_comes_next() {
        let now = Instant::now();
        let mut timers = Timers::default();
        assert_eq!(timers.next(), None);
        timers.set(Timer::Watchdog, Some(now + Duration::from_secs(30)));
        timers.set(Timer::Write, Some(now + Duration::from_secs(5)));
        assert_eq!(timers.next(), Some(now + Duration::from_secs(5)));
        assert!(!timers.is_due(Timer::Write, now));
        assert!(timers.is_due(Timer::Write, now + Duration::from_secs(5)));
        timers.set(Timer::Write, None);
        assert_eq!(timers.next(), Some(now + Duration::from_secs(30)));
    }

    #[test]
    fn a_running_timer_is_not_pushed_back_by_start() {
        let now = Instant::now();
        let mut timers = Timers::default();
        timers.start(Timer::Message, now);
        timers.start(Timer::Message, now + Duration::from_secs(9));
        assert_eq!(timers.get(Timer::Message), Some(now));
    }

    #[test]
    fn jitter_stays_within_its_spread_and_reaches_both_halves() {
        let mut random = Random::new(7);
        let (mut low, mut high) = (false, false);
        for _ in 0..1000 {
            let drawn = random.around(Duration::from_secs(30), Duration::from_secs(2));
            assert!(
                drawn >= Duration::from_secs(28) && drawn <= Duration::from_secs(32),
                "{drawn:?}"
            );
            low |= drawn < Duration::from_secs(30);
            high |= drawn > Duration::from_secs(30);
        }
        assert!(low && high);
    }

    #[test]
    fn the_back_off_doubles_up_to_tc_and_starts_again_after_success() {
        let tc = Duration::from_secs(32);
        let mut backoff = Backoff::new(tc, 1);
        let near = |drawn: Duration, middle: u64| {
            let middle = Duration::from_secs(middle);
            assert!(
                drawn >= middle - middle / 5 && drawn <= middle + middle / 5,
                "{drawn:?} around {middle:?}"
            );
        };
        for middle in [4, 8, 16, 32, 32, 32] {
            near(backoff.failed(), middle);
        }
        backoff.succeeded();
        near(backoff.failed(), 4);
        near(backoff.unwanted(), 32);
    }
}
