//! Every row in bulk, out of one snapshot.

use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, SqliteConnection, Type};
use tokio_stream::StreamExt;

use crate::store::row::{self, StoredBinding, StoredIpSession, StoredRegistration};
use crate::store::{GatewayRestartRow, Loaded, StoreError};

const REGISTRATIONS: &str = "SELECT subscriber_id, slot, node, registered_at, deregistered_at, reachable_at, \
    reachable_until, unreachable_at, unreachable_until, cleared_at, ended_other_at, ended_amf_at, received_at, feed, delay \
    FROM registration";
const BINDINGS: &str = "SELECT subscriber_id, identifier_id, kind, value, bound_at FROM identifier";

const IP_SESSIONS: &str = "SELECT subscriber_id, session, prefix, started_at, ended_at FROM ip_session";
const GATEWAY_RESTARTS: &str = "SELECT gateway, restarted_at FROM gateway_restart";

/// Streams all tables.
pub(super) async fn all(
    connection: &mut SqliteConnection,
    each: &mut (dyn FnMut(Loaded) + Send),
) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut rows = sqlx::query(GATEWAY_RESTARTS).fetch(&mut *connection);
    while let Some(row) = rows.next().await {
        each(Loaded::GatewayRestart(gateway_restart(&row?)?));
        count += 1;
    }
    drop(rows);
    let mut rows = sqlx::query(REGISTRATIONS).fetch(&mut *connection);
    while let Some(row) = rows.next().await {
        each(Loaded::Registration(registration(&row?)?.read()?));
        count += 1;
    }
    drop(rows);
    let mut rows = sqlx::query(BINDINGS).fetch(&mut *connection);
    while let Some(row) = rows.next().await {
        each(Loaded::Binding(binding(&row?)?.read()?));
        count += 1;
    }
    drop(rows);
    let mut rows = sqlx::query(IP_SESSIONS).fetch(&mut *connection);
    while let Some(row) = rows.next().await {
        each(Loaded::IpSession(ip_session(&row?)?.read()?));
        count += 1;
    }
    Ok(count)
}

fn registration(row: &SqliteRow) -> Result<StoredRegistration<'_>, StoreError> {
    Ok(StoredRegistration {
        subscriber_id: registration_field(row, 0)?,
        slot: registration_field(row, 1)?,
        node: registration_field(row, 2)?,
        registered_at: registration_field(row, 3)?,
        deregistered_at: registration_field(row, 4)?,
        reachable_at: registration_field(row, 5)?,
        reachable_until: registration_field(row, 6)?,
        unreachable_at: registration_field(row, 7)?,
        unreachable_until: registration_field(row, 8)?,
        cleared_at: registration_field(row, 9)?,
        ended_other_at: registration_field(row, 10)?,
        ended_amf_at: registration_field(row, 11)?,
        received_at: registration_field(row, 12)?,
        feed: registration_field(row, 13)?,
        delay: registration_field(row, 14)?,
    })
}

fn registration_field<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    place: usize,
) -> Result<T, StoreError> {
    let column = StoredRegistration::COLUMNS
        .get(place)
        .copied()
        .unwrap_or_default();
    row.try_get(place).map_err(|_| StoredRegistration::wrong(column))
}

fn binding(row: &SqliteRow) -> Result<StoredBinding<&str>, StoreError> {
    Ok(StoredBinding {
        subscriber_id: binding_field(row, 0)?,
        identifier_id: binding_field(row, 1)?,
        kind: binding_field(row, 2)?,
        value: binding_field(row, 3)?,
        bound_at: binding_field(row, 4)?,
    })
}

fn binding_field<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    place: usize,
) -> Result<T, StoreError> {
    let column = StoredBinding::<&str>::COLUMNS
        .get(place)
        .copied()
        .unwrap_or_default();
    row.try_get(place)
        .map_err(|_| StoredBinding::<&str>::wrong(column))
}

fn ip_session(row: &SqliteRow) -> Result<StoredIpSession<'_, &str>, StoreError> {
    let wrong = StoredIpSession::<&str>::wrong;
    Ok(StoredIpSession {
        subscriber_id: row.try_get(0).map_err(|_| wrong("subscriber_id"))?,
        session: row.try_get(1).map_err(|_| wrong("session"))?,
        prefix: row.try_get(2).map_err(|_| wrong("prefix"))?,
        started_at: row.try_get(3).map_err(|_| wrong("started_at"))?,
        ended_at: row.try_get(4).map_err(|_| wrong("ended_at"))?,
    })
}

fn gateway_restart(row: &SqliteRow) -> Result<GatewayRestartRow, StoreError> {
    let wrong = |column| StoreError::Inconsistent {
        table: "gateway_restart",
        column,
    };
    let gateway = row.try_get(0).map_err(|_| wrong("gateway"))?;
    row::gateway_restart(gateway, row.try_get(1).map_err(|_| wrong("restarted_at"))?)
}
