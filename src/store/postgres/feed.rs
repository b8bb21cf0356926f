//! Table `feed` in PostgreSQL.

use sqlx::Connection;
use sqlx::postgres::PgBindIterExt;

use super::PostgresStore;
use crate::store::feed::StoredFeed;
use crate::store::{FeedRow, FeedStore, StoreError};

const ROWS: &str = "/* reachd: load feeds */
SELECT id, name, alive_until, resynchronised_at, gaps, promised FROM feed";
const LOCK: &str = "/* reachd: name feeds */ LOCK TABLE feed IN SHARE ROW EXCLUSIVE MODE";
const NAME: &str = "/* reachd: name feeds */
INSERT INTO feed (id, name, gaps)
SELECT next.id, $1, '' FROM (SELECT COALESCE(max(id), 0) + 1 AS id FROM feed) next
WHERE next.id <= 1000 AND NOT EXISTS (SELECT FROM feed WHERE name = $1)";
const SAVE: &str = "/* reachd: save feeds */
UPDATE feed SET
    alive_until = GREATEST(feed.alive_until, saved.alive_until),
    resynchronised_at = COALESCE(saved.resynchronised_at, feed.resynchronised_at),
    gaps = saved.gaps, promised = saved.promised
FROM UNNEST($1::smallint[], $2::bigint[], $3::bigint[], $4::text[], $5::boolean[])
    AS saved (id, alive_until, resynchronised_at, gaps, promised)
WHERE feed.id = saved.id";

impl FeedStore for PostgresStore {
    async fn name_feeds(&self, names: &[String]) -> Result<(), StoreError> {
        self.run(async |connection| {
            let mut transaction = connection.begin().await?;
            // Numbers go on from the greatest: whoever else gives one waits.
            sqlx::query(LOCK).execute(&mut *transaction).await?;
            for name in names {
                sqlx::query(NAME)
                    .bind(name.clone())
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        })
        .await
    }

    async fn load_feeds(&self) -> Result<Vec<FeedRow>, StoreError> {
        let rows = self
            .run(async |connection| sqlx::query(ROWS).fetch_all(&mut **connection).await)
            .await?;
        rows.iter().map(|row| StoredFeed::of(row)?.read()).collect()
    }

    async fn save_feeds(&self, rows: &[FeedRow]) -> Result<(), StoreError> {
        let rows: Vec<_> = rows.iter().map(StoredFeed::from).collect();
        self.run(async |connection| {
            sqlx::query(SAVE)
                .bind(rows.iter().map(|row| row.id).bind_iter())
                .bind(rows.iter().map(|row| row.alive_until).bind_iter())
                .bind(rows.iter().map(|row| row.resynchronised_at).bind_iter())
                .bind(rows.iter().map(|row| row.gaps.as_str()).bind_iter())
                .bind(rows.iter().map(|row| row.promised).bind_iter())
                .execute(&mut **connection)
                .await
                .map(|_| ())
        })
        .await
    }
}
