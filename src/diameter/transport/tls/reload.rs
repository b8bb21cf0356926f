//! Certificates that change while the node runs.
//!
//! New files count for the handshakes that begin after they were read; open connections live on. Files that cannot be
//! used are told of once, and what was read before stays in use.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::UnixTime;
use tracing::{info, warn};

use super::credentials::{Credentials, Fault};
use crate::diameter::config::TlsConfig;
use crate::diameter::metrics;
use crate::files::{Files, Reload};

/// The credentials in use and where they come from.
#[derive(Debug)]
pub(crate) struct Source {
    config: TlsConfig,
    files: Arc<Files>,
    /// Our own identity, which the certificate should name.
    identity: String,
    current: RwLock<Arc<Credentials>>,
}

impl Source {
    /// Reads the files for the first time. Blocks, for as long as three small files take.
    pub(crate) fn open(config: &TlsConfig, identity: &str) -> Result<Self, Vec<Fault>> {
        let TlsConfig {
            certificate,
            key,
            authorities,
        } = config.clone();
        let files = Files::new(vec![certificate, key, authorities]);
        let credentials = Credentials::read(config)?;
        let source = Self {
            config: config.clone(),
            files: Arc::new(files),
            identity: identity.to_owned(),
            current: RwLock::new(Arc::new(credentials)),
        };
        source.tell();
        Ok(source)
    }

    /// What handshakes that begin now use.
    pub(super) fn current(&self) -> Arc<Credentials> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again. Blocks.
    fn read(&self) -> Result<(), Vec<Fault>> {
        let fresh = Arc::new(Credentials::read(&self.config)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Shows and tells what there is to know of our own certificate.
    fn tell(&self) {
        let current = self.current();
        if let Some(end) = current.certificate.not_after() {
            metrics::certificate_ends(end);
        }
        for warning in current.warnings(&self.identity, UnixTime::now()) {
            warn!(%warning, "the Diameter certificate");
        }
    }
}

/// Looks after the files for as long as it is polled; at once whenever `reload` asks.
pub(crate) async fn keep_fresh(source: Arc<Source>, reload: Reload) {
    let (files, reading) = (Arc::clone(&source.files), Arc::clone(&source));
    let tell = |read| match read {
        Ok(()) => {
            metrics::certificates_read(true);
            info!("Diameter certificates were read again; new connections use them");
            source.tell();
        }
        Err(faults) => {
            metrics::certificates_read(false);
            for fault in faults {
                warn!(%fault, "Diameter certificates cannot be used; those from before stay in use");
            }
        }
    };
    files.keep_fresh(reload, move || reading.read(), tell).await;
}
