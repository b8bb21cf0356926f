//! Diameter peers as feeds: an S6a/S6d request becomes an event, and is answered once the event is durable.
//!
//! A request that cannot become durable in time is answered DIAMETER_TOO_BUSY, and never left without an answer. It may
//! still become durable later, which does no harm: facts join, and the peer repeats itself.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::sync::mpsc;

use crate::diameter::apps::s6a::{self, Decoded, PendingAnswer};
use crate::diameter::codec::{Defect, LocalIdentity, Message, ResultCode, answer_error};
use crate::diameter::service::{Completions, ConnectedPeer, Service, ServiceFactory};
use crate::ingest::{Ack, Acked, Feed, Ingest, ReceiptClock, Refusal, Refused};

/// The feed's name for peers that are accepted without being configured.
pub const UNKNOWN_PEER: &str = "unknown";

/// Makes a feed of every connection that opens.
#[derive(Debug)]
pub struct DiameterFeed {
    ingest: Ingest,
    clock: Arc<ReceiptClock>,
    identity: LocalIdentity,
    answer_within: Duration,
    feeds: HashMap<Box<str>, Feed>,
    unknown: Feed,
}

impl DiameterFeed {
    /// `peers` are the configured identities; each has counters of its own. A request that is not durable after
    /// `answer_within` is answered DIAMETER_TOO_BUSY.
    pub fn new<'a>(
        ingest: Ingest,
        clock: Arc<ReceiptClock>,
        identity: LocalIdentity,
        answer_within: Duration,
        peers: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let feed = |name: &str| {
            (
                name.to_ascii_lowercase().into_boxed_str(),
                Feed::register(&name.to_ascii_lowercase()),
            )
        };
        Self {
            ingest,
            clock,
            identity,
            answer_within,
            feeds: peers.into_iter().map(feed).collect(),
            unknown: Feed::register(UNKNOWN_PEER),
        }
    }
}

impl ServiceFactory for DiameterFeed {
    type Service = S6aConnection;

    fn open(&self, peer: &ConnectedPeer) -> (S6aConnection, Completions<S6aConnection>) {
        let (acks, completions) = mpsc::unbounded_channel();
        let connection = S6aConnection {
            ingest: self.ingest.clone(),
            clock: Arc::clone(&self.clock),
            identity: self.identity.clone(),
            answer_within: self.answer_within,
            feed: self
                .feeds
                .get(&*peer.origin_host)
                .unwrap_or(&self.unknown)
                .clone(),
            acks,
            pending: Pending::default(),
        };
        (connection, completions)
    }
}

/// The requests of one connection that wait for their answer.
#[derive(Debug)]
pub struct S6aConnection {
    ingest: Ingest,
    clock: Arc<ReceiptClock>,
    identity: LocalIdentity,
    answer_within: Duration,
    feed: Feed,
    acks: mpsc::UnboundedSender<Acked>,
    pending: Pending,
}

impl S6aConnection {
    fn refuse(&self, request: &Message<'_>, defect: &Defect, refusal: Refusal, out: &mut BytesMut) {
        self.feed.refused(refusal);
        answer_error(out, request, &self.identity, defect, None);
    }
}

impl Service for S6aConnection {
    type Completion = Acked;

    fn request(&mut self, now: Instant, request: &Message<'_>, out: &mut BytesMut) {
        let Decoded { event, answer } = match s6a::decode(request, self.clock.now()) {
            Ok(decoded) => decoded,
            Err(defect) => return self.refuse(request, &defect, Refusal::Invalid, out),
        };
        let answer = PendingAnswer::new(request, answer);
        let Some(event) = event else {
            answer.success(out, None, &self.identity);
            return;
        };
        let ack = Ack {
            to: self.acks.clone(),
            token: self.pending.next_token(),
        };
        match self.ingest.submit(&self.feed, event, ack) {
            Ok(()) => self.pending.push(answer, now + self.answer_within),
            // Full or closing: somebody else, or we a little later, can take it.
            Err(_) => {
                self.feed.refused(Refusal::TooBusy);
                answer.error(out, ResultCode::TOO_BUSY, &self.identity);
            }
        }
    }

    fn answer(&mut self, _: Instant, _: &Message<'_>, _: &mut BytesMut) {
        // Nothing is asked of S6a peers, so an answer belongs to no request of ours and is dropped (RFC 6733 §6.2).
    }

    fn complete(&mut self, _: Instant, acked: Acked, out: &mut BytesMut) {
        let Some(answer) = self.pending.take(acked.token) else {
            return;
        };
        match acked.result {
            Ok(effect) => answer.success(out, Some(effect), &self.identity),
            Err(Refused::Store) => answer.error(out, ResultCode::UNABLE_TO_COMPLY, &self.identity),
            Err(Refused::ShuttingDown) => answer.error(out, ResultCode::TOO_BUSY, &self.identity),
        };
    }

    fn deadline(&self) -> Option<Instant> {
        self.pending.deadline()
    }

    fn expire(&mut self, now: Instant, out: &mut BytesMut) {
        while let Some(answer) = self.pending.take_expired(now) {
            self.feed.refused(Refusal::TooBusy);
            answer.error(out, ResultCode::TOO_BUSY, &self.identity);
        }
    }

    fn pending(&self) -> usize {
        self.pending.waiting
    }
}

/// Answers by token. Tokens count up and deadlines with them, so a queue does for a table: the front is the next to
/// expire. It never holds more than what arrived within one deadline.
#[derive(Debug, Default)]
struct Pending {
    answers: VecDeque<Option<(PendingAnswer, Instant)>>,
    /// The token of the front.
    first: u64,
    waiting: usize,
}

impl Pending {
    fn next_token(&self) -> u64 {
        self.first + self.answers.len() as u64
    }

    fn push(&mut self, answer: PendingAnswer, deadline: Instant) {
        self.answers.push_back(Some((answer, deadline)));
        self.waiting += 1;
    }

    /// `None` if it has expired.
    fn take(&mut self, token: u64) -> Option<PendingAnswer> {
        let place = usize::try_from(token.checked_sub(self.first)?).ok()?;
        let (answer, _) = self.answers.get_mut(place)?.take()?;
        self.waiting -= 1;
        self.forget_answered();
        Some(answer)
    }

    fn take_expired(&mut self, now: Instant) -> Option<PendingAnswer> {
        let token = self.first;
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.take(token)
    }

    fn deadline(&self) -> Option<Instant> {
        self.answers.front()?.as_ref().map(|(_, deadline)| *deadline)
    }

    /// The front is always one that waits.
    fn forget_answered(&mut self) {
        while let Some(None) = self.answers.front() {
            self.answers.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diameter::apps::s6a::AnswerKind;
    use crate::diameter::codec::{CommandFlags, MessageBuilder};
    use crate::diameter::dict::base;

    fn answer() -> PendingAnswer {
        let mut bytes = BytesMut::new();
        MessageBuilder::request(&mut bytes, CommandFlags(0xc0), 316, 16_777_251, 1, 1)
            .avp_utf8(&base::SESSION_ID, "s;1;1")
            .finish();
        PendingAnswer::new(&Message::decode(&bytes).unwrap(), AnswerKind::Plain)
    }

    #[test]
    fn answers_are_found_by_token_in_any_order_and_only_once() {
        let mut pending = Pending::default();
        let now = Instant::now();
        let tokens: Vec<u64> = (0..5)
            .map(|_| {
                let token = pending.next_token();
                pending.push(answer(), now);
                token
            })
            .collect();
        for place in [3, 0, 4, 1] {
            assert!(pending.take(tokens[place]).is_some());
            assert!(pending.take(tokens[place]).is_none());
        }
        assert_eq!((pending.waiting, pending.answers.len()), (1, 3));
        assert!(pending.take(tokens[2]).is_some());
        assert_eq!((pending.waiting, pending.answers.len()), (0, 0));
        assert_eq!(pending.next_token(), 5);
    }

    #[test]
    fn only_answers_past_their_deadline_expire() {
        let mut pending = Pending::default();
        let now = Instant::now();
        pending.push(answer(), now);
        pending.push(answer(), now + Duration::from_secs(1));
        assert!(pending.take_expired(now).is_some());
        assert!(pending.take_expired(now).is_none());
        assert_eq!(pending.deadline(), Some(now + Duration::from_secs(1)));
    }
}
