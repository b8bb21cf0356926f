//! A stream's end of what it watches.

use std::sync::Arc;
use std::time::Instant;

use super::Watch;
use super::cursor::Cursor;
use super::history::Change;
use super::watcher::{Signal, Slow};
use crate::domain::{Identifier, Reachability};
use crate::index::Index;

/// What a stream has taken.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// In their order; none if nothing has changed.
    pub changes: Vec<Change>,
    /// The place after them, and after everything that does not concern the stream.
    pub cursor: Cursor,
}

/// What one stream watches, and how far it is. Dropping it ends that, after `watch.linger`.
#[derive(Debug)]
pub struct Subscription {
    watch: Watch,
    id: u64,
    signal: Arc<Signal>,
}

impl Subscription {
    /// In how many parts a snapshot of all is taken.
    pub const PARTS: usize = Index::PARTS;

    pub(super) fn new(watch: Watch, id: u64, signal: Arc<Signal>) -> Self {
        Self { watch, id, signal }
    }

    /// How the names of one part stand. With millions of names it takes milliseconds: not for an asynchronous task.
    pub fn snapshot_part(&self, part: usize) -> Vec<(Identifier, Reachability)> {
        let mut state = self.watch.state();
        let standing = state.snapshot_part(self.id, part, self.watch.look(Instant::now()));
        drop(state);
        self.watch.0.rearm.notify_one();
        standing
    }

    /// After every part: what has changed since it was taken, at most `most` changes at a time. `None`: that was all.
    ///
    /// # Errors
    /// [`Slow`] if more has changed meanwhile than `watch.history` holds.
    pub fn catch_up(&self, most: usize) -> Result<Option<Vec<Change>>, Slow> {
        let caught_up = self.watch.state().catch_up(self.id, most);
        caught_up.inspect_err(|_| self.signal.give_up())
    }

    /// Waits until there may be something to take.
    pub async fn news(&self) {
        self.signal.news().await;
    }

    /// Whether the stream fell too far behind, and will get nothing more.
    pub fn is_slow(&self) -> bool {
        self.signal.is_slow()
    }

    /// Takes the next changes, at most `most`.
    ///
    /// # Errors
    /// [`Slow`].
    pub fn take(&self, most: usize) -> Result<Delivery, Slow> {
        let mut state = self.watch.state();
        let changes = state.take(self.id, most).inspect_err(|_| self.signal.give_up())?;
        let cursor = state.cursor(self.id);
        drop(state);
        self.watch.0.metrics.delivered(&changes);
        Ok(Delivery { changes, cursor })
    }

    /// The place up to which nothing is left to take.
    pub fn cursor(&self) -> Cursor {
        self.watch.state().cursor(self.id)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.is_slow() {
            self.watch.0.metrics.slow();
        }
        self.watch.state().leave(self.id, Instant::now());
        self.watch.0.rearm.notify_one();
    }
}
