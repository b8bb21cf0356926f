//! The node's own certificate: how long it lasts, and whether new ones are taken.

use std::time::Duration;

use metrics::{counter, gauge};

use super::names::{CERTIFICATE_EXPIRY, CERTIFICATE_RELOADS};

/// The certificate in use ends at that time since 1970.
pub(crate) fn certificate_ends(at: Duration) {
    gauge!(CERTIFICATE_EXPIRY).set(at.as_secs_f64());
}

/// The certificate files have been read again.
pub(crate) fn certificates_read(usable: bool) {
    let outcome = if usable { "success" } else { "failure" };
    counter!(CERTIFICATE_RELOADS, "outcome" => outcome).increment(1);
}
