//! The view `device_reachability` says what the domain says.

use std::collections::{BTreeMap, HashMap};

use reachd::domain::{Registrations, Slot, SubscriberId, Timestamp};
use reachd::store::{AnyStore, BindingRow, RegistrationRow, Store, StoreConfig};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::generate::{Random, batch, external, imsi, msisdn};
use super::on_each_engine;

/// A row of the view: subscriber, status, data, SMS, last status time.
pub(super) type Row = (i64, String, bool, bool, Option<String>);

pub(super) async fn view(store: &AnyStore, config: &StoreConfig, condition: &str) -> Vec<Row> {
    let time = match store {
        AnyStore::Postgres(_) => {
            r#"to_char(last_status_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#
        }
        AnyStore::Sqlite(_) => "last_status_time",
    };
    let query = AssertSqlSafe(format!(
        "SELECT subscriber_id, status, data, sms, {time} FROM device_reachability {condition} ORDER BY 1"
    ));
    match store {
        AnyStore::Postgres(_) => {
            let mut connection = PgConnection::connect(&config.url).await.unwrap();
            sqlx::query_as(query).fetch_all(&mut connection).await.unwrap()
        }
        AnyStore::Sqlite(_) => {
            let mut connection = SqliteConnection::connect(&config.url).await.unwrap();
            sqlx::query_as(query).fetch_all(&mut connection).await.unwrap()
        }
    }
}

/// What the view should say, by the domain's own rules.
fn expected(registrations: &[RegistrationRow], bindings: &[BindingRow], now: Timestamp) -> Vec<Row> {
    let mut newest: HashMap<SubscriberId, (Timestamp, SubscriberId)> = HashMap::new();
    for row in bindings {
        let binding = (row.bound_at, row.subscriber);
        let known = newest.entry(row.identifier.subscriber()).or_insert(binding);
        *known = binding.max(*known);
    }
    // An external identifier may lead to a number, and that to an IMSI.
    let holder = |id: SubscriberId| newest.get(&id).map_or(id, |(_, holder)| *holder);
    let owner = |id| holder(holder(id));
    let mut known: BTreeMap<i64, Registrations> = BTreeMap::new();
    for row in bindings {
        known.entry(owner(row.subscriber).as_i64()).or_default();
    }
    for row in registrations {
        known.entry(owner(row.subscriber).as_i64()).or_default().join(
            row.slot,
            row.node.as_ref(),
            &row.facts,
        );
    }
    known
        .into_iter()
        .map(|(subscriber, registrations)| {
            let answer = registrations.reachability(now);
            let time = answer.last_status_time.map(|time| time.to_string());
            (
                subscriber,
                answer.status.name().into(),
                answer.data,
                answer.sms,
                time,
            )
        })
        .collect()
}

on_each_engine! {
    async fn the_view_equals_the_domain_for_random_subscribers(fresh) {
        let mut random = Random(20);
        let (mut registrations, mut bindings) = (Vec::new(), Vec::new());
        for n in 0..1000 {
            // Few slots with many facts each, and at times all of them.
            let slots = match random.below(5) {
                0 => Slot::ALL.to_vec(),
                1 => vec![Slot::Session],
                _ => vec![random.pick(&Slot::DATA), random.pick(&Slot::ALL)],
            };
            for _ in 0..random.below(16) {
                // Mostly under the IMSI, at times under a number or an external identifier alone.
                let subscriber = match random.below(10) {
                    0 => msisdn(n).subscriber(),
                    1 => external(n).subscriber(),
                    _ => imsi(n),
                };
                registrations.push(random.row_in(&slots, subscriber));
            }
            for _ in 0..random.below(4) {
                // Numbers move between neighbours.
                let number = n + random.below(2);
                let (identifier, subscriber) = match random.below(4) {
                    0 => (external(number), msisdn(n).subscriber()),
                    1 => (external(number), imsi(n)),
                    _ => (msisdn(number), imsi(n)),
                };
                bindings.push(BindingRow { identifier, subscriber, bound_at: random.time() });
            }
        }
        fresh.store.commit(&batch(&registrations, &bindings)).await.unwrap();

        let now = Timestamp::from_system_time(std::time::SystemTime::now()).unwrap();
        let expected = expected(&registrations, &bindings, now);
        let found = view(&fresh.store, &fresh.config, "").await;
        for (found, expected) in found.iter().zip(&expected) {
            let facts: Vec<_> = registrations.iter().filter(|row| row.subscriber.as_i64() == expected.0).collect();
            assert_eq!(found, expected, "{facts:#?}");
        }
        assert_eq!(found.len(), expected.len());
        // The test would be worth little if one status were rare.
        for status in ["CONNECTED_DATA", "CONNECTED_SMS", "NOT_CONNECTED", "UNKNOWN"] {
            let count = expected.iter().filter(|row| row.1 == status).count();
            assert!(count > 10, "{status}: {count}");
        }
        for row in expected.iter().step_by(40) {
            let condition = format!("WHERE subscriber_id = {}", row.0);
            let found = view(&fresh.store, &fresh.config, &condition).await;
            assert_eq!(found, std::slice::from_ref(row));
        }
    }

    async fn who_was_imported_and_never_seen_is_unknown_without_a_time(fresh) {
        let binding = BindingRow {
            identifier: msisdn(1),
            subscriber: imsi(1),
            bound_at: Random(1).time(),
        };
        fresh.store.commit(&batch(&[], &[binding])).await.unwrap();
        let expected = (imsi(1).as_i64(), "UNKNOWN".into(), false, false, None);
        assert_eq!(view(&fresh.store, &fresh.config, "").await, [expected]);
    }
}
