//! What is counted of requests of our own.

use std::time::Instant;

use metrics::{
    Counter, Gauge, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::order::Reply;
use super::{RequestError, now};
use crate::diameter::codec::Answered;
use crate::diameter::dict::{CommandDef, application_name};
use crate::diameter::peer::pending::Stray;

/// Requests of our own that came to an end, by `application`, `command` and `result`: `success`, `protocol_error`,
/// `transient`, `permanent`, `experimental`, `other` for what was answered; `unusable`, `unanswered`, `no_peer`,
/// `congested`, `too_long`, `stopped` for what was not; `withdrawn` if nobody waited any more.
pub const REQUESTS: &str = "reachd_diameter_client_requests_total";
/// Seconds from the making of a request of our own to its answer, by `application` and `command`.
pub const REQUEST_SECONDS: &str = "reachd_diameter_client_request_seconds";
/// Requests of our own that wait for the answer of a peer.
pub const IN_FLIGHT: &str = "reachd_diameter_client_in_flight";
/// Requests of our own that wait for a peer, or for room with one.
pub const WAITING: &str = "reachd_diameter_client_waiting";
/// Requests of our own sent again to the same peer because it did not answer.
pub const RETRANSMISSIONS: &str = "reachd_diameter_client_retransmissions_total";
/// Requests of our own taken away from a peer, by `cause`: `lost` (connection lost, or not trusted any more) and
/// `refused` (too busy, or could not deliver).
pub const FAILOVERS: &str = "reachd_diameter_client_failovers_total";
/// Answers that belong to no request that waits, by `cause`: `late`, `unknown`, `mismatch`.
pub const STRAY_ANSWERS: &str = "reachd_diameter_client_stray_answers_total";

/// Explicit buckets of the histogram here.
pub const REQUEST_BUCKETS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The handles that are not looked up by name.
pub(super) struct ClientMetrics {
    in_flight: Gauge,
    waiting: Gauge,
    retransmissions: Counter,
    lost: Counter,
    refused: Counter,
    stray: [Counter; 3],
}

impl ClientMetrics {
    /// Registers units and help texts with the recorder in place, and every series at zero.
    pub(super) fn register() -> Self {
        describe_counter!(
            REQUESTS,
            "Diameter requests of our own, by application, command and result"
        );
        describe_histogram!(
            REQUEST_SECONDS,
            Unit::Seconds,
            "Time from a Diameter request of our own to its answer"
        );
        describe_gauge!(IN_FLIGHT, "Diameter requests of our own that wait for an answer");
        describe_gauge!(WAITING, "Diameter requests of our own that wait for a peer");
        describe_counter!(
            RETRANSMISSIONS,
            "Diameter requests of our own sent again to the same peer"
        );
        describe_counter!(
            FAILOVERS,
            "Diameter requests of our own taken away from a peer, by cause"
        );
        describe_counter!(
            STRAY_ANSWERS,
            "Diameter answers that belong to no request of ours, by cause"
        );
        let zero = |counter: Counter| {
            counter.increment(0);
            counter
        };
        Self {
            in_flight: gauge!(IN_FLIGHT),
            waiting: gauge!(WAITING),
            retransmissions: zero(counter!(RETRANSMISSIONS)),
            lost: zero(counter!(FAILOVERS, "cause" => "lost")),
            refused: zero(counter!(FAILOVERS, "cause" => "refused")),
            stray: ["late", "unknown", "mismatch"]
                .map(|cause| zero(counter!(STRAY_ANSWERS, "cause" => cause))),
        }
    }

    /// So many more wait for an answer, or fewer.
    pub(super) fn in_flight(&self, more: i64) {
        self.in_flight.increment(more as f64);
    }

    /// So many wait for a peer.
    pub(super) fn waiting(&self, waiting: usize) {
        self.waiting.set(waiting as f64);
    }

    pub(super) fn retransmitted(&self, requests: usize) {
        self.retransmissions.increment(requests as u64);
    }

    pub(super) fn failed_over(&self, requests: usize) {
        self.lost.increment(requests as u64);
    }

    pub(super) fn moved_on(&self) {
        self.refused.increment(1);
    }

    pub(super) fn stray(&self, stray: Stray) {
        let [late, unknown, mismatch] = &self.stray;
        match stray {
            Stray::Late => late,
            Stray::Unknown => unknown,
            Stray::Mismatch => mismatch,
        }
        .increment(1);
    }
}

/// Counts how one request ended when it is dropped, so that none goes uncounted.
pub(super) struct Outcome {
    command: &'static CommandDef,
    begun: Instant,
    result: &'static str,
}

impl Outcome {
    /// A request has been made.
    pub(super) fn of(command: &'static CommandDef) -> Self {
        Self {
            command,
            begun: now().into_std(),
            result: "withdrawn",
        }
    }

    /// It ended so.
    pub(super) fn note(&mut self, reply: &Reply) {
        self.result = match reply {
            Ok(answer) => match answer.result {
                Answered::Experimental(_) => "experimental",
                Answered::Base(code) => match code.0 / 1000 {
                    2 => "success",
                    3 => "protocol_error",
                    4 => "transient",
                    5 => "permanent",
                    _ => "other",
                },
            },
            Err(RequestError::NoPeer) => "no_peer",
            Err(RequestError::Congested) => "congested",
            Err(RequestError::Unanswered) => "unanswered",
            Err(RequestError::Unusable(_)) => "unusable",
            Err(RequestError::TooLong) => "too_long",
            Err(RequestError::Stopped) => "stopped",
        };
        if reply.is_ok() {
            let took = now().into_std().saturating_duration_since(self.begun);
            let application = application_name(self.command.application);
            histogram!(REQUEST_SECONDS, "application" => application, "command" => self.command.name)
                .record(took);
        }
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        let application = application_name(self.command.application);
        counter!(
            REQUESTS,
            "application" => application, "command" => self.command.name, "result" => self.result
        )
        .increment(1);
    }
}
