//! Who wants to hear of changes: of a list of devices, or of all.
//!
//! ```text
//!  index ── marks whoever was touched ──> task: look again, compare ──> history ──┬─> watcher of all: a place in it
//!                                          ^ time passes                          └─> watcher of a list: its numbers
//! ```
//!
//! The index marks subscribers and does no more, and only while somebody watches. One task looks at their names again
//! (`names`), and what differs from what was last told (status, data, SMS; not times, not freshness) becomes a numbered
//! change in a ring ([`history`]). A stream is a place in it (`state`), so a slow one costs nothing and harms nobody, and a
//! client that comes back with a [`Cursor`] goes on where it was, or is told that it cannot. Bounds: [`WatchConfig`].
//!
//! A name is an identifier by which devices are asked for. What is told of one says nothing of others of the same device,
//! and so a device with two names is told of under both. This module knows no protocol.

pub mod config;
pub mod cursor;
pub mod history;
pub mod metrics;
mod names;
mod parts;
mod state;
mod subscription;
mod watcher;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::domain::{Identifier, Reachability, Timestamp};
use crate::index::Index;

pub use config::WatchConfig;
pub use cursor::Cursor;
pub use history::Change;
pub use subscription::{Delivery, Subscription};
pub use watcher::Slow;

use metrics::Metrics;
use state::{Look, State};

/// Subscribers looked at in one go, so that nobody waits long for the state.
const AT_ONCE: usize = 256;
/// A clock that is set is noticed after this long.
const CLOCK_CHECK: Duration = Duration::from_secs(1);

/// How a stream begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Where its cursor is.
    Resumed,
    /// With how the names of its list stand, in their order.
    List {
        /// `None`: names nobody.
        answers: Vec<Option<Reachability>>,
        /// There was a cursor, and it is too far back or of another run.
        expired: bool,
    },
    /// With how all names stand, to be asked for part by part.
    All {
        /// As above.
        expired: bool,
    },
}

/// Why a stream cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// `watch.max_devices` would be exceeded.
    #[error("too many devices are watched")]
    TooManyDevices,
}

/// Where to watch. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    index: Arc<Index>,
    state: Mutex<State>,
    /// Something is due earlier than it was.
    rearm: Notify,
    metrics: Metrics,
}

impl Watch {
    /// Watches an index. Nothing is told before [`Self::run`] runs.
    pub fn new(config: &WatchConfig, index: Arc<Index>) -> Self {
        let epoch = RandomState::new().build_hasher().finish();
        Self(Arc::new(Shared {
            index,
            state: Mutex::new(State::new(config, epoch)),
            rearm: Notify::new(),
            metrics: Metrics::register(),
        }))
    }

    /// Watches a list of names, none of them twice, from a cursor on or from how they stand.
    ///
    /// # Errors
    /// [`Refused::TooManyDevices`].
    pub fn list(
        &self,
        identifiers: &[Identifier],
        from: Option<Cursor>,
    ) -> Result<(Subscription, Begin), Refused> {
        let mut state = self.state();
        self.0.index.touched().watch(true);
        let begun = state.begin_list(identifiers, from, self.look(Instant::now()));
        if begun.is_err() && state.forget_left(Instant::now()) {
            self.0.index.touched().watch(false);
        }
        drop(state);
        let (id, signal, begin) = begun?;
        self.begun(from, &begin);
        Ok((Subscription::new(self.clone(), id, signal), begin))
    }

    /// Watches all names, from a cursor on or from how they stand.
    pub fn all(&self, from: Option<Cursor>) -> (Subscription, Begin) {
        let mut state = self.state();
        self.0.index.touched().watch(true);
        let (id, signal, begin) = state.begin_all(from);
        drop(state);
        self.begun(from, &begin);
        (Subscription::new(self.clone(), id, signal), begin)
    }

    fn begun(&self, from: Option<Cursor>, begin: &Begin) {
        self.0.rearm.notify_one();
        if from.is_some() {
            self.0.metrics.came_back(matches!(begin, Begin::Resumed));
        }
    }

    /// Looks at whoever was touched, until told to stop. One task alone may do so.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let pause = self.pause();
            tokio::select! {
                () = self.0.index.touched().wait() => {}
                () = self.0.rearm.notified() => {}
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
            self.look_at_touched().await;
            while self.state().time_passed(self.look(Instant::now())) {
                tokio::task::yield_now().await;
            }
            let mut state = self.state();
            if state.forget_left(Instant::now()) {
                self.0.index.touched().watch(false);
            }
        }
    }

    async fn look_at_touched(&self) {
        loop {
            let marks = self.0.index.touched().take();
            let Some(since) = marks.since else { return };
            let ids: Vec<_> = marks.ids.into_iter().collect();
            for some in ids.chunks(AT_ONCE) {
                self.state().changed(some, &marks.externals, self.look(since));
                // Streams and other tasks have their turn.
                tokio::task::yield_now().await;
            }
        }
    }

    /// How long nothing is due.
    fn pause(&self) -> Duration {
        let (due, leaving) = self.state().next_due();
        let until_due = due.map(|due| due.since(now()).min(CLOCK_CHECK));
        let until_left = leaving.map(|left| left.saturating_duration_since(Instant::now()));
        let pause = until_due.into_iter().chain(until_left).min();
        pause.unwrap_or(Duration::from_secs(3600))
    }

    fn look(&self, seen: Instant) -> Look<'_> {
        Look {
            index: &self.0.index,
            now: now(),
            seen,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked left each name looked at or not looked at yet.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings what is read at a scrape up to date.
    pub fn observe(&self) {
        let state = self.state();
        let (streams, devices, changes) = (state.streams(), state.devices(), state.changes());
        drop(state);
        self.0.metrics.observe(streams, devices, changes);
    }
}

/// By the clock that lookups are judged by.
fn now() -> Timestamp {
    Timestamp::from_system_time(SystemTime::now()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
