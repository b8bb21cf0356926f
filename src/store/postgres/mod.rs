//! The production engine: PostgreSQL 13 or newer.
//!
//! A batch is one statement on one connection outside of any explicit transaction, and so costs one round trip and one
//! flush of the log. Facts are joined by the server (`GREATEST` in `ON CONFLICT`), so that replicas need no locks
//! among themselves. A commit returns after the server has flushed it, whatever its default is.

mod copy;
mod erasure;
mod feed;
mod load;
mod monitoring;
mod prune;
mod subscription;
mod write;

use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, Postgres};
use tokio::time;

use super::{Batch, Loaded, Store, StoreConfig, StoreError, schema};
use crate::domain::Timestamp;

/// Connections beyond those that commit: for health checks and administration.
const SPARE_CONNECTIONS: u32 = 2;
/// More commits at a time than this make no commit faster, only each of them slower.
const MAX_PARALLEL_COMMITS: u32 = 4;
/// A server, database or role may be set up not to wait for the flush (PostgreSQL manual, `synchronous_commit`), and
/// then a crash loses what was acknowledged. Whoever waits for more, such as for a standby, keeps that.
const WAIT_FOR_FLUSH: &str = "SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') IN ('off', 'local')";
/// A connection that rested longer than this is tested before it is used: the server may have been restarted.
const TESTED_AFTER: Duration = Duration::from_secs(1);

/// Facts in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    options: Arc<PgConnectOptions>,
    connect_timeout: Duration,
    statement_timeout: Duration,
    parallel_commits: usize,
}

impl PostgresStore {
    /// A store that connects when it is first used.
    pub fn new(options: PgConnectOptions, config: &StoreConfig) -> Self {
        let options = options.application_name("reachd").disable_statement_logging();
        let timeout = config.statement_timeout.as_millis().to_string();
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(config.connect_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move { sqlx::raw_sql(WAIT_FOR_FLUSH).execute(connection).await.map(drop) })
            })
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > TESTED_AFTER {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options.clone().options([("statement_timeout", timeout)]));
        let parallel_commits = config
            .max_connections
            .saturating_sub(SPARE_CONNECTIONS)
            .clamp(1, MAX_PARALLEL_COMMITS);
        Self {
            pool,
            options: Arc::new(options),
            connect_timeout: config.connect_timeout,
            statement_timeout: config.statement_timeout,
            parallel_commits: parallel_commits as usize,
        }
    }

    /// Brings the schema to this version, under an advisory lock that other processes wait for.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.connect().await?;
        // If it fails, dropping the connection releases the lock.
        schema::POSTGRES.run_direct(None, &mut connection, false).await?;
        Ok(connection.close().await?)
    }

    /// The version of the stored schema, 0 if there is none, and the one that this reachd knows.
    pub async fn schema_version(&self) -> Result<(i64, i64), StoreError> {
        let mut connection = self.connect().await?;
        let exists: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
            .fetch_one(&mut connection)
            .await?;
        let applied: Option<i64> = if exists {
            sqlx::query_scalar(schema::APPLIED)
                .fetch_one(&mut connection)
                .await?
        } else {
            None
        };
        connection.close().await?;
        Ok((applied.unwrap_or(0), schema::newest(&schema::POSTGRES)))
    }

    /// A connection of its own for what takes long, without a statement timeout.
    async fn connect(&self) -> Result<PgConnection, StoreError> {
        time::timeout(self.connect_timeout, self.options.connect())
            .await
            .map_err(|_| StoreError::timed_out(self.connect_timeout))?
            .map_err(StoreError::from)
    }

    /// How long a server may be silent. Its own statement timeout comes first; this is for a server that is not there
    /// any more.
    fn patience(&self) -> Duration {
        self.statement_timeout + self.connect_timeout
    }

    /// Runs something short on a pooled connection. A connection that failed or did not answer is not used again.
    async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut PoolConnection<Postgres>) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let patience = self.patience();
        let result = match time::timeout(patience, work(&mut connection)).await {
            Ok(result) => result.map_err(StoreError::from),
            Err(_) => Err(StoreError::timed_out(patience)),
        };
        if result.as_ref().is_err_and(StoreError::is_transient) {
            drop(connection.detach());
        }
        result
    }
}

impl Store for PostgresStore {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        match (write::statement(batch), write::gateway_restarts(batch)) {
            (None, None) => Ok(()),
            (Some(statement), None) | (None, Some(statement)) => {
                self.run(async move |connection| statement.execute(&mut **connection).await)
                    .await?;
                Ok(())
            }
            (Some(statement), Some(restarts)) => {
                self.run(async move |connection| {
                    let mut transaction = connection.begin().await?;
                    statement.execute(&mut *transaction).await?;
                    restarts.execute(&mut *transaction).await?;
                    transaction.commit().await
                })
                .await
            }
        }
    }

    async fn load(&self, each: &mut (dyn FnMut(Loaded) + Send)) -> Result<u64, StoreError> {
        let mut connection = self.connect().await?;
        // Twice, because all would have to begin anew.
        let rows = load::all(&mut connection, each, 2 * self.patience()).await?;
        connection.close().await?;
        Ok(rows)
    }

    async fn prune(&self, before: Timestamp, most: usize) -> Result<u64, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let picked: i64 = self
            .run(async move |connection| {
                let mut transaction = connection.begin().await?;
                sqlx::raw_sql(prune::BY_INDEX).execute(&mut *transaction).await?;
                sqlx::query(prune::EXPIRED)
                    .bind(before.as_micros())
                    .bind(most)
                    .execute(&mut *transaction)
                    .await?;
                let picked = sqlx::query_scalar(prune::SESSIONS)
                    .bind(before.as_micros())
                    .bind(most)
                    .fetch_one(&mut *transaction)
                    .await?;
                transaction.commit().await?;
                Ok(picked)
            })
            .await?;
        Ok(picked.unsigned_abs())
    }

    fn parallel_commits(&self) -> usize {
        self.parallel_commits
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
