//! The events of one stream that are not acknowledged yet, in the order they came.
//!
//! ```text
//!  base                                      base + events.len()
//!   │ settled │ settled │ waiting │ settled │ waiting │
//!   └── acknowledged by the next response ──┘ only up to the first that waits
//! ```
//!
//! Every event has a token, its place counted from the stream's begin. Settled means durable or refused; the run of
//! settled events at the front is what a response may acknowledge.

use std::collections::VecDeque;

use crate::proto::v1;

use super::refusal::{Reason, Refusal};

/// How many events, acknowledged or refused, a client may have ahead of our responses; with more, its stream is not
/// read on.
pub const MAX_AHEAD: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub struct Window {
    events: VecDeque<Entry>,
    base: u64,
    last_sequence: u64,
    acked: u64,
    reported: u64,
    waiting: usize,
    refused: Vec<v1::RefusedEvent>,
    refusals: u64,
    abandoned: bool,
}

#[derive(Debug)]
struct Entry {
    sequence: u64,
    settled: bool,
}

impl Window {
    /// Whether another event may be read.
    pub fn has_room(&self) -> bool {
        self.events.len() + self.refused.len() < MAX_AHEAD
    }

    /// How many events wait to become durable.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many messages of this stream were refused so far.
    pub fn refusals(&self) -> u64 {
        self.refusals
    }

    /// Whether everything that waited is durable or refused, and nothing was abandoned.
    pub fn is_settled(&self) -> bool {
        self.waiting == 0 && !self.abandoned
    }

    /// Whether there is anything to tell the client.
    pub fn has_news(&self) -> bool {
        self.acked != self.reported || !self.refused.is_empty()
    }

    /// Checks that the client's sequence goes up. If not the event is refused, without a place in the window: its
    /// number is not one that could be acknowledged.
    pub fn check_sequence(&mut self, sequence: u64) -> Result<(), Refusal> {
        if sequence <= self.last_sequence {
            return Err(Refusal::new(
                Reason::OutOfOrderSequence,
                "sequence: has to be above 0 and greater than the one before",
            ));
        }
        self.last_sequence = sequence;
        Ok(())
    }

    /// Takes up an event that is on its way to the store, and gives it its token.
    pub fn wait(&mut self, sequence: u64) -> u64 {
        self.waiting += 1;
        let token = self.base + self.events.len() as u64;
        self.events.push_back(Entry {
            sequence,
            settled: false,
        });
        token
    }

    /// Takes up an event that was refused at once.
    pub fn refuse(&mut self, sequence: u64, refusal: Refusal) {
        self.name_refused(sequence, refusal);
        self.settle_at_once(sequence);
    }

    /// Takes up what has nothing to wait for. It is acknowledged in its turn.
    pub fn settle_at_once(&mut self, sequence: u64) {
        self.events.push_back(Entry {
            sequence,
            settled: true,
        });
        self.advance();
    }

    /// Names an event as refused that has no place in the window.
    pub fn name_refused(&mut self, sequence: u64, refusal: Refusal) {
        self.refusals += 1;
        self.refused.push(refusal.into_proto(sequence));
    }

    /// The event of this token is durable, or refused.
    pub fn settle(&mut self, token: u64, result: Result<(), Refusal>) {
        let place = token
            .checked_sub(self.base)
            .and_then(|place| usize::try_from(place).ok());
        let Some(entry) = place.and_then(|place| self.events.get_mut(place)) else {
            return;
        };
        if entry.settled {
            return;
        }
        entry.settled = true;
        self.waiting -= 1;
        let sequence = entry.sequence;
        if let Err(refusal) = result {
            self.name_refused(sequence, refusal);
        }
        self.advance();
    }

    /// A waiting event will be neither durable nor refused. It stays where it is, so that nothing from it on is
    /// acknowledged.
    pub fn abandon(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        self.abandoned = true;
    }

    fn advance(&mut self) {
        while let Some(front) = self.events.front().filter(|front| front.settled) {
            self.acked = front.sequence;
            self.base += 1;
            self.events.pop_front();
        }
    }

    /// Everything there is to tell, as one response.
    pub fn take_response(&mut self) -> v1::PublishEventsResponse {
        self.reported = self.acked;
        v1::PublishEventsResponse {
            acked_sequence: self.acked,
            refused: std::mem::take(&mut self.refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal() -> Refusal {
        Refusal::invalid("event: wrong")
    }

    #[test]
    fn acks_wait_for_the_oldest_and_then_come_as_one() {
        let mut window = Window::default();
        let tokens = [10, 20, 35].map(|sequence| window.wait(sequence));
        let [first, second, third] = tokens;
        window.settle(third, Ok(()));
        window.settle(second, Ok(()));
        assert!(!window.has_news());
        assert_eq!(window.waiting(), 1);
        window.settle(first, Ok(()));
        assert_eq!(window.take_response().acked_sequence, 35);
        assert!(!window.has_news());
    }

    #[test]
    fn a_refused_event_is_named_at_once_and_acknowledged_in_its_turn() {
        let mut window = Window::default();
        let first = window.wait(1);
        window.refuse(2, refusal());
        let response = window.take_response();
        assert_eq!(response.acked_sequence, 0);
        assert_eq!(response.refused.first().map(|refused| refused.sequence), Some(2));
        window.settle(first, Ok(()));
        let response = window.take_response();
        assert_eq!(response.acked_sequence, 2);
        assert!(response.refused.is_empty());
    }

    #[test]
    fn a_heartbeat_is_acknowledged_in_its_turn() {
        let mut window = Window::default();
        window.settle_at_once(1);
        let second = window.wait(2);
        window.settle_at_once(3);
        assert_eq!(window.take_response().acked_sequence, 1);
        window.settle(second, Ok(()));
        assert_eq!(window.take_response().acked_sequence, 3);
    }

    #[test]
    fn a_sequence_that_does_not_rise_is_refused_and_does_not_move_the_mark() {
        let mut window = Window::default();
        assert!(window.check_sequence(0).is_err());
        assert!(window.check_sequence(7).is_ok());
        for wrong in [7, 6, 0] {
            let refusal = window.check_sequence(wrong);
            assert_eq!(
                refusal.map_err(|refusal| refusal.reason),
                Err(Reason::OutOfOrderSequence)
            );
        }
        assert!(window.check_sequence(8).is_ok());
    }

    #[test]
    fn nothing_from_an_abandoned_event_on_is_acknowledged() {
        let mut window = Window::default();
        let [first, _second, third] = [1, 2, 3].map(|sequence| window.wait(sequence));
        window.settle(first, Ok(()));
        window.abandon();
        window.settle(third, Ok(()));
        assert_eq!(window.take_response().acked_sequence, 1);
        assert_eq!((window.waiting(), window.is_settled()), (0, false));
    }

    #[test]
    fn refusals_take_room_too() {
        let mut window = Window::default();
        for _ in 0..MAX_AHEAD {
            assert!(window.has_room());
            window.name_refused(0, refusal());
        }
        assert!(!window.has_room());
        window.take_response();
        assert!(window.has_room());
    }

    #[test]
    fn a_token_is_settled_once() {
        let mut window = Window::default();
        let first = window.wait(1);
        let second = window.wait(2);
        window.settle(first, Ok(()));
        window.settle(first, Ok(()));
        window.settle(99, Ok(()));
        assert_eq!(window.waiting(), 1);
        window.settle(second, Err(refusal()));
        let response = window.take_response();
        assert_eq!((response.acked_sequence, response.refused.len()), (2, 1));
    }

    proptest! {
        #[test]
        fn acks_never_run_ahead_of_what_is_settled(order in Just((0..40u64).collect::<Vec<_>>()).prop_shuffle()) {
            let mut window = Window::default();
            let tokens: Vec<u64> = (1..=40).map(|sequence| window.wait(sequence)).collect();
            let mut settled = std::collections::BTreeSet::new();
            for place in order {
                let sequence = place + 1;
                if let Some(token) = tokens.get(usize::try_from(place).unwrap_or(usize::MAX)) {
                    window.settle(*token, Ok(()));
                }
                settled.insert(sequence);
                let expected = (1..=40).take_while(|sequence| settled.contains(sequence)).last().unwrap_or(0);
                prop_assert_eq!(window.take_response().acked_sequence, expected);
            }
            prop_assert_eq!(window.waiting(), 0);
        }
    }
}
