//! The embedded migrations of both engines.

use std::sync::LazyLock;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Embeds a numbered file of both histories.
macro_rules! migrations {
    ($engine:literal: $($version:literal $name:literal),+ $(,)?) => {
        LazyLock::new(|| {
            Migrator::with_migrations(vec![$(migration(
                $version,
                $name,
                include_str!(concat!("../../migrations/", $engine, "/000", $version, "_", $name, ".sql")),
            )),+])
        })
    };
}

pub(super) static POSTGRES: LazyLock<Migrator> = migrations!("postgres":
    1 "registration",
    2 "identifier",
    3 "device_reachability",
    4 "ip_session",
    5 "monitoring",
    6 "sh_subscription",
    7 "session_addresses",
    8 "erasure",
    9 "feed",
);

pub(super) static SQLITE: LazyLock<Migrator> = migrations!("sqlite":
    1 "registration",
    2 "identifier",
    3 "device_reachability",
    4 "ip_session",
    5 "monitoring",
    6 "sh_subscription",
    7 "session_addresses",
    8 "erasure",
    9 "feed",
);

/// The newest migration that was applied. The table belongs to sqlx.
pub(super) const APPLIED: &str = "SELECT max(version) FROM _sqlx_migrations WHERE success";

fn migration(version: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration::new(
        version,
        name.into(),
        MigrationType::Simple,
        sql.into_sql_str(),
        false,
    )
}

/// The newest version a history leads to.
pub(super) fn newest(migrator: &Migrator) -> i64 {
    migrator
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}
