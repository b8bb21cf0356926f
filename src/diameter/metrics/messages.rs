//! Messages by command and result, and what was wrong with requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{Counter, Histogram, counter, histogram};

use super::commands::{self, COMMANDS, OTHER};
use super::names::{BYTES, DEFECTS, MESSAGES, WATCHDOG_SECONDS};
use crate::diameter::codec::Header;
use crate::diameter::dict::base;
use crate::diameter::record::Record;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

impl Direction {
    pub(super) const ALL: [Self; 2] = [Self::In, Self::Out];

    /// The `direction` label.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::In => Self::Out,
            Self::Out => Self::In,
        }
    }
}

/// How a message ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Request,
    Success,
    ProtocolError,
    Transient,
    Permanent,
    Experimental,
    Other,
}

impl Outcome {
    pub(crate) const COUNT: usize = Self::ALL.len();

    pub(super) const ALL: [Self; 7] = [
        Self::Request,
        Self::Success,
        Self::ProtocolError,
        Self::Transient,
        Self::Permanent,
        Self::Experimental,
        Self::Other,
    ];

    /// The `result` label.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Success => "success",
            Self::ProtocolError => "protocol_error",
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Experimental => "experimental",
            Self::Other => "other",
        }
    }
}

/// The series of one kind of message.
pub(super) fn messages(peer: &Arc<str>, command: &'static str, way: Direction, outcome: Outcome) -> Counter {
    counter!(
        MESSAGES,
        "peer" => Arc::clone(peer),
        "command" => command,
        "direction" => way.label(),
        "result" => outcome.label()
    )
}

/// The series of one kind of defect.
pub(super) fn defects(peer: &Arc<str>, result_code: u32) -> Counter {
    counter!(DEFECTS, "peer" => Arc::clone(peer), "result_code" => result_code.to_string())
}

/// The series of octets in one direction.
pub(super) fn bytes(peer: &Arc<str>, way: Direction) -> Counter {
    counter!(BYTES, "peer" => Arc::clone(peer), "direction" => way.label())
}

/// More result codes than that are not told apart by one connection.
const MAX_DEFECT_CODES: usize = 32;

/// The handles of one connection. They write the metrics and the peer's record.
pub(crate) struct PeerMetrics {
    record: Arc<Record>,
    /// Where in `counters` the handle of each kind of message is, plus one; 0 for one that has not been needed yet. Most
    /// never are, so that this is a tenth of the handles themselves.
    places: Box<[u16]>,
    counters: Vec<Counter>,
    defects: Vec<(u32, Counter)>,
    bytes: [Counter; 2],
    watchdog: Histogram,
    pending: usize,
}

impl PeerMetrics {
    /// The handles of a connection with the peer of that record.
    pub(crate) fn new(record: Arc<Record>) -> Self {
        let peer = record.label();
        let watchdog = histogram!(WATCHDOG_SECONDS, "peer" => Arc::clone(peer));
        Self {
            places: vec![0; COMMANDS.len() * Direction::ALL.len() * Outcome::COUNT].into(),
            counters: Vec::new(),
            defects: Vec::new(),
            bytes: Direction::ALL.map(|way| bytes(peer, way)),
            watchdog,
            pending: 0,
            record,
        }
    }

    /// Counts one whole message. Of an answer the AVPs are read up to the result.
    pub(crate) fn message(&mut self, direction: Direction, header: &Header, frame: &[u8]) {
        let (outcome, result_code) = outcome(header, frame);
        if direction == Direction::Out && matches!(outcome, Outcome::ProtocolError | Outcome::Permanent) {
            self.defect(result_code);
        }
        self.record.message(direction, outcome);
        let command = commands::place(header.command);
        let kind = (command * Direction::ALL.len() + direction as usize) * Outcome::COUNT + outcome as usize;
        let Some(place) = self.places.get_mut(kind) else {
            return;
        };
        if *place == 0 {
            let command = COMMANDS.get(command).map_or(OTHER, |command| command.name);
            self.counters
                .push(messages(self.record.label(), command, direction, outcome));
            *place = u16::try_from(self.counters.len()).unwrap_or(0);
        }
        if let Some(counter) = self.counters.get(usize::from(*place).wrapping_sub(1)) {
            counter.increment(1);
        }
    }

    /// Counts every message in what was appended to the write buffer.
    pub(crate) fn written(&mut self, mut appended: &[u8]) {
        while let Some(header) = Header::read(appended) {
            let Some((frame, rest)) = appended.split_at_checked(header.length as usize) else {
                return;
            };
            if frame.is_empty() {
                return;
            }
            self.message(Direction::Out, &header, frame);
            appended = rest;
        }
    }

    /// Counts a message of the capabilities exchange that was read, with its octets.
    pub(crate) fn received(&mut self, header: &Header, frame: &[u8]) {
        self.message(Direction::In, header, frame);
        self.octets(Direction::In, frame.len());
    }

    /// Counts a message of the capabilities exchange that is about to be written, with its octets.
    pub(crate) fn sent(&mut self, frame: &[u8]) {
        self.written(frame);
        self.octets(Direction::Out, frame.len());
    }

    /// Counts a request that was answered with an error of the base protocol.
    fn defect(&mut self, result_code: u32) {
        self.record.defect(result_code);
        let known = self.defects.iter().find(|(code, _)| *code == result_code);
        if let Some((_, counter)) = known {
            counter.increment(1);
        } else if self.defects.len() < MAX_DEFECT_CODES {
            let counter = defects(self.record.label(), result_code);
            counter.increment(1);
            self.defects.push((result_code, counter));
        }
    }

    /// Counts octets that were read or written.
    pub(crate) fn octets(&self, direction: Direction, count: usize) {
        self.record.octets(direction, count);
        if let Some(counter) = self.bytes.get(direction as usize) {
            counter.increment(count as u64);
        }
    }

    /// A sign of life came.
    pub(crate) fn heard(&self, present: Instant) {
        self.record.heard(present);
    }

    /// So many requests wait for their answer now.
    pub(crate) fn pending(&mut self, now: usize) {
        self.record.pending(self.pending, now);
        self.pending = now;
    }

    /// Records how long a DWA took.
    pub(crate) fn watchdog(&self, took: Duration) {
        self.record.watchdog(took);
        self.watchdog.record(took);
    }
}

impl Drop for PeerMetrics {
    fn drop(&mut self) {
        self.pending(0);
    }
}

/// Request, or the class of the answer's result together with its Result-Code.
fn outcome(header: &Header, frame: &[u8]) -> (Outcome, u32) {
    const RESULT_CODE: u32 = base::RESULT_CODE.code;
    const EXPERIMENTAL_RESULT: u32 = base::EXPERIMENTAL_RESULT.code;
    if header.flags.is_request() {
        return (Outcome::Request, 0);
    }
    let mut rest = frame.get(Header::LEN..).unwrap_or_default();
    while let Some([c0, c1, c2, c3, _flags, l0, l1, l2]) = rest.first_chunk() {
        let length = u32::from_be_bytes([0, *l0, *l1, *l2]) as usize;
        match u32::from_be_bytes([*c0, *c1, *c2, *c3]) {
            RESULT_CODE => {
                let code = rest
                    .get(8..)
                    .and_then(<[u8]>::first_chunk)
                    .map_or(0, |code| u32::from_be_bytes(*code));
                let outcome = match code / 1000 {
                    2 => Outcome::Success,
                    3 => Outcome::ProtocolError,
                    4 => Outcome::Transient,
                    5 => Outcome::Permanent,
                    _ => Outcome::Other,
                };
                return (outcome, code);
            }
            EXPERIMENTAL_RESULT => return (Outcome::Experimental, 0),
            _ => {}
        }
        if length < 8 {
            break;
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    (Outcome::Other, 0)
}
