//! Asking the network to watch subscribers and groups, and keeping it asked (S6t, TS 29.336 §5).
//!
//! ```text
//! operators ── add, remove ──┐                    ┌── question ──> network (HSS)
//! reports ──── notices ──────┼─> Plan ── Driver ──┤                   │ answer
//! restart ──── rows ─────────┘           │  ▲     └── rows ──> store  │
//!                                        │  └─────────────────────────┤
//!                                        └── events in answers ──> ingest
//! ```
//!
//! [`plan`] decides, [`Driver`] does: it makes every change durable before anything follows from it, be it a question to
//! the network, the answer to a report, or the answer to an operator. [`Monitoring`] is the handle that connections and
//! operators have; nothing it does blocks for longer than a look.

pub mod admin;
pub mod diameter;
mod driver;
pub mod metrics;
pub mod network;
pub mod once;
pub mod plan;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::diameter::apps::s6t::{Notice, ReportKind};
use crate::diameter::apps::{Asked, Monitored};
use crate::domain::{Node, Outcome, Registrations, SubscriberIdentifiers, Target};
use crate::feed::diameter::Asking;
use crate::index::Index;
use crate::ingest::{Ack, Feed, ReceiptClock, SubmitError};

pub use driver::Driver;
pub use plan::Settings;

use metrics::Metrics;
use plan::{Added, Census, PartStatus, Plan};

/// What is asked of the network, for whoever reads its reports or changes what is watched. All clones are one.
#[derive(Clone)]
pub struct Monitoring(Arc<Shared>);

struct Shared {
    plan: Mutex<Plan>,
    /// Acknowledgements that wait for a change to be durable: its number, and whom to tell.
    waiting: Mutex<VecDeque<(u64, Ack)>>,
    /// Every change up to this one is durable.
    saved: watch::Sender<u64>,
    /// The driver has something to look at.
    changed: Notify,
    index: Arc<Index>,
    clock: Arc<ReceiptClock>,
    /// SCEF-ID.
    identity: Box<str>,
    metrics: Metrics,
    /// What comes with answers.
    feed: Feed,
}

/// Why targets cannot be changed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// `[diameter.s6t]` names no realm to ask.
    #[error("nothing is asked here: [diameter.s6t] names no realm")]
    Off,
    /// What is stored is not known yet.
    #[error("what is watched is not loaded yet")]
    Loading,
    /// The daemon stops.
    #[error("the daemon is shutting down")]
    Stopping,
}

/// What came of changing targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Targets that were not there.
    pub added: u64,
    /// Targets that were there and are asked for again.
    pub again: u64,
    /// Targets that were there, or were to be removed and were not.
    pub unchanged: u64,
    /// Targets that are removed.
    pub removed: u64,
    /// Targets there was no room for.
    pub refused: u64,
}

impl Monitoring {
    /// A handle on what is asked under that identity. Nothing is known before a [`Driver`] has loaded it.
    pub fn new(
        identity: &str,
        settings: Option<Settings>,
        index: Arc<Index>,
        clock: Arc<ReceiptClock>,
    ) -> Self {
        Self(Arc::new(Shared {
            plan: Mutex::new(Plan::new(settings)),
            waiting: Mutex::new(VecDeque::new()),
            saved: watch::Sender::new(0),
            changed: Notify::new(),
            index,
            clock,
            identity: identity.into(),
            metrics: Metrics::register(),
            feed: Feed::register(FEED),
        }))
    }

    /// Adds and removes targets, and returns once that is durable.
    ///
    /// # Errors
    /// See [`NotNow`]; then nothing was changed, or it may become durable later, which does no harm.
    pub async fn change(&self, add: Vec<Target>, remove: Vec<Target>) -> Result<Changed, NotNow> {
        let mut changed = Changed::default();
        let revision = {
            let now = self.0.clock.now();
            let mut plan = self.plan();
            if !plan.is_enabled() {
                return Err(NotNow::Off);
            }
            if !plan.is_loaded() {
                return Err(NotNow::Loading);
            }
            for target in add {
                match plan.add(target, now) {
                    Added::New => changed.added += 1,
                    Added::Again => changed.again += 1,
                    Added::Unchanged => changed.unchanged += 1,
                    Added::Full => changed.refused += 1,
                }
            }
            for target in &remove {
                if plan.remove(target, now) {
                    changed.removed += 1;
                } else {
                    changed.unchanged += 1;
                }
            }
            plan.revision()
        };
        self.0.changed.notify_one();
        let mut saved = self.0.saved.subscribe();
        match saved.wait_for(|saved| *saved >= revision).await {
            Ok(saved) if *saved == STOPPED => Err(NotNow::Stopping),
            Ok(_) => Ok(changed),
            Err(_) => Err(NotNow::Stopping),
        }
    }

    /// Whether anything can be asked here.
    pub fn is_enabled(&self) -> bool {
        self.plan().is_enabled()
    }

    /// How many are how far. `None` before everything is loaded.
    pub fn census(&self) -> Option<Census> {
        let now = self.0.clock.now();
        let plan = self.plan();
        plan.is_loaded().then(|| plan.census(now))
    }

    /// How far one target is; `None` if it is not watched.
    ///
    /// # Errors
    /// [`NotNow::Loading`].
    pub fn status(&self, target: &Target) -> Result<Option<[PartStatus; 3]>, NotNow> {
        let plan = self.plan();
        if plan.is_loaded() {
            Ok(plan.status(target))
        } else {
            Err(NotNow::Loading)
        }
    }

    /// Brings what is read at a scrape up to date.
    pub fn observe(&self) {
        if let Some(census) = self.census() {
            self.0.metrics.observe(&census);
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        // A change that panicked half way leaves a plan that asks too much or too little, and is mended by a restart.
        self.0.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<(u64, Ack)>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every change up to this one is durable: whoever waits is told.
    fn saved(&self, revision: u64) {
        self.plan().saved(revision);
        self.0.saved.send_replace(revision);
        loop {
            let ack = {
                let mut waiting = self.waiting();
                match waiting.front() {
                    Some((of, _)) if *of <= revision => waiting.pop_front(),
                    _ => None,
                }
            };
            match ack {
                Some((_, ack)) => ack.send(Ok(Outcome::Applied.into())),
                None => return,
            }
        }
    }
}

/// The name of what comes with answers, in the metrics of events.
const FEED: &str = "monitoring";

/// Stands in the place of the last durable change once nothing becomes durable any more.
const STOPPED: u64 = u64::MAX;

impl Asked for Monitoring {
    fn monitored(&self, reference: u64) -> Monitored {
        self.plan().monitored(reference)
    }

    fn subscribed(&self, _: &SubscriberIdentifiers) -> Option<bool> {
        // Nothing is asked over Sh here.
        Some(false)
    }

    fn identity(&self) -> Option<&str> {
        Some(&self.0.identity)
    }

    fn registrations(&self, subscriber: &SubscriberIdentifiers) -> Registrations {
        self.0.index.registrations(&subscriber.strongest())
    }
}

impl Asking for Monitoring {
    fn notice(&self, notices: &[Notice], ack: Ack) -> Result<(), SubmitError> {
        let now = self.0.clock.now();
        let (changed, revision) = {
            let mut plan = self.plan();
            if !plan.is_loaded() {
                return Err(SubmitError::Full);
            }
            let mut changed = false;
            for notice in notices {
                changed |= plan.notice(notice, now);
            }
            (changed, plan.revision())
        };
        if *self.0.saved.borrow() >= revision && !changed {
            ack.send(Ok(Outcome::Duplicate.into()));
            return Ok(());
        }
        // Numbers grow, so the queue is sorted but for neighbours that overtook each other here; those wait a little longer.
        self.waiting().push_back((revision, ack));
        self.0.changed.notify_one();
        Ok(())
    }

    fn reset(&self, server: &Node) {
        let host = server.clone();
        self.plan().notice(&Notice::Reset { host }, self.0.clock.now());
        self.0.changed.notify_one();
    }

    fn restarted(&self, peer: &Node, id: u32) {
        self.plan().restarted(peer, id);
        self.0.changed.notify_one();
    }

    fn count(&self, kinds: &[ReportKind]) {
        self.0.metrics.reports(kinds);
    }
}

impl fmt::Debug for Monitoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitoring").finish_non_exhaustive()
    }
}
