//! What has been done with the requests of the last minutes, shared by all connections.
//!
//! S6a carries no time, so a request happened when it was first received. A duplicate is given that very time again:
//! its facts are then the same facts, which change nothing (ADR 7). Once the first was answered, the same answer is given
//! without asking anybody.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::diameter::apps::Verdict;
use crate::diameter::codec::Message;
use crate::diameter::dict::base;
use crate::diameter::peer::duplicates::{Duplicates, Owner, RequestKey};
use crate::domain::Timestamp;

/// What is remembered of a request: about 60 octets with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// When it was first received.
    pub(super) received_at: Timestamp,
    /// What was answered, once its events were durable.
    pub(super) verdict: Option<Verdict>,
}

/// As many locks, so that connections seldom meet at one.
const SHARDS: usize = 16;

/// The requests that have been seen. A lock is held for one look.
#[derive(Debug)]
pub(super) struct SeenRequests {
    shards: [Mutex<Duplicates<Seen>>; SHARDS],
    hasher: RandomState,
}

impl SeenRequests {
    /// Remembers `most` requests at most.
    pub(super) fn new(most: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Duplicates::new(most.div_ceil(SHARDS)))),
            hasher: RandomState::new(),
        }
    }

    /// What a request is known by: End-to-End Identifier, Origin-Host, command, application and Session-Id. Origin-Host
    /// is the originator's, whatever agents it came through.
    pub(super) fn key(&self, request: &Message<'_>) -> RequestKey {
        let header = request.header();
        let mut hasher = self.hasher.build_hasher();
        let mut folded = [0u8; 256];
        if let Some(host) = request.find(&base::ORIGIN_HOST) {
            for (place, octet) in folded.iter_mut().zip(host.data) {
                *place = octet.to_ascii_lowercase();
            }
            hasher.write_usize(host.data.len());
        }
        hasher.write(&folded);
        // A sender that uses an identifier twice in four minutes is broken, but its second request has to be applied all
        // the same. A request that is sent again keeps its Session-Id.
        hasher.write(request.session_id().unwrap_or_default());
        hasher.write_u32(header.command);
        hasher.write_u32(header.application);
        RequestKey {
            origin: hasher.finish(),
            end_to_end: header.end_to_end,
        }
    }

    /// What is known of a request received now from that peer; `None` if it is the first of its kind, which is remembered.
    pub(super) fn meet(
        &self,
        now: Instant,
        peer: Owner,
        key: RequestKey,
        received_at: Timestamp,
    ) -> Option<Seen> {
        self.with(key, |seen| {
            let first = || Seen {
                received_at,
                verdict: None,
            };
            let (seen, known) = seen.meet(now, peer, key, first);
            known.then_some(*seen)
        })
    }

    /// Keeps what was answered to it.
    pub(super) fn answered(&self, key: RequestKey, verdict: Verdict) {
        self.with(key, |seen| {
            if let Some(seen) = seen.get_mut(key) {
                seen.verdict = Some(verdict);
            }
        });
    }

    fn with<R>(&self, key: RequestKey, look: impl FnOnce(&mut Duplicates<Seen>) -> R) -> R {
        let [first, ..] = &self.shards;
        let shard = self.shards.get(key.end_to_end as usize % SHARDS).unwrap_or(first);
        look(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::diameter::codec::{CommandFlags, MessageBuilder, ResultCode};

    fn request(host: &str, command: u32, end_to_end: u32, hop_by_hop: u32) -> BytesMut {
        let mut out = BytesMut::new();
        MessageBuilder::request(
            &mut out,
            CommandFlags(0xc0),
            command,
            16_777_251,
            hop_by_hop,
            end_to_end,
        )
        .avp_utf8(&base::ORIGIN_HOST, host)
        .finish();
        out
    }

    #[test]
    fn a_request_is_known_by_its_originator_and_identifier_whatever_connection_it_came_on() {
        let seen = SeenRequests::new(1000);
        let key = |octets: &BytesMut| seen.key(&Message::decode(octets).unwrap());
        let first = key(&request("mme1.example", 316, 7, 1));
        assert_eq!(key(&request("MME1.Example", 316, 7, 99)), first);
        for other in [
            request("mme2.example", 316, 7, 1),
            request("mme1.example", 321, 7, 1),
            request("mme1.example", 316, 8, 1),
        ] {
            assert_ne!(key(&other), first);
        }
    }

    #[test]
    fn an_identifier_used_again_for_another_session_is_another_request() {
        let seen = SeenRequests::new(1000);
        let key = |session: &str| {
            let mut out = BytesMut::new();
            MessageBuilder::request(&mut out, CommandFlags(0xc0), 316, 16_777_251, 1, 7)
                .avp_utf8(&base::SESSION_ID, session)
                .avp_utf8(&base::ORIGIN_HOST, "mme1.example")
                .finish();
            seen.key(&Message::decode(&out).unwrap())
        };
        assert_eq!(key("mme1.example;1;1"), key("mme1.example;1;1"));
        assert_ne!(key("mme1.example;1;1"), key("mme1.example;1;2"));
    }

    #[test]
    fn the_first_receipt_and_the_answer_are_remembered() {
        let seen = SeenRequests::new(1000);
        let key = seen.key(&Message::decode(&request("mme1.example", 316, 7, 1)).unwrap());
        let now = Instant::now();
        let at = |micros| Timestamp::from_micros(micros).unwrap();
        assert_eq!(seen.meet(now, 1, key, at(1)), None);
        let mut known = Seen {
            received_at: at(1),
            verdict: None,
        };
        assert_eq!(seen.meet(now, 1, key, at(2)), Some(known));
        known.verdict = Some(Verdict::of(ResultCode::SUCCESS));
        seen.answered(key, Verdict::of(ResultCode::SUCCESS));
        assert_eq!(seen.meet(now, 1, key, at(3)), Some(known));
    }
}
