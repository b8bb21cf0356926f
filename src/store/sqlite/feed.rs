//! Table `feed` in SQLite.

use tokio_stream::StreamExt;

use super::SqliteStore;
use crate::store::feed::StoredFeed;
use crate::store::{FeedRow, FeedStore, StoreError};

const ROWS: &str = "SELECT id, name, alive_until, resynchronised_at, gaps, promised FROM feed";
const NAME: &str = "INSERT INTO feed (id, name, gaps) SELECT next.id, ?1, '' \
    FROM (SELECT COALESCE(max(id), 0) + 1 AS id FROM feed) AS next \
    WHERE next.id <= 1000 AND NOT EXISTS (SELECT 1 FROM feed WHERE name = ?1)";
const SAVE: &str = "UPDATE feed SET alive_until = max(ifnull(alive_until, 0), ?2), \
    resynchronised_at = COALESCE(?3, resynchronised_at), gaps = ?4, promised = ?5 WHERE id = ?1";

impl FeedStore for SqliteStore {
    async fn name_feeds(&self, names: &[String]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for name in names {
            sqlx::query(NAME)
                .bind(name.clone())
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn load_feeds(&self) -> Result<Vec<FeedRow>, StoreError> {
        let mut connection = self.readers.acquire().await?;
        let mut found = Vec::new();
        let mut rows = sqlx::query(ROWS).fetch(&mut *connection);
        while let Some(row) = rows.next().await {
            found.push(StoredFeed::of(&row?)?.read()?);
        }
        Ok(found)
    }

    async fn save_feeds(&self, rows: &[FeedRow]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for row in rows.iter().map(StoredFeed::from) {
            sqlx::query(SAVE)
                .bind(row.id)
                .bind(row.alive_until)
                .bind(row.resynchronised_at)
                .bind(row.gaps)
                .bind(row.promised)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }
}
