//! One stream as the state knows it: what it wants, and how far it is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::history::{Change, History};
use crate::domain::SubscriberId;

/// A stream fell too far behind: changes that it has not taken are kept no longer for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too far behind")]
pub struct Slow;

/// What a stream waits for.
#[derive(Debug, Default)]
pub(super) struct Signal {
    /// There is something to take, or the stream is given up.
    news: Notify,
    slow: AtomicBool,
}

impl Signal {
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// The stream will get nothing more.
    pub(super) fn give_up(&self) {
        self.slow.store(true, Ordering::Relaxed);
        self.news.notify_one();
    }

    pub(super) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }
}

/// What a stream wants to know of.
#[derive(Debug)]
pub(super) enum Kind {
    /// Some names.
    List {
        names: Arc<[SubscriberId]>,
        /// The numbers of its changes that it has not taken.
        pending: VecDeque<u64>,
    },
    /// All.
    All {
        /// While its snapshot is being taken: after which change it knows each part; 0 for not at all.
        taken: Option<Box<[u64]>>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    Slow,
    Left,
}

#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) kind: Kind,
    /// The last change that it has, if it wants all.
    pub(super) position: u64,
    pub(super) signal: Arc<Signal>,
    life: Life,
    /// It came back with a cursor, or has had its snapshot, and has not been up to date since.
    catching_up: bool,
}

impl Watcher {
    pub(super) fn new(kind: Kind, position: u64) -> Self {
        Self {
            kind,
            position,
            signal: Arc::default(),
            life: Life::Open,
            catching_up: true,
        }
    }

    /// A change is one of its list's.
    pub(super) fn concerns(&mut self, sequence: u64) {
        if self.life == Life::Open
            && let Kind::List { pending, .. } = &mut self.kind
        {
            pending.push_back(sequence);
        }
    }

    /// The last change is this one now. Who was up to date once may be at most `queue` behind; before that, and while a
    /// snapshot is taken, as far as the history reaches.
    pub(super) fn moved(&mut self, head: u64, queue: u64, history: u64) {
        if self.life != Life::Open {
            return;
        }
        let behind = head - self.place(head);
        self.catching_up &= behind > 0 || matches!(self.kind, Kind::All { taken: Some(_) });
        let bound = if self.catching_up { history } else { queue };
        if behind > bound {
            self.life = Life::Slow;
            self.drop_pending();
            self.signal.give_up();
        } else if behind > 0 {
            self.signal.news.notify_one();
        }
    }

    /// The last change before those that it has yet to take.
    pub(super) fn place(&self, head: u64) -> u64 {
        match &self.kind {
            Kind::All { .. } => self.position,
            // What came before, or meanwhile, is not its concern.
            Kind::List { pending, .. } => pending.front().map_or(head, |first| first - 1),
        }
    }

    /// The next changes, at most so many.
    pub(super) fn take(&mut self, history: &History, most: usize) -> Result<Vec<Change>, Slow> {
        if self.life == Life::Slow {
            return Err(Slow);
        }
        let changes: Vec<_> = match &mut self.kind {
            Kind::All { .. } => {
                let changes = history.after(self.position).ok_or(Slow)?;
                changes.take(most).cloned().collect()
            }
            Kind::List { pending, .. } => {
                let count = pending.len().min(most);
                let changes = pending
                    .drain(..count)
                    .map(|sequence| history.get(sequence).cloned());
                changes.collect::<Option<_>>().ok_or(Slow)?
            }
        };
        if let Some(last) = changes.last() {
            self.position = last.sequence;
        }
        Ok(changes)
    }

    pub(super) fn leave(&mut self) {
        self.life = Life::Left;
        self.drop_pending();
    }

    pub(super) fn has_left(&self) -> bool {
        self.life == Life::Left
    }

    fn drop_pending(&mut self) {
        if let Kind::List { pending, .. } = &mut self.kind {
            *pending = VecDeque::new();
        }
    }
}
