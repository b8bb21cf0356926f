//! TLS of the listener: one certificate, and nothing asked of clients; who they are, their access tokens say.
//!
//! New files count for the handshakes that begin after they were read; open connections live on. Files that cannot be used
//! change nothing.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;
use crate::files::{Files, Reload};
use crate::rest::config::RestTlsConfig;
use crate::rest::metrics::CertificateMetrics;

/// The key below `rest.tls` at fault, and a sentence.
type Fault = (&'static str, String);

/// What is shown to clients, and where it comes from.
pub(super) struct Source {
    config: RestTlsConfig,
    files: Arc<Files>,
    current: RwLock<TlsAcceptor>,
    metrics: CertificateMetrics,
}

impl Source {
    /// Reads the files for the first time. Blocks.
    pub(super) fn open(config: &RestTlsConfig) -> Result<Self, Fault> {
        let RestTlsConfig { certificate, key } = config.clone();
        let files = Arc::new(Files::new(vec![certificate, key]));
        let (certificate, acceptor) = read(config)?;
        let source = Self {
            config: config.clone(),
            files,
            current: RwLock::new(acceptor),
            metrics: CertificateMetrics::new(),
        };
        source.tell(&certificate);
        Ok(source)
    }

    /// What handshakes that begin now use.
    pub(super) fn current(&self) -> TlsAcceptor {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the files again. Blocks.
    fn read(&self) -> Result<Certificate, Fault> {
        let (certificate, acceptor) = read(&self.config)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(certificate)
    }

    /// Shows and tells what there is to know of the certificate's time.
    fn tell(&self, certificate: &Certificate) {
        if let Some(end) = certificate.not_after() {
            self.metrics.ends(end);
        }
        if let Some(warning) = certificate.warning(UnixTime::now(), "clients") {
            tracing::warn!("the certificate of rest.tls {warning}");
        }
    }

    /// Looks after the files for as long as it is polled; at once whenever `reload` asks.
    pub(super) async fn keep_fresh(self: Arc<Self>, reload: Reload) {
        let (files, reading) = (Arc::clone(&self.files), Arc::clone(&self));
        let tell = |read: Result<Certificate, Fault>| {
            self.metrics.reloaded(read.is_ok());
            match read {
                Ok(certificate) => {
                    tracing::info!("the certificate of rest.tls was read again; new connections use it");
                    self.tell(&certificate);
                }
                Err((key, sentence)) => tracing::warn!(
                    "the certificate of rest.tls cannot be read again, that from before stays in use: \
                     rest.tls.{key}: {sentence}"
                ),
            }
        };
        files.keep_fresh(reload, move || reading.read(), tell).await;
    }
}

/// Reads certificate and key. Blocks.
///
/// # Errors
/// The key below `rest.tls` at fault, and a sentence.
pub(in crate::rest) fn read(config: &RestTlsConfig) -> Result<(Certificate, TlsAcceptor), Fault> {
    let RestTlsConfig { certificate, key } = config;
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|_| unreadable("certificate", certificate, "certificate"))?;
    let own = chain
        .first()
        .and_then(Certificate::new)
        .ok_or_else(|| unreadable("certificate", certificate, "certificate"))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|_| unreadable("key", key, "private key"))?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ("certificate", error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| ("key", format!("does not fit the certificate: {error}")))?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((own, TlsAcceptor::from(Arc::new(server))))
}

fn unreadable(key: &'static str, path: &Path, what: &str) -> Fault {
    let sentence = if path.as_os_str().is_empty() {
        "is not set; TLS needs certificate and key".to_owned()
    } else {
        format!("cannot read a PEM {what} from {}", path.display())
    };
    (key, sentence)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_wrong_with_the_files_is_told_by_the_key() {
        let fault = |config: &RestTlsConfig| read(config).err().unwrap();
        assert_eq!(fault(&RestTlsConfig::default()).0, "certificate");
        let dir = tempfile::tempdir().unwrap();
        let pair = rcgen::generate_simple_self_signed(["reachd.example".to_owned()]).unwrap();
        let (certificate, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        std::fs::write(&certificate, pair.cert.pem()).unwrap();
        std::fs::write(&key, "nothing").unwrap();
        let config = RestTlsConfig { certificate, key };
        assert_eq!(fault(&config).0, "key");
        std::fs::write(&config.key, pair.signing_key.serialize_pem()).unwrap();
        assert!(read(&config).is_ok());
        let other = rcgen::generate_simple_self_signed(["reachd.example".to_owned()]).unwrap();
        std::fs::write(&config.key, other.signing_key.serialize_pem()).unwrap();
        assert_eq!(fault(&config).0, "key");
    }
}
