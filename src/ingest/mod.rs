//! From event to durable and visible.
//!
//! ```text
//!  feeds ── submit ──> bounded queue of each lane ──> lane: batch ── commit ──> store
//!                      (by subscriber)                      │
//!                                                           └─ then apply to the index, then acknowledge
//! ```
//!
//! A subscriber's events always take the same lane, so they stay in order; lanes work side by side, as many as the
//! store gains from. A lane collects while its commit is under way and never has two, so what is acknowledged is
//! durable and what is visible is durable. Queues are bounded: when the store is slow or away, feeds are refused or
//! made to wait. This module knows no protocol and no SQL.

mod activity;
mod batch;
pub mod clock;
pub mod config;
mod lane;
pub mod metrics;
mod naming;
mod room;
pub mod sessions;
mod tombstones;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::{Effect, Feeds, Identifier, News, SubscriberId, Timestamp};
use crate::index::Index;
use crate::store::Store;

use config::MAX_LANES;
use naming::Naming;
use room::Room;

pub use activity::{Activity, HEARTBEAT_WITHIN, Session, Word};
pub use clock::ReceiptClock;
pub use config::IngestConfig;
pub use metrics::{Feed, Refusal};
pub use sessions::SessionsConfig;
pub use tombstones::Tombstones;

use lane::Lane;
use metrics::PipelineMetrics;

/// Where to tell that an event is durable.
#[derive(Clone, Debug)]
pub struct Ack {
    /// The feed's end. Unbounded, because the feed bounds how many events it has under way.
    pub to: Arc<dyn Acknowledge>,
    /// The feed's name for the event.
    pub token: u64,
}

impl Ack {
    /// Tells. Only whoever made the event durable, or gave it up, may do so.
    pub fn send(&self, result: Result<Effect, Refused>) {
        self.to.acked(Acked {
            token: self.token,
            result,
        });
    }
}

/// A feed's end.
pub trait Acknowledge: std::fmt::Debug + Send + Sync {
    /// An event has come to its end. Must not block. A feed that is gone needs no answer; its peer sends again.
    fn acked(&self, acked: Acked);
}

impl Acknowledge for mpsc::UnboundedSender<Acked> {
    fn acked(&self, acked: Acked) {
        let _ = self.send(acked);
    }
}

/// The end of an event's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    /// As given with the event.
    pub token: u64,
    /// What it did, now that it is durable and visible; or why it is neither.
    pub result: Result<Effect, Refused>,
}

/// Why an event that was accepted did not become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The store refuses this very event; sending it again gives the same.
    #[error("the store refuses this event")]
    Store,
    /// The daemon stops and the store is not available: send it again elsewhere or later.
    #[error("the daemon is shutting down")]
    ShuttingDown,
}

/// Why an event was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full: the store does not keep up or is not available.
    #[error("too busy")]
    Full,
    /// The daemon is shutting down.
    #[error("the daemon is shutting down")]
    Closed,
}

/// One event on its way.
#[derive(Debug)]
struct Submission {
    news: News,
    ack: Ack,
    feed: Feed,
    /// When the feed handed it over; it may have waited for room since then.
    accepted: Instant,
}

/// What all lanes share.
#[derive(Debug)]
struct Shared<S> {
    store: S,
    index: Arc<Index>,
    config: IngestConfig,
    metrics: PipelineMetrics,
    tombstones: Arc<Tombstones>,
    /// How many lanes have a commit under way.
    busy: AtomicUsize,
    /// Finish what is queued, take nothing more.
    drain: CancellationToken,
    /// Stop even if something is left.
    abort: CancellationToken,
}

/// The way in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ingest {
    lanes: Arc<[Way]>,
    sessions: SessionsConfig,
    tombstones: Arc<Tombstones>,
    index: Arc<Index>,
    metrics: PipelineMetrics,
    drain: CancellationToken,
    abort: CancellationToken,
    /// A lane ended without being told to.
    broken: CancellationToken,
    tasks: TaskTracker,
    naming: Arc<Naming>,
}

/// The way into one lane.
#[derive(Debug)]
struct Way {
    queue: mpsc::Sender<Submission>,
    room: Arc<Room>,
    /// Held by the lane from its look at what was erased until its events are visible.
    turn: Arc<Mutex<()>>,
}

/// Tells when a lane ends while it should not, which only a panic makes it do.
struct LaneGuard {
    drain: CancellationToken,
    broken: CancellationToken,
}

impl Drop for LaneGuard {
    fn drop(&mut self) {
        if !self.drain.is_cancelled() {
            self.broken.cancel();
        }
    }
}

impl Ingest {
    /// Starts the lanes on the current runtime.
    pub fn start<S: Store>(config: IngestConfig, store: S, index: Arc<Index>) -> Self {
        let lane_count = config
            .lanes
            .unwrap_or_else(|| store.parallel_commits())
            .clamp(1, MAX_LANES);
        let [drain, abort, broken] = std::array::from_fn(|_| CancellationToken::new());
        let tasks = TaskTracker::new();
        let metrics = PipelineMetrics::register();
        let tombstones = Arc::new(Tombstones::default());
        let queue = (config.queue / lane_count).max(1);
        // What is being committed has left the queue and still counts.
        let size = queue + config.batch;
        let shared = Arc::new(Shared {
            store,
            index: Arc::clone(&index),
            config,
            metrics: metrics.clone(),
            tombstones: Arc::clone(&tombstones),
            busy: AtomicUsize::new(0),
            drain: drain.clone(),
            abort: abort.clone(),
        });
        let start_lane = |number| {
            let (queue, receiver) = mpsc::channel(queue);
            let room = Arc::new(Room::new(number, size));
            let turn = Arc::new(Mutex::new(()));
            let lane = Lane::new(
                Arc::clone(&shared),
                receiver,
                Arc::clone(&room),
                Arc::clone(&turn),
            );
            let guard = LaneGuard {
                drain: drain.clone(),
                broken: broken.clone(),
            };
            tasks.spawn(async move {
                let _guard = guard;
                lane.run().await;
            });
            Way { queue, room, turn }
        };
        let lanes = (0..lane_count).map(start_lane).collect();
        tasks.close();
        Self {
            lanes,
            sessions: SessionsConfig::default(),
            tombstones,
            index,
            metrics,
            drain,
            abort,
            broken,
            tasks,
            naming: Arc::default(),
        }
    }

    /// The same, with sessions that expire when these settings say.
    #[must_use]
    pub fn with_sessions(self, sessions: SessionsConfig) -> Self {
        Self { sessions, ..self }
    }

    /// Hands an event, or other news, over without waiting.
    ///
    /// # Errors
    /// [`SubmitError::Full`] when the subscriber's queue is or the feed has its share of it already,
    /// [`SubmitError::Closed`] while stopping. The event is not
    /// taken then, and no acknowledgement comes.
    pub fn submit(&self, feed: &Feed, news: impl Into<News>, ack: Ack) -> Result<(), SubmitError> {
        if self.drain.is_cancelled() {
            return Err(SubmitError::Closed);
        }
        let news = self.taken(feed, news.into());
        feed.tally().heard(news.received_at());
        let lane = self.lane(&news)?;
        let submission = Submission {
            news,
            ack,
            feed: feed.clone(),
            accepted: Instant::now(),
        };
        if !lane.room.enter(feed) {
            return Err(SubmitError::Full);
        }
        lane.queue.try_send(submission).map_err(|error| {
            lane.room.leave(feed);
            match error {
                TrySendError::Full(_) => SubmitError::Full,
                TrySendError::Closed(_) => SubmitError::Closed,
            }
        })
    }

    /// Hands an event, or other news, over, waiting for room: this is how a stream is made to slow down.
    ///
    /// # Errors
    /// [`SubmitError::Closed`] while stopping.
    pub async fn submit_wait(
        &self,
        feed: &Feed,
        news: impl Into<News> + Send,
        ack: Ack,
    ) -> Result<(), SubmitError> {
        let accepted = Instant::now();
        let news = self.taken(feed, news.into());
        feed.tally().heard(news.received_at());
        let lane = self.lane(&news)?;
        let place = tokio::select! {
            place = lane.room.wait(feed) => place,
            () = self.drain.cancelled() => return Err(SubmitError::Closed),
        };
        let sender = tokio::select! {
            sender = lane.queue.reserve() => sender.map_err(|_| SubmitError::Closed)?,
            () = self.drain.cancelled() => return Err(SubmitError::Closed),
        };
        place.keep();
        sender.send(Submission {
            news,
            ack,
            feed: feed.clone(),
            accepted,
        });
        Ok(())
    }

    /// Who told it is written down with it; and what is told of sessions is vouched for only so long, whoever tells it.
    fn taken(&self, feed: &Feed, news: News) -> News {
        match news {
            News::Event(mut event) => {
                event.feed = feed.id();
                event.let_sessions_expire(self.sessions.expire_after);
                News::Event(event)
            }
            news @ News::GatewayRestarted(_) => news,
        }
    }

    fn lane(&self, news: &News) -> Result<&Way, SubmitError> {
        let place = match news {
            News::Event(event) => (event.subscriber.subscriber().spread() >> 32) as usize % self.lanes.len(),
            // Facts of gateways join in any order, and there are few: one lane will do.
            News::GatewayRestarted(_) => 0,
        };
        self.lanes.get(place).ok_or(SubmitError::Closed)
    }

    /// Whose an identifier is now by its own binding, and since when. `None` also while not everything is loaded.
    pub fn bound(&self, identifier: &Identifier) -> Option<(SubscriberId, Timestamp)> {
        self.index.bound(identifier)
    }

    /// What is known of the life of feeds.
    pub fn feeds(&self) -> Arc<Feeds> {
        self.index.feeds()
    }

    /// Whether all that is stored is known.
    pub fn is_loaded(&self) -> bool {
        self.index.is_loaded()
    }

    /// What was erased.
    pub fn tombstones(&self) -> &Arc<Tombstones> {
        &self.tombstones
    }

    /// Returns when every event that was looked at before something was erased is visible, or given up. While the store
    /// is away that lasts.
    pub async fn settled(&self) {
        for lane in &*self.lanes {
            drop(lane.turn.lock().await);
        }
    }

    /// How many events are accepted and neither durable nor refused yet.
    pub fn depth(&self) -> usize {
        self.lanes.iter().map(|lane| lane.room.under_way()).sum()
    }

    /// Takes nothing more, and returns when everything accepted is durable and acknowledged.
    pub async fn drain(&self) {
        self.drain.cancel();
        self.tasks.wait().await;
    }

    /// Stops at once: what is not durable yet is refused.
    pub async fn abort(&self) {
        self.drain.cancel();
        self.abort.cancel();
        self.tasks.wait().await;
    }

    /// Waits until a lane has ended without being told to. Its subscribers' events go nowhere then: the daemon has to
    /// stop.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// The metrics of the pipeline, for what is read at a scrape.
    pub fn metrics(&self) -> &PipelineMetrics {
        &self.metrics
    }
}
