//! What is known of a feed's life: its last sign, and when it was away.
//!
//! A feed that lives and is silent confirms what it said, as far as it would have said otherwise. Away from it nothing is
//! confirmed: what it said before a gap was last known to hold when the gap began, whatever the feed says of others after.
//! Only to hear of the subscriber again helps; and where it was not told of, that the feed has told again all it has
//! ([`FeedHealth::resynchronised`]).

use std::fmt;

use super::{Coverage, Imsi, SubscriberId, Timestamp};

/// The beginnings of IMSIs, each of 1 to [`Self::MAX_DIGITS`] digits: of whom alone something is in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefixes(Box<[Box<str>]>);

impl Prefixes {
    /// Longer ones are cut, which takes in more subscribers and never fewer: what is kept of a feed names nobody.
    pub const MAX_DIGITS: usize = 10;
    /// More of them are not told apart from everybody.
    pub const MAX: usize = 8;

    /// `None` stands for everybody: there are no prefixes, too many, or one that is no digits.
    pub fn new<'a>(digits: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut prefixes = Vec::<Box<str>>::new();
        for digits in digits {
            let digits = digits.get(..Self::MAX_DIGITS).unwrap_or(digits);
            if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return None;
            }
            if !prefixes.iter().any(|known| **known == *digits) {
                prefixes.push(Box::from(digits));
            }
        }
        let fine = (1..=Self::MAX).contains(&prefixes.len());
        fine.then(|| Self(prefixes.into()))
    }

    /// Whether it concerns a subscriber; one whose IMSI is not known might be.
    fn concern(&self, subscriber: SubscriberId) -> bool {
        let Some(imsi) = subscriber.as_imsi().map(Imsi::digits) else {
            return true;
        };
        self.0.iter().any(|prefix| imsi.starts_with(&**prefix))
    }
}

impl fmt::Display for Prefixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// A time in which a feed could not be believed to tell everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last sign of life before it.
    pub begin: Timestamp,
    /// The first after it, and from then on the feed counts again. `None`: it is not over.
    pub end: Option<Timestamp>,
    /// Of whom alone its word is in doubt. `None`: of everybody.
    pub only: Option<Prefixes>,
}

impl Gap {
    fn holds(&self, at: Timestamp) -> bool {
        self.end.is_none_or(|end| at < end)
    }

    fn concerns(&self, subscriber: SubscriberId) -> bool {
        self.only.as_ref().is_none_or(|only| only.concern(subscriber))
    }
}

/// What a feed showed of its life over some time: what is looked at every now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    /// Since when it lives without a break: its connection or stream is open, and was never silent for too long.
    pub since: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// Whether it lives now.
    pub lives: bool,
}

/// What is known of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedHealth {
    /// Its name.
    pub name: Box<str>,
    /// What its silence would be broken by.
    pub coverage: Coverage,
    /// Whether it is one of those that a negative answer has to hear: it is configured, or has promised to show that it
    /// lives. What is no longer here, or only ever told in passing, could not have said otherwise.
    pub counts: bool,
    /// Whether it is a stream that has promised so. That is kept, until the feed is forgotten.
    pub promised: bool,
    /// The last sign of life. `None`: there was none yet.
    pub alive_until: Option<Timestamp>,
    /// All that it held at this moment it has told again since: whom it did not name was not there for it.
    pub resynchronised_at: Option<Timestamp>,
    /// By their beginnings; only the last may be open.
    gaps: Vec<Gap>,
}

/// What a feed's silence is worth for what it told at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence<'a> {
    /// It lives without a gap since, and confirms it up to its last sign of life. That may be the earlier of both: somebody
    /// else was heard later.
    Confirms(Timestamp),
    /// It was away, and confirms it up to where that began, which may have been before.
    Until(&'a Gap),
    /// It was never heard.
    Nothing,
}

impl FeedHealth {
    /// How many gaps are kept. Beyond that the two that lie nearest together become one, with what was between them.
    pub const MAX_GAPS: usize = 32;

    /// A feed that begins to be listened for at `now`: until it is heard, it is away.
    pub fn new(name: &str, now: Timestamp) -> Self {
        Self {
            name: name.into(),
            coverage: Coverage::NONE,
            counts: false,
            promised: false,
            alive_until: None,
            resynchronised_at: None,
            gaps: vec![Gap {
                begin: now,
                end: None,
                only: None,
            }],
        }
    }

    /// What was kept of it. Gaps are put into order.
    pub fn restored(
        name: &str,
        alive_until: Option<Timestamp>,
        resynchronised_at: Option<Timestamp>,
        gaps: Vec<Gap>,
    ) -> Self {
        let mut health = Self {
            name: name.into(),
            coverage: Coverage::NONE,
            counts: false,
            promised: false,
            alive_until,
            resynchronised_at,
            gaps: Vec::with_capacity(gaps.len()),
        };
        for gap in gaps {
            health.insert(gap);
        }
        health
    }

    /// The same with its promise, if it gave one.
    #[must_use]
    pub fn with_promise(self, promised: bool) -> Self {
        Self { promised, ..self }
    }

    /// Its gaps, by their beginnings.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// The gap that is not over.
    pub fn open_gap(&self) -> Option<&Gap> {
        self.gaps.iter().find(|gap| gap.end.is_none())
    }

    /// It is away from its last sign of life on, if it is not already.
    pub fn lost(&mut self) {
        if let (None, Some(begin)) = (self.open_gap(), self.alive_until) {
            self.insert(Gap {
                begin,
                end: None,
                only: None,
            });
        }
    }

    /// It showed these signs of life. Returns whether it came or went by them.
    pub fn saw(&mut self, signs: Signs) -> bool {
        let was_away = self.open_gap().is_some();
        if let Some(away) = self.gaps.iter_mut().find(|gap| gap.end.is_none())
            && signs.last > away.begin
            && (signs.lives || Some(signs.last) > self.alive_until)
        {
            away.end = Some(signs.since.max(away.begin));
        } else if let Some(alive) = self.alive_until
            && signs.since > alive
            && signs.last > alive
        {
            // It went and came between two looks.
            self.insert(Gap {
                begin: alive,
                end: Some(signs.since),
                only: None,
            });
        }
        self.alive_until = self.alive_until.max(Some(signs.last));
        if !signs.lives {
            self.lost();
        }
        was_away != self.open_gap().is_some()
    }

    /// Its word from before `at` is in doubt: it lost what it knew, or said so of somebody else. What it told was last
    /// certain at its last sign of life before that.
    pub fn doubted(&mut self, at: Timestamp, only: Option<Prefixes>) {
        let begin = self.alive_until.map_or(at, |alive| alive.min(at));
        self.insert(Gap {
            begin,
            end: Some(at),
            only,
        });
    }

    /// It has told again all that it held at that moment. What it was not there to tell before then would have been among it,
    /// so that those who were not are as absent as before. It says nothing of what the feed told once and now did not: that
    /// may be forgotten as well as over.
    pub fn resynchronised(&mut self, at: Timestamp) {
        self.resynchronised_at = self.resynchronised_at.max(Some(at));
    }

    fn insert(&mut self, gap: Gap) {
        if gap.end.is_some_and(|end| end < gap.begin) {
            return;
        }
        let place = self.gaps.partition_point(|known| known.begin <= gap.begin);
        self.gaps.insert(place, gap);
        while self.gaps.len() > Self::MAX_GAPS {
            self.join_nearest();
        }
    }

    /// Makes one of the two gaps that lie nearest together. What was told between them then counts as told in a gap, so that
    /// nothing is confirmed for longer than before.
    fn join_nearest(&mut self) {
        let apart = |(before, after): (&Gap, &Gap)| before.end.map(|end| after.begin.since(end));
        let nearest = self
            .gaps
            .iter()
            .zip(self.gaps.iter().skip(1))
            .enumerate()
            .filter_map(|(place, pair)| Some((apart(pair)?, place)))
            .min();
        let Some((_, place)) = nearest else {
            self.gaps.truncate(Self::MAX_GAPS);
            return;
        };
        let after = self.gaps.remove(place + 1);
        if let Some(before) = self.gaps.get_mut(place) {
            before.end = match (before.end, after.end) {
                (Some(before), Some(after)) => Some(before.max(after)),
                _ => None,
            };
            if before.only != after.only {
                before.only = None;
            }
        }
    }

    /// What its silence is worth for what is known of a subscriber since `told`.
    pub fn silence(&self, told: Timestamp, subscriber: SubscriberId) -> Silence<'_> {
        let first = self
            .gaps
            .iter()
            .find(|gap| gap.holds(told) && gap.concerns(subscriber));
        match (self.alive_until, first) {
            (None, _) => Silence::Nothing,
            (Some(_), Some(gap)) => Silence::Until(gap),
            (Some(alive), None) => Silence::Confirms(alive),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: i64) -> Timestamp {
        Timestamp::from_micros(time).unwrap()
    }

    fn subscriber() -> SubscriberId {
        Imsi::parse("001010000000001").unwrap().into()
    }

    fn signs(since: i64, last: i64, lives: bool) -> Signs {
        Signs {
            since: at(since),
            last: at(last),
            lives,
        }
    }

    /// Heard from 10 to 20.
    fn heard() -> FeedHealth {
        let mut health = FeedHealth::new("dra1", at(5));
        assert!(health.saw(signs(10, 20, true)));
        health
    }

    fn confirmed(health: &FeedHealth, told: i64) -> Option<Timestamp> {
        match health.silence(at(told), subscriber()) {
            Silence::Confirms(until) => Some(until),
            Silence::Until(gap) => Some(gap.begin),
            Silence::Nothing => None,
        }
    }

    #[test]
    fn while_it_lives_it_confirms_up_to_its_last_sign() {
        let mut health = heard();
        assert_eq!(confirmed(&health, 15), Some(at(20)));
        assert!(!health.saw(signs(10, 30, true)));
        assert_eq!(confirmed(&health, 15), Some(at(30)));
        assert_eq!(confirmed(&health, 31), Some(at(30)), "not beyond");
    }

    #[test]
    fn a_feed_that_was_never_heard_confirms_nothing() {
        assert_eq!(confirmed(&FeedHealth::new("dra1", at(5)), 7), None);
    }

    #[test]
    fn what_it_said_before_a_gap_stays_confirmed_up_to_the_gaps_begin() {
        let mut health = heard();
        assert!(health.saw(signs(10, 25, false)));
        assert_eq!(confirmed(&health, 15), Some(at(25)));
        assert!(health.saw(signs(40, 41, true)));
        assert!(!health.saw(signs(40, 60, true)));
        assert_eq!(confirmed(&health, 15), Some(at(25)));
        assert_eq!(confirmed(&health, 40), Some(at(60)));
        assert_eq!(
            health.gaps().last(),
            Some(&Gap {
                begin: at(25),
                end: Some(at(40)),
                only: None
            })
        );
    }

    #[test]
    fn a_break_between_two_looks_is_a_gap() {
        let mut health = heard();
        assert!(!health.saw(signs(24, 30, true)));
        assert_eq!(confirmed(&health, 15), Some(at(20)));
        assert_eq!(confirmed(&health, 25), Some(at(30)));
    }

    #[test]
    fn a_doubt_ends_what_was_certain_at_the_last_sign_before_it() {
        let mut health = heard();
        health.doubted(at(23), None);
        health.saw(signs(10, 40, true));
        assert_eq!(confirmed(&health, 15), Some(at(20)));
        assert_eq!(confirmed(&health, 23), Some(at(40)));
    }

    #[test]
    fn a_doubt_about_some_leaves_others_alone_and_takes_in_whom_nobody_knows() {
        let mut health = heard();
        health.doubted(at(23), Prefixes::new(["00102", "001030000000001"]));
        health.saw(signs(10, 40, true));
        assert_eq!(confirmed(&health, 15), Some(at(40)));
        let confirmed = |imsi: &str| health.silence(at(15), Imsi::parse(imsi).unwrap().into());
        assert!(matches!(confirmed("001020000000001"), Silence::Until(gap) if gap.begin == at(20)));
        // Only ten digits are kept.
        assert!(matches!(confirmed("001030000000999"), Silence::Until(..)));
        assert!(matches!(confirmed("001030001000000"), Silence::Confirms(_)));
        let number = crate::domain::Msisdn::parse("+99912345678").unwrap();
        assert!(matches!(
            health.silence(at(15), number.into()),
            Silence::Until(..)
        ));
    }

    #[test]
    fn prefixes_are_few_and_short_or_stand_for_everybody() {
        assert_eq!(Prefixes::new([]), None);
        assert_eq!(Prefixes::new(["0010x"]), None);
        let many: Vec<String> = (10..30).map(|n| n.to_string()).collect();
        assert_eq!(Prefixes::new(many.iter().map(String::as_str)), None);
        let two = Prefixes::new(["00101", "001019999988888", "00101"]).unwrap();
        assert_eq!(two.to_string(), "00101,0010199999");
    }

    #[test]
    fn of_too_many_gaps_the_nearest_become_one() {
        let mut health = heard();
        for n in 1..=100 {
            let begin = 100 * n;
            health.saw(signs(begin + 50, begin + 60, true));
            health.saw(signs(begin + 50, begin + 90, false));
        }
        assert_eq!(health.gaps().len(), FeedHealth::MAX_GAPS);
        assert_eq!(health.open_gap().map(|gap| gap.begin), Some(at(10_090)));
        assert!(health.gaps().is_sorted_by_key(|gap| gap.begin));
    }
}
