//! What this node asks HSSs over Sh: to be notified of users, and how users are now.
//!
//! ```text
//!  operator ── change ──> Plan ── questions ──> driver ──> Network ──> HSS
//!                          ▲ ▲                    │ answers
//!   notification ──────────┘ └────────────────────┘
//!  operator ── query ───────────────────────────────────> Network ──> HSS
//! ```
//!
//! The [`plan`] is a value behind a lock; the driver carries it out and makes it durable.

pub mod admin;
mod driver;
pub mod metrics;
pub mod network;
pub mod plan;
pub mod query;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::diameter::apps::sh::Query;
use crate::diameter::apps::{Asked, Monitored};
use crate::diameter::client::Client;
use crate::diameter::config::{ShConfig, ShQuery, ShTopic};
use crate::domain::{Node, SubscriberIdentifiers, Timestamp, Topic, User};
use crate::ingest::{Feed, Ingest, ReceiptClock};
use crate::store::SubscriptionStore;

use driver::Driver;
use metrics::Metrics;
use network::Network;
use plan::{Added, Counts, Plan, Settings, Status};
use query::{Answer, Queries, QueryError};

/// The name of this feed in metrics: what HSSs told because they were asked.
pub const FEED: &str = "sh";

/// What is asked of HSSs. All clones are one.
#[derive(Clone, Debug)]
pub struct Hss(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None`: nothing is asked here.
    asking: Option<Asking>,
    plan: Mutex<Plan>,
    changed: Notify,
    /// The newest revision of the plan that is durable.
    saved: watch::Sender<u64>,
    clock: Arc<ReceiptClock>,
    metrics: Metrics,
    stopped: CancellationToken,
}

#[derive(Debug)]
struct Asking {
    network: Network,
    queries: Queries,
    ingest: Ingest,
    feed: Feed,
}

/// Why nothing can be changed or told now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// Nothing is asked here.
    #[error("nothing is asked of HSSs here")]
    Off,
    /// What is stored is not known yet.
    #[error("subscriptions are not loaded yet")]
    Loading,
    /// The daemon stops.
    #[error("the daemon is shutting down")]
    Stopping,
}

/// What came of changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Users that were not there.
    pub added: u64,
    /// Users that were there and of whom something is asked for again.
    pub again: u64,
    /// Users that were there, and such to be removed that were not.
    pub unchanged: u64,
    /// Users that are removed.
    pub removed: u64,
    /// Users there is no room for.
    pub refused: u64,
}

impl Hss {
    /// Asks as the configuration has it, through `client`. What is told goes to `ingest`.
    pub fn new(config: &ShConfig, client: Client, ingest: Ingest, clock: Arc<ReceiptClock>) -> Self {
        let asking = config.is_on().then(|| {
            let network = Network::new(client, config);
            let feed = Feed::register(FEED);
            Asking {
                network: network.clone(),
                queries: Queries::new(
                    network,
                    config.query.iter().copied().map(query_of).collect(),
                    ingest.clone(),
                    feed.clone(),
                    Arc::clone(&clock),
                    config.in_flight,
                ),
                ingest,
                feed,
            }
        });
        let settings = Settings {
            topics: config.subscribe.iter().copied().map(topic_of).collect(),
            duration: config.duration,
            renew_before: config.renew_before,
            rate: config.rate,
            in_flight: config.in_flight,
        };
        Self(Arc::new(Inner {
            asking,
            plan: Mutex::new(Plan::new(settings)),
            changed: Notify::new(),
            saved: watch::Sender::new(0),
            clock,
            metrics: Metrics::register(),
            stopped: CancellationToken::new(),
        }))
    }

    /// What HSSs told because they were asked; `None` where nothing is asked.
    pub fn feed(&self) -> Option<Feed> {
        self.0.asking.as_ref().map(|asking| asking.feed.clone())
    }

    /// Carries the plan out until told to stop; does nothing where nothing is asked.
    pub async fn run(self, store: impl SubscriptionStore, stop: CancellationToken) {
        let _ended = self.0.stopped.clone().drop_guard();
        let Some(asking) = &self.0.asking else {
            return stop.cancelled().await;
        };
        let _open = asking.feed.session();
        let driver = Driver {
            network: asking.network.clone(),
            ingest: asking.ingest.clone(),
            feed: asking.feed.clone(),
            hss: self.clone(),
            store,
            stop,
        };
        driver.run().await;
    }

    /// Asks how a user is. When it returns, what was told is visible.
    ///
    /// # Errors
    /// Nothing is asked here, or what was told could not be kept.
    pub async fn query(&self, user: &User) -> Result<Vec<Answer>, QueryError> {
        let asking = self.0.asking.as_ref().ok_or(QueryError::Off)?;
        let asked = asking.queries.ask(user).await?;
        for (host, state) in &asked.states {
            self.told(host, *state);
        }
        Ok(asked.answers)
    }

    /// An HSS told its Origin-State-Id: once it has grown, what it had taken is asked for again.
    pub fn told(&self, host: &Node, state: u32) {
        let now = self.now();
        self.plan().told(host, state, now);
        self.0.changed.notify_one();
    }

    /// A peer has lost what it knew: if it is an HSS, what it had taken is asked for again.
    pub fn restarted(&self, peer: &Node, state: u32) {
        let now = self.now();
        self.plan().restarted(peer, state, now);
        self.0.changed.notify_one();
    }

    /// An HSS is said to have lost what it knew: what it had taken is asked for again.
    pub fn reset(&self, host: &Node) {
        let now = self.now();
        self.plan().reset(host, now);
        self.0.changed.notify_one();
    }

    /// Begins and ceases to subscribe to users; durable when it returns.
    ///
    /// # Errors
    /// Nothing was changed, or it is not certain to be durable.
    pub async fn change(&self, add: &[User], remove: &[User]) -> Result<Changed, NotNow> {
        let (changed, revision) = {
            let now = self.now();
            let mut plan = self.ready()?;
            let mut changed = Changed::default();
            for user in add {
                match plan.add(user, now) {
                    Added::New => changed.added += 1,
                    Added::Again => changed.again += 1,
                    Added::Unchanged => changed.unchanged += 1,
                    Added::Full => changed.refused += 1,
                }
            }
            for user in remove {
                if plan.remove(user, now) {
                    changed.removed += 1;
                } else {
                    changed.unchanged += 1;
                }
            }
            (changed, plan.revision())
        };
        self.0.changed.notify_one();
        let mut saved = self.0.saved.subscribe();
        tokio::select! {
            waited = saved.wait_for(|saved| *saved >= revision) => {
                waited.map(|_| changed).map_err(|_| NotNow::Stopping)
            }
            () = self.0.stopped.cancelled() => Err(NotNow::Stopping),
        }
    }

    /// How far the subscriptions of one user are; empty if there are none.
    ///
    /// # Errors
    /// It cannot be told now.
    pub fn status(&self, user: &User) -> Result<Vec<Status>, NotNow> {
        Ok(self.ready()?.status(user))
    }

    /// How many subscriptions are how far, and how many questions are under way.
    ///
    /// # Errors
    /// It cannot be told now.
    pub fn counts(&self) -> Result<(Counts, usize), NotNow> {
        let plan = self.ready()?;
        Ok((plan.counts(), plan.under_way()))
    }

    /// Brings the metrics up to date.
    pub fn observe(&self) {
        let now = self.now();
        let (counts, lag) = {
            let plan = self.plan();
            (plan.counts(), plan.lag(now))
        };
        self.0.metrics.observe(&counts, lag.as_secs_f64());
    }

    fn ready(&self) -> Result<MutexGuard<'_, Plan>, NotNow> {
        if self.0.asking.is_none() {
            return Err(NotNow::Off);
        }
        let plan = self.plan();
        if plan.is_loaded() {
            Ok(plan)
        } else {
            Err(NotNow::Loading)
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    async fn changed(&self) {
        self.0.changed.notified().await;
    }

    fn saved(&self, revision: u64) {
        self.0.saved.send_replace(revision);
    }
}

impl Asked for Hss {
    fn monitored(&self, _: u64) -> Monitored {
        Monitored::Unknown
    }

    fn subscribed(&self, subscriber: &SubscriberIdentifiers) -> Option<bool> {
        if self.0.asking.is_none() {
            return Some(false);
        }
        self.plan().subscribed(subscriber)
    }

    fn used_up(&self, subscriber: &SubscriberIdentifiers) {
        let now = self.now();
        self.plan().used_up(subscriber, now);
        self.0.changed.notify_one();
    }
}

const fn topic_of(topic: ShTopic) -> Topic {
    match topic {
        ShTopic::Reachability => Topic::Reachability,
        ShTopic::ImsState => Topic::ImsState,
    }
}

const fn query_of(query: ShQuery) -> Query {
    match query {
        ShQuery::PacketState => Query::PacketState,
        ShQuery::CircuitState => Query::CircuitState,
        ShQuery::ServingNode => Query::ServingNode,
        ShQuery::SmsRegistration => Query::SmsRegistration,
    }
}
