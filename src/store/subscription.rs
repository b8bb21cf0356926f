//! What HSSs are asked to notify of: table `sh_subscription`.
//!
//! These rows are state and not facts: they are overwritten by the one daemon that asks.

use std::future::Future;

use super::StoreError;
use super::columns::columns;
use crate::domain::{ExternalIdentifier, Msisdn, NetworkResult, SubscriptionState, Timestamp, Topic, User};

/// One topic of one user: a row of table `sh_subscription`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRow {
    /// Of whom.
    pub user: User,
    /// What is notified of.
    pub topic: Topic,
    /// How far it has come.
    pub state: SubscriptionState,
    /// When what the HSS holds ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The last result that was no success.
    pub result: Option<NetworkResult>,
    /// Since when it is in this state.
    pub changed_at: Timestamp,
}

/// What becomes durable in one transaction. No key occurs twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionBatch {
    /// Written over what is stored.
    pub rows: Vec<SubscriptionRow>,
    /// Forgotten.
    pub removed: Vec<(User, Topic)>,
}

impl SubscriptionBatch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.removed.is_empty()
    }
}

/// A durable home for what is subscribed to.
pub trait SubscriptionStore: Send + Sync + 'static {
    /// Streams every row, in no particular order. Returns how many there were.
    fn load_subscriptions(
        &self,
        each: &mut (dyn FnMut(SubscriptionRow) + Send),
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Writes a batch in one transaction. Returns only after it is durable.
    fn save_subscriptions(
        &self,
        batch: &SubscriptionBatch,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Column `user_kind`. Part of the store's format: never change one.
const KIND_MSISDN: i16 = 1;
const KIND_EXTERNAL: i16 = 2;

/// Columns `user_kind` and `user_name`.
pub(super) fn stored_user(user: &User) -> (i16, String) {
    match user {
        User::Msisdn(msisdn) => (KIND_MSISDN, msisdn.digits()),
        User::External(external) => (KIND_EXTERNAL, external.text().to_owned()),
    }
}

columns! {
    /// Every column of table `sh_subscription`, in the order of the table.
    struct StoredSubscription of "sh_subscription" {
        user_kind: i16,
        user_name: String,
        topic: i16,
        state: i16,
        expires_at: Option<i64>,
        result_vendor: Option<i64>,
        result_code: Option<i64>,
        changed_at: i64,
    }
}

impl StoredSubscription {
    /// The domain's row.
    pub(super) fn read(self) -> Result<SubscriptionRow, StoreError> {
        let user = match self.user_kind {
            KIND_MSISDN => Msisdn::parse(&self.user_name).map(User::Msisdn),
            KIND_EXTERNAL => ExternalIdentifier::parse(&self.user_name).map(User::External),
            _ => return Err(Self::wrong("user_kind")),
        };
        let small = |number: i16| u8::try_from(number).ok();
        let time = |column, micros| Timestamp::from_micros(micros).ok_or_else(|| Self::wrong(column));
        let number = |column, number: i64| u32::try_from(number).map_err(|_| Self::wrong(column));
        Ok(SubscriptionRow {
            user: user.map_err(|_| Self::wrong("user_name"))?,
            topic: small(self.topic)
                .and_then(Topic::from_number)
                .ok_or_else(|| Self::wrong("topic"))?,
            state: small(self.state)
                .and_then(SubscriptionState::from_number)
                .ok_or_else(|| Self::wrong("state"))?,
            expires_at: self
                .expires_at
                .map(|micros| time("expires_at", micros))
                .transpose()?,
            result: match (self.result_vendor, self.result_code) {
                (Some(vendor), Some(code)) => Some(NetworkResult {
                    vendor: number("result_vendor", vendor)?,
                    code: number("result_code", code)?,
                }),
                (None, None) => None,
                _ => return Err(Self::wrong("result_code")),
            },
            changed_at: time("changed_at", self.changed_at)?,
        })
    }
}

impl From<&SubscriptionRow> for StoredSubscription {
    fn from(row: &SubscriptionRow) -> Self {
        let (user_kind, user_name) = stored_user(&row.user);
        Self {
            user_kind,
            user_name,
            topic: row.topic.number().into(),
            state: row.state.number().into(),
            expires_at: row.expires_at.map(Timestamp::as_micros),
            result_vendor: row.result.map(|result| result.vendor.into()),
            result_code: row.result.map(|result| result.code.into()),
            changed_at: row.changed_at.as_micros(),
        }
    }
}
