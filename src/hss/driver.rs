//! Carries the plan out: takes questions from it, sends them, and makes durable what changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::network::{Failure, Network, Said};
use super::plan::{Ask, Outcome};
use super::{Hss, query};
use crate::diameter::apps::Answered;
use crate::diameter::apps::sh::Refusal;
use crate::diameter::client::RequestError;
use crate::domain::{NetworkResult, Node, Timestamp};
use crate::ingest::{Feed, Ingest};
use crate::store::{StoreError, SubscriptionStore};

/// Rows of one transaction.
const ROWS: usize = 1000;
/// Questions taken before changes are made durable once more.
const TOGETHER: usize = 256;
/// The plan is looked at that often, at least.
const AT_LEAST: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(3);
/// How long the last changes may take at a stop.
const LAST_SAVE: Duration = Duration::from_secs(3);

/// What carrying a plan out needs.
pub(super) struct Driver<S> {
    pub(super) hss: Hss,
    pub(super) store: S,
    pub(super) network: Network,
    pub(super) ingest: Ingest,
    pub(super) feed: Feed,
    pub(super) stop: CancellationToken,
}

/// A question that came to its end.
struct Done {
    ask: Ask,
    outcome: Outcome,
    /// Who answered, and its Origin-State-Id.
    by: Option<Node>,
    state: Option<u32>,
}

impl<S: SubscriptionStore> Driver<S> {
    /// Until told to stop. Questions under way are left to themselves then: after a restart everything is asked again.
    pub(super) async fn run(self) {
        if self.load().await {
            self.work().await;
        }
    }

    /// Whether everything that is stored is known now; if not, it is to stop.
    async fn load(&self) -> bool {
        let mut pause = FIRST_RETRY;
        loop {
            let loaded = tokio::select! {
                loaded = self.try_load() => loaded,
                () = self.stop.cancelled() => return false,
            };
            match loaded {
                Ok(()) => return true,
                Err(error) => tracing::warn!(%error, "subscriptions cannot be loaded; trying again"),
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.stop.cancelled() => return false,
            }
            pause = (pause * 2).min(LAST_RETRY);
        }
    }

    async fn try_load(&self) -> Result<(), StoreError> {
        // All at once: rows of an attempt that failed half way must not stay.
        let mut rows = Vec::new();
        self.store.load_subscriptions(&mut |row| rows.push(row)).await?;
        let now = self.hss.now();
        let mut plan = self.hss.plan();
        rows.into_iter().for_each(|row| plan.load(row, now));
        plan.loaded(now);
        Ok(())
    }

    async fn work(&self) {
        let mut under_way = JoinSet::new();
        loop {
            for ask in self.asks() {
                under_way.spawn(self.question(ask));
            }
            if !self.save_all().await {
                tracing::warn!("the last changes to subscriptions did not become durable in time");
                return;
            }
            if self.stop.is_cancelled() {
                return;
            }
            let wake = self.wake_after();
            tokio::select! {
                Some(done) = under_way.join_next() => {
                    // One that panicked waits for the next restart.
                    if let Ok(done) = done {
                        self.settle(&done);
                    }
                    while let Some(Ok(done)) = under_way.try_join_next() {
                        self.settle(&done);
                    }
                }
                () = self.hss.changed() => {}
                () = sleep(wake) => {}
                // Once more round, for the last changes.
                () = self.stop.cancelled() => {}
            }
        }
    }

    fn asks(&self) -> Vec<Ask> {
        if self.stop.is_cancelled() {
            return Vec::new();
        }
        let now = self.hss.now();
        let mut plan = self.hss.plan();
        plan.look_on(now);
        std::iter::from_fn(|| plan.next(now)).take(TOGETHER).collect()
    }

    fn wake_after(&self) -> Duration {
        let now = self.hss.now();
        let wake = self.hss.plan().wake_at(now);
        wake.map_or(AT_LEAST, |wake| wake.since(now)).min(AT_LEAST)
    }

    /// Makes every change durable, however long that takes, and tells whoever waits for it; at a stop, for a while.
    async fn save_all(&self) -> bool {
        let late = async {
            self.stop.cancelled().await;
            sleep(LAST_SAVE).await;
        };
        tokio::select! {
            () = self.save() => true,
            () = late => false,
        }
    }

    async fn save(&self) {
        loop {
            let (batch, revision) = {
                let mut plan = self.hss.plan();
                (plan.take_dirty(ROWS), plan.revision())
            };
            if batch.is_empty() {
                return self.hss.saved(revision);
            }
            let mut pause = FIRST_RETRY;
            while let Err(error) = self.store.save_subscriptions(&batch).await {
                tracing::warn!(%error, "subscriptions cannot be saved; trying again");
                sleep(pause).await;
                pause = (pause * 2).min(LAST_RETRY);
            }
        }
    }

    /// Asks one question to its end: what came with the answer is durable then, or will be told again.
    fn question(&self, ask: Ask) -> impl Future<Output = Done> + Send + 'static {
        let network = self.network.clone();
        let (ingest, feed, clock) = (
            self.ingest.clone(),
            self.feed.clone(),
            Arc::clone(&self.hss.0.clock),
        );
        async move {
            let asked_at = clock.now();
            let Said { told, by, state } = network.subscribe(&ask).await;
            let outcome = match told {
                Ok(told) => {
                    let event = query::told(ask.user.subscriber(), &told.data, asked_at, clock.now());
                    if let Some(event) = event
                        && query::keep(&ingest, &feed, event).await.is_err()
                    {
                        tracing::debug!("what an HSS told with its answer was not kept");
                    }
                    Outcome::Taken {
                        expires: told.expires,
                    }
                }
                Err(Failure::Refused(refusal)) => refused(refusal),
                // It was taken, but not in words that are understood.
                Err(Failure::Untold(_)) => Outcome::Taken { expires: None },
                Err(Failure::Unanswered(
                    RequestError::NoPeer | RequestError::Congested | RequestError::Stopped,
                )) => Outcome::NoPeer,
                Err(Failure::Unanswered(_)) => Outcome::Unanswered,
            };
            Done {
                ask,
                outcome,
                by,
                state,
            }
        }
    }

    fn settle(&self, done: &Done) {
        let now: Timestamp = self.hss.now();
        let mut plan = self.hss.plan();
        // First this, so that what was asked before the loss does not count as taken.
        if let (Some(host), Some(state)) = (&done.by, done.state) {
            plan.told(host, state, now);
        }
        plan.answered(&done.ask, done.outcome, done.by.as_ref(), now);
    }
}

/// What is about the user or about what this node may do will be refused again; the rest may pass.
fn refused(refusal: Refusal) -> Outcome {
    let result = match refusal.answered() {
        Answered::Base(code) => NetworkResult {
            vendor: 0,
            code: code.0,
        },
        Answered::Experimental(result) => NetworkResult {
            vendor: result.vendor,
            code: result.code,
        },
    };
    match refusal {
        Refusal::UserUnknown(_) | Refusal::NotAllowed(_) | Refusal::NotSupported(_) => {
            Outcome::Refused(result)
        }
        Refusal::NotNow(_) | Refusal::Other(_) => Outcome::NotNow(result),
    }
}
