//! Why the store could not do it, and whether trying again can help.

/// A failure of the store. Never contains a row's values.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is starting or stopping, is overloaded, or a transaction lost a race: the same
    /// call may succeed later.
    #[error("the store is not available: {0}")]
    Transient(#[source] sqlx::Error),
    /// The store refuses this; trying again gives the same.
    #[error("the store refused: {0}")]
    Permanent(#[source] sqlx::Error),
    /// What is stored cannot be read as what it should be.
    #[error("table {table}, column {column}: the stored value is not one that reachd writes")]
    Inconsistent {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
    },
    /// A migration failed, or the schema is of a newer reachd.
    #[error("the schema cannot be brought to this version: {0}")]
    Migration(#[source] Box<sqlx::migrate::MigrateError>),
    /// `store.url` names nothing that can be opened.
    #[error("store.url: {0}")]
    Url(String),
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }
}
