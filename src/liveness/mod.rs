//! The health of feeds: looked at every now and then, kept across restarts, and given to lookups.
//!
//! ```text
//!  Diameter node ── signs of life, restarts ──┐
//!  feeds ── last heard, sessions, doubts ─────┼─> look ──> Feeds ──> index (every lookup)
//!  store ── what was known before ────────────┘     └────> store: one row per feed
//! ```
//!
//! What follows from it for an answer is the domain's ([`crate::domain::confirmation`]). Between two looks answers are
//! confirmed up to the sign of life that was seen last. The time in which no daemon ran is a gap of every feed.

pub mod config;
mod forgetting;
pub mod metrics;
pub mod query;
mod watched;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::diameter::status::Peers;
use crate::domain::{FeedHealth, FeedId, Feeds, Outcome, Timestamp};
use crate::index::Index;
use crate::ingest::{Ack, Feed, Ingest, ReceiptClock};
use crate::store::{FeedRow, FeedStore, StoreError};

pub use config::FreshnessConfig;
pub use forgetting::ForgetError;
pub use watched::Kind;

use metrics::Metrics;
use watched::Watched;

/// How often feeds are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often the last sign of life is made durable while nothing else happens. So much of what was confirmed may be lost
/// by a crash.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Feeds that come while the daemon runs.
pub trait Streams: Send + Sync + 'static {
    /// Those that came so far.
    fn feeds(&self) -> Vec<Feed>;

    /// One of that name was here before this daemon began, and promised to show that it lives.
    fn expect(&self, name: &str);
}

/// Watches feeds. All clones are one.
#[derive(Clone)]
pub struct Liveness(Arc<Inner>);

struct Inner {
    index: Arc<Index>,
    clock: Arc<ReceiptClock>,
    ingest: Ingest,
    config: FreshnessConfig,
    peers: Peers,
    streams: Box<dyn Streams>,
    metrics: Metrics,
    state: Mutex<State>,
    /// Somebody waits for what is durable.
    wanted: Notify,
}

#[derive(Default)]
struct State {
    watched: Vec<Watched>,
    feeds: Feeds,
    /// What is durable of them.
    saved: Feeds,
    /// Who waits for that of what was seen so far.
    waiting: Vec<Waiting>,
}

/// Somebody who waits for something to be durable.
enum Waiting {
    Source(Ack),
    Operator(oneshot::Sender<()>),
}

impl Waiting {
    fn durable(self) {
        match self {
            Self::Source(ack) => ack.send(Ok(Outcome::Applied.into())),
            // Who does not wait any more is told nothing.
            Self::Operator(done) => drop(done.send(())),
        }
    }
}

impl std::fmt::Debug for Liveness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Liveness")
    }
}

impl Liveness {
    /// Watches `feeds`, whose peers are known to `peers`, and whichever feeds come as `streams`.
    pub fn new(
        config: &FreshnessConfig,
        index: Arc<Index>,
        clock: Arc<ReceiptClock>,
        ingest: Ingest,
        peers: Peers,
        feeds: impl IntoIterator<Item = (Feed, Kind)>,
        streams: impl Streams,
    ) -> Self {
        ingest.will_name();
        let watched = feeds.into_iter().map(|(feed, kind)| Watched::new(feed, kind));
        Self(Arc::new(Inner {
            index,
            clock,
            ingest,
            config: config.clone(),
            peers,
            streams: Box::new(streams),
            metrics: Metrics::register(),
            state: Mutex::new(State {
                watched: watched.collect(),
                ..State::default()
            }),
            wanted: Notify::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.0.clock.present().unwrap_or(Timestamp::MAX)
    }

    /// Takes what is known of feeds from before, and gives a number to each. Returns how many rows there were.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn load(&self, store: &impl FeedStore) -> Result<u64, StoreError> {
        for row in store.load_feeds().await? {
            if row.health.promised {
                self.0.streams.expect(&row.health.name);
            }
        }
        let rows = self.name(store).await?;
        let mut state = self.state();
        for row in &rows {
            if state.feeds.get(row.id).is_none() {
                let mut health = row.health.clone();
                health.lost();
                state.feeds.put(row.id, health);
            }
        }
        drop(state);
        self.look();
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }

    /// Gives a number to each feed that has none.
    async fn name(&self, store: &impl FeedStore) -> Result<Vec<FeedRow>, StoreError> {
        let nameless: Vec<String> = {
            let mut state = self.state();
            for feed in self.0.streams.feeds() {
                if !state.watched.iter().any(|known| known.feed.name() == feed.name()) {
                    state.watched.push(Watched::new(feed, Kind::Stream));
                }
            }
            let nameless = state
                .watched
                .iter()
                .filter(|known| known.feed.id() == FeedId::NONE);
            nameless.map(|known| known.feed.name().to_owned()).collect()
        };
        store.name_feeds(&nameless).await?;
        let rows = store.load_feeds().await?;
        let now = self.now();
        let mut state = self.state();
        let State { watched, feeds, .. } = &mut *state;
        for known in watched {
            let Some(row) = rows.iter().find(|row| *row.health.name == *known.feed.name()) else {
                continue;
            };
            if feeds.get(row.id).is_none() {
                let mut health = row.health.clone();
                // Nothing was ever heard of it: it is away until it is. A stream is there when it is heard of.
                if health.alive_until.is_none() && known.kind.is_expected() && health.open_gap().is_none() {
                    health = FeedHealth::new(&health.name, now);
                }
                health.lost();
                feeds.put(row.id, health);
            }
            known.feed.known_as(row.id);
        }
        drop(state);
        self.0.ingest.named();
        Ok(rows)
    }

    /// Looks at all feeds, and gives lookups what is known of them now. Returns whether one came, went, or changed what its
    /// word is worth.
    fn look(&self) -> bool {
        let now = self.now();
        let status = self.0.peers.status();
        let mut state = self.state();
        let State {
            watched,
            feeds,
            waiting,
            ..
        } = &mut *state;
        let (mut changed, mut told) = (false, Vec::new());
        for known in watched {
            let id = known.feed.id();
            if let Some(health) = feeds.get_mut(id) {
                let status = status.iter().find(|status| *status.name == *known.feed.name());
                changed |= known.look(health, status, &self.0.clock, now, &mut told);
                health.coverage = self.0.config.coverage(known.feed.name(), known.kind.coverage());
                self.0.metrics.observe(known, health);
            }
        }
        waiting.extend(told.into_iter().map(Waiting::Source));
        self.0.index.set_feeds(Arc::new(feeds.clone()));
        changed | !waiting.is_empty()
    }

    /// Makes durable what changed, and tells those who wait for it.
    async fn save(&self, store: &impl FeedStore) -> Result<(), StoreError> {
        let (feeds, waiting) = {
            let state = self.state();
            let changed = state
                .feeds
                .iter()
                .filter(|(id, health)| state.saved.get(*id) != Some(health));
            let row = |(id, health): (FeedId, &FeedHealth)| FeedRow {
                id,
                health: health.clone(),
            };
            (changed.map(row).collect::<Vec<_>>(), state.waiting.len())
        };
        if !feeds.is_empty() {
            store.save_feeds(&feeds).await?;
        }
        let mut state = self.state();
        for row in feeds {
            state.saved.put(row.id, row.health);
        }
        let waiting = waiting.min(state.waiting.len());
        state.waiting.drain(..waiting).for_each(Waiting::durable);
        Ok(())
    }

    /// Looks at feeds until told to stop, and keeps what is seen.
    pub async fn run(self, store: impl FeedStore, stop: CancellationToken) {
        let mut turns = interval(LOOK_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut saved, mut failing) = (None::<Instant>, false);
        loop {
            let last = tokio::select! {
                _ = turns.tick() => false,
                () = self.0.ingest.names_wanted() => false,
                () = self.0.wanted.notified() => false,
                () = stop.cancelled() => true,
            };
            let changed = self.look();
            let due = saved.is_none_or(|saved| saved.elapsed() >= SAVE_EVERY);
            // A wish that could not be met is met at the next turn.
            let wanted = self.0.ingest.wants_names() || failing;
            let kept = async {
                if wanted {
                    self.name(&store).await?;
                    self.look();
                }
                if changed || due || last || failing {
                    self.save(&store).await?;
                    saved = Some(Instant::now());
                }
                Ok::<(), StoreError>(())
            };
            let kept = tokio::select! {
                kept = kept => kept,
                () = stop.cancelled(), if !last => continue,
            };
            match kept {
                Ok(()) => failing = false,
                Err(error) if failing => {
                    tracing::debug!(%error, "what is seen of feeds still cannot be kept")
                }
                Err(error) => {
                    failing = true;
                    tracing::warn!(%error, "what is seen of feeds cannot be kept; trying again");
                }
            }
            if last {
                return;
            }
        }
    }
}
