//! Forgetting addresses that nobody has any more, from time to time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Index;
use crate::domain::Timestamp;

/// Forgets addresses that nobody has and of which nothing was told for longer than `after`, until told to stop.
pub async fn run(index: Arc<Index>, after: Duration, stop: CancellationToken) {
    let every = (after / 24).clamp(Duration::from_millis(100), Duration::from_secs(600));
    loop {
        tokio::select! {
            () = sleep(every) => {}
            () = stop.cancelled() => return,
        }
        if let Some(now) = Timestamp::from_system_time(SystemTime::now()) {
            index.forget_addresses(now, after);
        }
    }
}
