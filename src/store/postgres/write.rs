//! The one statement that makes a batch durable. Columns travel as arrays: some hundred rows a statement reach what the
//! server can do at all.

use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgBindIterExt};
use sqlx::query::Query;

use crate::store::Batch;
use crate::store::row::{StoredBinding, StoredIpSession, StoredRegistration};

/// The time of a row's newest fact, whose source the row keeps.
macro_rules! newest {
    ($row:literal) => {
        concat!(
            "COALESCE(GREATEST(",
            $row,
            ".registered_at, ",
            $row,
            ".deregistered_at, ",
            $row,
            ".reachable_at, ",
            $row,
            ".unreachable_at, ",
            $row,
            ".cleared_at), 0)"
        )
    };
}

/// Joins arrays $1 to $15 into table `registration`. Rows that would stay as they are are not written again: what was
/// sent a second time after a lost answer costs no log.
macro_rules! join_registrations {
    () => {
        concat!(
            "INSERT INTO registration AS r (subscriber_id, slot, node, registered_at, deregistered_at,
    reachable_at, reachable_until, unreachable_at, unreachable_until, cleared_at, ended_other_at, ended_amf_at, received_at,
    feed, delay)
SELECT * FROM UNNEST($1::bigint[], $2::smallint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::smallint[], $15::integer[])
ON CONFLICT (subscriber_id, slot, node) DO UPDATE SET
    registered_at = GREATEST(r.registered_at, excluded.registered_at),
    deregistered_at = GREATEST(r.deregistered_at, excluded.deregistered_at),
    reachable_at = GREATEST(r.reachable_at, excluded.reachable_at),
    reachable_until = CASE
        WHEN r.reachable_at IS NULL OR excluded.reachable_at > r.reachable_at THEN excluded.reachable_until
        WHEN excluded.reachable_at = r.reachable_at THEN GREATEST(r.reachable_until, excluded.reachable_until)
        ELSE r.reachable_until END,
    unreachable_at = GREATEST(r.unreachable_at, excluded.unreachable_at),
    unreachable_until = CASE
        WHEN r.unreachable_at IS NULL OR excluded.unreachable_at > r.unreachable_at THEN excluded.unreachable_until
        WHEN excluded.unreachable_at = r.unreachable_at THEN GREATEST(r.unreachable_until, excluded.unreachable_until)
        ELSE r.unreachable_until END,
    cleared_at = GREATEST(r.cleared_at, excluded.cleared_at),
    ended_other_at = GREATEST(r.ended_other_at, excluded.ended_other_at),
    ended_amf_at = GREATEST(r.ended_amf_at, excluded.ended_amf_at),
    received_at = GREATEST(r.received_at, excluded.received_at),
    feed = CASE WHEN (", newest!("excluded"), ", excluded.delay, excluded.feed)
        > (", newest!("r"), ", r.delay, r.feed) THEN excluded.feed ELSE r.feed END,
    delay = CASE WHEN (", newest!("excluded"), ", excluded.delay, excluded.feed)
        > (", newest!("r"), ", r.delay, r.feed) THEN excluded.delay ELSE r.delay END
WHERE excluded.received_at > r.received_at
   OR excluded.registered_at > COALESCE(r.registered_at, 0)
   OR excluded.deregistered_at > COALESCE(r.deregistered_at, 0)
   OR (excluded.reachable_at, excluded.reachable_until) > (COALESCE(r.reachable_at, 0), COALESCE(r.reachable_until, 0))
   OR (excluded.unreachable_at, excluded.unreachable_until)
    > (COALESCE(r.unreachable_at, 0), COALESCE(r.unreachable_until, 0))
   OR excluded.cleared_at > COALESCE(r.cleared_at, 0)
   OR excluded.ended_other_at > COALESCE(r.ended_other_at, 0)
   OR excluded.ended_amf_at > COALESCE(r.ended_amf_at, 0)
   OR (", newest!("excluded"), ", excluded.delay, excluded.feed) > (", newest!("r"), ", r.delay, r.feed)"
        )
    };
}

/// Joins five arrays into table `identifier`.
macro_rules! join_bindings {
    ($subscriber:literal, $identifier:literal, $kind:literal, $value:literal, $bound_at:literal) => {
        concat!(
            "INSERT INTO identifier AS i (subscriber_id, identifier_id, kind, value, bound_at)
SELECT * FROM UNNEST($",
            $subscriber,
            "::bigint[], $",
            $identifier,
            "::bigint[], $",
            $kind,
            "::smallint[], $",
            $value,
            "::text[], $",
            $bound_at,
            "::bigint[])
ON CONFLICT (subscriber_id, identifier_id) DO UPDATE SET bound_at = excluded.bound_at
WHERE excluded.bound_at > i.bound_at"
        )
    };
}

const REGISTRATIONS: &str = concat!("/* reachd: commit registrations */ ", join_registrations!());
const BINDINGS: &str = concat!("/* reachd: commit bindings */ ", join_bindings!(1, 2, 3, 4, 5));
/// Both are one statement too, and therefore one transaction.
const BOTH: &str = concat!(
    "/* reachd: commit both */ WITH bindings AS (",
    join_bindings!(16, 17, 18, 19, 20),
    ") ",
    join_registrations!()
);

/// All three likewise, for whenever there are sessions; the other arrays may be empty.
const ALL: &str = concat!(
    "/* reachd: commit all */ WITH bindings AS (",
    join_bindings!(16, 17, 18, 19, 20),
    "), ip_sessions AS (
INSERT INTO ip_session AS i (subscriber_id, session, prefix, started_at, ended_at)
SELECT * FROM UNNEST($21::bigint[], $22::text[], $23::text[], $24::bigint[], $25::bigint[])
ON CONFLICT (subscriber_id, session, prefix) DO UPDATE SET
    started_at = GREATEST(i.started_at, excluded.started_at),
    ended_at = GREATEST(i.ended_at, excluded.ended_at)
WHERE excluded.started_at > COALESCE(i.started_at, 0) OR excluded.ended_at > COALESCE(i.ended_at, 0)
) ",
    join_registrations!()
);

/// `None` if there is nothing to write.
pub(super) fn statement(batch: &Batch) -> Option<Query<'static, Postgres, PgArguments>> {
    let registrations: Vec<_> = batch.registrations.iter().map(StoredRegistration::from).collect();
    let bindings: Vec<_> = batch.bindings.iter().filter_map(StoredBinding::of).collect();
    if !batch.ip_sessions.is_empty() {
        let sessions: Vec<_> = batch.ip_sessions.iter().map(StoredIpSession::from).collect();
        let query = bind_registrations(sqlx::query(ALL), &registrations);
        return Some(bind_ip_sessions(bind_bindings(query, &bindings), &sessions));
    }
    let text = match (registrations.is_empty(), bindings.is_empty()) {
        (true, true) => return None,
        (false, true) => REGISTRATIONS,
        (true, false) => BINDINGS,
        (false, false) => BOTH,
    };
    let mut query = sqlx::query(text);
    if !registrations.is_empty() {
        query = bind_registrations(query, &registrations);
    }
    if !bindings.is_empty() {
        query = bind_bindings(query, &bindings);
    }
    Some(query)
}

/// Joins arrays $1 and $2 into table `gateway_restart`.
const GATEWAY_RESTARTS: &str = "/* reachd: commit gateway restarts */ INSERT INTO gateway_restart AS g (gateway, restarted_at)
SELECT * FROM UNNEST($1::text[], $2::bigint[])
ON CONFLICT (gateway) DO UPDATE SET restarted_at = excluded.restarted_at WHERE excluded.restarted_at > g.restarted_at";

/// Restarts come seldom, and then alone: they have a statement of their own. `None` if there are none.
pub(super) fn gateway_restarts(batch: &Batch) -> Option<Statement> {
    if batch.gateway_restarts.is_empty() {
        return None;
    }
    let rows = batch.gateway_restarts.iter();
    let gateways = rows.clone().map(|row| row.gateway.as_str());
    let query = sqlx::query(GATEWAY_RESTARTS).bind(gateways.bind_iter());
    Some(query.bind(rows.map(|row| row.restarted_at.as_micros()).bind_iter()))
}

type Statement = Query<'static, Postgres, PgArguments>;

/// Values are written into the message at once; nothing of the rows is kept.
fn bind_registrations(query: Statement, rows: &[StoredRegistration<'_>]) -> Statement {
    query
        .bind(rows.iter().map(|row| row.subscriber_id).bind_iter())
        .bind(rows.iter().map(|row| row.slot).bind_iter())
        .bind(rows.iter().map(|row| row.node).bind_iter())
        .bind(rows.iter().map(|row| row.registered_at).bind_iter())
        .bind(rows.iter().map(|row| row.deregistered_at).bind_iter())
        .bind(rows.iter().map(|row| row.reachable_at).bind_iter())
        .bind(rows.iter().map(|row| row.reachable_until).bind_iter())
        .bind(rows.iter().map(|row| row.unreachable_at).bind_iter())
        .bind(rows.iter().map(|row| row.unreachable_until).bind_iter())
        .bind(rows.iter().map(|row| row.cleared_at).bind_iter())
        .bind(rows.iter().map(|row| row.ended_other_at).bind_iter())
        .bind(rows.iter().map(|row| row.ended_amf_at).bind_iter())
        .bind(rows.iter().map(|row| row.received_at).bind_iter())
        .bind(rows.iter().map(|row| row.feed).bind_iter())
        .bind(rows.iter().map(|row| row.delay).bind_iter())
}

fn bind_bindings(query: Statement, rows: &[StoredBinding<String>]) -> Statement {
    query
        .bind(rows.iter().map(|row| row.subscriber_id).bind_iter())
        .bind(rows.iter().map(|row| row.identifier_id).bind_iter())
        .bind(rows.iter().map(|row| row.kind).bind_iter())
        .bind(rows.iter().map(|row| row.value.as_str()).bind_iter())
        .bind(rows.iter().map(|row| row.bound_at).bind_iter())
}

fn bind_ip_sessions(query: Statement, rows: &[StoredIpSession<'_, String>]) -> Statement {
    query
        .bind(rows.iter().map(|row| row.subscriber_id).bind_iter())
        .bind(rows.iter().map(|row| row.session).bind_iter())
        .bind(rows.iter().map(|row| row.prefix.as_str()).bind_iter())
        .bind(rows.iter().map(|row| row.started_at).bind_iter())
        .bind(rows.iter().map(|row| row.ended_at).bind_iter())
}
