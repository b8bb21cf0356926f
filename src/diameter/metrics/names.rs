//! The names, help texts and buckets of all metrics of the Diameter stack.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// Messages by `peer`, `command`, `direction` (`in`, `out`) and `result` (`request`, `success`, `protocol_error`,
/// `transient`, `permanent`, `experimental`, `other`).
pub const MESSAGES: &str = "reachd_diameter_messages_total";
/// Peers by `peer` and `state`: 1 for the state that a configured peer is in, a number for `unknown`.
pub const PEER_STATE: &str = "reachd_diameter_peer_state";
/// Requests answered with a permanent or protocol error (3xxx, 5xxx) of the base protocol, by `peer` and `result_code`.
pub const DEFECTS: &str = "reachd_diameter_defects_total";
/// Seconds from a DWR of ours to its DWA, by `peer`.
pub const WATCHDOG_SECONDS: &str = "reachd_diameter_watchdog_seconds";
/// Octets read and written by `peer` and `direction` (`in`, `out`), from the capabilities exchange on.
pub const BYTES: &str = "reachd_diameter_bytes_total";
/// Requests received and not answered yet, by `peer`. Read at a scrape: what goes in and out is in [`MESSAGES`], but a
/// connection that is lost takes its pending requests with it, so that the difference would drift.
pub const PENDING: &str = "reachd_diameter_pending_requests";
/// How often the Origin-State-Id of a peer rose (RFC 6733 §8.16), by `peer`.
pub const RESTARTS: &str = "reachd_diameter_peer_restarts_total";
/// Connections that opened, by `peer` and `side` (`initiator`: we connected; `responder`: the peer did).
pub const OPENED: &str = "reachd_diameter_connections_opened_total";
/// Attempts of ours to connect that came to nothing, by `peer` and `cause`: `connection_refused`, `unreachable`,
/// `timeout`, `transport`, or a cause of [`REFUSED`] once the transport stood.
pub const CONNECT_FAILURES: &str = "reachd_diameter_connect_failures_total";
/// Connections refused or ended before they opened, by `cause`.
pub const REFUSED: &str = "reachd_diameter_connections_refused_total";
/// Open connections that ended, by `peer` and `reason` (`disconnected`, `peer_left`, `stopped`, `watchdog`, `framing`,
/// `slow_message`, `slow_reader`, `superseded`, `aborted`).
pub const CLOSED: &str = "reachd_diameter_connections_closed_total";
/// When our own certificate ends, in seconds since 1970. Absent without TLS.
pub const CERTIFICATE_EXPIRY: &str = "reachd_diameter_certificate_expiry_timestamp_seconds";
/// How often the certificate files were read again, by `outcome` (`success`, `failure`).
pub const CERTIFICATE_RELOADS: &str = "reachd_diameter_certificate_reloads_total";

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
        BYTES,
        metrics::Unit::Bytes,
        "Octets of Diameter connections by peer and direction"
    );
    describe_gauge!(PENDING, "Diameter requests received and not answered yet");
    describe_counter!(
        RESTARTS,
        "Rises of a Diameter peer's Origin-State-Id: it lost its state"
    );
    describe_counter!(OPENED, "Diameter connections that opened, by who connected");
    describe_counter!(
        CONNECT_FAILURES,
        "Attempts to connect to a Diameter peer that came to nothing, by cause"
    );
    describe_counter!(
        REFUSED,
        "Diameter connections that ended before they opened, by cause"
    );
    describe_gauge!(
        CERTIFICATE_EXPIRY,
        "When the node's own Diameter certificate ends, in seconds since 1970"
    );
    describe_counter!(
        CERTIFICATE_RELOADS,
        "How often the Diameter certificate files were read again, by outcome"
    );
    describe_counter!(CLOSED, "Open Diameter connections that ended, by peer and reason");
}
