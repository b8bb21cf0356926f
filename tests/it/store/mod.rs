//! Both engines behind one contract: every test here that is generic runs on each.

mod agreement;
mod contract;
mod erasure;
mod failure;
mod feeds;
mod generate;
mod monitoring;
mod restarts;
mod schema;
mod sessions;
mod subscriptions;
mod view;

use std::time::Duration;

use reachd::store::{AnyStore, Loaded, Store, StoreConfig};
use tempfile::TempDir;

use crate::support::postgres::Database;

/// A migrated store of one engine, with what has to outlive it.
pub(crate) struct Fresh {
    pub(crate) store: AnyStore,
    pub(crate) config: StoreConfig,
    _directory: Option<TempDir>,
}

impl Fresh {
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("new/reachd.db").display());
        Self::open(url, Some(directory)).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::open(Database::fresh().await.url().to_owned(), None).await
    }

    async fn open(url: String, directory: Option<TempDir>) -> Self {
        // A machine that is busy with other things is no reason to fail.
        let config = StoreConfig {
            url,
            connect_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(60),
            ..StoreConfig::default()
        };
        let store = AnyStore::open(&config).await.unwrap();
        store.migrate().await.unwrap();
        Self {
            store,
            config,
            _directory: directory,
        }
    }

    /// A second handle on the same data, as another process would have.
    pub(crate) async fn reopened(&self) -> AnyStore {
        AnyStore::open(&self.config).await.unwrap()
    }
}

/// Everything that is stored.
async fn load<S: Store>(store: &S) -> Vec<Loaded> {
    let mut rows = Vec::new();
    let count = store.load(&mut |row| rows.push(row)).await.unwrap();
    assert_eq!(count, rows.len() as u64);
    rows
}

/// Runs each test on each engine: `test::sqlite` and `test::postgres`.
macro_rules! on_each_engine {
    ($($(#[$meta:meta])* async fn $name:ident($fresh:ident) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $(#[$meta])*
            async fn run($fresh: $crate::store::Fresh) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run($crate::store::Fresh::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run($crate::store::Fresh::postgres().await).await;
            }
        }
    )+};
}
pub(crate) use on_each_engine;
