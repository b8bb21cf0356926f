//! The keys of access tokens, and when they are read again: from time to time, so that a key that was withdrawn goes, and
//! when no known key fits a token, so that a new one comes at once; the latter not more often than `jwks_pause` allows,
//! whatever strangers send, and with a bounded number of them waiting for it.
//!
//! What was read last stays in use while nothing better can be had.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::config::AuthConfig;
use super::jws::Token;
use super::keys::KeySet;
use super::place::Place;
use crate::files::Reload;
use crate::rest::cause::Cause;
use crate::rest::metrics::KeyMetrics;

/// How soon it is asked again while it has not given any keys yet.
const RETRY: Duration = Duration::from_secs(1);

/// The keys, and the number of the reading that brought them.
#[derive(Clone, Debug)]
struct Current {
    set: Arc<KeySet>,
    /// Rises whenever they change.
    generation: u64,
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
        let (place, first) = Place::new(config)?;
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
                    () = reload.asked() => self.place.renew_authorities().await,
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
        let read = self.place.read().await;
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
}
