//! Tables `erasure` and `pseudonym_key` in PostgreSQL, and how rows of subscribers go.

use sqlx::postgres::PgBindIterExt;
use sqlx::{Connection, Row};

use super::PostgresStore;
use crate::domain::{SubscriberId, Timestamp};
use crate::store::erasure::{erasure_row, stored_key};
use crate::store::row::StoredBinding;
use crate::store::{BindingRow, ErasedRows, ErasureRow, ErasureStore, StoreError, StoredKey};

const OFFER_KEY: &str = "/* reachd: offer pseudonym key */
INSERT INTO pseudonym_key (only_row, fingerprint, key) VALUES (1, $1, $2) ON CONFLICT (only_row) DO NOTHING";
const KEY: &str = "/* reachd: pseudonym key */ SELECT fingerprint, key FROM pseudonym_key WHERE only_row = 1";
const NOTE: &str = "/* reachd: note erasures */
INSERT INTO erasure AS e (pseudonym, erased_at, noted_at)
SELECT who, at, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
FROM UNNEST($1::bytea[], $2::bigint[]) AS noted (who, at)
ON CONFLICT (pseudonym) DO UPDATE SET
    erased_at = GREATEST(e.erased_at, excluded.erased_at), noted_at = GREATEST(e.noted_at, excluded.noted_at)";
const NOTED: &str =
    "/* reachd: erasures */ SELECT pseudonym, erased_at, noted_at FROM erasure WHERE noted_at >= $1";
const BINDINGS_OF: &str = "/* reachd: bindings of */
SELECT subscriber_id, identifier_id, kind, value, bound_at FROM identifier WHERE subscriber_id = ANY($1::bigint[])";
const BINDINGS_BY: &str = "/* reachd: bindings by */
SELECT subscriber_id, identifier_id, kind, value, bound_at FROM identifier WHERE identifier_id = ANY($1::bigint[])";
const FORGET: &str = "/* reachd: forget erasures */ DELETE FROM erasure WHERE erased_at < $1";

macro_rules! floors {
    ($rest:literal) => {
        concat!(
            "/* reachd: erase */ WITH floor (id, at) AS (SELECT * FROM UNNEST($1::bigint[], $2::bigint[])) ",
            $rest
        )
    };
}

/// What is all older goes; what is in part newer keeps that part.
const ERASE_REGISTRATIONS: &str = floors!(
    "DELETE FROM registration r USING floor f WHERE r.subscriber_id = f.id
    AND GREATEST(r.registered_at, r.deregistered_at, r.reachable_at, r.unreachable_at, r.cleared_at,
        r.ended_other_at, r.ended_amf_at) <= f.at"
);
const CUT_REGISTRATIONS: &str = floors!(
    "UPDATE registration r SET
    registered_at = CASE WHEN r.registered_at > f.at THEN r.registered_at END,
    deregistered_at = CASE WHEN r.deregistered_at > f.at THEN r.deregistered_at END,
    reachable_at = CASE WHEN r.reachable_at > f.at THEN r.reachable_at END,
    reachable_until = CASE WHEN r.reachable_at > f.at THEN r.reachable_until END,
    unreachable_at = CASE WHEN r.unreachable_at > f.at THEN r.unreachable_at END,
    unreachable_until = CASE WHEN r.unreachable_at > f.at THEN r.unreachable_until END,
    cleared_at = CASE WHEN r.cleared_at > f.at THEN r.cleared_at END,
    ended_other_at = CASE WHEN r.ended_other_at > f.at THEN r.ended_other_at END,
    ended_amf_at = CASE WHEN r.ended_amf_at > f.at THEN r.ended_amf_at END
    FROM floor f WHERE r.subscriber_id = f.id
    AND LEAST(r.registered_at, r.deregistered_at, r.reachable_at, r.unreachable_at, r.cleared_at,
        r.ended_other_at, r.ended_amf_at) <= f.at"
);
const ERASE_BINDINGS: &str = floors!(
    "DELETE FROM identifier i USING floor f WHERE (i.subscriber_id = f.id OR i.identifier_id = f.id)
    AND i.bound_at <= f.at"
);
const ERASE_SESSIONS: &str = floors!(
    "DELETE FROM ip_session s USING floor f WHERE s.subscriber_id = f.id
    AND GREATEST(s.started_at, s.ended_at) <= f.at"
);
const CUT_SESSIONS: &str = floors!(
    "UPDATE ip_session s SET
    started_at = CASE WHEN s.started_at > f.at THEN s.started_at END,
    ended_at = CASE WHEN s.ended_at > f.at THEN s.ended_at END
    FROM floor f WHERE s.subscriber_id = f.id AND LEAST(s.started_at, s.ended_at) <= f.at"
);

impl ErasureStore for PostgresStore {
    async fn pseudonym_key(&self, offered: &StoredKey) -> Result<StoredKey, StoreError> {
        let row = self
            .run(async |connection| {
                sqlx::query(OFFER_KEY)
                    .bind(&offered.fingerprint.as_bytes()[..])
                    .bind(offered.octets.as_ref().map(|octets| &octets[..]))
                    .execute(&mut **connection)
                    .await?;
                sqlx::query(KEY).fetch_one(&mut **connection).await
            })
            .await?;
        stored_key(row.try_get(0)?, row.try_get(1)?)
    }

    async fn note_erasures(&self, rows: &[ErasureRow]) -> Result<(), StoreError> {
        self.run(async |connection| {
            sqlx::query(NOTE)
                .bind(rows.iter().map(|row| &row.who.as_bytes()[..]).bind_iter())
                .bind(rows.iter().map(|row| row.erased_at.as_micros()).bind_iter())
                .execute(&mut **connection)
                .await
        })
        .await?;
        Ok(())
    }

    async fn erasures(&self, noted_since: Option<i64>) -> Result<(Vec<ErasureRow>, Option<i64>), StoreError> {
        let rows = self
            .run(async |connection| {
                sqlx::query(NOTED)
                    .bind(noted_since.unwrap_or(0))
                    .fetch_all(&mut **connection)
                    .await
            })
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
        self.run(async |connection| {
            let mut transaction = connection.begin().await?;
            let mut step = async |statement: &'static str| {
                sqlx::query(statement)
                    .bind(floors.iter().map(|(id, _)| id.as_i64()).bind_iter())
                    .bind(floors.iter().map(|(_, floor)| floor.as_micros()).bind_iter())
                    .execute(&mut *transaction)
                    .await
                    .map(|done| done.rows_affected())
            };
            let erased = ErasedRows {
                registrations: step(ERASE_REGISTRATIONS).await? + step(CUT_REGISTRATIONS).await?,
                identifiers: step(ERASE_BINDINGS).await?,
                ip_sessions: step(ERASE_SESSIONS).await? + step(CUT_SESSIONS).await?,
            };
            transaction.commit().await?;
            Ok(erased)
        })
        .await
    }

    async fn forget_erasures(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = self
            .run(async |connection| {
                sqlx::query(FORGET)
                    .bind(before.as_micros())
                    .execute(&mut **connection)
                    .await
            })
            .await?;
        Ok(forgotten.rows_affected())
    }
}

impl PostgresStore {
    async fn bindings(
        &self,
        statement: &'static str,
        ids: &[SubscriberId],
    ) -> Result<Vec<BindingRow>, StoreError> {
        let rows = self
            .run(async |connection| {
                sqlx::query(statement)
                    .bind(ids.iter().map(|id| id.as_i64()).bind_iter())
                    .fetch_all(&mut **connection)
                    .await
            })
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
