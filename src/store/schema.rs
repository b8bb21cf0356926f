//! The embedded migrations of both engines.

use std::sync::LazyLock;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Embeds numbered files, by their names without the ending.
macro_rules! migrations {
    ($engine:literal: $($version:literal $file:literal),+ $(,)?) => {
        LazyLock::new(|| {
            Migrator::with_migrations(vec![$(migration(
                $version,
                $file,
                include_str!(concat!("../../migrations/", $engine, "/", $file, ".sql")),
            )),+])
        })
    };
}

pub(super) static POSTGRES: LazyLock<Migrator> = migrations!("postgres":
    1 "0001_registration",
    2 "0002_identifier",
    3 "0003_device_reachability",
    4 "0004_ip_session",
    5 "0005_monitoring",
    6 "0006_sh_subscription",
    7 "0007_session_addresses",
    8 "0008_erasure",
    9 "0009_feed",
    10 "0010_feed_promise",
);

pub(super) static SQLITE: LazyLock<Migrator> = migrations!("sqlite":
    1 "0001_registration",
    2 "0002_identifier",
    3 "0003_device_reachability",
    4 "0004_ip_session",
    5 "0005_monitoring",
    6 "0006_sh_subscription",
    7 "0007_session_addresses",
    8 "0008_erasure",
    9 "0009_feed",
    10 "0010_feed_promise",
);

/// The newest migration that was applied. The table belongs to sqlx.
pub(super) const APPLIED: &str = "SELECT max(version) FROM _sqlx_migrations WHERE success";

fn migration(version: i64, file: &'static str, sql: &'static str) -> Migration {
    let name = file.split_once('_').map_or(file, |(_, name)| name);
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
