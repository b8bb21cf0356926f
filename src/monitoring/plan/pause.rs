//! Asking nothing for a while, because nobody can answer.

use std::time::Duration;

use crate::domain::Timestamp;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);

/// Pauses that double as long as nothing succeeds in between.
#[derive(Debug, Default)]
pub(super) struct Pause {
    until: Option<Timestamp>,
    in_a_row: u32,
}

impl Pause {
    /// Nobody could answer. Several questions that fail together make one pause.
    pub(super) fn begin(&mut self, now: Timestamp) {
        if self.until > Some(now) {
            return;
        }
        let length = FIRST.saturating_mul(1 << self.in_a_row.min(10)).min(LONGEST);
        self.in_a_row += 1;
        self.until = Some(now.plus(length));
    }

    /// Somebody answered.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    /// Until when nothing is asked.
    pub(super) fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_begin_anew_after_a_success() {
        let mut now = Timestamp::from_micros(1_000_000).unwrap();
        let mut pause = Pause::default();
        let mut lengths = Vec::new();
        for _ in 0..7 {
            pause.begin(now);
            pause.begin(now);
            let until = pause.until(now).unwrap();
            lengths.push(until.since(now).as_millis());
            now = until;
            assert_eq!(pause.until(now), None);
        }
        assert_eq!(lengths, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        pause.end();
        pause.begin(now);
        assert_eq!(pause.until(now), Some(now.plus(FIRST)));
    }
}
