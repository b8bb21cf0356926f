//! Every row in bulk, out of one snapshot. `COPY` costs a third of the processor time of fetching rows.

use std::future::Future;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time;
use tokio_stream::StreamExt;

use super::copy::{CopyReader, Malformed, Tuple};
use crate::store::row::{self, StoredBinding, StoredIpSession, StoredRegistration};
use crate::store::{GatewayRestartRow, Loaded, StoreError};

// Out of a query and not out of the table, which may be partitioned.
const REGISTRATIONS: &str = "COPY (SELECT subscriber_id, slot, node, registered_at, deregistered_at, \
    reachable_at, reachable_until, unreachable_at, unreachable_until, cleared_at, ended_other_at, ended_amf_at, \
    received_at, feed, delay FROM registration) TO STDOUT (FORMAT binary)";
const BINDINGS: &str = "COPY (SELECT subscriber_id, identifier_id, kind, value, bound_at FROM identifier) \
    TO STDOUT (FORMAT binary)";
const IP_SESSIONS: &str = "COPY (SELECT subscriber_id, session, prefix, started_at, ended_at FROM ip_session) \
    TO STDOUT (FORMAT binary)";
const GATEWAY_RESTARTS: &str =
    "COPY (SELECT gateway, restarted_at FROM gateway_restart) TO STDOUT (FORMAT binary)";
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Streams all tables, for as long as it takes; but a server that is silent for longer than `patience` is taken for
/// gone. After an error the connection has to be dropped: the rest of the stream is still in it.
pub(super) async fn all(
    connection: &mut PgConnection,
    each: &mut (dyn FnMut(Loaded) + Send),
    patience: Duration,
) -> Result<u64, StoreError> {
    let mut snapshot = within(patience, connection.begin_with(SNAPSHOT)).await?;
    let restarts = copy(
        &mut snapshot,
        patience,
        GATEWAY_RESTARTS,
        "gateway_restart",
        |tuple| {
            each(Loaded::GatewayRestart(gateway_restart(&tuple)?));
            Ok(())
        },
    )
    .await?;
    let registrations = copy(&mut snapshot, patience, REGISTRATIONS, "registration", |tuple| {
        each(Loaded::Registration(registration(&tuple)?.read()?));
        Ok(())
    })
    .await?;
    let bindings = copy(&mut snapshot, patience, BINDINGS, "identifier", |tuple| {
        each(Loaded::Binding(binding(&tuple)?.read()?));
        Ok(())
    })
    .await?;
    let sessions = copy(&mut snapshot, patience, IP_SESSIONS, "ip_session", |tuple| {
        each(Loaded::IpSession(ip_session(&tuple)?.read()?));
        Ok(())
    })
    .await?;
    within(patience, snapshot.rollback()).await?;
    Ok(restarts + registrations + bindings + sessions)
}

/// One step that the server has to take.
async fn within<T>(
    patience: Duration,
    step: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match time::timeout(patience, step).await {
        Ok(result) => result.map_err(StoreError::from),
        Err(_) => Err(StoreError::timed_out(patience)),
    }
}

/// What can go wrong with one piece.
enum Wrong {
    Stream,
    Row(StoreError),
}

impl From<Malformed> for Wrong {
    fn from(Malformed: Malformed) -> Self {
        Self::Stream
    }
}

pub(super) async fn copy<const N: usize>(
    connection: &mut PgConnection,
    patience: Duration,
    statement: &str,
    table: &'static str,
    mut each: impl FnMut(Tuple<'_, N>) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let malformed = || StoreError::Inconsistent {
        table,
        column: "(stream)",
    };
    let mut rows = 0;
    let mut reader = CopyReader::default();
    let mut pieces = within(patience, connection.copy_out_raw(statement)).await?;
    while let Some(piece) = within(patience, pieces.try_next()).await? {
        reader
            .take(&piece, |tuple| {
                rows += 1;
                each(tuple).map_err(Wrong::Row)
            })
            .map_err(|wrong| match wrong {
                Wrong::Stream => malformed(),
                Wrong::Row(error) => error,
            })?;
    }
    if reader.is_complete() {
        Ok(rows)
    } else {
        Err(malformed())
    }
}

fn registration<'a>(tuple: &Tuple<'a, 15>) -> Result<StoredRegistration<'a>, StoreError> {
    let columns = StoredRegistration::COLUMNS;
    let [subscriber_id, slot, node, times @ .., received_at, feed, delay] = tuple;
    let [_, _, _, time_columns @ .., _, _, _] = columns;
    let mut read = [None; 9];
    for ((time, field), column) in read.iter_mut().zip(times).zip(time_columns) {
        *time = field
            .map(|bytes| bigint(Some(bytes)).ok_or_else(|| StoredRegistration::wrong(column)))
            .transpose()?;
    }
    let [
        registered_at,
        deregistered_at,
        reachable_at,
        reachable_until,
        unreachable_at,
        unreachable_until,
        cleared_at,
        ended_other_at,
        ended_amf_at,
    ] = read;
    Ok(StoredRegistration {
        subscriber_id: bigint(*subscriber_id).ok_or_else(|| StoredRegistration::wrong("subscriber_id"))?,
        slot: smallint(*slot).ok_or_else(|| StoredRegistration::wrong("slot"))?,
        node: text(*node).ok_or_else(|| StoredRegistration::wrong("node"))?,
        registered_at,
        deregistered_at,
        reachable_at,
        reachable_until,
        unreachable_at,
        unreachable_until,
        cleared_at,
        ended_other_at,
        ended_amf_at,
        received_at: bigint(*received_at).ok_or_else(|| StoredRegistration::wrong("received_at"))?,
        feed: smallint(*feed).ok_or_else(|| StoredRegistration::wrong("feed"))?,
        delay: integer(*delay).ok_or_else(|| StoredRegistration::wrong("delay"))?,
    })
}

fn binding<'a>(tuple: &Tuple<'a, 5>) -> Result<StoredBinding<&'a str>, StoreError> {
    let wrong = StoredBinding::<&str>::wrong;
    let [subscriber_id, identifier_id, kind, value, bound_at] = *tuple;
    Ok(StoredBinding {
        subscriber_id: bigint(subscriber_id).ok_or_else(|| wrong("subscriber_id"))?,
        identifier_id: bigint(identifier_id).ok_or_else(|| wrong("identifier_id"))?,
        kind: smallint(kind).ok_or_else(|| wrong("kind"))?,
        value: text(value).ok_or_else(|| wrong("value"))?,
        bound_at: bigint(bound_at).ok_or_else(|| wrong("bound_at"))?,
    })
}

fn ip_session<'a>(tuple: &Tuple<'a, 5>) -> Result<StoredIpSession<'a, &'a str>, StoreError> {
    let wrong = StoredIpSession::<&str>::wrong;
    let [subscriber_id, session, prefix, started_at, ended_at] = *tuple;
    let time = |column, field: Option<&[u8]>| match field {
        None => Ok(None),
        some => bigint(some).map(Some).ok_or_else(|| wrong(column)),
    };
    Ok(StoredIpSession {
        subscriber_id: bigint(subscriber_id).ok_or_else(|| wrong("subscriber_id"))?,
        session: text(session).ok_or_else(|| wrong("session"))?,
        prefix: text(prefix).ok_or_else(|| wrong("prefix"))?,
        started_at: time("started_at", started_at)?,
        ended_at: time("ended_at", ended_at)?,
    })
}

fn gateway_restart(tuple: &Tuple<'_, 2>) -> Result<GatewayRestartRow, StoreError> {
    let wrong = |column| StoreError::Inconsistent {
        table: "gateway_restart",
        column,
    };
    let [gateway, restarted_at] = *tuple;
    row::gateway_restart(
        text(gateway).ok_or_else(|| wrong("gateway"))?,
        bigint(restarted_at).ok_or_else(|| wrong("restarted_at"))?,
    )
}

pub(super) fn bigint(field: Option<&[u8]>) -> Option<i64> {
    field?.try_into().ok().map(i64::from_be_bytes)
}

pub(super) fn integer(field: Option<&[u8]>) -> Option<i32> {
    field?.try_into().ok().map(i32::from_be_bytes)
}

pub(super) fn smallint(field: Option<&[u8]>) -> Option<i16> {
    field?.try_into().ok().map(i16::from_be_bytes)
}

pub(super) fn text(field: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(field?).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_falls_silent_is_a_passing_failure() {
        let patience = Duration::from_millis(1);
        let silent = within::<()>(patience, std::future::pending()).await;
        assert!(silent.unwrap_err().is_transient());
        let fine = within(patience, async { Ok(1) }).await;
        assert_eq!(fine.unwrap(), 1);
    }
}
