//! Table `sh_subscription` in PostgreSQL.

use sqlx::postgres::PgBindIterExt;
use sqlx::{Connection, PgConnection};
use tokio::time;
use tokio_stream::StreamExt;

use super::PostgresStore;
use crate::store::subscription::{StoredSubscription, stored_user};
use crate::store::{StoreError, SubscriptionBatch, SubscriptionRow, SubscriptionStore};

const ROWS: &str = "/* reachd: load subscriptions */
SELECT user_kind, user_name, topic, state, expires_at, result_vendor, result_code, changed_at FROM sh_subscription";
const SAVE: &str = "/* reachd: save subscriptions */
INSERT INTO sh_subscription (user_kind, user_name, topic, state, expires_at, result_vendor, result_code, changed_at)
SELECT * FROM UNNEST($1::smallint[], $2::text[], $3::smallint[], $4::smallint[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::bigint[])
ON CONFLICT (user_kind, user_name, topic) DO UPDATE SET
    state = excluded.state, expires_at = excluded.expires_at, result_vendor = excluded.result_vendor,
    result_code = excluded.result_code, changed_at = excluded.changed_at";
const REMOVE: &str = "/* reachd: remove subscriptions */
DELETE FROM sh_subscription s USING UNNEST($1::smallint[], $2::text[], $3::smallint[])
    AS gone (user_kind, user_name, topic)
WHERE s.user_kind = gone.user_kind AND s.user_name = gone.user_name AND s.topic = gone.topic";

impl SubscriptionStore for PostgresStore {
    async fn load_subscriptions(
        &self,
        each: &mut (dyn FnMut(SubscriptionRow) + Send),
    ) -> Result<u64, StoreError> {
        let mut connection = self.connect().await?;
        // A server that is silent for that long is taken for gone; all of it may take longer.
        let patience = 2 * self.patience();
        let mut count = 0;
        let mut rows = sqlx::query(ROWS).fetch(&mut connection);
        while let Some(row) = time::timeout(patience, rows.next())
            .await
            .map_err(|_| StoreError::timed_out(patience))?
        {
            each(StoredSubscription::of(&row?)?.read()?);
            count += 1;
        }
        drop(rows);
        connection.close().await?;
        Ok(count)
    }

    async fn save_subscriptions(&self, batch: &SubscriptionBatch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.run(async |connection| save(connection, batch).await).await
    }
}

async fn save(connection: &mut PgConnection, batch: &SubscriptionBatch) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let rows: Vec<_> = batch.rows.iter().map(StoredSubscription::from).collect();
    if !rows.is_empty() {
        sqlx::query(SAVE)
            .bind(rows.iter().map(|row| row.user_kind).bind_iter())
            .bind(rows.iter().map(|row| row.user_name.as_str()).bind_iter())
            .bind(rows.iter().map(|row| row.topic).bind_iter())
            .bind(rows.iter().map(|row| row.state).bind_iter())
            .bind(rows.iter().map(|row| row.expires_at).bind_iter())
            .bind(rows.iter().map(|row| row.result_vendor).bind_iter())
            .bind(rows.iter().map(|row| row.result_code).bind_iter())
            .bind(rows.iter().map(|row| row.changed_at).bind_iter())
            .execute(&mut *transaction)
            .await?;
    }
    if !batch.removed.is_empty() {
        let removed: Vec<_> = batch
            .removed
            .iter()
            .map(|(user, topic)| (stored_user(user), i16::from(topic.number())))
            .collect();
        sqlx::query(REMOVE)
            .bind(removed.iter().map(|((kind, _), _)| *kind).bind_iter())
            .bind(removed.iter().map(|((_, name), _)| name.as_str()).bind_iter())
            .bind(removed.iter().map(|(_, topic)| *topic).bind_iter())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}
