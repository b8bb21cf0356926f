//! Durable facts: what the index is rebuilt from after a restart, and what SQL users see.
//!
//! The store holds facts, not answers, and joins them as the domain does: every column is a maximum. Two engines stand
//! behind one trait and pass one contract suite. Nothing here answers a lookup.
//!
//! [`postgres`] is for production, [`sqlite`] the embedded default; [`AnyStore`] is whichever `store.url` names. The
//! schema grows by `migrations/postgres` and `migrations/sqlite`, which are embedded: to add to it, add a file with the
//! next number to both folders and to `schema.rs`, and never change one that was released.

mod any;
mod columns;
mod config;
mod erasure;
pub mod error;
mod feed;
mod monitoring;
pub mod postgres;
pub mod prune;
mod row;
mod schema;
pub mod sqlite;
mod subscription;

use std::future::Future;

use crate::domain::{
    Facts, Gateway, Identifier, IpFacts, Node, SessionAddress, Slot, SubscriberId, Timestamp,
};

pub use any::AnyStore;
pub use config::StoreConfig;
pub use erasure::{ErasedRows, ErasureRow, ErasureStore, StoredKey};
pub use error::StoreError;
pub use feed::{FeedRow, FeedStore};
pub use monitoring::{MonitoringBatch, MonitoringRow, MonitoringStore};
pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;
pub use subscription::{SubscriptionBatch, SubscriptionRow, SubscriptionStore};

/// What one node (`None`: the slot itself) said of one subscriber in one slot: a row of table `registration`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationRow {
    /// Whose.
    pub subscriber: SubscriberId,
    /// Where.
    pub slot: Slot,
    /// By whom. `None`, stored as an empty text, for what concerns the slot whoever holds it.
    pub node: Option<Node>,
    /// The newest of each.
    pub facts: Facts,
    /// When reachd received the newest of it.
    pub received_at: Timestamp,
}

/// An identifier belongs to a subscriber from a time on: a row of table `identifier`. The newest binding of an
/// identifier wins; of equal times the greater subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingRow {
    /// Which identifier: an MSISDN or an external identifier.
    pub identifier: Identifier,
    /// Whose.
    pub subscriber: SubscriberId,
    /// Since when.
    pub bound_at: Timestamp,
}

/// What a session of a subscriber had of one address: a row of table `ip_session`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpSessionRow {
    /// Whose.
    pub subscriber: SubscriberId,
    /// Which session: its node in [`Slot::Session`].
    pub session: Node,
    /// Which address. `None`, stored as an empty text, for the end of the session itself, whatever addresses it had.
    pub address: Option<SessionAddress>,
    /// The newest of each.
    pub facts: IpFacts,
}

/// When a gateway last restarted: a row of table `gateway_restart`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRestartRow {
    /// Which gateway.
    pub gateway: Gateway,
    /// The newest time.
    pub restarted_at: Timestamp,
}

/// What becomes durable in one transaction. No key occurs twice, and rows are sorted by key so that transactions of
/// several replicas lock in the same order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Sorted by (subscriber, slot, node).
    pub registrations: Vec<RegistrationRow>,
    /// Sorted by (subscriber, identifier's own id).
    pub bindings: Vec<BindingRow>,
    /// Sorted by (subscriber, session, address as text).
    pub ip_sessions: Vec<IpSessionRow>,
    /// Sorted by gateway.
    pub gateway_restarts: Vec<GatewayRestartRow>,
}

impl Batch {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.registrations.len() + self.bindings.len() + self.ip_sessions.len() + self.gateway_restarts.len()
    }
}

/// One row met while loading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// Of table `registration`.
    Registration(RegistrationRow),
    /// Of table `identifier`.
    Binding(BindingRow),
    /// Of table `ip_session`.
    IpSession(IpSessionRow),
    /// Of table `gateway_restart`.
    GatewayRestart(GatewayRestartRow),
}

/// A durable home for facts.
pub trait Store: Send + Sync + 'static {
    /// Joins a batch into what is stored, in one transaction with one statement per table. Returns only after it is
    /// durable. Committing the same batch again changes nothing.
    fn commit(&self, batch: &Batch) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Streams every row of `gateway_restart`, `registration`, `identifier` and `ip_session` to `each`, one table after the
    /// other. Returns how many there were.
    fn load(
        &self,
        each: &mut (dyn FnMut(Loaded) + Send),
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Forgets sessions that ended before a time, with their addresses, and looks at `most` ends for it. Of a subscriber's
    /// ended sessions the last stays, because the answer may rest on it. Returns how many ends there were: as many as
    /// `most` if there may be more.
    fn prune(&self, before: Timestamp, most: usize) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// How many commits at a time make it faster: 1 for an engine with a single writer.
    fn parallel_commits(&self) -> usize;

    /// Closes connections; what was committed stays.
    fn close(&self) -> impl Future<Output = ()> + Send;
}
