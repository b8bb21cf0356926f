//! What the Diameter stack counts.
//!
//! Labels are bounded: a peer is named by its configured identity, or `unknown`; commands, results and causes come from
//! fixed lists. Handles are looked up once and held, per connection, by array index.

use std::sync::Arc;
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

use super::codec::Header;
use super::dict::base;

/// Messages by `peer`, `command`, `direction` (`in`, `out`) and `result` (`request`, `success`, `protocol_error`,
/// `transient`, `permanent`, `experimental`, `other`).
pub const MESSAGES: &str = "reachd_diameter_messages_total";
/// Peers by `peer` and `state`: 1 for the state that a configured peer is in, a number for `unknown`.
pub const PEER_STATE: &str = "reachd_diameter_peer_state";
/// Requests answered with a permanent or protocol error (3xxx, 5xxx) of the base protocol, by `peer` and `result_code`.
pub const DEFECTS: &str = "reachd_diameter_defects_total";
/// Seconds from a DWR of ours to its DWA, by `peer`.
pub const WATCHDOG_SECONDS: &str = "reachd_diameter_watchdog_seconds";
/// Connections refused or ended before they opened, by `cause`.
pub const REFUSED: &str = "reachd_diameter_connections_refused_total";
/// Open connections that ended, by `peer` and `reason` (`disconnected`, `peer_left`, `stopped`, `watchdog`, `framing`,
/// `slow_message`, `slow_reader`, `superseded`, `aborted`).
pub const CLOSED: &str = "reachd_diameter_connections_closed_total";

/// Explicit buckets of the histograms here, for whoever sets up the exporter.
pub const BUCKETS: &[(&str, &[f64])] = &[(
    WATCHDOG_SECONDS,
    &[
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ],
)];

/// Registers units and help texts with the recorder in place.
pub fn describe() {
    describe_counter!(
        MESSAGES,
        "Diameter messages by peer, command, direction and result"
    );
    describe_gauge!(PEER_STATE, "Diameter peers by state");
    describe_counter!(
        DEFECTS,
        "Diameter requests answered with an error of the base protocol, by Result-Code"
    );
    describe_histogram!(
        WATCHDOG_SECONDS,
        metrics::Unit::Seconds,
        "Time from Device-Watchdog-Request to its answer"
    );
    describe_counter!(
        REFUSED,
        "Diameter connections that ended before they opened, by cause"
    );
    describe_counter!(CLOSED, "Open Diameter connections that ended, by peer and reason");
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
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

/// The state of a peer as the `state` label has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerState {
    Closed,
    Connecting,
    Open,
    Suspect,
    Reopen,
    Closing,
}

const STATES: [&str; 6] = ["closed", "connecting", "open", "suspect", "reopen", "closing"];

/// Shows which state a peer is in.
pub(crate) struct PeerStateGauge {
    gauges: [Gauge; STATES.len()],
    state: PeerState,
}

impl PeerStateGauge {
    /// A closed peer of that label.
    pub(crate) fn new(peer: &Arc<str>) -> Self {
        let gauges = STATES.map(|state| gauge!(PEER_STATE, "peer" => Arc::clone(peer), "state" => state));
        let this = Self {
            gauges,
            state: PeerState::Closed,
        };
        this.add(1.0);
        this
    }

    /// The peer is in this state now.
    pub(crate) fn set(&mut self, state: PeerState) {
        if self.state != state {
            self.add(-1.0);
            self.state = state;
            self.add(1.0);
        }
    }

    fn add(&self, value: f64) {
        if let Some(gauge) = self.gauges.get(self.state as usize) {
            gauge.increment(value);
        }
    }
}

impl Drop for PeerStateGauge {
    fn drop(&mut self) {
        self.add(-1.0);
    }
}

/// Counts the end of one open connection when it is dropped, so that none goes uncounted, whatever ends its task.
pub(crate) struct EndCounter {
    peer: Arc<str>,
    reason: &'static str,
}

impl EndCounter {
    /// A connection with the peer of that label has opened.
    pub(crate) fn new(peer: Arc<str>) -> Self {
        Self {
            peer,
            reason: "aborted",
        }
    }

    /// It ended for this reason, one of those named at [`CLOSED`].
    pub(crate) fn end(mut self, reason: &'static str) {
        self.reason = reason;
    }
}

impl Drop for EndCounter {
    fn drop(&mut self) {
        counter!(CLOSED, "peer" => Arc::clone(&self.peer), "reason" => self.reason).increment(1);
    }
}

/// Why a connection ended before it opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalCause {
    /// `diameter.max_connections` is reached.
    TooMany,
    /// No CER, or no CEA, came in time.
    Timeout,
    /// The connection ended by itself.
    Disconnected,
    /// The first message was no capabilities exchange, or could not be read.
    Protocol,
    /// The peer is not configured, or names another realm or host than configured.
    UnknownPeer,
    /// No application in common.
    NoCommonApplication,
    /// A connection of that identity stands already, or the election went against this one.
    Duplicate,
    /// The peer refused us in its CEA.
    Refused,
    /// The node is stopping.
    Stopping,
}

impl RefusalCause {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::Protocol => "protocol",
            Self::UnknownPeer => "unknown_peer",
            Self::NoCommonApplication => "no_common_application",
            Self::Duplicate => "duplicate",
            Self::Refused => "refused",
            Self::Stopping => "stopping",
        }
    }

    /// Whether this node judged the peer and turned it away, so that somebody has to look into it. The others just ended.
    pub(crate) const fn is_verdict(self) -> bool {
        match self {
            Self::TooMany
            | Self::Protocol
            | Self::UnknownPeer
            | Self::NoCommonApplication
            | Self::Duplicate => true,
            Self::Timeout | Self::Disconnected | Self::Refused | Self::Stopping => false,
        }
    }
}

/// Counts a connection that ended before it opened.
pub(crate) fn refused(cause: RefusalCause) {
    counter!(REFUSED, "cause" => cause.label()).increment(1);
}
