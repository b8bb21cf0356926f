//! How a feed that comes while the daemon runs gets its number before its first event.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::{Feed, Ingest};
use crate::domain::FeedId;

/// Whoever waits longer goes on without a number: what it tells is then confirmed by itself alone. Only a store that is not
/// available makes anybody wait, and nothing becomes durable then anyway.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between those who need numbers and the one who gives them.
#[derive(Debug, Default)]
pub(super) struct Naming {
    /// Somebody gives numbers.
    given: AtomicBool,
    pending: AtomicBool,
    wanted: Notify,
    named: Notify,
}

impl Ingest {
    /// Waits until a feed has its number, if there is anybody who gives numbers; not for long.
    pub async fn introduce(&self, feed: &Feed) {
        let naming = &self.naming;
        if feed.id() != FeedId::NONE || !naming.given.load(Relaxed) {
            return;
        }
        let named = async {
            loop {
                let named = naming.named.notified();
                tokio::pin!(named);
                named.as_mut().enable();
                if feed.id() != FeedId::NONE {
                    return;
                }
                naming.pending.store(true, Relaxed);
                naming.wanted.notify_one();
                named.await;
            }
        };
        // Who comes too late for a number has none.
        let _ = timeout(PATIENCE, named).await;
    }

    /// From now on somebody gives numbers.
    pub fn will_name(&self) {
        self.naming.given.store(true, Relaxed);
    }

    /// Returns when a number is wanted.
    pub async fn names_wanted(&self) {
        self.naming.wanted.notified().await;
    }

    /// Whether numbers were wanted since the last time.
    pub fn wants_names(&self) -> bool {
        self.naming.pending.swap(false, Relaxed)
    }

    /// Numbers were given.
    pub fn named(&self) {
        self.naming.named.notify_waiters();
    }
}
