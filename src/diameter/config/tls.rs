//! `[diameter.tls]`: what this node shows of itself, and whom it trusts.

use std::path::PathBuf;

use rustls::pki_types::{DnsName, UnixTime};
use serde::Deserialize;

use super::DiameterConfig;
use crate::diameter::transport::tls::credentials::Credentials;

/// PEM files. All of them or none; without them there is no TLS. They are read again when they change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Our own certificate, followed by those that lead to its authority. It has to name this node's identity, and to be
    /// fit for both sides of a connection.
    pub certificate: PathBuf,
    /// The private key that belongs to it, not encrypted.
    pub key: PathBuf,
    /// The authorities that stand behind the certificates of peers.
    pub authorities: PathBuf,
}

impl TlsConfig {
    /// Whether TLS is asked for.
    #[must_use]
    pub fn is_on(&self) -> bool {
        [&self.certificate, &self.key, &self.authorities]
            .iter()
            .any(|path| !path.as_os_str().is_empty())
    }
}

impl DiameterConfig {
    /// What is wrong with the certificate files, as [`Self::problems`] has it. Reads them.
    pub(super) fn certificate_problems(&self) -> Vec<(String, String)> {
        if !self.tls.is_on() {
            return Vec::new();
        }
        let faults = Credentials::read(&self.tls).err().unwrap_or_default();
        let told = |fault: crate::diameter::transport::tls::credentials::Fault| {
            (format!("tls.{}", fault.key), fault.text)
        };
        faults.into_iter().map(told).collect()
    }

    /// What is likely to keep peers away, as (key below `diameter`, sentence). Reads the certificate files.
    #[must_use]
    pub fn warnings(&self) -> Vec<(String, String)> {
        let Some(credentials) = self
            .tls
            .is_on()
            .then(|| Credentials::read(&self.tls).ok())
            .flatten()
        else {
            return Vec::new();
        };
        let warnings = credentials.warnings(&self.identity, UnixTime::now());
        warnings
            .into_iter()
            .map(|warning| (format!("tls.{}", warning.key), warning.text))
            .collect()
    }
}

/// Whether a certificate could name that identity.
pub(super) fn can_be_certified(identity: &str) -> bool {
    DnsName::try_from(identity).is_ok()
}
