//! Which reference belongs to what.

use std::collections::VecDeque;
use std::ops::Range;

use crate::domain::Aspect;

/// Who a reference belongs to: a place among the entries, and an aspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner(u32);

impl Owner {
    /// Places beyond this cannot be told apart from what marks forgotten references.
    pub(super) const MAX_PLACES: usize = 1 << 29;
    const NOBODY: Self = Self(u32::MAX);

    pub(super) fn new(place: u32, aspect: Aspect) -> Self {
        Self(place << 2 | u32::from(aspect.number()))
    }

    pub(super) fn place(self) -> u32 {
        self.0 >> 2
    }

    pub(super) fn aspect(self) -> Option<Aspect> {
        Aspect::from_number((self.0 & 3) as u8)
    }
}

/// Numbers are given in their order, so that a list that only grows at its end stays sorted: eight octets for each. The
/// numbers on the wire have 32 bits, so they begin again after four thousand million; by then whatever had the same number
/// is long forgotten.
#[derive(Debug)]
pub(super) struct References {
    given: VecDeque<(u32, Owner)>,
    /// The number that is given next, as it never goes back.
    next: u64,
    forgotten: usize,
    /// References that are over, and until when a late report under them is understood (seconds since 1970).
    late: VecDeque<(u32, u32)>,
}

impl References {
    pub(super) fn new() -> Self {
        Self {
            given: VecDeque::new(),
            next: 1,
            forgotten: 0,
            late: VecDeque::new(),
        }
    }

    /// Where numbers go on.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Takes references that were given before, in any order.
    pub(super) fn load(&mut self, mut given: Vec<(u32, Owner)>, next: u64) {
        self.next = next.max(1);
        given.sort_unstable_by_key(|(number, _)| self.age_key(*number));
        self.given = given.into();
    }

    /// A number that was never given, as far as anyone can remember.
    pub(super) fn give(&mut self, owner: Owner) -> u32 {
        // 0 stands for none.
        if self.next as u32 == 0 {
            self.next += 1;
        }
        let number = self.next as u32;
        self.next += 1;
        // Whoever holds the same number since the last time around holds it no longer.
        if self.given.front().is_some_and(|(oldest, _)| *oldest == number) {
            self.given.pop_front();
        }
        self.given.push_back((number, owner));
        number
    }

    /// So many numbers that are never given here. One of them may be 0 on the wire.
    pub(super) fn set_aside(&mut self, count: u64) -> Range<u64> {
        let begin = self.next;
        self.next += count;
        // As in [`Self::give`]: whoever holds one of them since the last time around holds it no longer.
        while let Some((oldest, _)) = self.given.front()
            && u64::from(oldest.wrapping_sub(begin as u32)) < count
        {
            self.given.pop_front();
        }
        begin..self.next
    }

    /// Whose a reference is.
    pub(super) fn owner(&self, number: u32) -> Option<Owner> {
        let place = self.place(number)?;
        let (_, owner) = self.given.get(place)?;
        (*owner != Owner::NOBODY).then_some(*owner)
    }

    /// A reference is over. Reports under it are understood until then.
    pub(super) fn end(&mut self, number: u32, until: u32) {
        if number != 0 {
            self.late.push_back((until, number));
        }
    }

    /// Forgets what has been over for long enough.
    pub(super) fn forget(&mut self, now: u32) {
        while let Some((until, number)) = self.late.front().copied() {
            if until > now {
                break;
            }
            self.late.pop_front();
            if let Some(place) = self.place(number)
                && let Some((_, owner)) = self.given.get_mut(place)
                && *owner != Owner::NOBODY
            {
                *owner = Owner::NOBODY;
                self.forgotten += 1;
            }
        }
        while self
            .given
            .front()
            .is_some_and(|(_, owner)| *owner == Owner::NOBODY)
        {
            self.given.pop_front();
            self.forgotten = self.forgotten.saturating_sub(1);
        }
        if self.forgotten > 1024 && self.forgotten > self.given.len() / 2 {
            self.given.retain(|(_, owner)| *owner != Owner::NOBODY);
            self.given.shrink_to_fit();
            self.forgotten = 0;
        }
    }

    /// How many are remembered, forgotten ones that still take room included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.given.len()
    }

    fn place(&self, number: u32) -> Option<usize> {
        self.given
            .binary_search_by_key(&self.age_key(number), |(number, _)| self.age_key(*number))
            .ok()
    }

    /// Grows with the time at which a number was given.
    fn age_key(&self, number: u32) -> u32 {
        number.wrapping_sub(self.next as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(place: u32) -> Owner {
        Owner::new(place, Aspect::Data)
    }

    #[test]
    fn numbers_grow_and_lead_back_to_their_owners() {
        let mut references = References::new();
        let numbers: Vec<_> = (0..100).map(|place| references.give(owner(place))).collect();
        assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
        for (place, number) in (0..).zip(numbers) {
            let found = references.owner(number);
            assert_eq!(found, Some(owner(place)));
            assert_eq!(
                found.and_then(|found| found.aspect().map(|aspect| (found.place(), aspect))),
                Some((place, Aspect::Data))
            );
        }
        assert_eq!(references.owner(0), None);
        assert_eq!(references.owner(101), None);
    }

    #[test]
    fn what_is_over_is_understood_for_a_while_and_then_forgotten() {
        let mut references = References::new();
        let (first, second) = (references.give(owner(1)), references.give(owner(2)));
        references.end(first, 50);
        references.forget(49);
        assert_eq!(references.owner(first), Some(owner(1)));
        references.forget(50);
        assert_eq!(references.owner(first), None);
        assert_eq!(references.owner(second), Some(owner(2)));
        assert_eq!(references.give(owner(1)), 3, "never the same number again");
    }

    #[test]
    fn forgotten_references_take_no_room_for_long() {
        let mut references = References::new();
        let keep = references.give(owner(7));
        for round in 0..100_000 {
            let number = references.give(owner(1));
            references.end(number, round);
            references.forget(round);
        }
        assert_eq!(references.owner(keep), Some(owner(7)));
        assert!(references.len() < 4096, "{}", references.len());
    }

    #[test]
    fn numbers_begin_again_when_they_have_all_been_given() {
        let mut references = References::new();
        references.load(vec![(u32::MAX, owner(1)), (u32::MAX - 5, owner(2))], 1 << 32);
        let numbers: Vec<_> = (10..13).map(|place| references.give(owner(place))).collect();
        assert_eq!(numbers, [1, 2, 3], "0 is none");
        for (number, place) in [(u32::MAX, 1), (u32::MAX - 5, 2), (1, 10), (3, 12)] {
            assert_eq!(references.owner(number), Some(owner(place)), "{number}");
        }
        assert_eq!(references.owner(u32::MAX - 1), None);
        assert_eq!(references.next(), (1 << 32) + 4);
    }
}
