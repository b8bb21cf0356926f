//! Where the keys of access tokens are: in a file, or at an authorization server.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::Uri;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::config::{AuthConfig, is_set};
use super::fetch;
use super::keys::KeySet;
use crate::rest::cause::Cause;

/// No file of keys is larger, in octets.
const MOST: u64 = 256 * 1024;
/// How long an authorization server may take.
const WITHIN: Duration = Duration::from_secs(3);

/// Where keys are.
#[derive(Debug)]
pub(super) enum Place {
    File(PathBuf),
    Url {
        url: Uri,
        authorities: PathBuf,
        tls: RwLock<Arc<ClientConfig>>,
    },
}

impl Place {
    /// Where the configuration says, and the keys if that is a file, which is read at once. Blocks.
    ///
    /// # Errors
    /// What is wrong with the files, as a sentence.
    pub(super) fn new(config: &AuthConfig) -> Result<(Self, Option<KeySet>), String> {
        if is_set(&config.jwks_file) {
            let keys = read_file(&config.jwks_file)?;
            return Ok((Self::File(config.jwks_file.clone()), Some(keys)));
        }
        let authorities = config.jwks_authorities.clone();
        let url = config
            .jwks_url
            .parse()
            .map_err(|_| "rest.auth.jwks_url is no URL".to_owned())?;
        let tls = RwLock::new(Arc::new(client(&authorities)?));
        Ok((
            Self::Url {
                url,
                authorities,
                tls,
            },
            None,
        ))
    }

    /// Reads the authorities behind the authorization server's certificate again; those from before stay if it cannot.
    pub(super) async fn renew_authorities(&self) {
        let Self::Url { authorities, tls, .. } = self else {
            return;
        };
        let authorities = authorities.clone();
        let read = tokio::task::spawn_blocking(move || client(&authorities)).await;
        match read.map_err(|error| error.to_string()).flatten() {
            Ok(fresh) => *tls.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh),
            Err(sentence) => tracing::warn!(
                "rest.auth.jwks_authorities cannot be read again, those from before stay in use: {sentence}"
            ),
        }
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// What that fails for, and a sentence.
    pub(super) async fn read(&self) -> Result<KeySet, (Cause, String)> {
        match self {
            Self::File(file) => {
                let file = file.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&file)).await;
                read.map_err(|error| error.to_string())
                    .and_then(|read| read)
                    .map_err(|sentence| (Cause::KeysInvalid, sentence))
            }
            Self::Url { url, tls, .. } => {
                let tls = Arc::clone(&tls.read().unwrap_or_else(PoisonError::into_inner));
                let fetched = tokio::time::timeout(WITHIN, fetch::get(url, &tls)).await;
                let document = match fetched {
                    Err(_) => return Err((Cause::KeysTimedOut, "no answer in time".to_owned())),
                    Ok(Err(error)) => return Err((error.cause(), error.to_string())),
                    Ok(Ok(document)) => document,
                };
                KeySet::read(&document).map_err(|error| (Cause::KeysInvalid, error.to_string()))
            }
        }
    }
}

/// Reads a file of keys. Blocks.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub(super) fn read_file(path: &Path) -> Result<KeySet, String> {
    let mut document = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST).read_to_end(&mut document))
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    KeySet::read(&document).map_err(|error| format!("{} is {error}", path.display()))
}

/// Reads the authorities behind an authorization server's certificate. Blocks.
///
/// # Errors
/// What is wrong with the file, as a sentence.
pub(super) fn read_authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let unreadable = || format!("there is no PEM certificate in {}", path.display());
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| unreadable())? {
        let certificate = certificate.map_err(|_| unreadable())?;
        store.add(certificate).map_err(|_| unreadable())?;
    }
    if store.is_empty() {
        return Err(unreadable());
    }
    Ok(store)
}

/// The authorities that the system trusts, none if it does not say. Blocks.
pub(super) fn system_authorities() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}

fn client(authorities: &Path) -> Result<ClientConfig, String> {
    let authorities = if is_set(authorities) {
        read_authorities(authorities)?
    } else {
        system_authorities()
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(authorities)
        .with_no_client_auth())
}
