//! What HSSs are asked to notify of, as every engine has to keep it.

use std::collections::BTreeMap;

use reachd::domain::{ExternalIdentifier, Msisdn, NetworkResult, SubscriptionState as State, Topic, User};
use reachd::store::{AnyStore, StoreError, SubscriptionBatch, SubscriptionRow, SubscriptionStore};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::generate::at;
use super::on_each_engine;

fn number(n: u64) -> User {
    User::Msisdn(Msisdn::parse(&format!("999{n:09}")).unwrap())
}

fn external() -> User {
    User::External(ExternalIdentifier::parse("Meter-7@iot.example").unwrap())
}

fn row(user: User, topic: Topic, state: State) -> SubscriptionRow {
    let refused = NetworkResult {
        vendor: 10415,
        code: 5101,
    };
    SubscriptionRow {
        user,
        topic,
        state,
        expires_at: (state == State::Active).then(|| at(77)),
        result: (state == State::Failed).then_some(refused),
        changed_at: at(7),
    }
}

async fn load(store: &AnyStore) -> Result<BTreeMap<(User, Topic), SubscriptionRow>, StoreError> {
    let mut rows = BTreeMap::new();
    let count = store
        .load_subscriptions(&mut |row| {
            let before = rows.insert((row.user.clone(), row.topic), row);
            assert_eq!(before, None, "no key occurs twice");
        })
        .await?;
    assert_eq!(count, rows.len() as u64);
    Ok(rows)
}

async fn save(store: &AnyStore, rows: Vec<SubscriptionRow>, removed: Vec<(User, Topic)>) {
    let batch = SubscriptionBatch { rows, removed };
    store.save_subscriptions(&batch).await.unwrap();
}

on_each_engine! {
    async fn what_was_saved_last_of_each_topic_of_each_user_comes_back(fresh) {
        let store = &fresh.store;
        assert!(load(store).await.unwrap().is_empty());
        let users = [number(1), number(2), external()];
        let mut rows: Vec<SubscriptionRow> = Vec::new();
        for user in &users {
            for (topic, state) in Topic::ALL.into_iter().zip(State::ALL) {
                rows.push(row(user.clone(), topic, state));
            }
        }
        save(store, rows.clone(), Vec::new()).await;
        rows[0] = row(number(1), Topic::Reachability, State::Failed);
        rows[1] = row(number(1), Topic::ImsState, State::Ending);
        save(store, rows[..2].to_vec(), vec![(number(2), Topic::ImsState)]).await;
        rows.retain(|row| (&row.user, row.topic) != (&number(2), Topic::ImsState));
        let expected = rows.into_iter().map(|row| ((row.user.clone(), row.topic), row)).collect();
        assert_eq!(load(&fresh.reopened().await).await.unwrap(), expected);
    }

    async fn thousands_go_in_at_once_and_nothing_is_nothing(fresh) {
        let rows: Vec<_> = (0..3000).map(|n| row(number(n), Topic::Reachability, State::Wanted)).collect();
        save(&fresh.store, rows, Vec::new()).await;
        save(&fresh.store, Vec::new(), Vec::new()).await;
        assert_eq!(load(&fresh.store).await.unwrap().len(), 3000);
        let removed = (0..2999).map(|n| (number(n), Topic::Reachability)).collect();
        save(&fresh.store, Vec::new(), removed).await;
        let left = load(&fresh.store).await.unwrap();
        assert_eq!(left.into_keys().collect::<Vec<_>>(), [(number(2999), Topic::Reachability)]);
    }

    async fn what_reachd_does_not_write_is_named_by_its_column(fresh) {
        save(&fresh.store, vec![row(number(1), Topic::Reachability, State::Failed)], Vec::new()).await;
        for (change, column) in [
            ("user_kind = 3", "user_kind"),
            ("user_kind = 1, user_name = 'x'", "user_name"),
            ("user_name = '99912345', topic = 9", "topic"),
            ("topic = 1, state = 0", "state"),
            ("state = 1, result_code = NULL", "result_code"),
            ("result_code = 1, result_vendor = -1", "result_vendor"),
            ("result_vendor = 0, changed_at = 0", "changed_at"),
        ] {
            let statement = AssertSqlSafe(format!("UPDATE sh_subscription SET {change}"));
            match fresh.store {
                AnyStore::Postgres(_) => {
                    let mut connection = PgConnection::connect(&fresh.config.url).await.unwrap();
                    sqlx::query(statement).execute(&mut connection).await.unwrap();
                }
                AnyStore::Sqlite(_) => {
                    let mut connection = SqliteConnection::connect(&fresh.config.url).await.unwrap();
                    sqlx::query(statement).execute(&mut connection).await.unwrap();
                }
            }
            let error = load(&fresh.store).await.unwrap_err();
            assert!(!error.is_transient());
            assert!(error.to_string().contains(&format!("column {column}")), "{error}");
        }
    }
}
