//! How a user is now: HSSs are asked, and what they tell becomes durable and visible before it is told.
//!
//! Everything that one query tells is of the moment at which it was asked. Whatever the network reported by itself while the
//! answers were on their way is newer then, and stands: an HSS may have asked a node that the device has left meanwhile.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::network::{Failure, Network, Said};
use crate::diameter::apps::sh::data::ShData;
use crate::diameter::apps::sh::{Query, changes, without_gateway};
use crate::domain::{Event, Node, SubscriberIdentifiers, Timestamp, User};
use crate::ingest::{Ack, Acked, Acknowledge, Feed, Ingest, ReceiptClock};

/// What became of one question of a query.
pub type Answer = (Query, Result<(), Failure>);

/// What came of a query.
#[derive(Debug, Default)]
pub struct Asked {
    /// What became of each question.
    pub answers: Vec<Answer>,
    /// The Origin-State-Ids that HSSs told.
    pub states: Vec<(Node, u32)>,
}

/// Why a query was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Nothing is asked here.
    #[error("nothing is asked of HSSs here")]
    Off,
    /// What was told did not become durable.
    #[error("what the HSS told cannot be kept now")]
    NotKept,
}

/// Queries users.
#[derive(Clone, Debug)]
pub struct Queries {
    network: Network,
    queries: Arc<[Query]>,
    ingest: Ingest,
    feed: Feed,
    clock: Arc<ReceiptClock>,
    room: Arc<Semaphore>,
}

impl Queries {
    /// Asks `queries` of each user, of so many users at a time.
    pub(super) fn new(
        network: Network,
        queries: Vec<Query>,
        ingest: Ingest,
        feed: Feed,
        clock: Arc<ReceiptClock>,
        at_a_time: usize,
    ) -> Self {
        Self {
            network,
            queries: queries.into(),
            ingest,
            feed,
            clock,
            room: Arc::new(Semaphore::new(at_a_time)),
        }
    }

    /// Asks how a user is. When it returns, what was told is visible.
    ///
    /// # Errors
    /// What was told could not be kept. That nothing was told is no error of the query.
    pub async fn ask(&self, user: &User) -> Result<Asked, QueryError> {
        // Never closed.
        let _place = self.room.acquire().await;
        let asked_at = self.clock.now();
        let mut under_way = JoinSet::new();
        for query in self.queries.iter().copied() {
            let (network, user) = (self.network.clone(), user.clone());
            under_way.spawn(async move { (query, network.query(query, &user).await) });
        }
        let mut asked = Asked::default();
        let mut data = ShData::default();
        let mut gateway_asked = false;
        for (query, Said { told, by, state }) in under_way.join_all().await {
            asked.states.extend(by.zip(state));
            let result = told.map(|told| {
                gateway_asked |= query == Query::SmsRegistration;
                data = std::mem::take(&mut data).or(told.data);
            });
            asked.answers.push((query, result));
        }
        asked.answers.sort_by_key(|(query, _)| *query);
        let mut changes = changes(&data, asked_at);
        if gateway_asked && data.ip_sm_gw.is_none() {
            changes.push(without_gateway());
        }
        let event = Event::new(user.subscriber(), asked_at, self.clock.now(), changes);
        keep(&self.ingest, &self.feed, event).await?;
        Ok(asked)
    }
}

/// What an HSS told of a user at that moment, beside the answer to a subscription; `None` if that is nothing.
pub(super) fn told(
    subscriber: SubscriberIdentifiers,
    data: &ShData,
    asked_at: Timestamp,
    received_at: Timestamp,
) -> Option<Event> {
    let changes = changes(data, asked_at);
    (!changes.is_empty()).then(|| Event::new(subscriber, asked_at, received_at, changes))
}

/// Waits until an event is durable and visible. One without changes is, already.
pub(super) async fn keep(ingest: &Ingest, feed: &Feed, event: Event) -> Result<(), QueryError> {
    if event.changes.is_empty() {
        return Ok(());
    }
    let (to, mut acks) = mpsc::unbounded_channel::<Acked>();
    let to: Arc<dyn Acknowledge> = Arc::new(to);
    let taken = ingest.submit_wait(feed, event, Ack { to, token: 0 }).await;
    taken.map_err(|_| QueryError::NotKept)?;
    match acks.recv().await {
        Some(Acked { result: Ok(_), .. }) => Ok(()),
        _ => Err(QueryError::NotKept),
    }
}
