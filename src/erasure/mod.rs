//! Erasing subscribers, and keeping them erased.
//!
//! ```text
//!  operator ── erase ──> Eraser: 1 whom the identifier names, and every id that belongs to it
//!                                2 erasures durable, then known to the lanes: late events are refused from here on
//!                                3 lanes settled: nothing older is under way; whoever was bound meanwhile is found
//!                                4 rows gone from the store, facts from the index
//!                                5 the network asked to watch no longer
//!  start, other replicas ──> Keeper: erasures of the store known here, and what they concern swept from the index
//! ```
//!
//! An erasure is a floor in time that joins as a maximum, so that each step may be repeated, and a daemon that is killed
//! between two of them, or that hears of it late, ends in the same state.

pub mod admin;
mod asked;
pub mod config;
mod keeper;
mod key;
pub mod metrics;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::domain::{Identifier, SubscriberId, Timestamp};
use crate::index::Index;
use crate::ingest::{Ingest, ReceiptClock};
use crate::store::{AnyStore, ErasedRows, ErasureRow, ErasureStore, StoreError};

pub use config::ErasureConfig;
pub use keeper::{Keeper, known};
pub use key::KeyError;

pub use asked::Asked;

use metrics::Metrics;

/// The most ids that are erased together: far more than belong to one subscriber.
const MAX_IDS: usize = 256;
/// How often a step is tried while the store is not available.
const TRIES: u32 = 5;
/// The first wait between tries; it doubles.
const WAIT: Duration = Duration::from_millis(100);

/// What came of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Ids that were found to be the subscriber.
    pub ids: u64,
    /// Rows that went.
    pub rows: ErasedRows,
    /// What the network was asked to watch, and is asked no more.
    pub requests: u64,
    /// Up to when nothing is kept.
    pub erased_at: Timestamp,
}

/// Why nobody was erased, or not for certain.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Nothing is known of the identifier.
    #[error("nothing is known of this identifier")]
    Unknown,
    /// What is stored is not known yet.
    #[error("not everything that is stored is loaded yet")]
    NotReady,
    /// More ids belong together than to any subscriber.
    #[error(
        "more than {MAX_IDS} identifiers belong together: erase them one by one, beginning with the IMSIs"
    )]
    TooMany,
    /// Late events are refused already, and the rest is done by erasing again.
    #[error("the store did not take all of it; erase again")]
    Store(#[from] StoreError),
    /// Facts are gone, and the network may still be asked to watch.
    #[error("the network is still asked to watch it; erase again")]
    Watched,
}

/// Erases. All clones are one.
#[derive(Clone, Debug)]
pub struct Eraser(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: AnyStore,
    index: Arc<Index>,
    ingest: Ingest,
    clock: Arc<ReceiptClock>,
    asked: Asked,
    metrics: Metrics,
    /// One at a time: each asks a good deal of the store.
    turn: Mutex<()>,
}

/// Whom an erasure concerns, as far as it is known.
#[derive(Debug, Default)]
struct Found {
    ids: Vec<SubscriberId>,
    identifiers: Vec<Identifier>,
    newest: Option<Timestamp>,
    /// Whether there is anything of it.
    known: bool,
}

impl Found {
    fn id(&mut self, id: SubscriberId) {
        if !self.ids.contains(&id) {
            self.ids.push(id);
        }
    }

    fn identifier(&mut self, identifier: &Identifier) {
        self.id(identifier.subscriber());
        if !self.identifiers.contains(identifier) {
            self.identifiers.push(identifier.clone());
        }
    }
}

impl Eraser {
    /// Erases from `store` and `index`, and has `asked` cease.
    pub fn new(
        store: AnyStore,
        index: Arc<Index>,
        ingest: Ingest,
        clock: Arc<ReceiptClock>,
        asked: Asked,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            index,
            ingest,
            clock,
            asked,
            metrics: Metrics::register(),
            turn: Mutex::new(()),
        }))
    }

    /// Erases whom an identifier names. Where nothing is known of it, it is remembered as erased all the same if
    /// `even_unknown`. Goes on to its end once begun, also if whoever asked has gone.
    ///
    /// # Errors
    /// See [`EraseError`]; erasing again does no harm.
    pub async fn erase(&self, identifier: Identifier, even_unknown: bool) -> Result<Erased, EraseError> {
        if !self.0.index.is_loaded() {
            return Err(EraseError::NotReady);
        }
        let inner = Arc::clone(&self.0);
        let erasing = tokio::spawn(async move {
            let _turn = inner.turn.lock().await;
            inner.erase(&identifier, even_unknown).await
        });
        erasing.await.unwrap_or(Err(EraseError::NotReady))
    }
}

impl Inner {
    async fn erase(&self, identifier: &Identifier, even_unknown: bool) -> Result<Erased, EraseError> {
        let begun = self.clock.now();
        let mut found = self.find(identifier).await?;
        if !found.known && !even_unknown {
            return Err(EraseError::Unknown);
        }
        let floor = loop {
            // What a source with a fast clock said is older than what it will say.
            let floor = found.newest.map_or(begun, |newest| newest.max(begun));
            self.remember(&found.ids, floor).await?;
            self.ingest.settled().await;
            // Whoever was bound to it until just now.
            let again = self.find(identifier).await?;
            let more = again.ids.iter().any(|id| !found.ids.contains(id)) || again.newest > Some(floor);
            found = again;
            if !more {
                break floor;
            }
        };
        let floors: Vec<_> = found.ids.iter().map(|id| (*id, floor)).collect();
        let rows = tried(|| self.store.erase(&floors)).await?;
        for identifier in &found.identifiers {
            self.index.erase_binding(identifier, floor);
        }
        for id in &found.ids {
            self.index.erase_facts(*id, floor);
        }
        let requests = self.asked.cease(&self.store, &found.identifiers).await?;
        self.metrics.erased(self.ingest.tombstones().len());
        Ok(Erased {
            ids: found.ids.len() as u64,
            rows,
            requests,
            erased_at: floor,
        })
    }

    /// Makes erasures durable, and then known to the lanes.
    async fn remember(&self, ids: &[SubscriberId], floor: Timestamp) -> Result<(), EraseError> {
        let tombstones = self.ingest.tombstones();
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            let who = tombstones.pseudonym(*id).ok_or(EraseError::NotReady)?;
            rows.push(ErasureRow {
                who,
                erased_at: floor,
            });
        }
        tried(|| self.store.note_erasures(&rows)).await?;
        tombstones.note(rows.iter().map(|row| (row.who, row.erased_at)));
        Ok(())
    }

    /// Every id that an identifier's subscriber has now: by bindings, whichever way they are followed.
    async fn find(&self, identifier: &Identifier) -> Result<Found, EraseError> {
        let mut found = Found::default();
        found.identifier(identifier);
        found.known = self.asked.knows(identifier)?;
        if let Some(subscriber) = self.index.resolve(identifier) {
            found.known = true;
            found.id(subscriber);
            if let Some(msisdn) = subscriber.as_msisdn() {
                found.identifier(&Identifier::Msisdn(msisdn));
            }
        }
        let mut looked_at = 0;
        while looked_at < found.ids.len() {
            let frontier = found.ids.get(looked_at..).unwrap_or_default().to_vec();
            looked_at = found.ids.len();
            for id in &frontier {
                found.newest = found.newest.max(self.index.newest(*id));
                for alias in self.index.aliases(*id) {
                    found.id(alias);
                }
            }
            for row in tried(|| self.store.bindings_of(&frontier)).await? {
                found.known = true;
                found.newest = found.newest.max(Some(row.bound_at));
                // What went on to somebody else is that one's now; that it was here goes with the rows.
                if self.index.holder(&row.identifier) == Some(row.subscriber) {
                    found.identifier(&row.identifier);
                }
            }
            if found.ids.len() > MAX_IDS {
                return Err(EraseError::TooMany);
            }
        }
        Ok(found)
    }
}

/// Tries a step again while the store is not available, a few times.
async fn tried<T, F: Future<Output = Result<T, StoreError>>>(step: impl Fn() -> F) -> Result<T, StoreError> {
    let mut wait = WAIT;
    for _ in 1..TRIES {
        match step().await {
            Err(error) if error.is_transient() => tokio::time::sleep(wait).await,
            settled => return settled,
        }
        wait *= 2;
    }
    step().await
}
