//! What was ignored lately: events that changed nothing, for those who ask why an answer is as it is.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::domain::{Change, Event, FeedId, Outcome, SubscriberId, Timestamp};

/// How many are remembered, of all subscribers together; the oldest go first.
pub const MAX_IGNORED: usize = 10_000;

/// An event without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Why it had none.
    pub outcome: Outcome,
    /// When it happened.
    pub event_time: Timestamp,
    /// When it came.
    pub received_at: Timestamp,
    /// Who told it.
    pub feed: FeedId,
    /// Its first change; `None` if it only bound identifiers.
    pub change: Option<Change>,
}

/// A ring of the last of them.
#[derive(Debug, Default)]
pub(super) struct Ring(Mutex<VecDeque<(SubscriberId, Ignored)>>);

impl Ring {
    /// Remembers an event unless it had an effect.
    pub(super) fn note(&self, event: &Event, outcome: Outcome) {
        if outcome == Outcome::Applied {
            return;
        }
        let ignored = Ignored {
            outcome,
            event_time: event.event_time,
            received_at: event.received_at,
            feed: event.feed,
            change: event.changes.first().cloned(),
        };
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() >= MAX_IGNORED {
            ring.pop_front();
        }
        ring.push_back((event.subscriber.subscriber(), ignored));
    }

    /// Those of some ids, the latest first, at most `most`.
    pub(super) fn of(&self, ids: &[SubscriberId], most: usize) -> Vec<Ignored> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = ring.iter().rev().filter(|(id, _)| ids.contains(id));
        own.take(most).map(|(_, ignored)| ignored.clone()).collect()
    }

    /// Forgets those of some ids.
    pub(super) fn forget(&self, ids: &[SubscriberId]) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.retain(|(id, _)| !ids.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Imsi, Node, Slot};

    fn event(device: usize) -> Event {
        let imsi = Imsi::parse(&format!("00101{device:010}")).unwrap();
        let at = Timestamp::from_micros(5).unwrap();
        let node = Node::parse("mme1").unwrap();
        Event::new(
            imsi.into(),
            at,
            at,
            [Change::Deregistered {
                slot: Slot::Mme,
                node,
            }],
        )
    }

    #[test]
    fn what_had_an_effect_is_not_in_it_and_the_oldest_go_first() {
        let ring = Ring::default();
        ring.note(&event(0), Outcome::Applied);
        let of = |device| ring.of(&[event(device).subscriber.subscriber()], 5);
        assert_eq!(of(0), []);
        for device in 0..=MAX_IGNORED {
            ring.note(&event(device), Outcome::Stale);
        }
        assert_eq!(of(0), []);
        assert_eq!(of(1).len(), 1);
        ring.note(&event(1), Outcome::NotHolder);
        assert_eq!(of(MAX_IGNORED).len(), 1);
        let outcomes: Vec<_> = of(1).iter().map(|ignored| ignored.outcome).collect();
        assert_eq!(outcomes, [Outcome::NotHolder]);
        ring.forget(&[event(1).subscriber.subscriber()]);
        assert_eq!(of(1), []);
    }
}
