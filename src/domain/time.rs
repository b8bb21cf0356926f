//! Points in time as the network tells them.

use std::fmt;
use std::num::NonZeroU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time, in microseconds since 1970-01-01 UTC, never zero.
///
/// Zero is left out so that "never" ([`None`]) costs no space and sorts before every real time: the newest of
/// two facts is their maximum, and a fact that was never seen is the smallest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroU64);

impl Timestamp {
    /// The end of time: stands for "without an end" where an end is asked for.
    pub const MAX: Self = Self(NonZeroU64::new(i64::MAX as u64).unwrap());

    /// From microseconds since the Unix epoch; `None` for zero, negative values and anything beyond [`Self::MAX`].
    pub fn from_micros(micros: i64) -> Option<Self> {
        u64::try_from(micros).ok().and_then(NonZeroU64::new).map(Self)
    }

    /// From a system time; `None` at or before the Unix epoch.
    pub fn from_system_time(time: SystemTime) -> Option<Self> {
        let micros = time.duration_since(UNIX_EPOCH).ok()?.as_micros();
        Self::from_micros(i64::try_from(micros).ok()?)
    }

    /// Microseconds since the Unix epoch, always positive.
    pub fn as_micros(self) -> i64 {
        // Never beyond i64::MAX: every constructor refuses more.
        self.0.get() as i64
    }

    /// This time moved forward, stopping at [`Self::MAX`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros)).min(Self::MAX)
    }

    /// How long ago `earlier` was, zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        // Always possible: i64::MAX microseconds are far below what a system time can hold.
        UNIX_EPOCH + Duration::from_micros(time.0.get())
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with microseconds, such as `2026-01-31T12:00:00.000000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.get();
        let (days, rest) = (micros / 86_400_000_000, micros % 86_400_000_000);
        let (year, month, day) = civil_from_days(days);
        let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z"
        )
    }
}

/// Days since 1970-01-01 to a Gregorian date, counting years from March so that leap days fall at the end.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_negative_times_are_refused() {
        assert_eq!(Timestamp::from_micros(0), None);
        assert_eq!(Timestamp::from_micros(-1), None);
    }

    #[test]
    fn never_sorts_before_every_time_and_costs_no_space() {
        assert!(None < Timestamp::from_micros(1));
        assert_eq!(size_of::<Option<Timestamp>>(), 8);
    }

    #[test]
    fn times_are_shown_as_rfc_3339() {
        let shown = |micros| Timestamp::from_micros(micros).map(|t| t.to_string());
        assert_eq!(shown(1).as_deref(), Some("1970-01-01T00:00:00.000001Z"));
        assert_eq!(
            shown(951_782_400_000_000).as_deref(),
            Some("2000-02-29T00:00:00.000000Z")
        );
        assert_eq!(
            shown(1_798_761_599_999_999).as_deref(),
            Some("2026-12-31T23:59:59.999999Z")
        );
    }

    #[test]
    fn adding_stops_at_the_end_of_time() {
        assert_eq!(Timestamp::MAX.plus(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
    }
}
