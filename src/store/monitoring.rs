//! What the network is asked to watch: tables `monitoring` and `monitoring_reference`.
//!
//! These rows are state and not facts: they are overwritten by the one daemon that asks.

use std::future::Future;

use crate::domain::{Aspect, ExternalIdentifier, MonitoringState, Msisdn, NetworkResult, Target, Timestamp};

use super::StoreError;

/// One aspect of one target: a row of table `monitoring`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitoringRow {
    /// Of whom.
    pub target: Target,
    /// What is watched.
    pub aspect: Aspect,
    /// How far it has come.
    pub state: MonitoringState,
    /// SCEF-Reference-ID that the HSS has or is being given; 0 for none.
    pub reference: u32,
    /// The one before it, while the HSS may still hold it; 0 for none.
    pub replaced: u32,
    /// When what the HSS holds ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The last result that was no success.
    pub result: Option<NetworkResult>,
    /// Since when it is in this state.
    pub changed_at: Timestamp,
}

/// What becomes durable in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MonitoringBatch {
    /// Written over what is stored. No key occurs twice.
    pub rows: Vec<MonitoringRow>,
    /// Targets that are forgotten with all their rows. None of them is among `rows`.
    pub removed: Vec<Target>,
    /// Where the numbers of references go on; never goes back.
    pub next_reference: u64,
    /// Whether that has to become durable even without a row: numbers were set aside.
    pub set_aside: bool,
}

impl MonitoringBatch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.removed.is_empty() && !self.set_aside
    }
}

/// A durable home for what is asked.
pub trait MonitoringStore: Send + Sync + 'static {
    /// Says under which identity references are given from now on, and where their numbers go on. If it is another identity
    /// than before, references given under that one mean nothing any more: every row becomes wanted anew.
    fn begin_monitoring(&self, scef: &str) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Streams every row, in no particular order. Returns how many there were.
    fn load_monitoring(
        &self,
        each: &mut (dyn FnMut(MonitoringRow) + Send),
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Writes a batch in one transaction. Returns only after it is durable.
    fn save_monitoring(&self, batch: &MonitoringBatch)
    -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Column `target_kind`. Part of the store's format: never change one.
const KIND_MSISDN: i16 = 1;
const KIND_EXTERNAL: i16 = 2;
const KIND_GROUP: i16 = 3;

/// Columns `target_kind` and `target`.
pub(super) fn stored_target(target: &Target) -> (i16, String) {
    match target {
        Target::Msisdn(msisdn) => (KIND_MSISDN, msisdn.digits()),
        Target::External(external) => (KIND_EXTERNAL, external.text().to_owned()),
        Target::Group(group) => (KIND_GROUP, group.text().to_owned()),
    }
}

/// Every column of table `monitoring`, in the order of [`Self::COLUMNS`].
#[derive(Clone, Debug)]
pub(super) struct StoredMonitoring<V> {
    pub(super) target_kind: i16,
    pub(super) target: V,
    pub(super) aspect: i16,
    pub(super) state: i16,
    pub(super) reference: i64,
    pub(super) replaced: i64,
    pub(super) expires_at: Option<i64>,
    pub(super) result_vendor: Option<i64>,
    pub(super) result_code: Option<i64>,
    pub(super) changed_at: i64,
}

impl<V> StoredMonitoring<V> {
    /// The column of each field.
    pub(super) const COLUMNS: [&'static str; 10] = [
        "target_kind",
        "target",
        "aspect",
        "state",
        "reference",
        "replaced",
        "expires_at",
        "result_vendor",
        "result_code",
        "changed_at",
    ];

    /// An error about a column of this table.
    pub(super) fn wrong(column: &'static str) -> StoreError {
        StoreError::Inconsistent {
            table: "monitoring",
            column,
        }
    }
}

impl StoredMonitoring<&str> {
    /// The domain's row.
    pub(super) fn read(self) -> Result<MonitoringRow, StoreError> {
        let wrong = Self::wrong;
        let external = |text| ExternalIdentifier::parse(text);
        let target = match self.target_kind {
            KIND_MSISDN => Msisdn::parse(self.target).map(Target::Msisdn),
            KIND_EXTERNAL => external(self.target).map(Target::External),
            KIND_GROUP => external(self.target).map(Target::Group),
            _ => return Err(wrong("target_kind")),
        };
        let number = |column, number: i64| u32::try_from(number).map_err(|_| wrong(column));
        let result = match (self.result_vendor, self.result_code) {
            (Some(vendor), Some(code)) => Some(NetworkResult {
                vendor: number("result_vendor", vendor)?,
                code: number("result_code", code)?,
            }),
            (None, None) => None,
            _ => return Err(wrong("result_code")),
        };
        let small = |number: i16| u8::try_from(number).ok();
        Ok(MonitoringRow {
            target: target.map_err(|_| wrong("target"))?,
            aspect: small(self.aspect)
                .and_then(Aspect::from_number)
                .ok_or_else(|| wrong("aspect"))?,
            state: small(self.state)
                .and_then(MonitoringState::from_number)
                .ok_or_else(|| wrong("state"))?,
            reference: number("reference", self.reference)?,
            replaced: number("replaced", self.replaced)?,
            expires_at: match self.expires_at {
                None => None,
                Some(micros) => Some(Timestamp::from_micros(micros).ok_or_else(|| wrong("expires_at"))?),
            },
            result,
            changed_at: Timestamp::from_micros(self.changed_at).ok_or_else(|| wrong("changed_at"))?,
        })
    }
}

impl From<&MonitoringRow> for StoredMonitoring<String> {
    fn from(row: &MonitoringRow) -> Self {
        let (target_kind, target) = stored_target(&row.target);
        Self {
            target_kind,
            target,
            aspect: row.aspect.number().into(),
            state: row.state.number().into(),
            reference: row.reference.into(),
            replaced: row.replaced.into(),
            expires_at: row.expires_at.map(Timestamp::as_micros),
            result_vendor: row.result.map(|result| result.vendor.into()),
            result_code: row.result.map(|result| result.code.into()),
            changed_at: row.changed_at.as_micros(),
        }
    }
}
