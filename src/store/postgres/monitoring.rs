//! Tables `monitoring` and `monitoring_reference` in PostgreSQL.

use std::time::Duration;

use sqlx::postgres::PgBindIterExt;
use sqlx::{Connection, PgConnection};

use super::PostgresStore;
use super::copy::Tuple;
use super::load::{bigint, copy, smallint, text};
use crate::store::monitoring::{StoredMonitoring, stored_target};
use crate::store::{MonitoringBatch, MonitoringRow, MonitoringStore, StoreError};

const BEGIN: &str = "/* reachd: begin monitoring */
INSERT INTO monitoring_reference AS r (only_row, scef, next_reference) VALUES (1, $1, 1)
ON CONFLICT (only_row) DO UPDATE SET scef = r.scef
RETURNING scef, next_reference";
const RENAME: &str =
    "/* reachd: monitoring under another identity */ UPDATE monitoring_reference SET scef = $1";
/// State 7: what was to be ended cannot be any more.
const FORGET_ENDING: &str = "DELETE FROM monitoring WHERE state = 7";
const WANT_ANEW: &str = "UPDATE monitoring SET state = 1, reference = 0, replaced = 0, expires_at = NULL,
    result_vendor = NULL, result_code = NULL";
const ROWS: &str = "COPY (SELECT target_kind, target, aspect, state, reference, replaced, expires_at, result_vendor, \
    result_code, changed_at FROM monitoring) TO STDOUT (FORMAT binary)";
const SAVE: &str = "/* reachd: save monitoring */
INSERT INTO monitoring (target_kind, target, aspect, state, reference, replaced, expires_at, result_vendor,
    result_code, changed_at)
SELECT * FROM UNNEST($1::smallint[], $2::text[], $3::smallint[], $4::smallint[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])
ON CONFLICT (target_kind, target, aspect) DO UPDATE SET
    state = excluded.state, reference = excluded.reference, replaced = excluded.replaced,
    expires_at = excluded.expires_at, result_vendor = excluded.result_vendor, result_code = excluded.result_code,
    changed_at = excluded.changed_at";
const REMOVE: &str = "/* reachd: remove monitoring */
DELETE FROM monitoring m USING UNNEST($1::smallint[], $2::text[]) AS gone (target_kind, target)
WHERE m.target_kind = gone.target_kind AND m.target = gone.target";
const NEXT: &str = "UPDATE monitoring_reference SET next_reference = GREATEST(next_reference, $1)";

impl MonitoringStore for PostgresStore {
    async fn begin_monitoring(&self, scef: &str) -> Result<u64, StoreError> {
        self.run(async |connection| begin(connection, scef).await)
            .await
            .and_then(next_reference)
    }

    async fn load_monitoring(&self, each: &mut (dyn FnMut(MonitoringRow) + Send)) -> Result<u64, StoreError> {
        let mut connection = self.connect().await?;
        let rows = all(&mut connection, 2 * self.patience(), each).await?;
        connection.close().await?;
        Ok(rows)
    }

    async fn save_monitoring(&self, batch: &MonitoringBatch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.run(async |connection| save(connection, batch).await).await
    }
}

fn next_reference(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Inconsistent {
        table: "monitoring_reference",
        column: "next_reference",
    })
}

async fn begin(connection: &mut PgConnection, scef: &str) -> Result<i64, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let (before, next): (String, i64) = sqlx::query_as(BEGIN)
        .bind(scef)
        .fetch_one(&mut *transaction)
        .await?;
    if !before.eq_ignore_ascii_case(scef) {
        sqlx::query(RENAME).bind(scef).execute(&mut *transaction).await?;
        sqlx::query(FORGET_ENDING).execute(&mut *transaction).await?;
        sqlx::query(WANT_ANEW).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(next)
}

async fn all(
    connection: &mut PgConnection,
    patience: Duration,
    each: &mut (dyn FnMut(MonitoringRow) + Send),
) -> Result<u64, StoreError> {
    copy(connection, patience, ROWS, "monitoring", |tuple| {
        each(row(&tuple)?.read()?);
        Ok(())
    })
    .await
}

async fn save(connection: &mut PgConnection, batch: &MonitoringBatch) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let rows: Vec<_> = batch.rows.iter().map(StoredMonitoring::from).collect();
    if !rows.is_empty() {
        sqlx::query(SAVE)
            .bind(rows.iter().map(|row| row.target_kind).bind_iter())
            .bind(rows.iter().map(|row| row.target.as_str()).bind_iter())
            .bind(rows.iter().map(|row| row.aspect).bind_iter())
            .bind(rows.iter().map(|row| row.state).bind_iter())
            .bind(rows.iter().map(|row| row.reference).bind_iter())
            .bind(rows.iter().map(|row| row.replaced).bind_iter())
            .bind(rows.iter().map(|row| row.expires_at).bind_iter())
            .bind(rows.iter().map(|row| row.result_vendor).bind_iter())
            .bind(rows.iter().map(|row| row.result_code).bind_iter())
            .bind(rows.iter().map(|row| row.changed_at).bind_iter())
            .execute(&mut *transaction)
            .await?;
    }
    if !batch.removed.is_empty() {
        let removed: Vec<_> = batch.removed.iter().map(stored_target).collect();
        sqlx::query(REMOVE)
            .bind(removed.iter().map(|(kind, _)| *kind).bind_iter())
            .bind(removed.iter().map(|(_, target)| target.as_str()).bind_iter())
            .execute(&mut *transaction)
            .await?;
    }
    let next = i64::try_from(batch.next_reference).unwrap_or(i64::MAX);
    sqlx::query(NEXT).bind(next).execute(&mut *transaction).await?;
    transaction.commit().await
}

fn row<'a>(tuple: &Tuple<'a, 10>) -> Result<StoredMonitoring<&'a str>, StoreError> {
    let wrong = StoredMonitoring::<&str>::wrong;
    let [
        target_kind,
        target,
        aspect,
        state,
        reference,
        replaced,
        expires_at,
        result_vendor,
        result_code,
        changed_at,
    ] = *tuple;
    let small = |column, field: Option<&[u8]>| smallint(field).ok_or_else(|| wrong(column));
    let big = |column, field: Option<&[u8]>| bigint(field).ok_or_else(|| wrong(column));
    let maybe = |column, field: Option<&[u8]>| match field {
        None => Ok(None),
        Some(_) => big(column, field).map(Some),
    };
    Ok(StoredMonitoring {
        target_kind: small("target_kind", target_kind)?,
        target: text(target).ok_or_else(|| wrong("target"))?,
        aspect: small("aspect", aspect)?,
        state: small("state", state)?,
        reference: big("reference", reference)?,
        replaced: big("replaced", replaced)?,
        expires_at: maybe("expires_at", expires_at)?,
        result_vendor: maybe("result_vendor", result_vendor)?,
        result_code: maybe("result_code", result_code)?,
        changed_at: big("changed_at", changed_at)?,
    })
}
