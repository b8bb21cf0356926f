//! What a handshake that failed is called, in the metrics and towards the operator.
//!
//! The library's own words may repeat names out of a stranger's certificate, so they stay at debug level.

use std::io;

use rustls::{CertificateError, Error};

use crate::diameter::metrics::RefusalCause;

/// The cause it is counted under, and what to tell whoever dialled.
pub(super) fn of(error: &io::Error) -> (RefusalCause, String) {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        // The transport itself failed, in the middle of the handshake.
        return (
            RefusalCause::Disconnected,
            "the connection was lost in the handshake".to_owned(),
        );
    };
    match error {
        Error::InvalidCertificate(fault) => certificate(fault),
        Error::NoCertificatesPresented => (
            RefusalCause::CertificateRefused,
            "the peer has no certificate".to_owned(),
        ),
        Error::AlertReceived(alert) => (RefusalCause::Tls, format!("the peer answered {alert:?}")),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            (RefusalCause::Tls, "the peer does not speak TLS".to_owned())
        }
        Error::PeerIncompatible(_) => (
            RefusalCause::Tls,
            "no version of TLS or cipher in common".to_owned(),
        ),
        _ => (RefusalCause::Tls, "the peer broke the protocol".to_owned()),
    }
}

fn certificate(fault: &CertificateError) -> (RefusalCause, String) {
    use CertificateError::{
        Expired, ExpiredContext, InvalidPurpose, InvalidPurposeContext, NotValidForName,
        NotValidForNameContext, NotValidYet, NotValidYetContext, UnknownIssuer,
    };
    let (cause, text) = match fault {
        NotValidForName | NotValidForNameContext { .. } => (
            RefusalCause::CertificateMismatch,
            "the peer's certificate names another host",
        ),
        Expired | ExpiredContext { .. } => (
            RefusalCause::CertificateExpired,
            "the peer's certificate has expired",
        ),
        NotValidYet | NotValidYetContext { .. } => (
            RefusalCause::CertificateExpired,
            "the peer's certificate is not valid yet",
        ),
        UnknownIssuer => (
            RefusalCause::CertificateRefused,
            "the peer's certificate is from none of the configured authorities",
        ),
        InvalidPurpose | InvalidPurposeContext { .. } => (
            RefusalCause::CertificateRefused,
            "the peer's certificate is not meant for its side of a connection",
        ),
        _ => (
            RefusalCause::CertificateRefused,
            "the peer's certificate cannot be verified",
        ),
    };
    (cause, text.to_owned())
}
