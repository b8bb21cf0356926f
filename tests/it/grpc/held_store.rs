//! The embedded store, behind a gate that can hold commits back and refuse a subscriber.

use std::sync::{Arc, Mutex};

use reachd::domain::{SubscriberId, Timestamp};
use reachd::store::{Batch, Loaded, SqliteStore, Store, StoreConfig, StoreError};
use tempfile::TempDir;
use tokio::sync::watch;

#[derive(Clone)]
pub struct Hold {
    held: watch::Sender<bool>,
    refused: Arc<Mutex<Option<SubscriberId>>>,
}

impl Hold {
    /// Commits wait from here on.
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Commits go through.
    pub fn release(&self) {
        self.held.send_replace(false);
    }

    /// Batches with this subscriber are refused for good.
    pub fn refuse(&self, subscriber: SubscriberId) {
        *self.refused.lock().unwrap() = Some(subscriber);
    }
}

pub struct HeldStore {
    inner: SqliteStore,
    hold: Hold,
    /// Gone with the store.
    _directory: TempDir,
}

impl HeldStore {
    pub async fn open() -> (Self, Hold) {
        let hold = Hold {
            held: watch::Sender::new(false),
            refused: Arc::default(),
        };
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("reachd.db");
        let inner = SqliteStore::open(path, &StoreConfig::default()).await.unwrap();
        inner.migrate().await.unwrap();
        let store = Self {
            inner,
            hold: hold.clone(),
            _directory: directory,
        };
        (store, hold)
    }
}

impl Store for HeldStore {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut held = self.hold.held.subscribe();
        held.wait_for(|held| !held).await.unwrap();
        let refused = *self.hold.refused.lock().unwrap();
        if batch
            .registrations
            .iter()
            .any(|row| Some(row.subscriber) == refused)
        {
            return Err(StoreError::Inconsistent {
                table: "registration",
                column: "subscriber",
            });
        }
        self.inner.commit(batch).await
    }

    async fn load(&self, each: &mut (dyn FnMut(Loaded) + Send)) -> Result<u64, StoreError> {
        self.inner.load(each).await
    }

    async fn prune(&self, before: Timestamp, most: usize) -> Result<u64, StoreError> {
        self.inner.prune(before, most).await
    }

    fn parallel_commits(&self) -> usize {
        self.inner.parallel_commits()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
