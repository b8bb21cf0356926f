//! Why the store could not do it, and whether trying again can help.
//!
//! Only an error that is about the data refuses it. Everything else is about the store: a wrong password, a missing
//! right or table, a standby, a full disk are mended by people, and until then data waits instead of being lost.

use std::io;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

/// A failure of the store. Its text never contains a row's values.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or is not as it has to be, or a transaction lost a race: the same call may succeed
    /// later.
    #[error("the store is not available: {0}")]
    Transient(#[source] sqlx::Error),
    /// The store refuses this data; trying again gives the same.
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

    /// Whether the server gave a statement up because it took too long (SQLSTATE 57014): less at a time may do.
    pub fn is_statement_timeout(&self) -> bool {
        matches!(self, Self::Transient(sqlx::Error::Database(error)) if error.code().as_deref() == Some("57014"))
    }

    /// The store did not answer in time.
    pub(super) fn timed_out(after: Duration) -> Self {
        let text = format!("no answer within {after:?}");
        Self::Transient(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text)))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let of_data = match &error {
            sqlx::Error::Encode(_) => true,
            sqlx::Error::Database(database) => of_data(&Code::of(database.as_ref())),
            _ => false,
        };
        if of_data {
            Self::Permanent(error)
        } else {
            Self::Transient(error)
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        let wrong = |error: &sqlx::Error| match error {
            sqlx::Error::Database(database) => {
                let code = Code::of(database.as_ref());
                of_data(&code) || of_statement(&code)
            }
            _ => false,
        };
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) if !wrong(&error) => {
                Self::from(error)
            }
            other => Self::Migration(Box::new(other)),
        }
    }
}

/// What the database calls an error.
enum Code {
    /// SQLSTATE.
    Postgres(String),
    /// SQLite's primary result code.
    Sqlite(u32),
}

impl Code {
    fn of(error: &dyn DatabaseError) -> Self {
        let code = error.code().unwrap_or_default();
        if error.try_downcast_ref::<PgDatabaseError>().is_some() {
            Self::Postgres(code.into_owned())
        } else {
            Self::sqlite(&code)
        }
    }

    /// The lowest octet of an extended code is the primary one. 1 is SQLite's word for an error that has no other.
    fn sqlite(code: &str) -> Self {
        Self::Sqlite(code.parse().map_or(1, |code: u32| code & 0xff))
    }
}

/// Whether these very values are at fault. SQLSTATE classes (PostgreSQL manual, appendix A): 22 data exception, 23
/// integrity constraint violation, 54 program limit exceeded. SQLite: TOOBIG, CONSTRAINT, MISMATCH, RANGE.
fn of_data(code: &Code) -> bool {
    match code {
        Code::Postgres(state) => matches!(state.get(..2), Some("22" | "23" | "54")),
        Code::Sqlite(primary) => matches!(primary, 18 | 19 | 20 | 25),
    }
}

/// Whether the statement cannot run here: SQLSTATE classes 42 syntax error or access rule violation, 0A feature not
/// supported; SQLite: ERROR. A migration that ends so needs somebody to look at it.
fn of_statement(code: &Code) -> bool {
    match code {
        Code::Postgres(state) => matches!(state.get(..2), Some("42" | "0A")),
        Code::Sqlite(primary) => *primary == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_about_the_data_refuses_it() {
        for code in ["22021", "22P05", "23505", "23514", "54000"] {
            assert!(of_data(&Code::Postgres(code.into())), "{code}");
        }
        for code in [
            "", "0", "08006", "0A000", "25006", "26000", "28P01", "3D000", "40P01", "42501", "42P01",
            "53300", "55P03", "57014", "57P01", "57P03", "58030", "XX000", "XX001",
        ] {
            assert!(!of_data(&Code::Postgres(code.into())), "{code}");
        }
        // CONSTRAINT_UNIQUE, CONSTRAINT_TRIGGER, TOOBIG, MISMATCH, RANGE.
        for code in ["2067", "1811", "18", "20", "25"] {
            assert!(of_data(&Code::sqlite(code)), "{code}");
        }
        // ERROR, BUSY, BUSY_SNAPSHOT, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN.
        for code in ["", "1", "5", "517", "6", "7", "8", "10", "11", "13", "14"] {
            assert!(!of_data(&Code::sqlite(code)), "{code}");
        }
        assert!(StoreError::from(sqlx::Error::PoolTimedOut).is_transient());
        assert!(StoreError::from(sqlx::Error::Protocol(String::new())).is_transient());
        assert!(!StoreError::from(sqlx::Error::Encode("too long".into())).is_transient());
    }

    #[test]
    fn a_migration_waits_for_the_server_but_not_for_its_own_mistakes() {
        for code in ["42501", "42P07", "0A000"] {
            assert!(of_statement(&Code::Postgres(code.into())), "{code}");
        }
        for code in ["57P03", "25006", "53100", "28P01"] {
            assert!(!of_statement(&Code::Postgres(code.into())), "{code}");
        }
        assert!(of_statement(&Code::sqlite("1")));
        assert!(!of_statement(&Code::sqlite("5")));
        let away = || sqlx::Error::PoolTimedOut;
        assert!(StoreError::from(MigrateError::Execute(away())).is_transient());
        assert!(StoreError::from(MigrateError::ExecuteMigration(away(), 1)).is_transient());
        assert!(!StoreError::from(MigrateError::VersionMissing(1)).is_transient());
    }
}
