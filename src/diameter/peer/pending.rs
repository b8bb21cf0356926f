//! Requests of our own that wait for their answer on one connection (RFC 6733 §3, §5.5.4, §6.2).
//!
//! A request that is not answered for a while is sent again on the same connection, with T set and the same End-to-End
//! Identifier: mature stacks drop what arrives right behind their CEA, and would otherwise leave it unanswered for ever.
//! Every sending has a Hop-by-Hop Identifier of its own, and the first answer to any of them counts.
//!
//! Bytes and time in, messages out. How many may wait here is for the sender to keep (see [`Window`](super::window)).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use smallvec::SmallVec;

use crate::diameter::codec::{CommandFlags, Header};

/// A request is sent on one connection so often at most. The pauses between double.
pub const MOST_SENDINGS: usize = 4;

/// Unwritten octets beyond which nothing is sent again: whoever does not take our messages needs no more of them.
const CROWDED: usize = 64 * 1024;

/// A request of our own and what it is about.
#[derive(Debug)]
pub struct Outbound<T> {
    header: Header,
    avps: Box<[u8]>,
    deadline: Instant,
    unanswered: bool,
    /// Whatever the caller wants to have back with the answer.
    pub tag: T,
}

impl<T> Outbound<T> {
    /// A request that has not been sent. `avps` are all of its AVPs, padded. Hop-by-Hop Identifier, length and T of
    /// `header` are filled in when it is sent.
    #[must_use]
    pub fn new(header: Header, avps: Box<[u8]>, deadline: Instant, tag: T) -> Self {
        Self {
            header,
            avps,
            deadline,
            unanswered: false,
            tag,
        }
    }

    /// When nobody is interested in an answer any more.
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Octets of the whole message.
    pub fn len(&self) -> usize {
        Header::LEN + self.avps.len()
    }

    /// Whether it has no AVPs.
    pub fn is_empty(&self) -> bool {
        self.avps.is_empty()
    }

    /// Whether it has been sent without an answer, so that whoever gets it may have got it before: T is set next time.
    pub const fn is_unanswered(&self) -> bool {
        self.unanswered
    }

    /// An answer came, if not one that settles it: what is sent from now on is no retransmission (RFC 6733 §3, T).
    pub const fn answered(&mut self) {
        self.unanswered = false;
    }

    fn write(&mut self, hop_by_hop: u32, out: &mut BytesMut) {
        let mut flags = self.header.flags.with(CommandFlags::REQUEST);
        if self.unanswered {
            flags = flags.with(CommandFlags::RETRANSMITTED);
        }
        self.unanswered = true;
        let header = Header {
            length: self.len() as u32,
            flags,
            hop_by_hop,
            ..self.header
        };
        header.write(out);
        out.put_slice(&self.avps);
    }
}

/// An answer that belongs to no request that waits. It is dropped (RFC 6733 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stray {
    /// Its request has been answered already, was given up, or was moved to another connection.
    Late,
    /// Nothing of that Hop-by-Hop Identifier was sent on this connection.
    Unknown,
    /// Command or application are not those of the request, which goes on waiting.
    Mismatch,
}

#[derive(Debug)]
struct Waiting<T> {
    request: Outbound<T>,
    hop_by_hop: SmallVec<[u32; MOST_SENDINGS]>,
    /// When it is sent again.
    again: Option<Instant>,
}

impl<T> Waiting<T> {
    fn timer(&self) -> Instant {
        self.again
            .map_or(self.request.deadline, |again| again.min(self.request.deadline))
    }
}

/// What came of looking at the time.
#[derive(Debug)]
pub struct Expired<T> {
    /// Requests whose deadline has passed.
    pub over: Vec<Outbound<T>>,
    /// How many were sent again.
    pub resent: usize,
}

/// The requests that wait on one connection.
#[derive(Debug)]
pub struct Pending<T> {
    /// In the order of their first sending.
    requests: BTreeMap<u64, Waiting<T>>,
    by_hop_by_hop: HashMap<u32, u64>,
    timers: BTreeSet<(Instant, u64)>,
    next: u64,
    /// The first and the last Hop-by-Hop Identifier used.
    used: Option<(u32, u32)>,
    again_after: Duration,
}

impl<T> Pending<T> {
    /// Nothing waits. A request without an answer is sent again after that long.
    #[must_use]
    pub fn new(again_after: Duration) -> Self {
        Self {
            requests: BTreeMap::new(),
            by_hop_by_hop: HashMap::new(),
            timers: BTreeSet::new(),
            next: 0,
            used: None,
            again_after,
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// When [`Self::expire`] wants to be called next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Appends a request and keeps it until it is answered, expires or is taken back. `hop_by_hop` must not be in use on
    /// this connection.
    pub fn send(&mut self, now: Instant, mut request: Outbound<T>, hop_by_hop: u32, out: &mut BytesMut) {
        request.write(hop_by_hop, out);
        let waiting = Waiting {
            request,
            hop_by_hop: SmallVec::from_slice(&[hop_by_hop]),
            again: now.checked_add(self.again_after),
        };
        let number = self.next;
        self.next += 1;
        self.note(hop_by_hop, number);
        self.timers.insert((waiting.timer(), number));
        self.requests.insert(number, waiting);
    }

    /// The request that an answer settles.
    ///
    /// # Errors
    ///
    /// None does; the answer is to be dropped.
    pub fn answer(&mut self, answer: &Header) -> Result<Outbound<T>, Stray> {
        let number = self
            .by_hop_by_hop
            .get(&answer.hop_by_hop)
            .copied()
            .ok_or_else(|| self.stray(answer.hop_by_hop))?;
        let waiting = self.requests.get(&number).ok_or(Stray::Late)?;
        let asked = &waiting.request.header;
        if (asked.command, asked.application, asked.end_to_end)
            != (answer.command, answer.application, answer.end_to_end)
        {
            return Err(Stray::Mismatch);
        }
        self.take(number).ok_or(Stray::Late)
    }

    /// Takes out what has passed its deadline, and sends again what has waited long enough, if `again`.
    pub fn expire(
        &mut self,
        now: Instant,
        again: bool,
        mut next_hop_by_hop: impl FnMut() -> u32,
        out: &mut BytesMut,
    ) -> Expired<T> {
        let mut over = Vec::new();
        let mut resent = 0;
        while let Some(&(_, number)) = self.timers.first().filter(|(at, _)| *at <= now) {
            let Some(waiting) = self.requests.get_mut(&number) else {
                self.timers.pop_first();
                continue;
            };
            if waiting.request.deadline <= now {
                over.extend(self.take(number));
                continue;
            }
            self.timers.pop_first();
            let again = again && out.len() < CROWDED;
            if again {
                let hop_by_hop = next_hop_by_hop();
                waiting.request.write(hop_by_hop, out);
                waiting.hop_by_hop.push(hop_by_hop);
                resent += 1;
            }
            let sendings = waiting.hop_by_hop.len();
            let pause = self.again_after * (1 << (sendings - 1).min(MOST_SENDINGS));
            waiting.again = (sendings < MOST_SENDINGS)
                .then(|| now.checked_add(pause))
                .flatten();
            self.timers.insert((waiting.timer(), number));
            if again && let Some(hop_by_hop) = waiting.hop_by_hop.last().copied() {
                self.note(hop_by_hop, number);
            }
        }
        Expired { over, resent }
    }

    /// Takes back every request for which `which` says so, in the order in which they were sent.
    pub fn take_if(&mut self, mut which: impl FnMut(&Outbound<T>) -> bool) -> Vec<Outbound<T>> {
        let numbers: Vec<u64> = self
            .requests
            .iter()
            .filter(|(_, waiting)| which(&waiting.request))
            .map(|(number, _)| *number)
            .collect();
        numbers
            .into_iter()
            .filter_map(|number| self.take(number))
            .collect()
    }

    fn take(&mut self, number: u64) -> Option<Outbound<T>> {
        let waiting = self.requests.remove(&number)?;
        self.timers.remove(&(waiting.timer(), number));
        for hop_by_hop in &waiting.hop_by_hop {
            self.by_hop_by_hop.remove(hop_by_hop);
        }
        Some(waiting.request)
    }

    fn note(&mut self, hop_by_hop: u32, number: u64) {
        self.by_hop_by_hop.insert(hop_by_hop, number);
        let (first, _) = self.used.unwrap_or((hop_by_hop, hop_by_hop));
        self.used = Some((first, hop_by_hop));
    }

    /// The identifiers used here lie between the first and the last, for they are counted up.
    fn stray(&self, hop_by_hop: u32) -> Stray {
        match self.used {
            Some((first, last)) if hop_by_hop.wrapping_sub(first) <= last.wrapping_sub(first) => Stray::Late,
            _ => Stray::Unknown,
        }
    }
}
