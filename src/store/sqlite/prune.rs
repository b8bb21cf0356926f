//! Forgetting sessions that ended long ago, some at a time.

use sqlx::SqliteConnection;

/// A table of this connection's own: what is looked at must not change while rows go.
const PICKED: &str = "CREATE TEMP TABLE IF NOT EXISTS picked (
    subscriber_id INTEGER, session TEXT, prefix TEXT, started_at INTEGER, ended_at INTEGER
)";
const PICK: &str = "INSERT INTO temp.picked
    SELECT subscriber_id, session, prefix, started_at, ended_at FROM ip_session
    WHERE ended_at < ? ORDER BY ended_at LIMIT ?";

/// Whoever lost the end of a session has it here: what expired has ended then, and is forgotten like everything that has. A
/// message that comes later gives it a newer registration.
const EXPIRED: &str = "INSERT INTO temp.picked
    SELECT subscriber_id, node, '', NULL, reachable_until FROM registration
    WHERE slot = 5 AND reachable_until < ? AND node <> ''
      AND reachable_at >= COALESCE(registered_at, 0) AND COALESCE(deregistered_at, 0) < reachable_at
    ORDER BY reachable_until LIMIT ?";
const NOTE: &str = "INSERT INTO ip_session AS i (subscriber_id, session, prefix, ended_at)
    SELECT subscriber_id, session, '', ended_at FROM temp.picked WHERE true
    ON CONFLICT (subscriber_id, session, prefix) DO UPDATE SET
    ended_at = COALESCE(max(i.ended_at, excluded.ended_at), excluded.ended_at)";
const END: &str = "UPDATE registration AS r SET deregistered_at = p.ended_at FROM temp.picked p
    WHERE r.subscriber_id = p.subscriber_id AND r.slot = 5 AND r.node = p.session";

/// The last of those that were seen to begin stays: the answer may rest on it.
const REGISTRATIONS: &str = "DELETE FROM registration AS r
    WHERE r.slot = 5 AND r.node <> ''
      AND r.subscriber_id IN (SELECT subscriber_id FROM temp.picked WHERE ended_at >= COALESCE(started_at, 0))
      AND r.deregistered_at < ?
      AND r.deregistered_at >= max(COALESCE(r.registered_at, 0), COALESCE(r.reachable_at, 0))
      AND (
          (r.registered_at IS NULL AND r.reachable_at IS NULL)
          OR EXISTS (
              SELECT 1 FROM registration later
              WHERE later.subscriber_id = r.subscriber_id AND later.slot = 5 AND later.node <> ''
                AND later.deregistered_at >= max(COALESCE(later.registered_at, 0), COALESCE(later.reachable_at, 0))
                AND (later.registered_at IS NOT NULL OR later.reachable_at IS NOT NULL)
                AND (later.deregistered_at, later.node) > (r.deregistered_at, r.node)
          )
      )";

/// The end of a session is the end of its addresses: they join those that were picked.
const ADDRESSES: &str = "INSERT INTO temp.picked
    SELECT i.subscriber_id, i.session, i.prefix, i.started_at, o.ended_at
    FROM temp.picked o
    JOIN ip_session i ON i.subscriber_id = o.subscriber_id AND i.session = o.session
    WHERE o.prefix = '' AND i.prefix <> '' AND COALESCE(i.started_at, 0) <= o.ended_at";
/// Whoever had such an address before lost it then, and must not seem to have it again.
const SUPERSEDED: &str = "DELETE FROM ip_session WHERE (subscriber_id, session, prefix) IN (
    SELECT i.subscriber_id, i.session, i.prefix
    FROM temp.picked o
    JOIN ip_session i ON i.prefix = o.prefix AND i.prefix <> '' AND i.started_at < o.started_at
    WHERE o.ended_at >= COALESCE(o.started_at, 0))";
const FORGET: &str = "DELETE FROM ip_session WHERE (subscriber_id, session, prefix) IN (
    SELECT subscriber_id, session, prefix FROM temp.picked WHERE ended_at >= COALESCE(started_at, 0))";
/// The session of that name began anew: its old end is no longer of use.
const RESUME: &str = "UPDATE ip_session SET ended_at = NULL WHERE ended_at < started_at
    AND (subscriber_id, session, prefix) IN (SELECT subscriber_id, session, prefix FROM temp.picked)";

/// Forgets sessions that ended before a time, and looks at `most` ends for it; returns how many there were. In one
/// transaction of the caller's.
pub(super) async fn sessions(
    connection: &mut SqliteConnection,
    before: i64,
    most: i64,
) -> Result<u64, sqlx::Error> {
    sqlx::query(PICKED).execute(&mut *connection).await?;
    sqlx::query("DELETE FROM temp.picked")
        .execute(&mut *connection)
        .await?;
    let expired = sqlx::query(EXPIRED)
        .bind(before)
        .bind(most)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if expired > 0 {
        for step in [NOTE, END, "DELETE FROM temp.picked"] {
            sqlx::query(step).execute(&mut *connection).await?;
        }
    }
    let picked = sqlx::query(PICK)
        .bind(before)
        .bind(most)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if picked > 0 {
        sqlx::query(REGISTRATIONS)
            .bind(before)
            .execute(&mut *connection)
            .await?;
        for step in [ADDRESSES, SUPERSEDED, FORGET, RESUME] {
            sqlx::query(step).execute(&mut *connection).await?;
        }
    }
    Ok(picked)
}
