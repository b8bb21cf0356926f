//! Statements of several rows each. A statement costs two hand-overs to SQLite's thread, so that rows go in by the
//! hundred; the texts are few, so that each is prepared once.

use std::sync::LazyLock;

use sqlx::SqliteConnection;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};

use crate::store::row::{StoredBinding, StoredIpSession, StoredRegistration};
use crate::store::{BindingRow, GatewayRestartRow, IpSessionRow, RegistrationRow};

/// Rows per statement, greatest first; 15 × 128 values are far below SQLite's limit of 32766.
pub(super) const SIZES: [usize; 3] = [128, 16, 1];

const INTO_REGISTRATION: &str = "INSERT INTO registration AS r (subscriber_id, slot, node, registered_at, \
    deregistered_at, reachable_at, reachable_until, unreachable_at, unreachable_until, cleared_at, ended_other_at, \
    ended_amf_at, received_at, feed, delay) VALUES ";

/// The time of a row's newest fact, whose source the row keeps.
macro_rules! newest {
    ($row:literal) => {
        concat!(
            "max(ifnull(",
            $row,
            ".registered_at, 0), ifnull(",
            $row,
            ".deregistered_at, 0), ifnull(",
            $row,
            ".reachable_at, 0), ifnull(",
            $row,
            ".unreachable_at, 0), ifnull(",
            $row,
            ".cleared_at, 0))"
        )
    };
}

/// max() of SQLite is NULL if one of its arguments is.
const JOIN_REGISTRATION: &str = concat!(
    " ON CONFLICT (subscriber_id, slot, node) DO UPDATE SET
    registered_at = COALESCE(max(r.registered_at, excluded.registered_at), r.registered_at, excluded.registered_at),
    deregistered_at =
        COALESCE(max(r.deregistered_at, excluded.deregistered_at), r.deregistered_at, excluded.deregistered_at),
    reachable_at = COALESCE(max(r.reachable_at, excluded.reachable_at), r.reachable_at, excluded.reachable_at),
    reachable_until = CASE
        WHEN r.reachable_at IS NULL OR excluded.reachable_at > r.reachable_at THEN excluded.reachable_until
        WHEN excluded.reachable_at = r.reachable_at THEN max(r.reachable_until, excluded.reachable_until)
        ELSE r.reachable_until END,
    unreachable_at =
        COALESCE(max(r.unreachable_at, excluded.unreachable_at), r.unreachable_at, excluded.unreachable_at),
    unreachable_until = CASE
        WHEN r.unreachable_at IS NULL OR excluded.unreachable_at > r.unreachable_at THEN excluded.unreachable_until
        WHEN excluded.unreachable_at = r.unreachable_at THEN max(r.unreachable_until, excluded.unreachable_until)
        ELSE r.unreachable_until END,
    cleared_at = COALESCE(max(r.cleared_at, excluded.cleared_at), r.cleared_at, excluded.cleared_at),
    ended_other_at =
        COALESCE(max(r.ended_other_at, excluded.ended_other_at), r.ended_other_at, excluded.ended_other_at),
    ended_amf_at = COALESCE(max(r.ended_amf_at, excluded.ended_amf_at), r.ended_amf_at, excluded.ended_amf_at),
    received_at = max(r.received_at, excluded.received_at),
    feed = CASE WHEN (", newest!("excluded"), ", excluded.delay, excluded.feed)
        > (", newest!("r"), ", r.delay, r.feed) THEN excluded.feed ELSE r.feed END,
    delay = CASE WHEN (", newest!("excluded"), ", excluded.delay, excluded.feed)
        > (", newest!("r"), ", r.delay, r.feed) THEN excluded.delay ELSE r.delay END"
);

const INTO_IDENTIFIER: &str =
    "INSERT INTO identifier AS i (subscriber_id, identifier_id, kind, value, bound_at) VALUES ";

const JOIN_IDENTIFIER: &str =
    " ON CONFLICT (subscriber_id, identifier_id) DO UPDATE SET bound_at = excluded.bound_at
    WHERE excluded.bound_at > i.bound_at";

const INTO_IP_SESSION: &str =
    "INSERT INTO ip_session AS i (subscriber_id, session, prefix, started_at, ended_at) VALUES ";

const JOIN_IP_SESSION: &str = " ON CONFLICT (subscriber_id, session, prefix) DO UPDATE SET
    started_at = COALESCE(max(i.started_at, excluded.started_at), i.started_at, excluded.started_at),
    ended_at = COALESCE(max(i.ended_at, excluded.ended_at), i.ended_at, excluded.ended_at)";

static REGISTRATIONS: LazyLock<[String; 3]> =
    LazyLock::new(|| SIZES.map(|rows| text(INTO_REGISTRATION, 15, rows, JOIN_REGISTRATION)));
static BINDINGS: LazyLock<[String; 3]> =
    LazyLock::new(|| SIZES.map(|rows| text(INTO_IDENTIFIER, 5, rows, JOIN_IDENTIFIER)));
static IP_SESSIONS: LazyLock<[String; 3]> =
    LazyLock::new(|| SIZES.map(|rows| text(INTO_IP_SESSION, 5, rows, JOIN_IP_SESSION)));

/// Joins rows into table `registration`.
pub(super) async fn registrations(
    connection: &mut SqliteConnection,
    rows: &[RegistrationRow],
) -> Result<(), sqlx::Error> {
    let rows: Vec<_> = rows.iter().map(StoredRegistration::from).collect();
    in_pieces(connection, &REGISTRATIONS, &rows, |query, row| {
        query
            .bind(row.subscriber_id)
            .bind(row.slot)
            .bind(row.node.to_owned())
            .bind(row.registered_at)
            .bind(row.deregistered_at)
            .bind(row.reachable_at)
            .bind(row.reachable_until)
            .bind(row.unreachable_at)
            .bind(row.unreachable_until)
            .bind(row.cleared_at)
            .bind(row.ended_other_at)
            .bind(row.ended_amf_at)
            .bind(row.received_at)
            .bind(row.feed)
            .bind(row.delay)
    })
    .await
}

/// Joins rows into table `identifier`.
pub(super) async fn bindings(
    connection: &mut SqliteConnection,
    rows: &[BindingRow],
) -> Result<(), sqlx::Error> {
    let rows: Vec<_> = rows.iter().filter_map(StoredBinding::of).collect();
    in_pieces(connection, &BINDINGS, &rows, |query, row| {
        query
            .bind(row.subscriber_id)
            .bind(row.identifier_id)
            .bind(row.kind)
            .bind(row.value.clone())
            .bind(row.bound_at)
    })
    .await
}

/// Joins rows into table `ip_session`.
pub(super) async fn ip_sessions(
    connection: &mut SqliteConnection,
    rows: &[IpSessionRow],
) -> Result<(), sqlx::Error> {
    let rows: Vec<_> = rows.iter().map(StoredIpSession::from).collect();
    in_pieces(connection, &IP_SESSIONS, &rows, |query, row| {
        query
            .bind(row.subscriber_id)
            .bind(row.session.to_owned())
            .bind(row.prefix.clone())
            .bind(row.started_at)
            .bind(row.ended_at)
    })
    .await
}

const INTO_GATEWAY_RESTART: &str = "INSERT INTO gateway_restart AS g (gateway, restarted_at) VALUES (?, ?)
    ON CONFLICT (gateway) DO UPDATE SET restarted_at = max(g.restarted_at, excluded.restarted_at)";

/// Joins rows into table `gateway_restart`: seldom one, never many.
pub(super) async fn gateway_restarts(
    connection: &mut SqliteConnection,
    rows: &[GatewayRestartRow],
) -> Result<(), sqlx::Error> {
    for row in rows {
        sqlx::query(INTO_GATEWAY_RESTART)
            .bind(row.gateway.as_str().to_owned())
            .bind(row.restarted_at.as_micros())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) type Statement = Query<'static, Sqlite, SqliteArguments>;

/// Runs the statement of the greatest size that fits, until no row is left.
pub(super) async fn in_pieces<R: Sync>(
    connection: &mut SqliteConnection,
    texts: &'static [String; 3],
    mut rows: &[R],
    bind: impl Fn(Statement, &R) -> Statement,
) -> Result<(), sqlx::Error> {
    for (size, text) in SIZES.into_iter().zip(texts) {
        while let Some((piece, rest)) = rows.split_at_checked(size) {
            rows = rest;
            let statement = piece.iter().fold(sqlx::query(text.as_str()), &bind);
            statement.execute(&mut *connection).await?;
        }
    }
    Ok(())
}

pub(super) fn text(into: &str, columns: usize, rows: usize, join: &str) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    format!("{into}{}{join}", vec![row; rows].join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_a_place_for_every_value() {
        for (rows, text) in SIZES.into_iter().zip(REGISTRATIONS.iter()) {
            assert_eq!(
                text.matches('?').count(),
                rows * StoredRegistration::COLUMNS.len()
            );
        }
        for (rows, text) in SIZES.into_iter().zip(BINDINGS.iter()) {
            assert_eq!(
                text.matches('?').count(),
                rows * StoredBinding::<String>::COLUMNS.len()
            );
        }
    }
}
