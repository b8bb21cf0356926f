//! Where the keys of access tokens come from, and when they are read again: from time to time, so that a key that was
//! withdrawn goes, and when no known key fits a token, so that a new one comes at once; the latter not more often than
//! `jwks_pause` allows, whatever strangers send, and with a bounded number of them waiting for it.
//!
//! What was read last stays in use while nothing better can be had.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::Uri;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::config::{AuthConfig, is_set};
use super::fetch;
use super::jws::Token;
use super::keys::KeySet;
use crate::files::Reload;
use crate::rest::cause::Cause;
use crate::rest::metrics::KeyMetrics;

/// No file of keys is larger, in octets.
const MOST: u64 = 256 * 1024;
/// How long an authorization server may take.
const WITHIN: Duration = Duration::from_secs(3);
/// How soon it is asked again while it has not given any keys yet.
const RETRY: Duration = Duration::from_secs(1);

/// Where keys are.
#[derive(Debug)]
enum Place {
    File(PathBuf),
    Url {
        url: Uri,
        authorities: PathBuf,
        tls: RwLock<Arc<ClientConfig>>,
    },
}

/// The keys, and the number of the reading that brought them.
#[derive(Clone, Debug)]
pub struct Current {
    /// The keys.
    pub set: Arc<KeySet>,
    /// Rises whenever they change.
    pub generation: u64,
}

impl Current {
    /// What a token says if one of the keys shows that it does, and the number of the reading.
    fn says(&self, token: &Token<'_>) -> Option<(Vec<u8>, u64)> {
        Some((self.set.verified(token)?, self.generation))
    }
}

/// One reading of the keys.
#[derive(Debug)]
struct Reading {
    at: Instant,
    failed: Option<(Cause, String)>,
}

impl Reading {
    fn cause(&self) -> Option<Cause> {
        self.failed.as_ref().map(|(cause, _)| *cause)
    }
}

/// Keys that are kept up to date.
#[derive(Debug)]
pub struct Keys {
    place: Place,
    refresh: Duration,
    pause: Duration,
    current: RwLock<Option<Current>>,
    generation: AtomicU64,
    /// Held while they are asked for.
    last: Mutex<Option<Reading>>,
    /// Places of those who wait for a reading.
    waiting: Semaphore,
    metrics: KeyMetrics,
}

impl Keys {
    /// Keys from where the configuration says, for which at most `waiting` requests wait at a time. A file is read at once.
    ///
    /// # Errors
    /// What is wrong with the files, as a sentence.
    pub fn new(config: &AuthConfig, waiting: usize) -> Result<Self, String> {
        let mut first = None;
        let place = if is_set(&config.jwks_file) {
            first = Some(read_file(&config.jwks_file)?);
            Place::File(config.jwks_file.clone())
        } else {
            Place::Url {
                url: config
                    .jwks_url
                    .parse()
                    .map_err(|_| "rest.auth.jwks_url is no URL".to_owned())?,
                authorities: config.jwks_authorities.clone(),
                tls: RwLock::new(Arc::new(client(&config.jwks_authorities)?)),
            }
        };
        let keys = Self {
            place,
            refresh: config.jwks_refresh,
            pause: config.jwks_pause,
            current: RwLock::new(None),
            generation: AtomicU64::new(0),
            last: Mutex::new(None),
            waiting: Semaphore::new(waiting),
            metrics: KeyMetrics::new(),
        };
        if let Some(set) = first {
            keys.take(set);
        }
        Ok(keys)
    }

    /// The number of the reading that brought the keys in use.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What a token says, and the number of the reading whose keys show that it does. Keys are read again if need be.
    ///
    /// # Errors
    /// That no key fits, or why that cannot be said.
    pub async fn verified(&self, token: &Token<'_>) -> Result<(Vec<u8>, u64), Cause> {
        let tried = self.current();
        if let Some(said) = tried.as_ref().and_then(|current| current.says(token)) {
            return Ok(said);
        }
        let generation = tried.map(|current| current.generation);
        let failed = self.reload_if_due(generation).await;
        match (self.current(), failed) {
            // Without a key at hand it cannot be said that the token is bad.
            (None, failed) => Err(failed.unwrap_or(Cause::KeysUnreachable)),
            (Some(current), _) if Some(current.generation) == generation => Err(Cause::InvalidCredentials),
            (Some(current), _) => current.says(token).ok_or(Cause::InvalidCredentials),
        }
    }

    /// Reads the keys again from time to time, and whenever `reload` asks, until `closing`. In the latter case whom to trust
    /// for them is read again as well.
    pub async fn keep(&self, reload: &Reload, closing: CancellationToken) {
        let keeping = async {
            loop {
                self.reload(&mut *self.last.lock().await).await;
                let wait = if self.current().is_none() {
                    RETRY.min(self.refresh)
                } else {
                    self.refresh
                };
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = reload.asked() => self.renew_authorities().await,
                }
            }
        };
        closing.run_until_cancelled(keeping).await;
    }

    fn current(&self) -> Option<Current> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What the last reading failed with, after another one if enough time has passed since. `generation` is that of the
    /// keys which were tried.
    async fn reload_if_due(&self, generation: Option<u64>) -> Option<Cause> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Some(Cause::KeysTimedOut);
        };
        let mut last = self.last.lock().await;
        if self.current().map(|current| current.generation) != generation {
            // Somebody else was here first.
            return None;
        }
        match &*last {
            Some(reading) if reading.at.elapsed() < self.pause => reading.cause(),
            _ => self.reload(&mut last).await,
        }
    }

    async fn reload(&self, last: &mut Option<Reading>) -> Option<Cause> {
        let read = self.read().await;
        self.metrics.reloaded(read.is_ok());
        let before = last.take().and_then(|reading| reading.failed);
        let failed = match read {
            Ok(set) => {
                self.take(set);
                if before.is_some() {
                    tracing::info!("the keys of access tokens can be read again");
                }
                None
            }
            Err((cause, sentence)) => {
                // Once for each thing that is wrong, however often it is met.
                if before.as_ref().is_none_or(|(_, told)| *told != sentence) {
                    tracing::warn!(
                        "the keys of access tokens cannot be read, known ones stay in use: {sentence}"
                    );
                }
                Some((cause, sentence))
            }
        };
        let reading = Reading {
            at: Instant::now(),
            failed,
        };
        last.insert(reading).cause()
    }

    fn take(&self, set: KeySet) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| *current.set == set) {
            return;
        }
        let generation = self.generation.fetch_add(1, Ordering::AcqRel) + 1;
        *current = Some(Current {
            set: Arc::new(set),
            generation,
        });
    }

    /// Reads the authorities behind the authorization server's certificate again; those from before stay if it cannot.
    async fn renew_authorities(&self) {
        let Place::Url { authorities, tls, .. } = &self.place else {
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

    async fn read(&self) -> Result<KeySet, (Cause, String)> {
        match &self.place {
            Place::File(file) => {
                let file = file.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&file)).await;
                read.map_err(|error| error.to_string())
                    .and_then(|read| read)
                    .map_err(|sentence| (Cause::KeysInvalid, sentence))
            }
            Place::Url { url, tls, .. } => {
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
pub fn read_file(path: &Path) -> Result<KeySet, String> {
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
pub fn read_authorities(path: &Path) -> Result<RootCertStore, String> {
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
pub fn system_authorities() -> RootCertStore {
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
