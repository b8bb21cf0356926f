//! Messages by command and result, and what was wrong with requests.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use super::names::{DEFECTS, MESSAGES, WATCHDOG_SECONDS};
use crate::diameter::codec::Header;
use crate::diameter::dict::base;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

const DIRECTIONS: [&str; 2] = ["in", "out"];

/// Commands that have a name of their own in the metrics; all others share the last place.
const COMMANDS: [(u32, &str); 15] = [
    (316, "Update-Location"),
    (321, "Purge-UE"),
    (323, "Notify"),
    (317, "Cancel-Location"),
    (319, "Insert-Subscriber-Data"),
    (318, "Authentication-Information"),
    (320, "Delete-Subscriber-Data"),
    (322, "Reset"),
    (257, "Capabilities-Exchange"),
    (280, "Device-Watchdog"),
    (282, "Disconnect-Peer"),
    (306, "User-Data"),
    (309, "Push-Notification"),
    (271, "Accounting"),
    (0, "other"),
];

const RESULTS: [&str; 7] = [
    "request",
    "success",
    "protocol_error",
    "transient",
    "permanent",
    "experimental",
    "other",
];

/// How a message ended up, as the `result` label has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Request,
    Success,
    ProtocolError,
    Transient,
    Permanent,
    Experimental,
    Other,
}

/// More result codes than that are not told apart by one connection.
const MAX_DEFECT_CODES: usize = 32;

/// The handles of one connection.
pub(crate) struct PeerMetrics {
    peer: Arc<str>,
    messages: Box<[Option<Counter>]>,
    defects: Vec<(u32, Counter)>,
    watchdog: Histogram,
}

impl PeerMetrics {
    /// The handles of a connection with the peer of that label.
    pub(crate) fn new(peer: Arc<str>) -> Self {
        let watchdog = histogram!(WATCHDOG_SECONDS, "peer" => Arc::clone(&peer));
        let places = COMMANDS.len() * DIRECTIONS.len() * RESULTS.len();
        Self {
            peer,
            messages: vec![None; places].into(),
            defects: Vec::new(),
            watchdog,
        }
    }

    /// Counts one whole message. Of an answer the AVPs are read up to the result.
    pub(crate) fn message(&mut self, direction: Direction, header: &Header, frame: &[u8]) {
        let command = COMMANDS
            .iter()
            .position(|&(code, _)| code == header.command)
            .unwrap_or(COMMANDS.len() - 1);
        let (outcome, result_code) = outcome(header, frame);
        if direction == Direction::Out && matches!(outcome, Outcome::ProtocolError | Outcome::Permanent) {
            self.defect(result_code);
        }
        let place = (command * DIRECTIONS.len() + direction as usize) * RESULTS.len() + outcome as usize;
        let Some(slot) = self.messages.get_mut(place) else {
            return;
        };
        slot.get_or_insert_with(|| {
            let command = COMMANDS.get(command).map_or("other", |&(_, name)| name);
            let direction = DIRECTIONS.get(direction as usize).copied().unwrap_or("in");
            let result = RESULTS.get(outcome as usize).copied().unwrap_or("other");
            counter!(MESSAGES, "peer" => Arc::clone(&self.peer), "command" => command, "direction" => direction, "result" => result)
        })
        .increment(1);
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

    /// Counts a request that was answered with an error of the base protocol.
    fn defect(&mut self, result_code: u32) {
        let known = self.defects.iter().find(|(code, _)| *code == result_code);
        if let Some((_, counter)) = known {
            counter.increment(1);
        } else if self.defects.len() < MAX_DEFECT_CODES {
            let code = result_code.to_string();
            let counter = counter!(DEFECTS, "peer" => Arc::clone(&self.peer), "result_code" => code);
            counter.increment(1);
            self.defects.push((result_code, counter));
        }
    }

    /// Records how long a DWA took.
    pub(crate) fn watchdog(&self, took: Duration) {
        self.watchdog.record(took);
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
