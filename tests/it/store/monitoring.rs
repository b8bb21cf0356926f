//! What the network is asked to watch, as every engine has to keep it.

use std::collections::BTreeMap;

use reachd::domain::{
    Aspect, ExternalIdentifier, MonitoringState as State, Msisdn, NetworkResult, Target, Timestamp,
};
use reachd::store::{
    AnyStore, MonitoringBatch, MonitoringRow, MonitoringStore, Store, StoreConfig, StoreError,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::generate::at;
use super::on_each_engine;

const SCEF: &str = "reachd.home.example";

fn number(n: u64) -> Target {
    Target::Msisdn(Msisdn::parse(&format!("999{n:09}")).unwrap())
}

fn external(n: u64) -> ExternalIdentifier {
    ExternalIdentifier::parse(&format!("meter-{n}@iot.example")).unwrap()
}

fn row(target: Target, aspect: Aspect, state: State, reference: u32) -> MonitoringRow {
    MonitoringRow {
        target,
        aspect,
        state,
        reference,
        replaced: reference / 2,
        expires_at: reference
            .is_multiple_of(2)
            .then(|| at(i64::from(reference) + 100)),
        result: reference.is_multiple_of(3).then_some(NetworkResult {
            vendor: 10415,
            code: 5510,
        }),
        changed_at: at(7),
    }
}

async fn load(store: &AnyStore) -> BTreeMap<(Target, Aspect), MonitoringRow> {
    let mut rows = BTreeMap::new();
    let count = store
        .load_monitoring(&mut |row| {
            let before = rows.insert((row.target.clone(), row.aspect), row);
            assert_eq!(before, None, "no key occurs twice");
        })
        .await
        .unwrap();
    assert_eq!(count, rows.len() as u64);
    rows
}

async fn save(store: &AnyStore, rows: Vec<MonitoringRow>, removed: Vec<Target>, next_reference: u64) {
    let batch = MonitoringBatch {
        rows,
        removed,
        next_reference,
        set_aside: false,
    };
    store.save_monitoring(&batch).await.unwrap();
}

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

on_each_engine! {
    async fn rows_are_overwritten_and_targets_forgotten(fresh) {
        assert_eq!(fresh.store.begin_monitoring(SCEF).await.unwrap(), 1);
        assert!(load(&fresh.store).await.is_empty());

        // Every value that a row can have, for more targets than fit one statement.
        let mut expected = BTreeMap::new();
        let mut reference = 0;
        for n in 0..300 {
            for target in [number(n), Target::External(external(n)), Target::Group(external(n))] {
                for aspect in Aspect::ALL {
                    let state = State::ALL[reference as usize % State::ALL.len()];
                    let row = row(target.clone(), aspect, state, reference);
                    expected.insert((target.clone(), aspect), row);
                    reference += 1;
                }
            }
        }
        save(&fresh.store, expected.values().cloned().collect(), Vec::new(), 5000).await;
        assert_eq!(load(&fresh.store).await, expected);

        // One target's rows anew, another forgotten, in one transaction.
        let extremes = MonitoringRow {
            reference: u32::MAX,
            replaced: u32::MAX - 1,
            expires_at: Some(Timestamp::MAX),
            result: Some(NetworkResult { vendor: u32::MAX, code: u32::MAX }),
            changed_at: Timestamp::MAX,
            ..row(number(7), Aspect::Sms, State::Renewing, 1)
        };
        expected.insert((number(7), Aspect::Sms), extremes.clone());
        expected.retain(|(target, _), _| *target != Target::External(external(8)));
        save(&fresh.store, vec![extremes], vec![Target::External(external(8)), number(999_999)], 5001).await;
        assert_eq!(load(&fresh.store).await, expected);
        // Another process sees the same.
        let other = fresh.reopened().await;
        assert_eq!(load(&other).await, expected);
        other.close().await;
    }

    async fn the_numbers_of_references_never_go_back(fresh) {
        assert_eq!(fresh.store.begin_monitoring(SCEF).await.unwrap(), 1);
        save(&fresh.store, vec![row(number(1), Aspect::Loss, State::Asking, 70)], Vec::new(), 71).await;
        assert_eq!(fresh.store.begin_monitoring(SCEF).await.unwrap(), 71);
        save(&fresh.store, Vec::new(), vec![number(1)], 3).await;
        // Nor does a batch without rows move them.
        save(&fresh.store, Vec::new(), Vec::new(), 900).await;
        assert_eq!(fresh.reopened().await.begin_monitoring(SCEF).await.unwrap(), 71);
    }

    async fn under_another_identity_everything_is_wanted_anew(fresh) {
        fresh.store.begin_monitoring(SCEF).await.unwrap();
        let rows = vec![
            row(number(1), Aspect::Loss, State::Active, 6),
            row(number(1), Aspect::Data, State::Failed, 9),
            row(number(2), Aspect::Loss, State::Ending, 12),
        ];
        save(&fresh.store, rows, Vec::new(), 100).await;
        // The same one, in another case.
        assert_eq!(fresh.store.begin_monitoring("Reachd.Home.Example").await.unwrap(), 100);
        assert_eq!(load(&fresh.store).await.len(), 3);

        assert_eq!(fresh.store.begin_monitoring("other.home.example").await.unwrap(), 100);
        let wanted = |aspect| MonitoringRow {
            target: number(1),
            aspect,
            state: State::Wanted,
            reference: 0,
            replaced: 0,
            expires_at: None,
            result: None,
            changed_at: at(7),
        };
        let rows: Vec<_> = load(&fresh.store).await.into_values().collect();
        assert_eq!(rows, [wanted(Aspect::Loss), wanted(Aspect::Data)]);
    }

    async fn values_that_reachd_does_not_write_are_named_by_their_column(fresh) {
        fresh.store.begin_monitoring(SCEF).await.unwrap();
        save(&fresh.store, vec![row(number(1), Aspect::Loss, State::Active, 6)], Vec::new(), 7).await;
        for (column, wrong, right) in [
            ("target_kind", "9", "1"),
            ("target", "'two words'", "'999000000001'"),
            ("aspect", "4", "1"),
            ("state", "8", "3"),
            ("reference", "-1", "6"),
            ("replaced", "4294967296", "3"),
            ("expires_at", "0", "NULL"),
            ("result_code", "NULL", "5510"),
            ("changed_at", "-5", "5"),
        ] {
            execute(&fresh.store, &fresh.config, &format!("UPDATE monitoring SET {column} = {wrong}")).await;
            let refused = fresh.store.load_monitoring(&mut |_| ()).await;
            assert!(
                matches!(refused, Err(StoreError::Inconsistent { table: "monitoring", column: named }) if named == column),
                "{column}: {refused:?}"
            );
            execute(&fresh.store, &fresh.config, &format!("UPDATE monitoring SET {column} = {right}")).await;
        }
    }
}
