//! Does what the plan decides: makes changes durable, sends questions, takes answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::network::{Network, Reply};
use super::plan::{Ask, Outcome, Plan};
use super::{Monitoring, STOPPED, metrics};
use crate::diameter::apps::s6t::Notice;
use crate::domain::Event;
use crate::ingest::{Ack, Acked, Acknowledge, Feed, Ingest};
use crate::store::{MonitoringStore, StoreError};

/// Rows in one transaction.
const ROWS: usize = 3000;
/// Questions that are made durable together.
const TOGETHER: usize = 256;
/// However little there is to do, it is looked that often.
const AT_LEAST: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(3);
/// How long the last changes may take to become durable at a stop.
const LAST_SAVE: Duration = Duration::from_secs(2);

/// What came of one question, all told.
struct Done {
    ask: Ask,
    outcome: Outcome,
    notices: Vec<Notice>,
}

/// Drives a [`Monitoring`].
#[derive(Debug)]
pub struct Driver<S, N> {
    monitoring: Monitoring,
    store: S,
    network: Arc<N>,
    ingest: Ingest,
    stop: CancellationToken,
}

impl<S: MonitoringStore, N: Network> Driver<S, N> {
    /// A driver that runs until `stop`.
    pub fn new(
        monitoring: Monitoring,
        store: S,
        network: N,
        ingest: Ingest,
        stop: CancellationToken,
    ) -> Self {
        Self {
            monitoring,
            store,
            network: Arc::new(network),
            ingest,
            stop,
        }
    }

    /// Takes what is stored, once. Returns how many rows there were. May be tried again after a failure.
    ///
    /// # Errors
    /// What is stored cannot be read, or not be used.
    pub async fn load(&self) -> Result<u64, StoreError> {
        let monitoring = &self.monitoring;
        let next_reference = self.store.begin_monitoring(&monitoring.0.identity).await?;
        // Into a plan of its own: rows of an attempt that failed half way must not stay.
        let mut plan = Plan::new(monitoring.plan().settings());
        let count = self.store.load_monitoring(&mut |row| plan.load(row)).await?;
        plan.loaded(next_reference, monitoring.0.clock.now());
        *monitoring.plan() = plan;
        Ok(count)
    }

    /// What the network told because it was asked; `None` where nothing is asked.
    pub fn feed(&self) -> Option<Feed> {
        self.monitoring
            .is_enabled()
            .then(|| self.monitoring.0.feed.clone())
    }

    /// Asks until told to stop, once everything was [loaded](Self::load).
    pub async fn run(self) {
        let _open = self.monitoring.0.feed.session();
        self.work().await;
        // Whoever still waits is told that nothing more will become durable.
        self.monitoring.0.saved.send_replace(STOPPED);
    }

    async fn work(&self) {
        let mut under_way = JoinSet::new();
        loop {
            let asks = if self.stop.is_cancelled() {
                Vec::new()
            } else {
                self.asks()
            };
            if !self.save_all().await {
                tracing::warn!("the last changes to what is watched did not become durable in time");
                return;
            }
            if self.stop.is_cancelled() {
                return;
            }
            for ask in asks {
                under_way.spawn(self.question(ask));
            }
            let wake = self.wake_after();
            tokio::select! {
                Some(done) = under_way.join_next() => {
                    // A question that panicked is lost; its target waits for the next restart.
                    if let Ok(done) = done {
                        self.settle(&done);
                    }
                    while let Some(Ok(done)) = under_way.try_join_next() {
                        self.settle(&done);
                    }
                }
                () = self.monitoring.0.changed.notified() => {}
                () = sleep(wake) => {}
                // Once more round, for the last changes.
                () = self.stop.cancelled() => {}
            }
        }
    }

    fn asks(&self) -> Vec<Ask> {
        let now = self.monitoring.0.clock.now();
        let mut plan = self.monitoring.plan();
        let mut asks = Vec::new();
        while asks.len() < TOGETHER
            && let Some(ask) = plan.next(now)
        {
            asks.push(ask);
        }
        asks
    }

    fn wake_after(&self) -> Duration {
        let now = self.monitoring.0.clock.now();
        let wake = self.monitoring.plan().wake_at(now);
        wake.map_or(AT_LEAST, |wake| wake.since(now)).min(AT_LEAST)
    }

    /// Makes every change durable, however long that takes, and tells whoever waits for it. At a stop it is given up after
    /// a while: then not everything is durable, and nobody is told.
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
                let now = self.monitoring.0.clock.now();
                let mut plan = self.monitoring.plan();
                let batch = plan.take_dirty(ROWS, now);
                (batch, plan.revision())
            };
            if batch.is_empty() {
                return self.monitoring.saved(revision);
            }
            let mut pause = FIRST_RETRY;
            while let Err(error) = self.store.save_monitoring(&batch).await {
                tracing::warn!(%error, "what is watched cannot be saved; trying again");
                sleep(pause).await;
                pause = (pause * 2).min(LAST_RETRY);
            }
        }
    }

    /// Asks one question to its end: what came with the answer is durable then.
    fn question(&self, ask: Ask) -> impl Future<Output = Done> + Send + 'static {
        let network = Arc::clone(&self.network);
        let (ingest, feed) = (self.ingest.clone(), self.monitoring.0.feed.clone());
        async move {
            let reply = network.ask(&ask.question).await;
            metrics::asked(&reply);
            match reply {
                Reply::Answered { host, answer } => {
                    submit(&ingest, &feed, answer.events.into_vec()).await;
                    Done {
                        ask,
                        outcome: Outcome::Answered {
                            host,
                            result: answer.result,
                            refused: answer.refused,
                        },
                        notices: answer.notices,
                    }
                }
                Reply::Unanswered => Done {
                    ask,
                    outcome: Outcome::Unanswered,
                    notices: Vec::new(),
                },
                Reply::NoPeer => Done {
                    ask,
                    outcome: Outcome::NoPeer,
                    notices: Vec::new(),
                },
            }
        }
    }

    fn settle(&self, done: &Done) {
        let now = self.monitoring.0.clock.now();
        let mut plan = self.monitoring.plan();
        plan.answered(&done.ask, &done.outcome, now);
        for notice in &done.notices {
            plan.notice(notice, now);
        }
    }
}

/// Hands events over and waits until they are durable, or will never be. Whether all of them are.
pub(super) async fn submit(ingest: &Ingest, feed: &Feed, events: Vec<Event>) -> bool {
    let all = events.len();
    if events.is_empty() {
        return true;
    }
    let (to, mut acks) = mpsc::unbounded_channel::<Acked>();
    let to: Arc<dyn Acknowledge> = Arc::new(to);
    let mut under_way = 0;
    for event in events {
        let ack = Ack {
            to: Arc::clone(&to),
            token: under_way,
        };
        if ingest.submit_wait(feed, event, ack).await.is_err() {
            break;
        }
        under_way += 1;
    }
    drop(to);
    let mut durable = 0;
    while under_way > 0
        && let Some(acked) = acks.recv().await
    {
        under_way -= 1;
        durable += usize::from(acked.result.is_ok());
    }
    durable == all
}
