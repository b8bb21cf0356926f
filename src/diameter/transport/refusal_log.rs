//! Tells of refused connections, but no faster than a person reads: anybody can have connections refused, and must not
//! fill the log with it. Every one is counted in the metrics.
//!
//! Of a refused connection nothing is told but its cause and where it came from. What a stranger sent stays out.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::now;
use crate::diameter::metrics::{self, RefusalCause};

/// Between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// When the last line was written, and how many have been left out since.
#[derive(Debug, Default)]
pub(crate) struct RefusalLog(Mutex<(Option<Instant>, u64)>);

impl RefusalLog {
    /// Counts a refused connection, and tells of it if it is for the operator to know.
    pub(crate) fn refused(&self, cause: RefusalCause, remote: SocketAddr) {
        metrics::refused(cause);
        let label = cause.label();
        if !cause.is_verdict() {
            debug!(cause = label, %remote, "Diameter connection refused");
        } else if let Some(suppressed) = self.turn(now()) {
            warn!(cause = label, %remote, suppressed, "Diameter connection refused");
        }
    }

    /// Whether a line may be written at `present`, and how many were left out before it.
    fn turn(&self, present: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, suppressed) = &mut *state;
        if last.is_some_and(|last| present.saturating_duration_since(last) < PAUSE) {
            *suppressed += 1;
            return None;
        }
        *last = Some(present);
        Some(std::mem::take(suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_tells_how_many_were_left_out() {
        let log = RefusalLog::default();
        let start = Instant::now();
        let after = |millis| log.turn(start + Duration::from_millis(millis));
        assert_eq!(after(0), Some(0));
        assert_eq!([after(1), after(500), after(999)], [None; 3]);
        assert_eq!(after(1000), Some(3));
        assert_eq!(after(1999), None);
        assert_eq!(after(9000), Some(1));
        assert_eq!(after(10_000), Some(0));
    }
}
