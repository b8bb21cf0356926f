//! Connections that were turned away, and how open ones ended.

use std::sync::Arc;

use metrics::counter;

use super::names::{CLOSED, REFUSED};

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
