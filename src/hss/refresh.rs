//! What a lookup has asked when an answer is less fresh than it should be.
//!
//! Questions about the same user at the same time are one; there are only so many in a second, and nobody waits for longer
//! than a while. What comes later is kept all the same.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Counter, counter, describe_counter};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Hss;
use crate::domain::{Timestamp, User};
use crate::pace::Window;

/// What became of wishes to ask for a lookup, by result.
pub const QUERIES: &str = "reachd_lookup_queries_total";

/// Users asked about at the same time; over Sh fewer may be in flight.
const MAX_UNDER_WAY: usize = 1000;

/// Asks HSSs for lookups. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Refresher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hss: Hss,
    within: Duration,
    budget: Mutex<Window>,
    under_way: Mutex<HashMap<User, watch::Receiver<()>>>,
    asked: Counter,
    joined: Counter,
    over_budget: Counter,
    timed_out: Counter,
}

impl Refresher {
    /// Asks through `hss`, at most `rate` questions a second, and waits no longer than `within`.
    pub fn new(hss: Hss, rate: u32, within: Duration) -> Self {
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
            hss,
            within,
            budget: Mutex::new(Window::new(rate)),
            under_way: Mutex::default(),
            asked: result("asked"),
            joined: result("joined"),
            over_budget: result("over_budget"),
            timed_out: result("timed_out"),
        }))
    }

    /// Asks about a user, if there is room for a question, and waits for what is told to be visible.
    pub async fn refresh(&self, user: User) {
        if let Some(mut done) = self.begin(user)
            && timeout(self.0.within, done.changed()).await.is_err()
        {
            self.0.timed_out.increment(1);
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
                let inner = Arc::clone(inner);
                tokio::spawn(async move {
                    // What is told is kept by the query; that nothing is, leaves the answer as it was.
                    let _ = inner.hss.query(&user).await;
                    inner.under_way().remove(&user);
                    drop(ends);
                });
                Some(done)
            }
        }
    }
}

impl Inner {
    fn under_way(&self) -> MutexGuard<'_, HashMap<User, watch::Receiver<()>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_ask(&self) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let now: Timestamp = self.hss.now();
        budget.leave(now)
    }
}
