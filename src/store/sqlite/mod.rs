//! The embedded engine: one SQLite file, nothing to install.
//!
//! One connection writes, a few read beside it (write-ahead log), and a commit is flushed before it returns
//! (`synchronous=FULL`). Another process, such as an import, may write to the same file: writers wait for each other.

mod erasure;
mod feed;
mod load;
mod monitoring;
mod prune;
mod subscription;
mod write;

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sqlx::SqlitePool;
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::{Batch, Loaded, Store, StoreConfig, StoreError, schema};
use crate::domain::Timestamp;

/// Readers beside the one writer: loading, health checks, administration.
const READERS: u32 = 2;
/// Pages of 4 KiB that the write-ahead log gathers before they go into the file: with SQLite's default of 1000, a
/// page that changes with every batch would be copied as often.
const CHECKPOINT_AFTER_PAGES: &str = "10000";
/// Page cache of each connection, in KiB as SQLite writes it.
const CACHE: &str = "-65536";

/// Facts in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the file; creates it and its directory, readable by their owner alone, where they are missing.
    pub async fn open(path: PathBuf, config: &StoreConfig) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        let file = path.clone();
        tokio::task::spawn_blocking(move || create(&file))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| StoreError::Url(format!("cannot open {shown}: {error}")))?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(config.statement_timeout)
            .pragma("wal_autocheckpoint", CHECKPOINT_AFTER_PAGES)
            .pragma("cache_size", CACHE)
            .row_buffer_size(500);
        let options = sqlx::ConnectOptions::disable_statement_logging(options);
        let pool = |connections, patience| {
            PoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(patience)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                .connect_lazy_with(options.clone())
        };
        // A commit waits for the commit before it, which may wait for another process.
        let patience = config.statement_timeout + config.connect_timeout;
        Ok(Self {
            writer: pool(1, patience),
            readers: pool(READERS, config.connect_timeout),
        })
    }

    /// Brings the schema to this version, in one transaction that other processes wait for.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        schema::SQLITE.run_direct(None, &mut *transaction, false).await?;
        Ok(transaction.commit().await?)
    }

    /// The version of the stored schema, 0 if there is none, and the one that this reachd knows.
    pub async fn schema_version(&self) -> Result<(i64, i64), StoreError> {
        let exists: bool =
            sqlx::query_scalar("SELECT count(*) > 0 FROM sqlite_schema WHERE name = '_sqlx_migrations'")
                .fetch_one(&self.readers)
                .await?;
        let applied: Option<i64> = if exists {
            sqlx::query_scalar(schema::APPLIED)
                .fetch_one(&self.readers)
                .await?
        } else {
            None
        };
        Ok((applied.unwrap_or(0), schema::newest(&schema::SQLITE)))
    }
}

impl Store for SqliteStore {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if batch.rows() == 0 {
            return Ok(());
        }
        // Immediate: a transaction that begins by reading cannot wait for another writer.
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        write::registrations(&mut transaction, &batch.registrations).await?;
        write::bindings(&mut transaction, &batch.bindings).await?;
        write::ip_sessions(&mut transaction, &batch.ip_sessions).await?;
        write::gateway_restarts(&mut transaction, &batch.gateway_restarts).await?;
        Ok(transaction.commit().await?)
    }

    async fn load(&self, each: &mut (dyn FnMut(Loaded) + Send)) -> Result<u64, StoreError> {
        let mut snapshot = self.readers.begin().await?;
        let rows = load::all(&mut snapshot, each).await?;
        snapshot.rollback().await?;
        Ok(rows)
    }

    async fn prune(&self, before: Timestamp, most: usize) -> Result<u64, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let picked = prune::sessions(&mut transaction, before.as_micros(), most).await?;
        transaction.commit().await?;
        Ok(picked)
    }

    fn parallel_commits(&self) -> usize {
        1
    }

    async fn close(&self) {
        self.readers.close().await;
        // The last connection to close moves the write-ahead log into the file.
        self.writer.close().await;
    }
}

/// Facts are personal data: what is created here is its owner's alone. SQLite gives the files beside it the same mode.
fn create(path: &Path) -> io::Result<()> {
    if let Some(directory) = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
    {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
}
