//! One open connection as a feed: requests become events, and are answered once these are durable.

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use tokio::sync::mpsc;
use tracing::debug;

use super::Shared;
use super::lives::Sign;
use super::pending::{Pending, Waiting};
use crate::diameter::apps::{self, Decoded, Doubt, ImsiPrefix, PendingAnswer, Reply, Terms, Verdict};
use crate::diameter::client::Line;
use crate::diameter::codec::{Defect, Message, ResultCode, answer_error};
use crate::diameter::peer::duplicates::Owner;
use crate::diameter::peer::{capabilities, messages};
use crate::diameter::service::{self, ConnectedPeer, Service};
use crate::domain::{Event, News, Node, Prefixes, Timestamp};
use crate::ingest::{Ack, Acked, Acknowledge, Feed, Refusal, Refused};

/// News for a connection.
#[derive(Debug)]
pub enum Completion {
    /// An event of one of the peer's requests has come to its end.
    Acked(Acked),
    /// Requests of our own were handed to this connection.
    Handed,
}

/// The way of acknowledgements to their connection.
#[derive(Debug)]
struct Acks(mpsc::UnboundedSender<Completion>);

impl Acknowledge for Acks {
    fn acked(&self, acked: Acked) {
        let _ = self.0.send(Completion::Acked(acked));
    }
}

/// The requests of one connection that wait for their answer, the peer's and our own.
#[derive(Debug)]
pub struct Connection {
    shared: Arc<Shared>,
    feed: Feed,
    /// Whose room in the memory of requests its requests take.
    owner: Owner,
    terms: Terms,
    /// Whether what this peer made known can still be relied on.
    doubtful: service::Doubt,
    acks: Arc<dyn Acknowledge>,
    pending: Pending,
    line: Line,
}

impl Connection {
    /// A connection with that peer, and where news of it arrive.
    pub(super) fn open(
        shared: Arc<Shared>,
        (feed, owner): (Feed, Owner),
        peer: &ConnectedPeer,
    ) -> (Self, mpsc::UnboundedReceiver<Completion>) {
        let (news, completions) = mpsc::unbounded_channel();
        let wake = news.clone();
        let line = shared.client.open(peer, move || {
            let _ = wake.send(Completion::Handed);
        });
        let terms = Terms {
            copies: peer.copies,
            apns: shared.apns.clone(),
        };
        let connection = Self {
            shared,
            feed,
            owner,
            terms,
            doubtful: peer.doubt.clone(),
            acks: Arc::new(Acks(news)),
            pending: Pending::default(),
            line,
        };
        (connection, completions)
    }

    fn read(&self, request: &Message<'_>, received_at: Timestamp) -> Result<Decoded, Defect> {
        apps::decode(request, received_at, &*self.shared.asked, &self.terms)
    }

    fn refuse(&self, request: &Message<'_>, defect: &Defect, out: &mut BytesMut) {
        self.feed.refused(match defect.result_code {
            ResultCode::TOO_BUSY => Refusal::TooBusy,
            _ => Refusal::Invalid,
        });
        answer_error(out, request, &self.shared.identity, defect, None);
    }

    fn too_busy(&self, answer: &PendingAnswer, out: &mut BytesMut) {
        self.feed.refused(Refusal::TooBusy);
        answer.write(out, answer.refusal(ResultCode::TOO_BUSY), &self.shared.identity);
    }

    /// What this peer told of that server's subscribers is in doubt, whether it is the server itself or tells of many.
    fn doubted(&self, doubt: &Doubt, received_at: Timestamp) {
        self.shared.resets.increment(1);
        self.doubtful.cast(received_at.into());
        // Reset-IDs narrow it down further, yet nobody knows whose they are.
        let prefixes = doubt.imsi_prefixes.iter().map(ImsiPrefix::digits);
        self.feed.doubted(received_at, Prefixes::new(prefixes));
        self.shared.asked.reset(&doubt.server);
        debug!(
            server = %doubt.server,
            imsi_prefixes = doubt.imsi_prefixes.len(),
            reset_ids = doubt.reset_ids.len(),
            "a server of the network reports that it lost its state"
        );
    }
}

impl Connection {
    /// The HSS that notifies may tell that it has lost what was asked of it (RFC 6733 §8.16).
    fn state_told(&self, notification: &Message<'_>) {
        let host = capabilities::origin_host(notification).and_then(|host| Node::parse(host).ok());
        if let (Some(host), Some(id)) = (host, messages::origin_state_id(notification)) {
            self.shared.asked.state(&host, id);
        }
    }

    /// A record of a session may tell that its gateway has lost those that it had before (RFC 6733 §8.6).
    fn life_told(&self, record: &Message<'_>, event: Option<&mut Event>) -> Option<Sign> {
        let id = messages::origin_state_id(record)?;
        self.shared.lives.of_record(id, event?)
    }
}

impl Service for Connection {
    type Completion = Completion;

    fn request(&mut self, now: Instant, request: &Message<'_>, out: &mut BytesMut) {
        let shared = &self.shared;
        let received_at = shared.clock.now();
        let mut decoded = match self.read(request, received_at) {
            Ok(decoded) => decoded,
            Err(defect) => return self.refuse(request, &defect, out),
        };
        if let Some(doubt) = &decoded.doubt {
            self.doubted(doubt, received_at);
        }
        match &decoded.reply {
            Reply::S6t(reply) => shared.asked.count(reply.kinds()),
            Reply::Sh(_) => self.state_told(request),
            Reply::Plain | Reply::S6a(_) | Reply::Accounting(_) => {}
        }
        if decoded.events.is_empty() && decoded.reply.notices().is_empty() {
            let answer = PendingAnswer::new(request, decoded.reply);
            answer.write(out, answer.verdict(None), &shared.identity);
            return;
        }
        let key = shared.seen.key(request);
        if let Some(seen) = shared.seen.meet(now, self.owner, key, received_at) {
            shared.duplicates.increment(1);
            if let Some(verdict) = seen.verdict {
                PendingAnswer::new(request, decoded.reply).write(out, verdict, &shared.identity);
                return;
            }
            // The first is under way, or was never heard of again. The same facts once more do no harm.
            decoded = match self.read(request, seen.received_at) {
                Ok(decoded) => decoded,
                Err(defect) => return self.refuse(request, &defect, out),
            };
        }
        let Decoded {
            mut events, reply, ..
        } = decoded;
        let sign = match &reply {
            Reply::Accounting(_) => self.life_told(request, events.first_mut()),
            _ => None,
        };
        let restart = sign.as_ref().and_then(|sign| sign.restart(received_at));
        let answer = PendingAnswer::new(request, reply);
        let token = self.pending.next_token();
        let mut count = events.len() + usize::from(restart.is_some());
        let news = events.into_iter().map(News::from);
        for (place, news) in news.chain(restart.map(News::from)).enumerate() {
            let ack = Ack {
                to: Arc::clone(&self.acks),
                token: token.event(place),
            };
            if shared.ingest.submit(&self.feed, news, ack).is_err() {
                // Full or closing: somebody else, or we a little later, can take it. Events of the same request that
                // were taken are facts all the same.
                self.pending.skip();
                return self.too_busy(&answer, out);
            }
        }
        let notices = answer.notices();
        if !notices.is_empty() {
            let ack = Ack {
                to: Arc::clone(&self.acks),
                token: token.event(count),
            };
            if shared.asked.notice(notices, ack).is_err() {
                return self.too_busy(&answer, out);
            }
            count += 1;
        }
        self.pending.push(answer, key, count, now + shared.answer_within);
        if let Some(sign) = sign {
            shared.lives.note(sign);
        }
    }

    fn answer(&mut self, now: Instant, answer: &Message<'_>, out: &mut BytesMut) {
        self.line.answer(now, answer, out);
    }

    fn complete(&mut self, now: Instant, completion: Completion, out: &mut BytesMut) {
        let acked = match completion {
            Completion::Acked(acked) => acked,
            Completion::Handed => return self.line.fill(now, out),
        };
        let Some(done) = self.pending.settle(acked.token, acked.result) else {
            return;
        };
        let Waiting {
            answer,
            key,
            effect,
            refused,
            ..
        } = done;
        let verdict = match refused {
            None => {
                let verdict = answer.verdict(effect);
                self.shared.seen.answered(key, verdict);
                verdict
            }
            Some(Refused::Store) => answer.refusal(ResultCode::UNABLE_TO_COMPLY),
            Some(Refused::ShuttingDown) => answer.refusal(ResultCode::TOO_BUSY),
        };
        answer.write(out, verdict, &self.shared.identity);
        if verdict == Verdict::SUCCESS
            && let Some(subscriber) = answer.used_up()
        {
            self.shared.asked.used_up(subscriber);
        }
    }

    fn trusted(&mut self, _: Instant, trusted: bool) {
        self.line.trusted(trusted);
    }

    fn leaving(&mut self, _: Instant) {
        self.line.leaving();
    }

    fn deadline(&self) -> Option<Instant> {
        let deadlines = [self.pending.deadline(), self.line.deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn expire(&mut self, now: Instant, out: &mut BytesMut) {
        while let Some(waiting) = self.pending.take_expired(now) {
            self.too_busy(&waiting.answer, out);
        }
        self.line.expire(now, out);
    }

    fn pending(&self) -> usize {
        self.pending.len()
    }

    fn asked(&self) -> usize {
        self.line.in_flight()
    }
}
