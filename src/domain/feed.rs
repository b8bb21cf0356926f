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
/// Ordered so that joining facts of the same moment has one result: the later receipt counts, then the greater number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// How much later than it happened it was received, in milliseconds rounded up; less than zero if the feed's clock is
    /// ahead. Beyond [`Self::FINE`] each step is [`Self::COARSE`] milliseconds. What does not fit, some three years, is cut
    /// off: it then counts as received earlier than it was, which never confirms too much.
    pub delay: i32,
    /// Who told it.
    pub feed: FeedId,
}

impl Source {
    /// Up to here a delay is told to the millisecond: 12 days.
    pub const FINE: i32 = 1 << 30;
    /// How many milliseconds a step is beyond that: what is told again years later is not a matter of milliseconds.
    pub const COARSE: i32 = 100;

    /// Of a fact of `at` that a feed told at `received_at`.
    pub fn new(feed: FeedId, at: Timestamp, received_at: Timestamp) -> Self {
        let micros = received_at.as_micros().saturating_sub(at.as_micros());
        let millis = divided_up(micros, 1000);
        let (fine, coarse) = (i64::from(Self::FINE), i64::from(Self::COARSE));
        let steps = if millis <= fine {
            millis
        } else {
            fine.saturating_add(divided_up(millis - fine, coarse))
        };
        let delay = i32::try_from(steps).unwrap_or(if steps < 0 { i32::MIN } else { i32::MAX });
        Self { delay, feed }
    }

    /// When the fact was received, if it is of `at`.
    pub fn received(self, at: Timestamp) -> Timestamp {
        let beyond = i64::from(self.delay.saturating_sub(Self::FINE).max(0));
        let millis = i64::from(self.delay.min(Self::FINE)) + beyond * i64::from(Self::COARSE);
        let micros = at.as_micros().saturating_add(millis * 1000);
        Timestamp::from_micros(micros).unwrap_or(at)
    }
}

fn divided_up(number: i64, by: i64) -> i64 {
    number.div_euclid(by) + i64::from(number.rem_euclid(by) > 0)
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
    fn what_is_told_again_long_after_comes_back_to_a_tenth_of_a_second() {
        const DAY: i64 = 86_400_000_000;
        let happened = at(DAY);
        for days in [2, 13, 14, 90, 700, 1200] {
            let told = at(days * DAY + 17);
            let back = Source::new(FeedId::NONE, happened, told).received(happened);
            assert!(
                told <= back && back.since(told).as_millis() <= 100,
                "{days}: {back}"
            );
        }
        // Later is greater, on both sides of the bound.
        let sources = [12, 13, 90].map(|days| Source::new(FeedId::NONE, happened, at(days * DAY)));
        assert!(sources.is_sorted());
    }

    #[test]
    fn a_delay_beyond_reason_counts_as_received_earlier() {
        let decade = at(3650 * 86_400_000_000);
        let source = Source::new(FeedId::NONE, at(1), decade);
        assert!(source.received(at(1)) < decade);
    }

    #[test]
    fn the_later_receipt_counts_whoever_told_it() {
        let [first, second] = [1, 2].map(|number| FeedId::from_number(number).unwrap());
        let (early, late) = (
            Source::new(second, at(1), at(5_000)),
            Source::new(first, at(1), at(9_000)),
        );
        assert!(late > early);
        assert!(Source::new(second, at(1), at(9_000)) > late);
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
