//! Why the store could not do it, and whether trying again can help.

use std::io;
use std::time::Duration;

use sqlx::migrate::MigrateError;

/// A failure of the store. Its text never contains a row's values.
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
    Migration(#[source] Box<MigrateError>),
    /// `store.url` names nothing that can be opened.
    #[error("store.url: {0}")]
    Url(String),
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }

    /// The store did not answer in time.
    pub(super) fn timed_out(after: Duration) -> Self {
        let text = format!("no answer within {after:?}");
        Self::Transient(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text)))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let transient = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            // What a connection that breaks in the middle of a message looks like.
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
                    sqlstate_is_transient(&code)
                } else {
                    sqlite_is_transient(&code)
                }
            }
            _ => false,
        };
        if transient {
            Self::Transient(error)
        } else {
            Self::Permanent(error)
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => Self::from(error),
            MigrateError::ExecuteMigration(error, version) => match Self::from(error) {
                Self::Permanent(error) => {
                    Self::Migration(Box::new(MigrateError::ExecuteMigration(error, version)))
                }
                transient => transient,
            },
            other => Self::Migration(Box::new(other)),
        }
    }
}

/// SQLSTATE classes (PostgreSQL manual, appendix A) that pass: 08 connection, 40 rollback of a transaction that lost a
/// race, 53 insufficient resources, 55 not in the needed state, 57 operator intervention (shutdown, start-up, statement
/// timeout); and 25006, a primary that became a standby.
fn sqlstate_is_transient(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "40" | "53" | "55" | "57")) || code == "25006"
}

/// Result codes of SQLite that pass: BUSY, LOCKED, IOERR, FULL, CANTOPEN. The lowest octet is the primary code.
fn sqlite_is_transient(code: &str) -> bool {
    code.parse()
        .is_ok_and(|code: u32| matches!(code & 0xff, 5 | 6 | 10 | 13 | 14))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_transient() {
        for code in [
            "08006", "40P01", "53300", "55P03", "57P01", "57P03", "57014", "25006",
        ] {
            assert!(sqlstate_is_transient(code), "{code}");
        }
        for code in ["", "0", "42P01", "23505", "28P01", "25001"] {
            assert!(!sqlstate_is_transient(code), "{code}");
        }
        for (code, transient) in [
            ("5", true),
            ("517", true),
            ("13", true),
            ("1", false),
            ("2067", false),
            ("", false),
        ] {
            assert_eq!(sqlite_is_transient(code), transient, "{code}");
        }
        assert!(StoreError::from(sqlx::Error::PoolTimedOut).is_transient());
        assert!(!StoreError::from(sqlx::Error::RowNotFound).is_transient());
    }
}
