//! Which subscribers' answers may differ since somebody looked last: for those who watch.
//!
//! A set and no queue: whoever is touched twice before anyone looks is there once, so it never holds more than the index
//! does. While nobody watches, touching costs one relaxed load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hashbrown::{HashMap, HashSet};
use tokio::sync::Notify;

use crate::domain::{ExternalIdentifier, SubscriberId};

/// What was touched since the last [`Touched::take`].
#[derive(Debug, Default)]
pub struct Marks {
    /// Under each of these ids, or of an identifier with this very id, something has changed.
    pub ids: HashSet<SubscriberId>,
    /// The texts of those that are external identifiers and came to a holder: their ids do not tell them.
    pub externals: HashMap<SubscriberId, ExternalIdentifier>,
    /// When the first of them was touched.
    pub since: Option<Instant>,
}

impl Marks {
    /// Whether nothing was touched.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// The marks, and who waits for them.
#[derive(Debug, Default)]
pub struct Touched {
    watched: AtomicBool,
    marks: Mutex<Marks>,
    wake: Notify,
}

impl Touched {
    /// Whether anybody wants to know.
    ///
    /// Relaxed is enough. Who begins to watch says so first and reads the tables then; who changes a table asks
    /// afterwards. Either the reader meets the change behind the table's lock, or the lock carries the word over.
    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Begins to mark, or ceases to and forgets.
    pub fn watch(&self, watched: bool) {
        self.watched.store(watched, Ordering::Relaxed);
        if !watched {
            drop(self.take());
        }
    }

    pub(super) fn add(
        &self,
        ids: impl IntoIterator<Item = SubscriberId>,
        external: Option<&ExternalIdentifier>,
    ) {
        let mut marks = self.marks();
        let was_empty = marks.is_empty();
        marks.ids.extend(ids);
        if let Some(external) = external {
            marks.externals.insert(external.into(), external.clone());
        }
        if was_empty {
            marks.since = Some(Instant::now());
            drop(marks);
            self.wake.notify_one();
        }
    }

    /// Everything touched since the last time.
    pub fn take(&self) -> Marks {
        std::mem::take(&mut *self.marks())
    }

    /// Waits until something is touched. For one task alone.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
