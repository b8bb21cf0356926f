//! Migrations, and stored values that reachd did not write.

use reachd::domain::Slot;
use reachd::store::{AnyStore, Batch, RegistrationRow, Store, StoreConfig, StoreError};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::generate::{Random, imsi};
use super::{load, on_each_engine};

async fn execute(store: &AnyStore, config: &StoreConfig, statement: &str) {
    let statement = AssertSqlSafe(statement.to_owned());
    match store {
        AnyStore::Postgres(_) => {
            let mut connection = PgConnection::connect(&config.url).await.unwrap();
            sqlx::query(statement).execute(&mut connection).await.unwrap();
        }
        AnyStore::Sqlite(_) => {
            let mut connection = SqliteConnection::connect(&config.url).await.unwrap();
            sqlx::query(statement).execute(&mut connection).await.unwrap();
        }
    }
}

async fn drop_schema(store: &AnyStore, config: &StoreConfig) {
    for view in [
        "device_reachability",
        "standing_registration",
        "subscriber_alias",
        "newest_binding",
    ] {
        execute(store, config, &format!("DROP VIEW {view}")).await;
    }
    for table in [
        "identifier",
        "ip_session",
        "gateway_restart",
        "registration",
        "monitoring",
        "monitoring_reference",
        "sh_subscription",
        "feed",
        "erasure",
        "pseudonym_key",
        "_sqlx_migrations",
    ] {
        execute(store, config, &format!("DROP TABLE {table}")).await;
    }
}

on_each_engine! {
    async fn migrating_again_changes_nothing(fresh) {
        let (stored, known) = fresh.store.schema_version().await.unwrap();
        assert_eq!(stored, known);
        fresh.store.migrate().await.unwrap();
        assert_eq!(fresh.store.schema_version().await.unwrap(), (known, known));
    }

    async fn a_schema_newer_than_this_version_is_refused(fresh) {
        let newer = match fresh.store {
            AnyStore::Postgres(_) => "INSERT INTO _sqlx_migrations VALUES (999, 'later', now(), true, '', 0)",
            AnyStore::Sqlite(_) => "INSERT INTO _sqlx_migrations VALUES (999, 'later', CURRENT_TIMESTAMP, true, '', 0)",
        };
        execute(&fresh.store, &fresh.config, newer).await;
        let refused = fresh.store.migrate().await;
        assert!(matches!(refused, Err(StoreError::Migration(_))), "{refused:?}");
        assert_eq!(fresh.store.schema_version().await.unwrap().0, 999);
        // The lock was given back.
        let again = fresh.reopened().await.migrate().await;
        assert!(matches!(again, Err(StoreError::Migration(_))), "{again:?}");
    }

    async fn several_processes_may_migrate_at_once(fresh) {
        drop_schema(&fresh.store, &fresh.config).await;
        assert_eq!(fresh.store.schema_version().await.unwrap().0, 0);
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let store = fresh.reopened().await;
            tasks.push(tokio::spawn(async move { store.migrate().await }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let (stored, known) = fresh.store.schema_version().await.unwrap();
        assert_eq!(stored, known);
    }

    async fn without_a_schema_a_commit_is_tried_again_until_it_is_there(fresh) {
        drop_schema(&fresh.store, &fresh.config).await;
        let batch = Batch { registrations: vec![Random(1).row(imsi(1))], ..Batch::default() };
        for _ in 0..3 {
            let failed = fresh.store.commit(&batch).await;
            assert!(matches!(failed, Err(StoreError::Transient(_))), "{failed:?}");
        }
        fresh.reopened().await.migrate().await.unwrap();
        fresh.store.commit(&batch).await.unwrap();
        assert_eq!(load(&fresh.store).await.len(), 1);
    }

    async fn a_migration_that_cannot_run_here_is_told_and_not_tried_for_ever(fresh) {
        drop_schema(&fresh.store, &fresh.config).await;
        execute(&fresh.store, &fresh.config, "CREATE TABLE registration (somebody_elses integer)").await;
        let refused = fresh.store.migrate().await;
        assert!(matches!(refused, Err(StoreError::Migration(_))), "{refused:?}");
    }

    async fn values_that_reachd_does_not_write_are_named_by_their_column(fresh) {
        let row = RegistrationRow { slot: Slot::Mme, ..Random(1).row(imsi(1)) };
        fresh.store.commit(&Batch { registrations: vec![row], ..Batch::default() }).await.unwrap();
        for (column, wrong, right) in [
            ("slot", "99", "1"),
            ("received_at", "-1", "1"),
            ("node", "'two words'", "'mme1'"),
            ("registered_at", "0", "NULL"),
            ("unreachable_at", "NULL, unreachable_until = 7", "NULL, unreachable_until = NULL"),
            ("subscriber_id", "17", "17"),
        ] {
            execute(&fresh.store, &fresh.config, &format!("UPDATE registration SET {column} = {wrong}")).await;
            let refused = fresh.store.load(&mut |_| ()).await;
            assert!(
                matches!(refused, Err(StoreError::Inconsistent { table: "registration", column: named }) if named == column),
                "{column}: {refused:?}"
            );
            execute(&fresh.store, &fresh.config, &format!("UPDATE registration SET {column} = {right}")).await;
        }
    }
}
