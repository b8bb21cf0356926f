//! Tables `monitoring` and `monitoring_reference` in SQLite.

use std::sync::LazyLock;

use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, SqliteConnection, Type};
use tokio_stream::StreamExt;

use super::SqliteStore;
use super::write::{SIZES, in_pieces, text};
use crate::store::monitoring::{StoredMonitoring, stored_target};
use crate::store::{MonitoringBatch, MonitoringRow, MonitoringStore, StoreError};

const FIRST: &str = "INSERT INTO monitoring_reference (only_row, scef, next_reference) VALUES (1, ?, 1) \
    ON CONFLICT (only_row) DO NOTHING";
const BEGIN: &str = "SELECT scef, next_reference FROM monitoring_reference";
const RENAME: &str = "UPDATE monitoring_reference SET scef = ?";
/// State 7: what was to be ended cannot be any more.
const FORGET_ENDING: &str = "DELETE FROM monitoring WHERE state = 7";
const WANT_ANEW: &str = "UPDATE monitoring SET state = 1, reference = 0, replaced = 0, expires_at = NULL, \
    result_vendor = NULL, result_code = NULL";
const ROWS: &str = "SELECT target_kind, target, aspect, state, reference, replaced, expires_at, result_vendor, \
    result_code, changed_at FROM monitoring";
const SAVE: &str = "INSERT INTO monitoring (target_kind, target, aspect, state, reference, replaced, expires_at, \
    result_vendor, result_code, changed_at) VALUES ";
const OVERWRITE: &str = " ON CONFLICT (target_kind, target, aspect) DO UPDATE SET state = excluded.state, \
    reference = excluded.reference, replaced = excluded.replaced, expires_at = excluded.expires_at, \
    result_vendor = excluded.result_vendor, result_code = excluded.result_code, changed_at = excluded.changed_at";
const REMOVE: &str = "DELETE FROM monitoring WHERE target_kind = ? AND target = ?";
const NEXT: &str = "UPDATE monitoring_reference SET next_reference = max(next_reference, ?)";

static SAVES: LazyLock<[String; 3]> = LazyLock::new(|| SIZES.map(|rows| text(SAVE, 10, rows, OVERWRITE)));

impl MonitoringStore for SqliteStore {
    async fn begin_monitoring(&self, scef: &str) -> Result<u64, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(FIRST)
            .bind(scef.to_owned())
            .execute(&mut *transaction)
            .await?;
        let (before, next): (String, i64) = sqlx::query_as(BEGIN).fetch_one(&mut *transaction).await?;
        if !before.eq_ignore_ascii_case(scef) {
            sqlx::query(RENAME)
                .bind(scef.to_owned())
                .execute(&mut *transaction)
                .await?;
            sqlx::query(FORGET_ENDING).execute(&mut *transaction).await?;
            sqlx::query(WANT_ANEW).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        u64::try_from(next).map_err(|_| StoreError::Inconsistent {
            table: "monitoring_reference",
            column: "next_reference",
        })
    }

    async fn load_monitoring(&self, each: &mut (dyn FnMut(MonitoringRow) + Send)) -> Result<u64, StoreError> {
        let mut connection = self.readers.acquire().await?;
        let mut count = 0;
        let mut rows = sqlx::query(ROWS).fetch(&mut *connection);
        while let Some(row) = rows.next().await {
            each(stored(&row?)?.read()?);
            count += 1;
        }
        Ok(count)
    }

    async fn save_monitoring(&self, batch: &MonitoringBatch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        save(&mut transaction, batch).await?;
        Ok(transaction.commit().await?)
    }
}

async fn save(connection: &mut SqliteConnection, batch: &MonitoringBatch) -> Result<(), sqlx::Error> {
    let rows: Vec<_> = batch.rows.iter().map(StoredMonitoring::from).collect();
    in_pieces(connection, &SAVES, &rows, |query, row| {
        query
            .bind(row.target_kind)
            .bind(row.target.clone())
            .bind(row.aspect)
            .bind(row.state)
            .bind(row.reference)
            .bind(row.replaced)
            .bind(row.expires_at)
            .bind(row.result_vendor)
            .bind(row.result_code)
            .bind(row.changed_at)
    })
    .await?;
    for target in &batch.removed {
        let (kind, target) = stored_target(target);
        sqlx::query(REMOVE)
            .bind(kind)
            .bind(target)
            .execute(&mut *connection)
            .await?;
    }
    let next = i64::try_from(batch.next_reference).unwrap_or(i64::MAX);
    sqlx::query(NEXT).bind(next).execute(&mut *connection).await?;
    Ok(())
}

fn stored(row: &SqliteRow) -> Result<StoredMonitoring<&str>, StoreError> {
    Ok(StoredMonitoring {
        target_kind: field(row, 0)?,
        target: field(row, 1)?,
        aspect: field(row, 2)?,
        state: field(row, 3)?,
        reference: field(row, 4)?,
        replaced: field(row, 5)?,
        expires_at: field(row, 6)?,
        result_vendor: field(row, 7)?,
        result_code: field(row, 8)?,
        changed_at: field(row, 9)?,
    })
}

fn field<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    place: usize,
) -> Result<T, StoreError> {
    let column = StoredMonitoring::<&str>::COLUMNS
        .get(place)
        .copied()
        .unwrap_or_default();
    row.try_get(place)
        .map_err(|_| StoredMonitoring::<&str>::wrong(column))
}
