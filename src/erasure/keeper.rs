//! Keeps what the store knows of erasures known here: at the start, and while other replicas erase.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::key::{self, KeyError};
use super::metrics::Metrics;
use super::{ErasureConfig, tried};
use crate::domain::{Pseudonym, PseudonymKey, SubscriberId, Timestamp};
use crate::index::Index;
use crate::ingest::{Ingest, Tombstones};
use crate::store::{AnyStore, ErasureStore, StoreError};

/// How often it is looked for what other replicas erased.
const FOLLOW: Duration = Duration::from_secs(2);
/// A transaction may become visible that much later than the time it was given.
const OVERLAP_MICROS: i64 = 60_000_000;
/// How often it is looked for what may be forgotten, at most and at least.
const FORGET: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3600));
/// Ids whose rows go in one transaction.
const AT_ONCE: usize = 500;

/// What a store knows to be erased, for whoever writes to it while no daemon runs.
///
/// # Errors
/// No key, or no answer.
pub async fn known(
    config: &ErasureConfig,
    of_file: Option<PseudonymKey>,
    store: &AnyStore,
) -> Result<Tombstones, KeyError> {
    let tombstones = Tombstones::default();
    let (rows, _) = store.erasures(None).await?;
    // Without any, no key is needed, and none is made.
    if !rows.is_empty() {
        tombstones.begin(key::agree(store, of_file).await?, config.refuse.into());
        tombstones.note(rows.iter().map(|row| (row.who, row.erased_at)));
    }
    Ok(tombstones)
}

/// Knows the store's erasures.
#[derive(Debug)]
pub struct Keeper {
    store: AnyStore,
    index: Arc<Index>,
    ingest: Ingest,
    keep: Duration,
    metrics: Metrics,
    /// Up to where the store's erasures are known, by its clock.
    seen: Option<i64>,
}

impl Keeper {
    /// Agrees with the store on the key, and takes every erasure, so that nothing that is late enters from here on.
    ///
    /// # Errors
    /// No key, or no answer.
    pub async fn begin(
        config: &ErasureConfig,
        of_file: Option<PseudonymKey>,
        store: AnyStore,
        index: Arc<Index>,
        ingest: Ingest,
    ) -> Result<Self, KeyError> {
        let key = key::agree(&store, of_file).await?;
        ingest.tombstones().begin(key, config.refuse.into());
        let (rows, seen) = store.erasures(None).await?;
        ingest
            .tombstones()
            .note(rows.iter().map(|row| (row.who, row.erased_at)));
        let metrics = Metrics::register();
        metrics.remembered(ingest.tombstones().len());
        Ok(Self {
            store,
            index,
            ingest,
            keep: config.keep_removed_for,
            metrics,
            seen,
        })
    }

    /// Takes away what was loaded and should not be there: a daemon was killed while it erased, or another one did not
    /// know of it yet.
    ///
    /// # Errors
    /// The store does not take it.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        if self.ingest.tombstones().is_empty() {
            return Ok(());
        }
        let tombstones = Arc::clone(self.ingest.tombstones());
        self.sweep_by(move |id| tombstones.floor(id)).await
    }

    async fn sweep_by(
        &self,
        floor_of: impl Fn(SubscriberId) -> Option<Timestamp> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.ingest.settled().await;
        let index = Arc::clone(&self.index);
        // Walks everything, which takes a second for some million subscribers.
        let met = tokio::task::spawn_blocking(move || index.sweep(floor_of))
            .await
            .unwrap_or_default();
        for some in met.chunks(AT_ONCE) {
            tried(|| self.store.erase(some)).await?;
        }
        Ok(())
    }

    /// Follows what other replicas erase, if there can be any, and forgets what is old enough, until told to stop.
    pub async fn run(mut self, has_replicas: bool, stop: CancellationToken) {
        let forget = (self.keep / 24).clamp(FORGET.0, FORGET.1);
        let every = if has_replicas { FOLLOW.min(forget) } else { forget };
        let (mut failing, mut since_forgotten) = (false, Duration::ZERO);
        loop {
            tokio::select! {
                () = sleep(every) => {}
                () = stop.cancelled() => return,
            }
            since_forgotten += every;
            let due = since_forgotten >= forget;
            let turn = tokio::select! {
                turn = self.turn(has_replicas, due) => turn,
                () = stop.cancelled() => return,
            };
            match turn {
                Ok(()) => {
                    failing = false;
                    if due {
                        since_forgotten = Duration::ZERO;
                    }
                }
                Err(error) if failing => tracing::debug!(%error, "erasures still cannot be followed"),
                Err(error) => {
                    failing = true;
                    tracing::warn!(%error, "erasures cannot be followed; trying again");
                }
            }
        }
    }

    async fn turn(&mut self, follow: bool, forget: bool) -> Result<(), StoreError> {
        if follow {
            self.follow().await?;
        }
        if forget {
            self.forget().await?;
        }
        self.metrics.remembered(self.ingest.tombstones().len());
        Ok(())
    }

    async fn follow(&mut self) -> Result<(), StoreError> {
        let since = self.seen.map(|seen| seen - OVERLAP_MICROS);
        let (rows, newest) = self.store.erasures(since).await?;
        let new: HashMap<Pseudonym, Timestamp> = self
            .ingest
            .tombstones()
            .note(rows.iter().map(|row| (row.who, row.erased_at)))
            .into_iter()
            .collect();
        if !new.is_empty() {
            let tombstones = Arc::clone(self.ingest.tombstones());
            self.sweep_by(move |id| new.get(&tombstones.pseudonym(id)?).copied())
                .await?;
        }
        // Not before the sweep: what fails is done again.
        self.seen = self.seen.max(newest);
        Ok(())
    }

    async fn forget(&mut self) -> Result<(), StoreError> {
        let before = SystemTime::now()
            .checked_sub(self.keep)
            .and_then(Timestamp::from_system_time);
        if let Some(before) = before {
            self.store.forget_erasures(before).await?;
            self.ingest.tombstones().forget(before);
        }
        Ok(())
    }
}
