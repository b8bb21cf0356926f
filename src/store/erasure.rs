//! What was erased: tables `erasure` and `pseudonym_key`, and how rows of subscribers go from all the others.
//!
//! Erasing is cutting off: what is newer than the erasure stays. So it commutes with commits, and may be repeated.

use std::future::Future;

use crate::domain::{Pseudonym, PseudonymKey, SubscriberId, Timestamp};

use super::{BindingRow, StoreError};

/// One erased identifier: a row of table `erasure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasureRow {
    /// What stands for it.
    pub who: Pseudonym,
    /// Up to when nothing of it is kept.
    pub erased_at: Timestamp,
}

/// The key of pseudonyms as the store knows it: the row of table `pseudonym_key`.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Which key it is.
    pub fingerprint: Pseudonym,
    /// The key, unless whoever uses the store has it in a file.
    pub octets: Option<[u8; PseudonymKey::LENGTH]>,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredKey")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// How many rows an erasure took away or cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasedRows {
    /// Of table `registration`.
    pub registrations: u64,
    /// Of table `identifier`.
    pub identifiers: u64,
    /// Of table `ip_session`.
    pub ip_sessions: u64,
}

impl ErasedRows {
    /// Of all tables.
    pub fn total(&self) -> u64 {
        self.registrations + self.identifiers + self.ip_sessions
    }
}

/// A durable home for erasures.
pub trait ErasureStore: Send + Sync + 'static {
    /// The key that pseudonyms are made with: the one that is there, else the one offered, from now on.
    fn pseudonym_key(
        &self,
        offered: &StoredKey,
    ) -> impl Future<Output = Result<StoredKey, StoreError>> + Send;

    /// Remembers erasures, joined with what is remembered. Returns only after it is durable.
    fn note_erasures(&self, rows: &[ErasureRow]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Erasures noted at or after a time of the store's own clock (`None`: all of them), and the newest such time.
    fn erasures(
        &self,
        noted_since: Option<i64>,
    ) -> impl Future<Output = Result<(Vec<ErasureRow>, Option<i64>), StoreError>> + Send;

    /// Every binding that names one of these as its subscriber.
    fn bindings_of(
        &self,
        holders: &[SubscriberId],
    ) -> impl Future<Output = Result<Vec<BindingRow>, StoreError>> + Send;

    /// Every binding of the identifiers with these own ids.
    fn bindings_by(
        &self,
        identifiers: &[SubscriberId],
    ) -> impl Future<Output = Result<Vec<BindingRow>, StoreError>> + Send;

    /// Takes away what is known of these subscribers up to a time each: facts under their ids, bindings to them and of the
    /// identifiers that their ids were derived from, addresses. Returns only after it is durable.
    fn erase(
        &self,
        floors: &[(SubscriberId, Timestamp)],
    ) -> impl Future<Output = Result<ErasedRows, StoreError>> + Send;

    /// Forgets erasures made before a time. Returns how many there were.
    fn forget_erasures(&self, before: Timestamp) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// A row as it is stored.
pub(super) fn erasure_row(pseudonym: &[u8], erased_at: i64) -> Result<ErasureRow, StoreError> {
    let wrong = |column| StoreError::Inconsistent {
        table: "erasure",
        column,
    };
    Ok(ErasureRow {
        who: pseudonym
            .try_into()
            .map(Pseudonym::from_bytes)
            .map_err(|_| wrong("pseudonym"))?,
        erased_at: Timestamp::from_micros(erased_at).ok_or_else(|| wrong("erased_at"))?,
    })
}

/// The key as it is stored.
pub(super) fn stored_key(fingerprint: &[u8], octets: Option<&[u8]>) -> Result<StoredKey, StoreError> {
    let wrong = |column| StoreError::Inconsistent {
        table: "pseudonym_key",
        column,
    };
    Ok(StoredKey {
        fingerprint: fingerprint
            .try_into()
            .map(Pseudonym::from_bytes)
            .map_err(|_| wrong("fingerprint"))?,
        octets: octets
            .map(|octets| octets.try_into().map_err(|_| wrong("key")))
            .transpose()?,
    })
}
