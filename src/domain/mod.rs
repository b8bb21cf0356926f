//! The rules of reachability, without I/O, clocks or threads.
//!
//! Read in this order: [`identifier`] and [`subscriber`] (who), [`slot`] and [`node`] (where), [`event`] (what a feed
//! says), [`facts`] (what is kept of it), [`feed`] (who said it), [`registration`] (how facts make up what is known),
//! [`reachability`] (the answer), [`confirmation`] (how sure, by what the [`coverage`] and the [health](feed_health) of
//! feeds allow), [`freshness`] (whether that is enough), `renewal` (what is worth hearing again), [`session`],
//! [`gateway_life`] (when a gateway has lost its sessions), [`session_address`], [`ip_session`] and [`holders`] (which
//! addresses a session has, and until when), [`device`] (who is asked about), [`monitoring`] (what the network is asked
//! to watch), [`erasure`] (what is kept of whoever was erased: nothing).
//! Time always comes in as a parameter. Nothing here knows Diameter, gRPC or SQL.

pub mod confirmation;
pub mod coverage;
pub mod device;
pub mod erasure;
pub mod event;
pub mod facts;
pub mod feed;
pub mod feed_health;
pub mod freshness;
pub mod gateway_life;
pub mod holders;
pub mod identifier;
pub mod ip_session;
pub mod monitoring;
pub mod node;
pub mod outcome;
pub mod reachability;
pub mod registration;
mod renewal;
pub mod routing;
pub mod session;
pub mod session_address;
pub mod slot;
pub mod subscriber;
pub mod subscription;
pub mod time;

pub use confirmation::{Confirmed, Feeds, Why};
pub use coverage::{Coverage, Tells};
pub use device::DeviceQuery;
pub use erasure::{Erasures, Pseudonym, PseudonymKey, Refuse, Screened};
pub use event::{Change, Ends, Event};
pub use facts::{Facts, Report};
pub use feed::{FeedId, Source};
pub use feed_health::{FeedHealth, Gap, Prefixes, Signs, Silence};
pub use freshness::Freshness;
pub use gateway_life::{GatewayLife, LifeTold};
pub use holders::{Holders, Holding};
pub use identifier::{ExternalIdentifier, Identifier, IdentifierError, Imsi, Msisdn};
pub use ip_session::{IpChange, IpChangeKind, IpFacts};
pub use monitoring::{Aspect, MonitoringState, NetworkResult, Target};
pub use node::Node;
pub use outcome::{Effect, Outcome};
pub use reachability::{Reachability, SlotState, Status, UnknownReason};
pub use registration::{Registration, Registrations};
pub use routing::Routing;
pub use session::{Gateway, GatewayRestarted, News};
pub use session_address::{AddressParts, PortRange, RoutingDomain, SessionAddress};
pub use slot::Slot;
pub use subscriber::{SubscriberId, SubscriberIdentifiers};
pub use subscription::{SubscriptionState, Topic, User};
pub use time::Timestamp;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod scenarios;
