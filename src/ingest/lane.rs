//! One lane: collect, commit, apply, acknowledge; one batch at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};

use super::{Refused, Shared, Submission, batch};
use crate::store::{Batch, Store, StoreError};

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(2);

pub(super) struct Lane<S> {
    shared: Arc<Shared<S>>,
    queue: mpsc::Receiver<Submission>,
    depth: Arc<AtomicUsize>,
}

impl<S: Store> Lane<S> {
    pub(super) fn new(
        shared: Arc<Shared<S>>,
        queue: mpsc::Receiver<Submission>,
        depth: Arc<AtomicUsize>,
    ) -> Self {
        Self { shared, queue, depth }
    }

    pub(super) async fn run(mut self) {
        let mut collected = Vec::with_capacity(self.shared.config.batch);
        while self.collect(&mut collected).await {
            self.depth.fetch_sub(collected.len(), Ordering::Relaxed);
            self.keep_news(&mut collected);
            if !collected.is_empty() {
                self.shared.busy.fetch_add(1, Ordering::Relaxed);
                self.finish(&mut collected).await;
                self.shared.busy.fetch_sub(1, Ordering::Relaxed);
            }
            collected.clear();
        }
    }

    /// Waits for events until a batch is due. False when there will be no more.
    async fn collect(&mut self, into: &mut Vec<Submission>) -> bool {
        let most = self.shared.config.batch;
        let received = tokio::select! {
            biased;
            received = self.queue.recv_many(into, most) => received,
            () = self.shared.drain.cancelled() => {
                // Whoever got a place before still delivers; then recv_many tells that this was all.
                self.queue.close();
                self.queue.recv_many(into, most).await
            }
        };
        if received == 0 {
            return false;
        }
        if self.shared.busy.load(Ordering::Relaxed) > 0 {
            let due = tokio::time::Instant::now() + self.shared.config.linger;
            while into.len() < most {
                let room = most - into.len();
                tokio::select! {
                    biased;
                    received = self.queue.recv_many(into, room) => if received == 0 { break },
                    () = sleep_until(due) => break,
                }
            }
        }
        true
    }

    /// Acknowledges what is durable already, so that only news costs the store anything.
    fn keep_news(&self, collected: &mut Vec<Submission>) {
        collected.retain(
            |submission| match self.shared.index.already_known(&submission.event) {
                Some(outcome) => {
                    submission.feed.finished(&submission.event, outcome);
                    submission.ack.send(Ok(outcome.into()));
                    false
                }
                None => true,
            },
        );
    }

    /// Commits, applies and acknowledges. If the store refuses the batch, it is halved until the event it refuses
    /// stands alone: one bad event harms no other.
    async fn finish(&self, collected: &mut Vec<Submission>) {
        let mut parts = vec![std::mem::take(collected)];
        while let Some(mut part) = parts.pop() {
            let rows = batch::rows(part.iter().map(|submission| &submission.event));
            match self.commit(&rows).await {
                Ok(()) => self.publish(&part),
                Err(Refused::ShuttingDown) => self.refuse(&part, Refused::ShuttingDown),
                Err(Refused::Store) if part.len() == 1 => self.refuse(&part, Refused::Store),
                Err(Refused::Store) => {
                    let later = part.split_off(part.len() / 2);
                    parts.push(later);
                    parts.push(part);
                }
            }
        }
    }

    /// Tries until it is durable, or certain that it cannot be.
    async fn commit(&self, rows: &Batch) -> Result<(), Refused> {
        let metrics = &self.shared.metrics;
        let mut pause = FIRST_RETRY;
        loop {
            let begun = Instant::now();
            let committed = tokio::select! {
                committed = self.shared.store.commit(rows) => committed,
                () = self.shared.abort.cancelled() => return Err(Refused::ShuttingDown),
            };
            match committed {
                Ok(()) => {
                    metrics.commit_seconds.record(begun.elapsed());
                    metrics
                        .batch_rows
                        .record((rows.registrations.len() + rows.bindings.len()) as f64);
                    if pause > FIRST_RETRY {
                        tracing::info!("the store takes commits again");
                    }
                    metrics.store_up.set(1);
                    return Ok(());
                }
                Err(error) if error.is_transient() => {
                    self.report(&error, pause);
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = self.shared.abort.cancelled() => return Err(Refused::ShuttingDown),
                    }
                    pause = (pause * 2).min(LAST_RETRY);
                }
                Err(error) => {
                    tracing::error!(%error, rows = rows.registrations.len(), "the store refuses a batch");
                    return Err(Refused::Store);
                }
            }
        }
    }

    fn report(&self, error: &StoreError, pause: Duration) {
        self.shared.metrics.store_retries.increment(1);
        self.shared.metrics.store_up.set(0);
        // Once per outage and lane; the counter tells the rest.
        if pause == FIRST_RETRY {
            tracing::warn!(%error, "the store does not take commits; events wait, lookups go on");
        }
    }

    fn publish(&self, part: &[Submission]) {
        for submission in part {
            let effect = self.shared.index.apply(&submission.event);
            self.shared
                .metrics
                .lag_seconds
                .record(submission.accepted.elapsed());
            submission.feed.finished(&submission.event, effect.outcome);
            submission.ack.send(Ok(effect));
        }
    }

    fn refuse(&self, part: &[Submission], refused: Refused) {
        for submission in part {
            submission.feed.refused(refused.into());
            submission.ack.send(Err(refused));
        }
    }
}
