//! What has to be there before the daemon is ready: the store, and what it holds.

use std::time::Duration;

use crate::domain::GatewayRestarted;
use crate::index::Index;
use crate::ingest::ReceiptClock;
use crate::ops::lifecycle::Stop;
use crate::store::{AnyStore, Loaded, Store, StoreError};

/// A clock that stands further behind than this is worth a word.
const MUCH: Duration = Duration::from_secs(5);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(3);

/// Tries until it succeeds or fails for good; `None` when told to stop first.
pub(super) async fn patiently<T, E, F>(
    stop: &Stop,
    message: &str,
    attempt: impl Fn() -> F,
    passes: fn(&E) -> bool,
) -> Option<Result<T, E>>
where
    E: std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    let mut pause = FIRST_RETRY;
    loop {
        let result = tokio::select! {
            result = attempt() => result,
            () = stop.orderly.cancelled() => return None,
        };
        match result {
            Err(error) if passes(&error) => tracing::warn!(%error, "{message}"),
            result => return Some(result),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.orderly.cancelled() => return None,
        }
        pause = (pause * 2).min(LAST_RETRY);
    }
}

/// Takes every row of the store into the index. May be repeated: rows join.
pub(super) async fn load(store: &AnyStore, index: &Index, clock: &ReceiptClock) -> Result<u64, StoreError> {
    let mut newest = None;
    let mut take = |row: Loaded| match row {
        Loaded::Registration(row) => {
            newest = newest.max(Some(row.received_at));
            index.load_registration(row.subscriber, row.slot, row.node.as_ref(), &row.facts);
        }
        Loaded::Binding(row) => index.load_binding(&row.identifier, row.subscriber, row.bound_at),
        Loaded::IpSession(row) => {
            index.load_ip_session(row.subscriber, &row.session, row.address.as_ref(), &row.facts);
        }
        Loaded::GatewayRestart(row) => {
            let restart = GatewayRestarted::new(row.gateway, row.restarted_at, row.restarted_at);
            index.apply_restart(&restart);
        }
    };
    let rows = store.load(&mut take).await?;
    if let Some(newest) = newest {
        let now = clock.now();
        if newest > now.plus(MUCH) {
            tracing::warn!(
                ahead = ?newest.since(now),
                "the store holds events received in the future: check this machine's clock"
            );
        }
        clock.raise(newest);
    }
    Ok(rows)
}
