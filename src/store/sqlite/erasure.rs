//! Tables `erasure` and `pseudonym_key` in SQLite, and how rows of subscribers go.

use sqlx::{Row, SqliteConnection};

use super::SqliteStore;
use crate::domain::{SubscriberId, Timestamp};
use crate::store::erasure::{erasure_row, stored_key};
use crate::store::row::StoredBinding;
use crate::store::{BindingRow, ErasedRows, ErasureRow, ErasureStore, StoreError, StoredKey};

const OFFER_KEY: &str = "INSERT INTO pseudonym_key (only_row, fingerprint, key) VALUES (1, ?, ?) \
    ON CONFLICT (only_row) DO NOTHING";
const KEY: &str = "SELECT fingerprint, key FROM pseudonym_key WHERE only_row = 1";
const NOTE: &str = "INSERT INTO erasure (pseudonym, erased_at, noted_at) \
    VALUES (?, ?, CAST(unixepoch('subsec') * 1000000 AS INTEGER)) \
    ON CONFLICT (pseudonym) DO UPDATE SET erased_at = max(erased_at, excluded.erased_at), \
    noted_at = max(noted_at, excluded.noted_at)";
const NOTED: &str = "SELECT pseudonym, erased_at, noted_at FROM erasure WHERE noted_at >= ?";
const BINDINGS_OF: &str = "SELECT subscriber_id, identifier_id, kind, value, bound_at FROM identifier \
    WHERE subscriber_id IN (SELECT value FROM json_each(?))";
const BINDINGS_BY: &str = "SELECT subscriber_id, identifier_id, kind, value, bound_at FROM identifier \
    WHERE identifier_id IN (SELECT value FROM json_each(?))";
const FORGET: &str = "DELETE FROM erasure WHERE erased_at < ?";

/// What is erased is overwritten with zeros, and not only left to be used again.
const OVERWRITE: &str = "PRAGMA secure_delete = ON";
const DO_NOT_OVERWRITE: &str = "PRAGMA secure_delete = OFF";
/// The write-ahead log still has it until it went into the file.
const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// What is all older goes; what is in part newer keeps that part.
const ERASE_REGISTRATIONS: &str = "DELETE FROM registration WHERE subscriber_id = ?1
    AND max(COALESCE(registered_at, 0), COALESCE(deregistered_at, 0), COALESCE(reachable_at, 0),
        COALESCE(unreachable_at, 0), COALESCE(cleared_at, 0), COALESCE(ended_other_at, 0),
        COALESCE(ended_amf_at, 0)) <= ?2";
const CUT_REGISTRATIONS: &str = "UPDATE registration SET
    registered_at = CASE WHEN registered_at > ?2 THEN registered_at END,
    deregistered_at = CASE WHEN deregistered_at > ?2 THEN deregistered_at END,
    reachable_at = CASE WHEN reachable_at > ?2 THEN reachable_at END,
    reachable_until = CASE WHEN reachable_at > ?2 THEN reachable_until END,
    unreachable_at = CASE WHEN unreachable_at > ?2 THEN unreachable_at END,
    unreachable_until = CASE WHEN unreachable_at > ?2 THEN unreachable_until END,
    cleared_at = CASE WHEN cleared_at > ?2 THEN cleared_at END,
    ended_other_at = CASE WHEN ended_other_at > ?2 THEN ended_other_at END,
    ended_amf_at = CASE WHEN ended_amf_at > ?2 THEN ended_amf_at END
    WHERE subscriber_id = ?1
    AND (registered_at <= ?2 OR deregistered_at <= ?2 OR reachable_at <= ?2 OR unreachable_at <= ?2
        OR cleared_at <= ?2 OR ended_other_at <= ?2 OR ended_amf_at <= ?2)";
const ERASE_BINDINGS: &str =
    "DELETE FROM identifier WHERE (subscriber_id = ?1 OR identifier_id = ?1) AND bound_at <= ?2";
const ERASE_SESSIONS: &str = "DELETE FROM ip_session WHERE subscriber_id = ?1
    AND max(COALESCE(started_at, 0), COALESCE(ended_at, 0)) <= ?2";
const CUT_SESSIONS: &str = "UPDATE ip_session SET
    started_at = CASE WHEN started_at > ?2 THEN started_at END,
    ended_at = CASE WHEN ended_at > ?2 THEN ended_at END
    WHERE subscriber_id = ?1 AND (started_at <= ?2 OR ended_at <= ?2)";

impl ErasureStore for SqliteStore {
    async fn pseudonym_key(&self, offered: &StoredKey) -> Result<StoredKey, StoreError> {
        let mut connection = self.writer.acquire().await?;
        sqlx::query(OFFER_KEY)
            .bind(offered.fingerprint.as_bytes().to_vec())
            .bind(offered.octets.map(|octets| octets.to_vec()))
            .execute(&mut *connection)
            .await?;
        let row = sqlx::query(KEY).fetch_one(&mut *connection).await?;
        stored_key(row.try_get(0)?, row.try_get(1)?)
    }

    async fn note_erasures(&self, rows: &[ErasureRow]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for row in rows {
            sqlx::query(NOTE)
                .bind(row.who.as_bytes().to_vec())
                .bind(row.erased_at.as_micros())
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn erasures(&self, noted_since: Option<i64>) -> Result<(Vec<ErasureRow>, Option<i64>), StoreError> {
        let rows = sqlx::query(NOTED)
            .bind(noted_since.unwrap_or(0))
            .fetch_all(&self.readers)
            .await?;
        let mut newest = None;
        let mut erasures = Vec::with_capacity(rows.len());
        for row in rows {
            newest = newest.max(Some(row.try_get(2)?));
            erasures.push(erasure_row(row.try_get(0)?, row.try_get(1)?)?);
        }
        Ok((erasures, newest))
    }

    async fn bindings_of(&self, holders: &[SubscriberId]) -> Result<Vec<BindingRow>, StoreError> {
        self.bindings(BINDINGS_OF, holders).await
    }

    async fn bindings_by(&self, identifiers: &[SubscriberId]) -> Result<Vec<BindingRow>, StoreError> {
        self.bindings(BINDINGS_BY, identifiers).await
    }

    async fn erase(&self, floors: &[(SubscriberId, Timestamp)]) -> Result<ErasedRows, StoreError> {
        let mut connection = self.writer.acquire().await?;
        sqlx::query(OVERWRITE).execute(&mut *connection).await?;
        let erased = erase(&mut connection, floors).await;
        sqlx::query(DO_NOT_OVERWRITE).execute(&mut *connection).await?;
        let erased = erased?;
        if erased.total() > 0 {
            // Whoever reads meanwhile keeps it back; the next checkpoint gets there.
            sqlx::query(EMPTY_LOG).execute(&mut *connection).await?;
        }
        Ok(erased)
    }

    async fn forget_erasures(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query(FORGET)
            .bind(before.as_micros())
            .execute(&self.writer)
            .await?;
        Ok(forgotten.rows_affected())
    }
}

impl SqliteStore {
    async fn bindings(
        &self,
        statement: &'static str,
        ids: &[SubscriberId],
    ) -> Result<Vec<BindingRow>, StoreError> {
        let ids: Vec<_> = ids.iter().map(|id| id.as_i64().to_string()).collect();
        let rows = sqlx::query(statement)
            .bind(format!("[{}]", ids.join(",")))
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| {
                StoredBinding {
                    subscriber_id: row.try_get(0)?,
                    identifier_id: row.try_get(1)?,
                    kind: row.try_get(2)?,
                    value: row.try_get::<&str, _>(3)?,
                    bound_at: row.try_get(4)?,
                }
                .read()
            })
            .collect()
    }
}

async fn erase(
    connection: &mut SqliteConnection,
    floors: &[(SubscriberId, Timestamp)],
) -> Result<ErasedRows, StoreError> {
    let mut transaction = sqlx::Connection::begin_with(connection, "BEGIN IMMEDIATE").await?;
    let mut erased = ErasedRows::default();
    for (subscriber, floor) in floors {
        let mut step = async |statement: &'static str| {
            sqlx::query(statement)
                .bind(subscriber.as_i64())
                .bind(floor.as_micros())
                .execute(&mut *transaction)
                .await
                .map(|done| done.rows_affected())
        };
        erased.registrations += step(ERASE_REGISTRATIONS).await? + step(CUT_REGISTRATIONS).await?;
        erased.identifiers += step(ERASE_BINDINGS).await?;
        erased.ip_sessions += step(ERASE_SESSIONS).await? + step(CUT_SESSIONS).await?;
    }
    transaction.commit().await?;
    Ok(erased)
}
