//! Whose an address is, by what sessions were told to have of it.
//!
//! The session that was told last to have it has it, from then on until it lets it go; nobody has it after that. Whoever
//! had it before lost it then, also where that end never came in, so that a message that comes late gives an address to
//! nobody who has lost it. Of the same moment, the start of a session and its end, the end counts.

use smallvec::SmallVec;

use super::{IpFacts, Node, SubscriberId, Timestamp};

/// What one session was told to have of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The id under which the session was told.
    pub subscriber: SubscriberId,
    /// Which session.
    pub session: Node,
    /// Since when, and until when.
    pub facts: IpFacts,
}

impl Holding {
    /// Who was told last comes last.
    fn rank(&self) -> (Option<Timestamp>, SubscriberId, &Node) {
        (self.facts.started_at, self.subscriber, &self.session)
    }
}

/// All sessions that matter for one address.
///
/// Bounded: at most [`MOST`](Self::MOST) are kept; which ones is the same for every order of arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders(SmallVec<[Holding; 1]>);

impl Holders {
    /// How many sessions are remembered for one address: the one that was told last, and others that let it go later than
    /// that, whose start may still be on its way. Ordinarily there is one; beyond this many the oldest ends go.
    pub const MOST: usize = 8;

    /// Joins what a session was told to have.
    pub fn join(&mut self, subscriber: SubscriberId, session: &Node, facts: &IpFacts) {
        match self.find(subscriber, session) {
            Some(held) => held.facts.join(facts),
            None => {
                self.0.reserve_exact(1);
                self.0.push(Holding {
                    subscriber,
                    session: session.clone(),
                    facts: *facts,
                });
            }
        }
        self.tidy();
    }

    /// Whether joining these facts would change nothing.
    pub fn knows(&self, subscriber: SubscriberId, session: &Node, facts: &IpFacts) -> bool {
        let mut joined = self.clone();
        joined.join(subscriber, session, facts);
        joined == *self
    }

    /// The session that was told last to have it, whether or not it still does.
    pub fn last(&self) -> Option<&Holding> {
        self.0
            .iter()
            .filter(|held| held.facts.started_at.is_some())
            .max_by(|a, b| a.rank().cmp(&b.rank()))
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is kept.
    pub fn iter(&self) -> impl Iterator<Item = &Holding> {
        self.0.iter()
    }

    /// Forgets what does not fit.
    pub fn retain(&mut self, mut keep: impl FnMut(&Holding) -> bool) {
        self.0.retain(|held| keep(held));
    }

    fn find(&mut self, subscriber: SubscriberId, session: &Node) -> Option<&mut Holding> {
        self.0
            .iter_mut()
            .find(|held| held.subscriber == subscriber && held.session == *session)
    }

    /// Erases what can never matter again: a start that is not the last one, and an end that lies before the last start.
    /// Whatever comes later of such a session either is as old or gives it the address anew.
    fn tidy(&mut self) {
        let last = self.last().map(|last| (last.subscriber, last.session.clone()));
        let since = self.last().and_then(|last| last.facts.started_at);
        for held in &mut self.0 {
            if last.as_ref() != Some(&(held.subscriber, held.session.clone())) {
                held.facts.started_at = None;
            }
            held.facts.ended_at = held.facts.ended_at.filter(|ended| Some(*ended) >= since);
        }
        self.0.retain(|held| held.facts != IpFacts::default());
        while self.0.len() > Self::MOST {
            let oldest = self
                .0
                .iter()
                .enumerate()
                .filter(|(_, held)| held.facts.started_at.is_none())
                .min_by_key(|(_, held)| (held.facts.ended_at, held.subscriber, &held.session))
                .map(|(place, _)| place);
            match oldest {
                Some(place) => self.0.remove(place),
                None => return,
            };
        }
        self.0
            .sort_by(|a, b| (a.subscriber, &a.session).cmp(&(b.subscriber, &b.session)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Imsi, IpChangeKind};

    fn at(time: i64) -> Timestamp {
        Timestamp::from_micros(time).unwrap()
    }

    fn subscriber(n: u8) -> SubscriberId {
        Imsi::parse(&format!("00101000000000{n}")).unwrap().into()
    }

    fn session(n: u8) -> Node {
        Node::parse(&format!("session-{n}")).unwrap()
    }

    /// Subscriber and session alike, what happened, and when.
    type Told = (u8, bool, i64);

    fn after(told: &[Told]) -> Holders {
        let mut holders = Holders::default();
        for (n, started, time) in told {
            holders.join(subscriber(*n), &session(*n), &facts(*started, *time));
        }
        holders
    }

    fn facts(started: bool, time: i64) -> IpFacts {
        let kind = if started {
            IpChangeKind::Started
        } else {
            IpChangeKind::Ended
        };
        IpFacts::of(kind, at(time))
    }

    fn holder(told: &[Told]) -> Option<u8> {
        let holders = after(told);
        let last = holders.last().filter(|last| last.facts.ended_at.is_none())?;
        (0..9).find(|n| session(*n) == last.session)
    }

    #[test]
    fn an_address_goes_from_session_to_session_whatever_comes_late() {
        let (start, end) = (true, false);
        for (told, expected) in [
            (vec![(1, start, 10)], Some(1)),
            (vec![(1, start, 10), (1, end, 20)], None),
            // Given to another while the end of the first is still on its way.
            (vec![(1, start, 10), (2, start, 20)], Some(2)),
            (vec![(1, start, 10), (2, start, 20), (1, end, 15)], Some(2)),
            (vec![(1, start, 10), (2, start, 20), (1, end, 25)], Some(2)),
            // The start of a session that had it before comes last.
            (vec![(2, start, 20), (1, start, 10)], Some(2)),
            (vec![(2, start, 20), (2, end, 30), (1, start, 10)], None),
            // The end comes before its start.
            (vec![(1, end, 20), (1, start, 10)], None),
            (vec![(1, end, 20), (1, start, 30)], Some(1)),
            // Nobody told the first session's end; the second ends.
            (vec![(1, start, 10), (2, start, 20), (2, end, 30)], None),
            // And the first is told of again.
            (vec![(1, start, 10), (2, start, 20), (1, start, 25)], Some(1)),
            (vec![(1, end, 30), (2, start, 20), (1, start, 25)], None),
            // Of the same moment the end counts.
            (vec![(1, start, 10), (1, end, 10)], None),
        ] {
            assert_eq!(holder(&told), expected, "{told:?}");
        }
    }

    fn told() -> impl Strategy<Value = Vec<Told>> {
        prop::collection::vec((0..5u8, any::<bool>(), 1..12i64), 0..14)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn any_order_and_any_repetition_gives_the_same_holders(
            (told, again) in told().prop_flat_map(|told| {
                let twice: Vec<_> = told.iter().chain(&told).copied().collect();
                (Just(told), Just(twice).prop_shuffle())
            })
        ) {
            prop_assert_eq!(after(&told), after(&again));
        }

        #[test]
        fn the_holder_is_who_was_told_last_and_did_not_let_it_go(told in told()) {
            let last = told.iter().filter(|(_, started, _)| *started).max_by_key(|(n, _, time)| (*time, *n));
            let expected = last
                .filter(|(n, _, since)| !told.iter().any(|(of, started, time)| !started && of == n && time >= since))
                .map(|(n, ..)| *n);
            prop_assert_eq!(holder(&told), expected);
        }

        #[test]
        fn what_is_called_known_changes_nothing(first in told(), (n, started, time) in (0..5u8, any::<bool>(), 1..12i64)) {
            let mut holders = after(&first);
            let before = holders.clone();
            let known = holders.knows(subscriber(n), &session(n), &facts(started, time));
            holders.join(subscriber(n), &session(n), &facts(started, time));
            prop_assert_eq!(known, holders == before);
        }

        #[test]
        fn memory_is_bounded_and_the_last_is_never_pushed_out(
            ends in prop::collection::vec((0..200u8, 20..40i64), 0..60)
        ) {
            let mut holders = after(&[(1, true, 10)]);
            for (n, time) in ends {
                let name = Node::parse(&format!("stranger-{n}")).unwrap();
                holders.join(subscriber(2), &name, &facts(false, time));
            }
            prop_assert!(holders.iter().count() <= Holders::MOST);
            prop_assert_eq!(holders.last().map(|last| last.session.clone()), Some(session(1)));
        }
    }
}
