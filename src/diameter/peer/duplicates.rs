//! Which requests have been seen before (RFC 6733 §3 "End-to-End Identifier", §9.4, and the T bit).
//!
//! A request is known by its Origin-Host and End-to-End Identifier, whatever connection it came on: an agent that loses
//! one path sends its pending requests again on another, with T set. The T bit is only a hint, since the marked copy may
//! overtake the original, so every request is looked up. Command, application and Session-Id are part of the key too, as
//! a guard against a sender that starts its counter anew.
//!
//! What is remembered is up to the caller: enough to do the same again and to answer in the same words.

use std::collections::{HashMap, HashSet};
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

/// Who handed a request over. Owners share the room.
pub type Owner = u16;

/// The requests of the last minutes, in two generations: the younger is filled until it is [`REMEMBERED`] old or full,
/// then it becomes the older one, and what the older one held is forgotten. So a request is remembered for one to two
/// spans.
///
/// Where the younger one is full before its time, somebody sends more than there is room for. Then what the older one
/// holds of modest owners stays, until it is a span old, and only the rest is forgotten: whoever floods this node pushes
/// out requests of his own, and not those of others.
#[derive(Debug)]
pub struct Duplicates<T> {
    young: HashMap<RequestKey, Entry<T>>,
    old: HashMap<RequestKey, Entry<T>>,
    /// When the first request came.
    begun: Option<Instant>,
    /// When the younger generation began.
    since: Option<Instant>,
    /// How many requests make a generation.
    generation: usize,
    /// How many requests of modest owners are kept beside the two generations.
    kept: usize,
}

#[derive(Debug)]
struct Entry<T> {
    remembered: T,
    owner: Owner,
    /// When it was first seen, in whole seconds since the first of all.
    second: u32,
}

impl<T> Duplicates<T> {
    /// Remembers `most` requests at most. Three eighths of them are the newest, whoever sent them; a quarter is for modest
    /// owners: one who sends no more in a span than his even share of that is remembered for a span, whatever others do.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let generation = (most.saturating_mul(3) / 8).max(1);
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            begun: None,
            since: None,
            generation,
            kept: most.saturating_sub(2 * generation),
        }
    }

    /// What is remembered of a request that `owner` handed over, or what `first` says if it has not been seen. Also
    /// whether it had been.
    pub fn meet(
        &mut self,
        now: Instant,
        owner: Owner,
        key: RequestKey,
        first: impl FnOnce() -> T,
    ) -> (&mut T, bool) {
        self.turn(now);
        let second = self.second(now);
        if self.old.contains_key(&key)
            && let Some(known) = self.old.get_mut(&key)
        {
            return (&mut known.remembered, true);
        }
        let known = self.young.contains_key(&key);
        let entry = self.young.entry(key).or_insert_with(|| Entry {
            remembered: first(),
            owner,
            second,
        });
        (&mut entry.remembered, known)
    }

    /// What is remembered of a request.
    pub fn get_mut(&mut self, key: RequestKey) -> Option<&mut T> {
        let entry = self.young.get_mut(&key).or_else(|| self.old.get_mut(&key));
        entry.map(|entry| &mut entry.remembered)
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
        if age < REMEMBERED && self.young.len() < self.generation {
            return;
        }
        let modest = if age < REMEMBERED {
            self.take_modest(now)
        } else {
            // Nothing in the older generation is younger than that.
            HashMap::new()
        };
        self.old = std::mem::take(&mut self.young);
        self.old.extend(modest);
        if age >= 2 * REMEMBERED {
            // Nothing came for so long that the younger generation is over as well.
            self.old = HashMap::new();
        }
        self.since = Some(now);
    }

    /// What is kept of the older generation: the requests of those owners who have the fewest in it, as many as fit.
    fn take_modest(&mut self, now: Instant) -> HashMap<RequestKey, Entry<T>> {
        let mut old = std::mem::take(&mut self.old);
        let present = self.second(now);
        let is_over =
            |entry: &Entry<T>| u64::from(present.saturating_sub(entry.second)) > REMEMBERED.as_secs();
        let mut counts: HashMap<Owner, usize> = HashMap::new();
        for entry in old.values().filter(|entry| !is_over(entry)) {
            *counts.entry(entry.owner).or_default() += 1;
        }
        let mut by_count: Vec<(usize, Owner)> =
            counts.into_iter().map(|(owner, count)| (count, owner)).collect();
        by_count.sort_unstable();
        let mut room = self.kept;
        let modest: HashSet<Owner> = by_count
            .into_iter()
            .map_while(|(count, owner)| {
                room = room.checked_sub(count)?;
                Some(owner)
            })
            .collect();
        if modest.is_empty() {
            return HashMap::new();
        }
        old.retain(|_, entry| modest.contains(&entry.owner) && !is_over(entry));
        old
    }

    fn second(&mut self, now: Instant) -> u32 {
        let begun = *self.begun.get_or_insert(now);
        u32::try_from(now.saturating_duration_since(begun).as_secs()).unwrap_or(u32::MAX)
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
                seen.meet(now, 1, key(second as u32), || second),
                (&mut { second }, false)
            );
        }
        for second in 0..240 {
            let now = start + Duration::from_secs(second) + REMEMBERED - Duration::from_millis(1);
            let (first, known) = seen.meet(now, 1, key(second as u32), || 9999);
            assert_eq!((*first, known), (second, true), "{second}");
        }
    }

    #[test]
    fn a_request_is_forgotten_in_the_end() {
        let mut seen = Duplicates::new(1000);
        let start = Instant::now();
        seen.meet(start, 1, key(1), || 1);
        assert!(!seen.meet(start + 2 * REMEMBERED, 1, key(1), || 2).1);
        // And without a trace of the silence before.
        assert_eq!(seen.len(), 1);
    }

    #[test]
    fn no_more_than_the_bound_is_remembered_and_the_newest_always() {
        let mut seen = Duplicates::new(100);
        let now = Instant::now();
        for request in 0..10_000 {
            seen.meet(now, 1, key(request), || request);
            assert!(seen.len() <= 100);
            let mut newest = request.saturating_sub(36)..=request;
            assert!(newest.all(|request| seen.get_mut(key(request)).is_some()));
        }
        assert!(seen.get_mut(key(0)).is_none());
    }

    #[test]
    fn origin_and_identifier_both_tell_requests_apart() {
        let mut seen = Duplicates::new(100);
        let now = Instant::now();
        seen.meet(now, 1, key(1), || ());
        let other = RequestKey { origin: 8, ..key(1) };
        assert!(!seen.meet(now, 1, other, || ()).1);
        assert!(!seen.meet(now, 1, key(2), || ()).1);
        assert!(seen.meet(now, 1, key(1), || ()).1);
        seen.forget(key(1));
        assert!(!seen.meet(now, 1, key(1), || ()).1);
    }

    #[test]
    fn whoever_sends_too_much_does_not_make_the_requests_of_others_forgotten() {
        const GREEDY: Owner = 1;
        const MODEST: std::ops::Range<Owner> = 2..7;
        // A quarter of it are 250, of which five modest owners may have 50 each.
        let mut seen = Duplicates::new(1000);
        let start = Instant::now();
        let name = |owner: Owner, number: u32| RequestKey {
            origin: owner.into(),
            end_to_end: number,
        };
        // A request of each modest owner every six seconds, and a thousand of the greedy one every second.
        let mut sent = Vec::new();
        for second in 0..=600 {
            let now = start + Duration::from_secs(second);
            if second % 6 == 0 {
                for owner in MODEST {
                    let key = name(owner, second as u32);
                    seen.meet(now, owner, key, || second);
                    sent.push((second, key));
                }
            }
            for number in 0..1000 {
                let key = name(GREEDY, second as u32 * 1000 + number);
                assert!(!seen.meet(now, GREEDY, key, || second).1);
                assert!(seen.len() <= 1000);
            }
            for (at, key) in sent.iter().filter(|(at, _)| at + REMEMBERED.as_secs() > second) {
                assert_eq!(seen.get_mut(*key), Some(&mut at.clone()), "at {second}");
            }
        }
        // And they do not stay for ever.
        let over = sent.iter().filter(|(at, _)| at + REMEMBERED.as_secs() + 2 < 600);
        assert!(over.clone().count() > 100);
        for (_, key) in over {
            assert_eq!(seen.get_mut(*key), None);
        }
    }
}
