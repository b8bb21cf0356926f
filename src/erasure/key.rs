//! Which key pseudonyms are made with: one for everybody who uses a store.

use rustls::crypto::ring;

use crate::domain::PseudonymKey;
use crate::store::{ErasureStore, StoreError, StoredKey};

/// Why no key can be agreed on.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Erasures were made with another one, and would be forgotten.
    #[error(
        "audit.key_file has another key than the one that this store's erasures were made with: what was erased could \
         come back"
    )]
    Another,
    /// A file had it, and none is named.
    #[error("this store's erasures were made with a key from a file: audit.key_file has to name it")]
    InFile,
    /// No random octets.
    #[error("this machine gives no random octets")]
    Random,
}

impl KeyError {
    /// Whether the same may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }
}

/// The key of a store: out of the file if there is one, else out of the store, and made if this is its first use.
pub(super) async fn agree(
    store: &impl ErasureStore,
    of_file: Option<PseudonymKey>,
) -> Result<PseudonymKey, KeyError> {
    let (offered, own) = match of_file {
        Some(key) => (
            StoredKey {
                fingerprint: key.fingerprint(),
                octets: None,
            },
            Some(key),
        ),
        None => {
            let mut octets = [0; PseudonymKey::LENGTH];
            ring::default_provider()
                .secure_random
                .fill(&mut octets)
                .map_err(|_| KeyError::Random)?;
            let fingerprint = PseudonymKey::new(&octets).fingerprint();
            (
                StoredKey {
                    fingerprint,
                    octets: Some(octets),
                },
                None,
            )
        }
    };
    let stored = store.pseudonym_key(&offered).await?;
    match (own, stored.octets) {
        (Some(key), _) if key.fingerprint() == stored.fingerprint => Ok(key),
        (Some(_), _) => Err(KeyError::Another),
        (None, Some(octets)) => Ok(PseudonymKey::new(&octets)),
        (None, None) => Err(KeyError::InFile),
    }
}
