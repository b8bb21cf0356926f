//! Forgetting what has ended for good, from time to time.
//!
//! Sessions alone come and go for ever; all else that is stored is bounded by subscribers and nodes.

use std::time::{Duration, SystemTime};

use metrics::{counter, describe_counter};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Store, StoreError};
use crate::domain::Timestamp;

/// Ends of sessions that were forgotten: one for each session, and one for each address that was told of it.
pub const PRUNED: &str = "reachd_store_pruned_sessions_total";

/// Ends looked at in one transaction, so that none takes long.
const AT_ONCE: usize = 1000;
/// Between two of them, so that commits go first.
const BREATH: Duration = Duration::from_millis(20);

/// Forgets sessions that ended longer ago than `after`, until told to stop. What fails is tried again at the next turn.
pub async fn run<S: Store>(store: S, after: Duration, stop: CancellationToken) {
    describe_counter!(
        PRUNED,
        "Ended sessions and addresses of theirs that were forgotten"
    );
    let pruned = counter!(PRUNED);
    pruned.increment(0);
    let every = (after / 24).clamp(Duration::from_millis(100), Duration::from_secs(3600));
    let mut failing = false;
    loop {
        tokio::select! {
            () = sleep(every) => {}
            () = stop.cancelled() => return,
        }
        let turn = async {
            loop {
                let before = SystemTime::now()
                    .checked_sub(after)
                    .and_then(Timestamp::from_system_time);
                let Some(before) = before else { return Ok(()) };
                let found = store.prune(before, AT_ONCE).await?;
                pruned.increment(found);
                if found < AT_ONCE as u64 {
                    return Ok::<(), StoreError>(());
                }
                sleep(BREATH).await;
            }
        };
        let done = tokio::select! {
            done = turn => done,
            () = stop.cancelled() => return,
        };
        match done {
            Ok(()) => failing = false,
            Err(error) if failing => {
                tracing::debug!(%error, "sessions that are over still cannot be forgotten")
            }
            Err(error) => {
                failing = true;
                tracing::warn!(%error, "sessions that are over cannot be forgotten; trying again later");
            }
        }
    }
}
