//! Which feed told a fact, and when it came.

use super::Timestamp;

/// The number of a feed: table `feed` gives its name.
///
/// Two octets in every registration instead of a name. Numbers are given out by the store, so that they mean the same
/// after a restart and to every daemon on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedId(u16);

impl FeedId {
    /// No feed that is known: facts that were stored before feeds were told apart, or that came before the feed had its
    /// number. Nothing vouches for such a fact but the fact itself.
    pub const NONE: Self = Self(0);

    /// How many feeds there can be, by number from 1. Far more than a network has elements that would tell; whoever
    /// comes later is not told apart.
    pub const MAX: u16 = 1000;

    /// From a stored number: 0 for [`Self::NONE`], or up to [`Self::MAX`].
    pub fn from_number(number: i16) -> Option<Self> {
        u16::try_from(number)
            .ok()
            .filter(|number| *number <= Self::MAX)
            .map(Self)
    }

    /// The number to store.
    pub fn number(self) -> i16 {
        // Never beyond MAX.
        i16::try_from(self.0).unwrap_or(0)
    }

    /// The place in a table of all feeds.
    pub fn place(self) -> usize {
        usize::from(self.0)
    }
}

/// Where the newest of some facts came from: it belongs to that fact, and goes when a newer one comes.
///
/// Ordered so that joining facts of the same moment has one result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Who told it.
    pub feed: FeedId,
    /// How much later than it happened it was received, in milliseconds rounded up; less than zero if the feed's clock is
    /// ahead. What does not fit, some 24 days, is cut off: it then counts as received earlier than it was, which never
    /// confirms too much.
    pub delay: i32,
}

impl Source {
    /// Of a fact of `at` that a feed told at `received_at`.
    pub fn new(feed: FeedId, at: Timestamp, received_at: Timestamp) -> Self {
        let micros = received_at.as_micros().saturating_sub(at.as_micros());
        let millis = micros.div_euclid(1000) + i64::from(micros.rem_euclid(1000) > 0);
        let delay = i32::try_from(millis).unwrap_or(if millis < 0 { i32::MIN } else { i32::MAX });
        Self { feed, delay }
    }

    /// When the fact was received, if it is of `at`.
    pub fn received(self, at: Timestamp) -> Timestamp {
        let micros = at.as_micros().saturating_add(i64::from(self.delay) * 1000);
        Timestamp::from_micros(micros).unwrap_or(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    #[test]
    fn a_receipt_comes_back_to_the_millisecond_and_never_earlier() {
        let feed = FeedId::from_number(3).unwrap();
        for (happened, received, expected) in [
            (5_000_000, 5_000_000, 5_000_000),
            (5_000_000, 5_000_001, 5_001_000),
            (5_000_000, 9_000_000, 9_000_000),
            (9_000_000, 5_000_000, 5_000_000),
            (9_000_000, 5_000_001, 5_001_000),
        ] {
            let source = Source::new(feed, at(happened), at(received));
            assert_eq!(
                source.received(at(happened)),
                at(expected),
                "{happened} {received}"
            );
        }
    }

    #[test]
    fn a_delay_beyond_reason_counts_as_received_earlier() {
        let source = Source::new(FeedId::NONE, at(1), at(90 * 86_400_000_000));
        assert!(source.received(at(1)) < at(25 * 86_400_000_000));
    }

    #[test]
    fn a_source_takes_eight_octets_and_a_number_comes_back() {
        assert_eq!(size_of::<Source>(), 8);
        assert_eq!(FeedId::from_number(1000).map(FeedId::number), Some(1000));
        assert_eq!(FeedId::from_number(1001), None);
        assert_eq!(FeedId::from_number(-1), None);
        assert_eq!(FeedId::default(), FeedId::NONE);
    }
}
