//! What the store says while its database is away, and that it recovers by itself.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use reachd::store::{AnyStore, Batch, Store, StoreConfig, StoreError};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::generate::{Random, imsi};
use super::{Fresh, load};
use crate::support::postgres::Cluster;

fn one_row(n: u64) -> Batch {
    Batch {
        registrations: vec![Random(n).row(imsi(n))],
        ..Batch::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_a_passing_failure_and_no_commit_is_lost() {
    let mut cluster = Cluster::private().await;
    let config = StoreConfig {
        url: cluster.fresh_database().await,
        connect_timeout: Duration::from_millis(500),
        ..StoreConfig::default()
    };
    let store = AnyStore::open(&config).await.unwrap();
    store.migrate().await.unwrap();
    store.commit(&one_row(1)).await.unwrap();

    cluster.stop_immediately().await;
    for _ in 0..3 {
        let failed = store.commit(&one_row(2)).await;
        assert!(matches!(failed, Err(StoreError::Transient(_))), "{failed:?}");
    }
    for failed in [store.migrate().await, store.load(&mut |_| ()).await.map(drop)] {
        assert!(matches!(failed, Err(StoreError::Transient(_))), "{failed:?}");
    }

    cluster.start_again().await;
    let mut tries = 0;
    while let Err(error) = store.commit(&one_row(2)).await {
        assert!(error.is_transient(), "{error:?}");
        tries += 1;
        assert!(tries < 20, "{error:?}");
    }
    assert_eq!(load(&store).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_answers_is_a_passing_failure() {
    // Takes connections and says nothing.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let config = StoreConfig {
        url: format!("postgres://reachd@{}/reachd", silent.local_addr().unwrap()),
        connect_timeout: Duration::from_millis(200),
        ..StoreConfig::default()
    };
    let store = AnyStore::open(&config).await.unwrap();
    for failed in [store.commit(&one_row(1)).await, store.migrate().await] {
        assert!(matches!(failed, Err(StoreError::Transient(_))), "{failed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_does_not_get_on_is_a_passing_failure() {
    let fresh = Fresh::postgres().await;
    fresh.store.commit(&one_row(1)).await.unwrap();
    let mut other = PgConnection::connect(&fresh.config.url).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE registration")
        .execute(&mut other)
        .await
        .unwrap();
    let impatient = StoreConfig {
        statement_timeout: Duration::from_millis(100),
        connect_timeout: Duration::from_secs(1),
        ..fresh.config.clone()
    };
    let store = AnyStore::open(&impatient).await.unwrap();
    let failed = store.load(&mut |_| ()).await;
    assert!(matches!(failed, Err(StoreError::Transient(_))), "{failed:?}");
    other.close().await.unwrap();
    assert_eq!(load(&fresh.store).await.len(), 1);
}

/// A trigger notes what each commit waits for.
const NOTE_DURABILITY: &str = "
    CREATE TABLE noted (setting text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO noted VALUES (current_setting('synchronous_commit'));
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER INSERT ON registration FOR EACH STATEMENT EXECUTE FUNCTION note();
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_flushed_also_where_the_database_is_set_up_not_to_wait() {
    let fresh = Fresh::postgres().await;
    let mut other = PgConnection::connect(&fresh.config.url).await.unwrap();
    sqlx::raw_sql(NOTE_DURABILITY).execute(&mut other).await.unwrap();
    let database: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&mut other)
        .await
        .unwrap();
    for (set_up, expected) in [
        ("off", "on"),
        ("local", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ] {
        let set = format!("ALTER DATABASE {database} SET synchronous_commit = {set_up}");
        sqlx::query(AssertSqlSafe(set)).execute(&mut other).await.unwrap();
        let store = fresh.reopened().await;
        store.commit(&one_row(1)).await.unwrap();
        store.close().await;
        let noted: Vec<String> = sqlx::query_scalar("DELETE FROM noted RETURNING setting")
            .fetch_all(&mut other)
            .await
            .unwrap();
        assert_eq!(noted, [expected], "{set_up}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_that_writes_to_the_file_is_waited_for_and_then_a_passing_failure() {
    let fresh = Fresh::sqlite().await;
    let config = StoreConfig {
        statement_timeout: Duration::from_millis(100),
        ..fresh.config.clone()
    };
    let store = AnyStore::open(&config).await.unwrap();
    let AnyStore::Sqlite(_) = &store else {
        unreachable!()
    };
    let pool = sqlx::SqlitePool::connect(&config.url).await.unwrap();
    let other = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let failed = store.commit(&one_row(1)).await;
    assert!(matches!(failed, Err(StoreError::Transient(_))), "{failed:?}");
    other.rollback().await.unwrap();
    store.commit(&one_row(1)).await.unwrap();
    assert_eq!(load(&store).await.len(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_told_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        url: format!("sqlite://{}", directory.path().display()),
        ..StoreConfig::default()
    };
    let refused = AnyStore::open(&config).await;
    assert!(matches!(refused, Err(StoreError::Url(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_embedded_store_creates_is_its_owners_alone() {
    let fresh = Fresh::sqlite().await;
    fresh.store.commit(&one_row(1)).await.unwrap();
    let file = std::path::PathBuf::from(fresh.config.url.strip_prefix("sqlite://").unwrap());
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}
