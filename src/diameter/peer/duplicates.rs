//! Which requests have been seen before (RFC 6733 §3 "End-to-End Identifier", §9.4, and the T bit).
//!
//! A request is known by its Origin-Host and End-to-End Identifier, whatever connection it came on: an agent that loses
//! one path sends its pending requests again on another, with T set. The T bit is only a hint, since the marked copy may
//! overtake the original, so every request is looked up. Command, application and Session-Id are part of the key too, as
//! a guard against a sender that starts its counter anew.
//!
//! What is remembered is up to the caller: enough to do the same again and to answer in the same words.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How long a request is remembered at least (RFC 6733 §3: identifiers stay unique for four minutes).
pub const REMEMBERED: Duration = Duration::from_secs(240);

/// Names a request across connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// A hash of Origin-Host without case, command, application and Session-Id.
    pub origin: u64,
    /// End-to-End Identifier.
    pub end_to_end: u32,
}

/// The requests of the last minutes, in two generations: the younger is filled until it is [`REMEMBERED`] old or full,
/// then it becomes the older one, and what the older one held is forgotten. So a request is remembered for one to two
/// spans, and for less only when there are more than `most` of them.
#[derive(Debug)]
pub struct Duplicates<T> {
    young: HashMap<RequestKey, T>,
    old: HashMap<RequestKey, T>,
    since: Option<Instant>,
    most: usize,
}

impl<T> Duplicates<T> {
    /// Remembers `most` requests at most, and at least half as many before it forgets early.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            since: None,
            most: most.max(2),
        }
    }

    /// What is remembered of a request, or what `first` says if it has not been seen. Also whether it had been.
    pub fn meet(&mut self, now: Instant, key: RequestKey, first: impl FnOnce() -> T) -> (&mut T, bool) {
        self.turn(now);
        if self.old.contains_key(&key)
            && let Some(known) = self.old.get_mut(&key)
        {
            return (known, true);
        }
        let known = self.young.contains_key(&key);
        (self.young.entry(key).or_insert_with(first), known)
    }

    /// What is remembered of a request.
    pub fn get_mut(&mut self, key: RequestKey) -> Option<&mut T> {
        self.young.get_mut(&key).or_else(|| self.old.get_mut(&key))
    }

    /// Forgets a request: it counts as never seen.
    pub fn forget(&mut self, key: RequestKey) {
        self.young.remove(&key);
        self.old.remove(&key);
    }

    /// How many requests are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn turn(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let age = now.saturating_duration_since(since);
        if age < REMEMBERED && self.young.len() < self.most / 2 {
            return;
        }
        self.old = std::mem::take(&mut self.young);
        if age >= 2 * REMEMBERED {
            // Nothing came for so long that the younger generation is over as well.
            self.old = HashMap::new();
        }
        self.since = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(end_to_end: u32) -> RequestKey {
        RequestKey {
            origin: 7,
            end_to_end,
        }
    }

    #[test]
    fn a_request_is_known_from_its_first_sight_for_four_minutes_at_least() {
        let mut seen = Duplicates::new(1000);
        let start = Instant::now();
        for second in 0..240 {
            // Others come all the while, so that the generations turn.
            let now = start + Duration::from_secs(second);
            assert_eq!(
                seen.meet(now, key(second as u32), || second),
                (&mut { second }, false)
            );
        }
        for second in 0..240 {
            let now = start + Duration::from_secs(second) + REMEMBERED - Duration::from_millis(1);
            let (first, known) = seen.meet(now, key(second as u32), || 9999);
            assert_eq!((*first, known), (second, true), "{second}");
        }
    }

    #[test]
    fn a_request_is_forgotten_in_the_end() {
        let mut seen = Duplicates::new(1000);
        let start = Instant::now();
        seen.meet(start, key(1), || 1);
        assert!(!seen.meet(start + 2 * REMEMBERED, key(1), || 2).1);
        // And without a trace of the silence before.
        assert_eq!(seen.len(), 1);
    }

    #[test]
    fn no_more_than_the_bound_is_remembered_and_the_newest_half_always() {
        let mut seen = Duplicates::new(100);
        let now = Instant::now();
        for request in 0..10_000 {
            seen.meet(now, key(request), || request);
            assert!(seen.len() <= 100);
            let newest_half = request.saturating_sub(49)..=request;
            assert!(
                newest_half
                    .clone()
                    .all(|request| seen.get_mut(key(request)).is_some())
            );
        }
        assert!(seen.get_mut(key(0)).is_none());
    }

    #[test]
    fn origin_and_identifier_both_tell_requests_apart() {
        let mut seen = Duplicates::new(100);
        let now = Instant::now();
        seen.meet(now, key(1), || ());
        let other = RequestKey { origin: 8, ..key(1) };
        assert!(!seen.meet(now, other, || ()).1);
        assert!(!seen.meet(now, key(2), || ()).1);
        assert!(seen.meet(now, key(1), || ()).1);
        seen.forget(key(1));
        assert!(!seen.meet(now, key(1), || ()).1);
    }
}
