//! How sure an answer is: its age against what the caller accepts.

use std::time::Duration;

use super::Timestamp;

/// How recently the network confirmed an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// Confirmed within the accepted age.
    Fresh,
    /// Confirmed, but longer ago.
    Stale,
    /// Never confirmed.
    Unknown,
}

impl Freshness {
    /// The freshness at `now` of something last confirmed at `confirmed`.
    pub fn at(now: Timestamp, confirmed: Option<Timestamp>, max_age: Duration) -> Self {
        match confirmed {
            None => Self::Unknown,
            Some(confirmed) if now.since(confirmed) <= max_age => Self::Fresh,
            Some(_) => Self::Stale,
        }
    }

    /// The word for it in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "FRESH",
            Self::Stale => "STALE",
            Self::Unknown => "UNKNOWN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_fresh_up_to_the_accepted_age_and_stale_after() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let (Some(confirmed), Some(edge), Some(later)) = (at(100), at(160), at(161)) else {
            unreachable!("positive times")
        };
        let age = Duration::from_secs(60);
        assert_eq!(Freshness::at(edge, Some(confirmed), age), Freshness::Fresh);
        assert_eq!(Freshness::at(later, Some(confirmed), age), Freshness::Stale);
        assert_eq!(Freshness::at(later, None, age), Freshness::Unknown);
    }
}
