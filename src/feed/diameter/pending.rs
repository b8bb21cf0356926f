//! The requests of one connection that wait for their answer.

use std::collections::VecDeque;
use std::time::Instant;

use crate::diameter::apps::PendingAnswer;
use crate::diameter::peer::duplicates::RequestKey;
use crate::domain::Effect;
use crate::ingest::Refused;

/// Names one event of one request: the request's number and the event's place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token(u64);

impl Token {
    const PLACE_BITS: u32 = 16;
    /// More events than that are not told apart; no message can hold as many.
    pub(super) const MOST_EVENTS: usize = 1 << Self::PLACE_BITS;

    /// The same request's event at another place.
    pub(super) const fn event(self, place: usize) -> u64 {
        self.0 << Self::PLACE_BITS | (place as u64 & (Self::MOST_EVENTS as u64 - 1))
    }

    const fn split(event: u64) -> (Self, usize) {
        let place = event & (Self::MOST_EVENTS as u64 - 1);
        (Self(event >> Self::PLACE_BITS), place as usize)
    }
}

/// One request that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) answer: PendingAnswer,
    pub(super) key: RequestKey,
    deadline: Instant,
    /// Events that are not durable yet.
    events: usize,
    /// What the first event did.
    pub(super) effect: Option<Effect>,
    /// Why one of them never will be.
    pub(super) refused: Option<Refused>,
}

/// Requests by token. Tokens count up and deadlines with them, so a queue does for a table: the front is the next to
/// expire. It never holds more than what arrived within one deadline.
#[derive(Debug, Default)]
pub(super) struct Pending {
    requests: VecDeque<Option<Waiting>>,
    /// The token of the front.
    first: u64,
    weight: usize,
}

impl Pending {
    /// The token that the next request has.
    pub(super) fn next_token(&self) -> Token {
        Token(self.first + self.requests.len() as u64)
    }

    /// Keeps a request of as many events under [`Self::next_token`].
    pub(super) fn push(&mut self, answer: PendingAnswer, key: RequestKey, events: usize, deadline: Instant) {
        self.weight += weight(&answer);
        self.requests.push_back(Some(Waiting {
            answer,
            key,
            deadline,
            events,
            effect: None,
            refused: None,
        }));
    }

    /// Uses [`Self::next_token`] up: some events of its request were taken, but the request was refused. When they
    /// become durable they must not be mistaken for those of another request.
    pub(super) fn skip(&mut self) {
        self.requests.push_back(None);
        self.forget_answered();
    }

    /// One event has reached its end. Returns the request once it was the last; `None` before, and if it has expired.
    pub(super) fn settle(&mut self, event: u64, result: Result<Effect, Refused>) -> Option<Waiting> {
        let (token, place) = Token::split(event);
        let waiting = self.place(token)?.as_mut()?;
        match result {
            Ok(effect) if place == 0 => waiting.effect = Some(effect),
            Ok(_) => {}
            Err(refused) => waiting.refused = Some(refused),
        }
        waiting.events = waiting.events.saturating_sub(1);
        if waiting.events > 0 {
            return None;
        }
        self.take(token)
    }

    pub(super) fn take_expired(&mut self, now: Instant) -> Option<Waiting> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.take(Token(self.first))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.requests.front()?.as_ref().map(|waiting| waiting.deadline)
    }

    /// How many requests wait. One of which much is kept for its answer counts for several, so that a bound on their
    /// number is a bound on memory.
    pub(super) const fn len(&self) -> usize {
        self.weight
    }

    fn place(&mut self, token: Token) -> Option<&mut Option<Waiting>> {
        let place = usize::try_from(token.0.checked_sub(self.first)?).ok()?;
        self.requests.get_mut(place)
    }

    fn take(&mut self, token: Token) -> Option<Waiting> {
        let waiting = self.place(token)?.take()?;
        self.weight -= weight(&waiting.answer);
        self.forget_answered();
        Some(waiting)
    }

    /// The front is always one that waits.
    fn forget_answered(&mut self) {
        while let Some(None) = self.requests.front() {
            self.requests.pop_front();
            self.first += 1;
        }
    }
}

/// Octets kept for an answer that count as one more request. What is echoed takes a few hundred as a rule.
const KEPT: usize = 1024;

fn weight(answer: &PendingAnswer) -> usize {
    1 + answer.kept() / KEPT
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::time::Duration;

    use bytes::BytesMut;

    use super::*;
    use crate::diameter::apps::Reply;
    use crate::diameter::codec::{CommandFlags, Message, MessageBuilder};
    use crate::diameter::dict::base;
    use crate::domain::Outcome;

    const KEY: RequestKey = RequestKey {
        origin: 1,
        end_to_end: 1,
    };

    fn push(pending: &mut Pending, events: usize, deadline: Instant) -> Token {
        let mut bytes = BytesMut::new();
        MessageBuilder::request(&mut bytes, CommandFlags(0xc0), 316, 16_777_251, 1, 1)
            .avp_utf8(&base::SESSION_ID, "s;1;1")
            .finish();
        let answer = PendingAnswer::new(&Message::decode(&bytes).unwrap(), Reply::Plain);
        let token = pending.next_token();
        pending.push(answer, KEY, events, deadline);
        token
    }

    fn applied() -> Result<Effect, Refused> {
        Ok(Outcome::Applied.into())
    }

    #[test]
    fn requests_are_found_by_token_in_any_order_and_only_once() {
        let mut pending = Pending::default();
        let now = Instant::now();
        let tokens: Vec<Token> = (0..5).map(|_| push(&mut pending, 1, now)).collect();
        for place in [3, 0, 4, 1] {
            assert!(pending.settle(tokens[place].event(0), applied()).is_some());
            assert!(pending.settle(tokens[place].event(0), applied()).is_none());
        }
        assert_eq!((pending.len(), pending.requests.len()), (1, 3));
        assert!(pending.settle(tokens[2].event(0), applied()).is_some());
        assert_eq!((pending.len(), pending.requests.len()), (0, 0));
        assert_eq!(pending.next_token(), Token(5));
    }

    #[test]
    fn a_request_that_was_refused_halfway_leaves_its_token_to_nobody() {
        let mut pending = Pending::default();
        let refused = pending.next_token();
        pending.skip();
        let next = push(&mut pending, 1, Instant::now());
        // The event of the first that was taken all the same becomes durable.
        assert!(pending.settle(refused.event(0), applied()).is_none());
        assert_eq!(pending.len(), 1);
        assert!(pending.settle(next.event(0), applied()).is_some());
        assert_eq!((pending.len(), pending.requests.len()), (0, 0));
    }

    #[test]
    fn a_request_of_which_much_is_kept_counts_for_several() {
        let mut pending = Pending::default();
        let mut bytes = BytesMut::new();
        MessageBuilder::request(&mut bytes, CommandFlags(0xc0), 316, 16_777_251, 1, 1)
            .avp_octets(&base::PROXY_INFO, &[0; 10 * 1024])
            .finish();
        let answer = PendingAnswer::new(&Message::decode(&bytes).unwrap(), Reply::Plain);
        let token = pending.next_token();
        pending.push(answer, KEY, 1, Instant::now());
        assert_eq!(pending.len(), 11);
        let small = push(&mut pending, 1, Instant::now());
        assert_eq!(pending.len(), 12);
        assert!(pending.settle(token.event(0), applied()).is_some());
        assert_eq!(pending.len(), 1);
        assert!(pending.settle(small.event(0), applied()).is_some());
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn only_requests_past_their_deadline_expire() {
        let mut pending = Pending::default();
        let now = Instant::now();
        push(&mut pending, 1, now);
        push(&mut pending, 1, now + Duration::from_secs(1));
        assert!(pending.take_expired(now).is_some());
        assert!(pending.take_expired(now).is_none());
        assert_eq!(pending.deadline(), Some(now + Duration::from_secs(1)));
    }

    #[test]
    fn a_request_of_several_events_is_done_with_the_last_and_tells_what_the_first_did() {
        let mut pending = Pending::default();
        let token = push(&mut pending, 3, Instant::now());
        assert!(
            pending
                .settle(token.event(2), Ok(Outcome::Stale.into()))
                .is_none()
        );
        assert!(pending.settle(token.event(0), applied()).is_none());
        let done = pending.settle(token.event(1), Ok(Outcome::Stale.into())).unwrap();
        assert_eq!(done.effect, Some(Outcome::Applied.into()));
        assert_eq!(done.refused, None);
    }

    #[test]
    fn one_refused_event_refuses_the_request() {
        let mut pending = Pending::default();
        let token = push(&mut pending, 2, Instant::now());
        assert!(pending.settle(token.event(0), Err(Refused::Store)).is_none());
        let done = pending.settle(token.event(1), applied()).unwrap();
        assert_eq!(done.refused, Some(Refused::Store));
    }
}
