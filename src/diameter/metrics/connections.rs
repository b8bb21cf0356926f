//! Connections that were asked for in vain, turned away, opened, and how open ones ended.

use std::sync::Arc;

use metrics::counter;

use super::names::{CLOSED, CONNECT_FAILURES, OPENED, REFUSED};
use crate::diameter::node::ConnectError;
use crate::diameter::peer::fsm::Side;
use crate::diameter::record::Record;
use crate::diameter::status::Connection;

/// The `side` label.
pub(crate) const fn side(side: Side) -> &'static str {
    match side {
        Side::Initiator => "initiator",
        Side::Responder => "responder",
    }
}

/// Counts the begin of an open connection, and its end when it is dropped, so that none goes uncounted, whatever ends its
/// task. The peer's record is told likewise.
pub(crate) struct EndCounter {
    record: Arc<Record>,
    number: u64,
    reason: &'static str,
}

impl EndCounter {
    /// What a connection ends for whose task was dropped.
    pub(super) const ABORTED: &'static str = "aborted";

    /// A connection with the peer of that record has opened.
    pub(crate) fn new(record: &Arc<Record>, connection: Connection) -> Self {
        let side = side(connection.side);
        counter!(OPENED, "peer" => Arc::clone(record.label()), "side" => side).increment(1);
        Self {
            record: Arc::clone(record),
            number: record.opened(connection),
            reason: Self::ABORTED,
        }
    }

    /// It ended for this reason, one of those named at [`CLOSED`].
    pub(crate) fn end(mut self, reason: &'static str) {
        self.reason = reason;
    }
}

impl Drop for EndCounter {
    fn drop(&mut self) {
        self.record.ended(self.number, self.reason);
        let peer = Arc::clone(self.record.label());
        counter!(CLOSED, "peer" => peer, "reason" => self.reason).increment(1);
    }
}

/// What an attempt of ours to connect may come to nothing for.
pub(super) const CONNECT_CAUSES: [&str; 12] = [
    "connection_refused",
    "unreachable",
    "timeout",
    "tls",
    "certificate_refused",
    "certificate_expired",
    "certificate_mismatch",
    "transport",
    "disconnected",
    "protocol",
    "unknown_peer",
    "refused",
];

/// Counts an attempt of ours to connect that came to nothing. Returns the cause as it was counted.
pub(crate) fn connect_failed(record: &Record, error: &ConnectError) -> &'static str {
    use std::io::ErrorKind as Kind;
    let cause = match error {
        ConnectError::Transport(error) => match error.kind() {
            Kind::ConnectionRefused => "connection_refused",
            Kind::HostUnreachable | Kind::NetworkUnreachable => "unreachable",
            Kind::TimedOut => "timeout",
            _ => "transport",
        },
        ConnectError::Timeout => "timeout",
        ConnectError::Tls { cause, .. } | ConnectError::Refused(cause) => cause,
        // It was given up before anything could come of it, or for the peer's own connection.
        ConnectError::Stopped => return "stopped",
        ConnectError::Superseded => return "superseded",
    };
    record.connect_failed(cause);
    counter!(CONNECT_FAILURES, "peer" => Arc::clone(record.label()), "cause" => cause).increment(1);
    cause
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
    /// The peer is configured for another transport.
    WrongTransport,
    /// The peer is configured to wait for this node to connect.
    WrongInitiator,
    /// The TLS handshake failed for another reason than a certificate.
    Tls,
    /// The peer has no certificate, or none that a configured authority stands behind.
    CertificateRefused,
    /// The time of the peer's certificate is over or has not come.
    CertificateExpired,
    /// The peer's certificate is sound and names another host.
    CertificateMismatch,
    /// The peer refused us in its CEA.
    Refused,
    /// The node is stopping.
    Stopping,
}

impl RefusalCause {
    pub(super) const ALL: [Self; 15] = [
        Self::TooMany,
        Self::Timeout,
        Self::Disconnected,
        Self::Protocol,
        Self::UnknownPeer,
        Self::NoCommonApplication,
        Self::Duplicate,
        Self::WrongTransport,
        Self::WrongInitiator,
        Self::Tls,
        Self::CertificateRefused,
        Self::CertificateExpired,
        Self::CertificateMismatch,
        Self::Refused,
        Self::Stopping,
    ];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::Protocol => "protocol",
            Self::UnknownPeer => "unknown_peer",
            Self::NoCommonApplication => "no_common_application",
            Self::Duplicate => "duplicate",
            Self::WrongTransport => "wrong_transport",
            Self::WrongInitiator => "wrong_initiator",
            Self::Tls => "tls",
            Self::CertificateRefused => "certificate_refused",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateMismatch => "certificate_mismatch",
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
            | Self::Duplicate
            | Self::WrongTransport
            | Self::WrongInitiator
            | Self::Tls
            | Self::CertificateRefused
            | Self::CertificateExpired
            | Self::CertificateMismatch => true,
            Self::Timeout | Self::Disconnected | Self::Refused | Self::Stopping => false,
        }
    }
}

/// Counts a connection that ended before it opened.
pub(crate) fn refused(cause: RefusalCause) {
    counter!(REFUSED, "cause" => cause.label()).increment(1);
}
