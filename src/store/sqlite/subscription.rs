//! Table `sh_subscription` in SQLite.

use tokio_stream::StreamExt;

use super::SqliteStore;
use crate::store::subscription::{StoredSubscription, stored_user};
use crate::store::{StoreError, SubscriptionBatch, SubscriptionRow, SubscriptionStore};

const ROWS: &str = "SELECT user_kind, user_name, topic, state, expires_at, result_vendor, result_code, changed_at \
    FROM sh_subscription";
const SAVE: &str = "INSERT INTO sh_subscription (user_kind, user_name, topic, state, expires_at, result_vendor, \
    result_code, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (user_kind, user_name, topic) DO UPDATE SET state = excluded.state, \
    expires_at = excluded.expires_at, result_vendor = excluded.result_vendor, result_code = excluded.result_code, \
    changed_at = excluded.changed_at";
const REMOVE: &str = "DELETE FROM sh_subscription WHERE user_kind = ? AND user_name = ? AND topic = ?";

impl SubscriptionStore for SqliteStore {
    async fn load_subscriptions(
        &self,
        each: &mut (dyn FnMut(SubscriptionRow) + Send),
    ) -> Result<u64, StoreError> {
        let mut connection = self.readers.acquire().await?;
        let mut count = 0;
        let mut rows = sqlx::query(ROWS).fetch(&mut *connection);
        while let Some(row) = rows.next().await {
            each(StoredSubscription::of(&row?)?.read()?);
            count += 1;
        }
        Ok(count)
    }

    async fn save_subscriptions(&self, batch: &SubscriptionBatch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for row in batch.rows.iter().map(StoredSubscription::from) {
            sqlx::query(SAVE)
                .bind(row.user_kind)
                .bind(row.user_name)
                .bind(row.topic)
                .bind(row.state)
                .bind(row.expires_at)
                .bind(row.result_vendor)
                .bind(row.result_code)
                .bind(row.changed_at)
                .execute(&mut *transaction)
                .await?;
        }
        for (user, topic) in &batch.removed {
            let (kind, name) = stored_user(user);
            sqlx::query(REMOVE)
                .bind(kind)
                .bind(name)
                .bind(i16::from(topic.number()))
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }
}
