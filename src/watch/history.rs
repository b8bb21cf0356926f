//! The last changes, numbered without a gap.

use std::collections::VecDeque;
use std::time::Instant;

use crate::domain::{Identifier, Reachability, SubscriberId};

/// The answer about one name has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number: one more than that of the change before.
    pub sequence: u64,
    /// The identifier's own id, by which names are told apart.
    pub name: SubscriberId,
    /// Of which device.
    pub identifier: Identifier,
    /// The answer from now on; `None` if the identifier names nobody any more.
    pub answer: Option<Reachability>,
    /// When that may have come to be known at the earliest.
    pub(super) seen: Instant,
}

/// A ring of changes. Who is not further behind than its bound misses nothing.
#[derive(Debug)]
pub(super) struct History {
    changes: VecDeque<Change>,
    head: u64,
    bound: usize,
}

impl History {
    pub(super) fn new(bound: usize) -> Self {
        Self {
            changes: VecDeque::new(),
            head: 0,
            bound,
        }
    }

    pub(super) fn push(
        &mut self,
        name: SubscriberId,
        identifier: Identifier,
        answer: Option<Reachability>,
        seen: Instant,
    ) -> u64 {
        self.head += 1;
        if self.changes.len() >= self.bound {
            self.changes.pop_front();
        }
        self.changes.push_back(Change {
            sequence: self.head,
            name,
            identifier,
            answer,
            seen,
        });
        self.head
    }

    /// The number of the last change.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// The change of this number, if it is still here.
    pub(super) fn get(&self, sequence: u64) -> Option<&Change> {
        let place = sequence.checked_sub(self.base() + 1)?;
        self.changes.get(usize::try_from(place).ok()?)
    }

    /// Every change after this place, in order; `None` if some of them are here no longer, or the place lies ahead.
    pub(super) fn after(&self, sequence: u64) -> Option<impl Iterator<Item = &Change>> {
        let place = usize::try_from(sequence.checked_sub(self.base())?).ok()?;
        (sequence <= self.head).then(|| self.changes.range(place..))
    }

    /// Forgets all changes, but not how many there were.
    pub(super) fn forget(&mut self) {
        self.changes = VecDeque::new();
    }

    /// Of every change after this number there is one here.
    fn base(&self) -> u64 {
        self.head - self.changes.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Msisdn;

    fn filled(bound: usize, changes: u64) -> History {
        let mut history = History::new(bound);
        let number = Msisdn::parse("+99912345").unwrap();
        for expected in 1..=changes {
            let sequence = history.push(number.into(), Identifier::Msisdn(number), None, Instant::now());
            assert_eq!(sequence, expected);
        }
        history
    }

    fn after(history: &History, sequence: u64) -> Option<Vec<u64>> {
        let changes = history.after(sequence)?;
        Some(changes.map(|change| change.sequence).collect())
    }

    #[test]
    fn what_is_kept_is_told_without_a_gap_and_what_is_lost_is_told_to_be() {
        let history = filled(3, 5);
        assert_eq!(after(&history, 5), Some(vec![]));
        assert_eq!(after(&history, 2), Some(vec![3, 4, 5]));
        assert_eq!(after(&history, 1), None);
        assert_eq!(after(&history, 6), None);
        let found = |sequence| history.get(sequence).map(|change| change.sequence);
        assert_eq!([2, 3, 5, 6].map(found), [None, Some(3), Some(5), None]);
    }

    #[test]
    fn numbers_go_on_after_everything_was_forgotten() {
        let mut history = filled(3, 5);
        history.forget();
        assert_eq!((after(&history, 5), after(&history, 4)), (Some(vec![]), None));
        assert_eq!(history.head(), 5);
    }
}
