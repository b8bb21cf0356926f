//! What a lookup has asked of the network when an answer is less fresh than it should be.
//!
//! Questions about the same user at the same time are one; there are only so many in a second, and nobody waits for longer
//! than a while. What comes later is kept all the same. Who is asked, and how, is for whoever puts a [`Refresher`] together.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Counter, counter, describe_counter};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::domain::User;
use crate::ingest::ReceiptClock;
use crate::pace::Window;

/// What became of wishes to ask for a lookup, by result.
pub const QUERIES: &str = "reachd_lookup_queries_total";

/// Users asked about at the same time; of a way of asking fewer requests may be in flight.
const MAX_UNDER_WAY: usize = 1000;

/// Whether something was told, once that is so.
pub type Asking<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// Somebody who can be asked how a user is.
pub trait Ask: fmt::Debug + Send + Sync {
    /// Asks, in bounded time. What is told is visible when it returns `true`; nothing is told where it returns `false`, or
    /// what is told could not be kept.
    fn ask<'a>(&'a self, user: &'a User) -> Asking<'a>;
}

/// Asks the network for lookups. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Refresher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Asked in this order until one of them tells something.
    whom: Vec<Box<dyn Ask>>,
    clock: Arc<ReceiptClock>,
    within: Duration,
    budget: Mutex<Window>,
    under_way: Mutex<HashMap<User, watch::Receiver<()>>>,
    asked: Counter,
    joined: Counter,
    over_budget: Counter,
    timed_out: Counter,
}

impl Refresher {
    /// Asks `whom`, the next one if one of them tells nothing, about at most `rate` users a second, and waits no longer than
    /// `within`.
    pub fn new(whom: Vec<Box<dyn Ask>>, clock: Arc<ReceiptClock>, rate: u32, within: Duration) -> Self {
        describe_counter!(
            QUERIES,
            "Wishes to ask an HSS for a lookup, by what became of them"
        );
        let result = |result: &'static str| {
            let counter = counter!(QUERIES, "result" => result);
            counter.increment(0);
            counter
        };
        Self(Arc::new(Inner {
            whom,
            clock,
            within,
            budget: Mutex::new(Window::new(rate)),
            under_way: Mutex::default(),
            asked: result("asked"),
            joined: result("joined"),
            over_budget: result("over_budget"),
            timed_out: result("timed_out"),
        }))
    }

    /// Asks about each of these users, as far as there is room for questions, and waits for what is told of all of them to be
    /// visible.
    pub async fn refresh(&self, users: impl IntoIterator<Item = User>) {
        // All are asked before the first is waited for.
        let mut waiting: Vec<_> = users.into_iter().filter_map(|user| self.begin(user)).collect();
        let all = async {
            while let Some(done) = waiting.last_mut() {
                // It has no value but its end.
                let _ = done.changed().await;
                waiting.pop();
            }
        };
        if timeout(self.0.within, all).await.is_err() {
            let late = waiting.iter().filter(|done| done.has_changed().is_ok()).count();
            self.0
                .timed_out
                .increment(u64::try_from(late).unwrap_or(u64::MAX));
        }
    }

    /// Takes part in the question about a user, or asks it.
    fn begin(&self, user: User) -> Option<watch::Receiver<()>> {
        let inner = &self.0;
        let mut under_way = inner.under_way();
        let room = under_way.len() < MAX_UNDER_WAY;
        match under_way.entry(user.clone()) {
            Entry::Occupied(known) => {
                inner.joined.increment(1);
                Some(known.get().clone())
            }
            Entry::Vacant(_) if !room || !inner.may_ask() => {
                inner.over_budget.increment(1);
                None
            }
            Entry::Vacant(place) => {
                inner.asked.increment(1);
                let (ends, done) = watch::channel(());
                place.insert(done.clone());
                let under_way = UnderWay {
                    inner: Arc::clone(inner),
                    user,
                    _ends: ends,
                };
                tokio::spawn(async move { under_way.ask().await });
                Some(done)
            }
        }
    }
}

/// A question. However it ends, it is no longer under way then, and whoever waits is told.
struct UnderWay {
    inner: Arc<Inner>,
    user: User,
    _ends: watch::Sender<()>,
}

impl UnderWay {
    async fn ask(&self) {
        for whom in &self.inner.whom {
            if whom.ask(&self.user).await {
                return;
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.inner.under_way().remove(&self.user);
    }
}

impl Inner {
    fn under_way(&self) -> MutexGuard<'_, HashMap<User, watch::Receiver<()>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_ask(&self) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.leave(self.clock.now())
    }
}

#[cfg(test)]
mod tests;
