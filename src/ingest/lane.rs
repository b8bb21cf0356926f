//! One lane: collect, commit, apply, acknowledge; one batch at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc};
use tokio::time::{sleep, sleep_until};

use super::room::Room;
use super::{Refused, Shared, Submission, batch};
use crate::domain::{Effect, News, Outcome, Screened};
use crate::store::{Batch, Store, StoreError};

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(2);
/// After so many statement timeouts in a row, less is tried at a time.
const STATEMENT_TIMEOUTS: u32 = 3;

pub(super) struct Lane<S> {
    shared: Arc<Shared<S>>,
    queue: mpsc::Receiver<Submission>,
    room: Arc<Room>,
    turn: Arc<Mutex<()>>,
    /// Whether the last commit is to be tried again, so that an outage is told once.
    retrying: bool,
}

/// Why a part of a batch is not durable.
enum Failure {
    /// The store refuses it.
    Refused(StoreError),
    /// The store does not get done with so much at a time.
    TooMuch,
    /// There is no more time.
    Aborted,
}

impl<S: Store> Lane<S> {
    pub(super) fn new(
        shared: Arc<Shared<S>>,
        queue: mpsc::Receiver<Submission>,
        room: Arc<Room>,
        turn: Arc<Mutex<()>>,
    ) -> Self {
        Self {
            shared,
            queue,
            room,
            turn,
            retrying: false,
        }
    }

    pub(super) async fn run(mut self) {
        let mut collected = Vec::with_capacity(self.shared.config.batch);
        let turn = Arc::clone(&self.turn);
        while self.collect(&mut collected).await {
            // What is erased from now on waits until this batch is visible, and then takes it away.
            let _turn = turn.lock().await;
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

    /// Acknowledges what is durable already, so that only news costs the store anything, and what must not be.
    fn keep_news(&self, collected: &mut Vec<Submission>) {
        let screening = self.shared.tombstones.screening();
        collected.retain_mut(|submission| {
            if let Some(screening) = &screening
                && let News::Event(event) = &mut submission.news
                && screening.screen(event) == Screened::Erased
            {
                self.settle(submission, Ok(Outcome::Erased.into()));
                return false;
            }
            let known = match &submission.news {
                // What is timed by its receipt cannot have been known before.
                News::Event(event) if event.event_time == event.received_at => None,
                News::Event(event) => self.shared.index.already_known(event),
                News::GatewayRestarted(restart) => self.shared.index.restart_already_known(restart),
            };
            if let Some(outcome) = known {
                self.settle(submission, Ok(outcome.into()));
            }
            known.is_none()
        });
        self.room.announce();
    }

    /// Commits, applies and acknowledges. If the store refuses the batch, it is halved until the event it refuses
    /// stands alone: one bad event harms no other. It is also halved if the store does not get done with it, but then
    /// even a single event is tried for as long as it takes.
    async fn finish(&mut self, collected: &mut Vec<Submission>) {
        let mut parts = vec![std::mem::take(collected)];
        let (mut refused, mut reason) = (0_usize, None);
        while let Some(mut part) = parts.pop() {
            let rows = batch::rows(part.iter().map(|submission| &submission.news));
            match self.commit(&rows, part.len() > 1).await {
                Ok(()) => self.publish(&part),
                Err(Failure::Aborted) => self.refuse(&part, Refused::ShuttingDown),
                Err(Failure::Refused(error)) if part.len() == 1 => {
                    self.refuse(&part, Refused::Store);
                    refused += 1;
                    reason = Some(error);
                }
                Err(Failure::Refused(_) | Failure::TooMuch) => {
                    let later = part.split_off(part.len() / 2);
                    parts.push(later);
                    parts.push(part);
                }
            }
        }
        if let Some(error) = reason {
            tracing::error!(refused, %error, "the store refuses events; the last one for this reason");
        }
    }

    /// Tries until it is durable, or certain that it cannot be, or better done by halves where there are any.
    async fn commit(&mut self, rows: &Batch, divisible: bool) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let (mut pause, mut timeouts) = (FIRST_RETRY, 0);
        loop {
            let begun = Instant::now();
            let committed = tokio::select! {
                committed = shared.store.commit(rows) => committed,
                () = shared.abort.cancelled() => return Err(Failure::Aborted),
            };
            let error = match committed {
                Ok(()) => {
                    self.committed(rows, begun.elapsed());
                    return Ok(());
                }
                Err(error) if error.is_transient() => error,
                Err(error) => return Err(Failure::Refused(error)),
            };
            self.report(&error);
            timeouts = if error.is_statement_timeout() {
                timeouts + 1
            } else {
                0
            };
            if divisible && timeouts == STATEMENT_TIMEOUTS {
                return Err(Failure::TooMuch);
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = shared.abort.cancelled() => return Err(Failure::Aborted),
            }
            pause = (pause * 2).min(LAST_RETRY);
        }
    }

    fn committed(&mut self, rows: &Batch, took: Duration) {
        let metrics = &self.shared.metrics;
        metrics.commit_seconds.record(took);
        metrics.batch_rows.record(rows.rows() as f64);
        metrics.store_up.set(1);
        if std::mem::take(&mut self.retrying) {
            tracing::info!("the store takes commits again");
        }
    }

    fn report(&mut self, error: &StoreError) {
        self.shared.metrics.store_retries.increment(1);
        self.shared.metrics.store_up.set(0);
        // Once per outage and lane; the counter tells the rest.
        if !std::mem::replace(&mut self.retrying, true) {
            tracing::warn!(%error, "the store does not take commits; events wait, lookups go on");
        }
    }

    fn publish(&self, part: &[Submission]) {
        for submission in part {
            let effect = match &submission.news {
                News::Event(event) => self.shared.index.apply(event),
                News::GatewayRestarted(restart) => self.shared.index.apply_restart(restart).into(),
            };
            let lag = submission.accepted.elapsed();
            self.shared.metrics.lag_seconds.record(lag);
            self.settle(submission, Ok(effect));
        }
        self.room.announce();
    }

    fn refuse(&self, part: &[Submission], refused: Refused) {
        for submission in part {
            self.settle(submission, Err(refused));
        }
        self.room.announce();
    }

    /// The end of an event's way, whichever it is.
    fn settle(&self, submission: &Submission, result: Result<Effect, Refused>) {
        match result {
            Ok(effect) => {
                submission.feed.finished(&submission.news, effect.outcome);
                if let News::Event(event) = &submission.news {
                    self.shared.index.note(event, effect.outcome);
                }
            }
            Err(refused) => submission.feed.refused(refused.into()),
        }
        self.room.leave(&submission.feed);
        submission.ack.send(result);
    }
}
