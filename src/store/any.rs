//! Whichever engine `store.url` names.

use super::config::Target;
use super::{
    Batch, BindingRow, ErasedRows, ErasureRow, ErasureStore, FeedRow, FeedStore, Loaded, MonitoringBatch,
    MonitoringRow, MonitoringStore, PostgresStore, SqliteStore, Store, StoreConfig, StoreError, StoredKey,
    SubscriptionBatch, SubscriptionRow, SubscriptionStore,
};
use crate::domain::{SubscriberId, Timestamp};

/// One of the two engines. Cloning shares its connections.
#[derive(Clone, Debug)]
pub enum AnyStore {
    /// Production.
    Postgres(PostgresStore),
    /// Embedded.
    Sqlite(SqliteStore),
}

impl AnyStore {
    /// Opens the store. Postgres is not contacted before the first use; for SQLite, the directory and the file are
    /// created where missing.
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        match config.target()? {
            Target::Postgres(options) => Ok(Self::Postgres(PostgresStore::new(*options, config))),
            Target::Sqlite(path) => SqliteStore::open(path, config).await.map(Self::Sqlite),
        }
    }

    /// Brings the schema to this version. Several processes may try at once. A schema newer than this version is
    /// refused with [`StoreError::Migration`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.migrate().await,
            Self::Sqlite(store) => store.migrate().await,
        }
    }

    /// The version of the stored schema, 0 if there is none, and the one that this reachd knows.
    pub async fn schema_version(&self) -> Result<(i64, i64), StoreError> {
        match self {
            Self::Postgres(store) => store.schema_version().await,
            Self::Sqlite(store) => store.schema_version().await,
        }
    }

    /// The word for the engine in logs and metrics.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::Sqlite(_) => "sqlite",
        }
    }
}

impl Store for AnyStore {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.commit(batch).await,
            Self::Sqlite(store) => store.commit(batch).await,
        }
    }

    async fn load(&self, each: &mut (dyn FnMut(Loaded) + Send)) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(store) => store.load(each).await,
            Self::Sqlite(store) => store.load(each).await,
        }
    }

    async fn prune(&self, before: Timestamp, most: usize) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(store) => store.prune(before, most).await,
            Self::Sqlite(store) => store.prune(before, most).await,
        }
    }

    fn parallel_commits(&self) -> usize {
        match self {
            Self::Postgres(store) => store.parallel_commits(),
            Self::Sqlite(store) => store.parallel_commits(),
        }
    }

    async fn close(&self) {
        match self {
            Self::Postgres(store) => store.close().await,
            Self::Sqlite(store) => store.close().await,
        }
    }
}

impl SubscriptionStore for AnyStore {
    async fn load_subscriptions(
        &self,
        each: &mut (dyn FnMut(SubscriptionRow) + Send),
    ) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(store) => store.load_subscriptions(each).await,
            Self::Sqlite(store) => store.load_subscriptions(each).await,
        }
    }

    async fn save_subscriptions(&self, batch: &SubscriptionBatch) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.save_subscriptions(batch).await,
            Self::Sqlite(store) => store.save_subscriptions(batch).await,
        }
    }
}

impl MonitoringStore for AnyStore {
    async fn begin_monitoring(&self, scef: &str) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(store) => store.begin_monitoring(scef).await,
            Self::Sqlite(store) => store.begin_monitoring(scef).await,
        }
    }

    async fn load_monitoring(&self, each: &mut (dyn FnMut(MonitoringRow) + Send)) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(store) => store.load_monitoring(each).await,
            Self::Sqlite(store) => store.load_monitoring(each).await,
        }
    }

    async fn save_monitoring(&self, batch: &MonitoringBatch) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.save_monitoring(batch).await,
            Self::Sqlite(store) => store.save_monitoring(batch).await,
        }
    }
}

impl ErasureStore for AnyStore {
    async fn pseudonym_key(&self, offered: &StoredKey) -> Result<StoredKey, StoreError> {
        match self {
            Self::Postgres(store) => store.pseudonym_key(offered).await,
            Self::Sqlite(store) => store.pseudonym_key(offered).await,
        }
    }

    async fn note_erasures(&self, rows: &[ErasureRow]) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.note_erasures(rows).await,
            Self::Sqlite(store) => store.note_erasures(rows).await,
        }
    }

    async fn erasures(&self, noted_since: Option<i64>) -> Result<(Vec<ErasureRow>, Option<i64>), StoreError> {
        match self {
            Self::Postgres(store) => store.erasures(noted_since).await,
            Self::Sqlite(store) => store.erasures(noted_since).await,
        }
    }

    async fn bindings_of(&self, holders: &[SubscriberId]) -> Result<Vec<BindingRow>, StoreError> {
        match self {
            Self::Postgres(store) => store.bindings_of(holders).await,
            Self::Sqlite(store) => store.bindings_of(holders).await,
        }
    }

    async fn bindings_by(&self, identifiers: &[SubscriberId]) -> Result<Vec<BindingRow>, StoreError> {
        match self {
            Self::Postgres(store) => store.bindings_by(identifiers).await,
            Self::Sqlite(store) => store.bindings_by(identifiers).await,
        }
    }

    async fn erase(&self, floors: &[(SubscriberId, Timestamp)]) -> Result<ErasedRows, StoreError> {
        match self {
            Self::Postgres(store) => store.erase(floors).await,
            Self::Sqlite(store) => store.erase(floors).await,
        }
    }

    async fn forget_erasures(&self, before: Timestamp) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(store) => store.forget_erasures(before).await,
            Self::Sqlite(store) => store.forget_erasures(before).await,
        }
    }
}

impl FeedStore for AnyStore {
    async fn name_feeds(&self, names: &[String]) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.name_feeds(names).await,
            Self::Sqlite(store) => store.name_feeds(names).await,
        }
    }

    async fn load_feeds(&self) -> Result<Vec<FeedRow>, StoreError> {
        match self {
            Self::Postgres(store) => store.load_feeds().await,
            Self::Sqlite(store) => store.load_feeds().await,
        }
    }

    async fn save_feeds(&self, rows: &[FeedRow]) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.save_feeds(rows).await,
            Self::Sqlite(store) => store.save_feeds(rows).await,
        }
    }
}
