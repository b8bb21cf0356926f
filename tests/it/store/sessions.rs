//! Addresses of sessions, and how what has ended is forgotten.

use std::sync::Arc;

use reachd::domain::{
    Facts, IpChangeKind, IpFacts, Node, Registrations, RoutingDomain, SessionAddress, Slot, SlotState,
    SubscriberId, Timestamp,
};
use reachd::store::{AnyStore, Batch, IpSessionRow, Loaded, RegistrationRow, Store, StoreConfig};
use sqlx::{Connection, PgConnection, SqliteConnection};

use super::generate::{Random, at, imsi, msisdn};
use super::{load, on_each_engine};

/// A row of the table: subscriber, session, prefix, start, end.
type Row = (i64, String, String, Option<i64>, Option<i64>);

const SELECT: &str = "SELECT subscriber_id, session, prefix, started_at, ended_at FROM ip_session ORDER BY subscriber_id, session, prefix";

async fn stored(store: &AnyStore, config: &StoreConfig) -> Vec<Row> {
    match store {
        AnyStore::Postgres(_) => {
            let mut connection = PgConnection::connect(&config.url).await.unwrap();
            sqlx::query_as(SELECT).fetch_all(&mut connection).await.unwrap()
        }
        AnyStore::Sqlite(_) => {
            let mut connection = SqliteConnection::connect(&config.url).await.unwrap();
            sqlx::query_as(SELECT).fetch_all(&mut connection).await.unwrap()
        }
    }
}

fn session(n: u64) -> Node {
    Node::parse(&format!("session-{n}")).unwrap()
}

fn v4(last: u8) -> SessionAddress {
    SessionAddress::v4(RoutingDomain::default(), [192, 0, 2, last].into()).unwrap()
}

fn started(subscriber: SubscriberId, n: u64, prefix: SessionAddress, time: i64) -> IpSessionRow {
    IpSessionRow {
        subscriber,
        session: session(n),
        address: Some(prefix),
        facts: IpFacts::of(IpChangeKind::Started, at(time)),
    }
}

/// The end of a session, or of its hold on one address.
fn ended(subscriber: SubscriberId, n: u64, prefix: Option<SessionAddress>, time: i64) -> IpSessionRow {
    IpSessionRow {
        subscriber,
        session: session(n),
        address: prefix,
        facts: IpFacts::of(IpChangeKind::Ended, at(time)),
    }
}

/// A session as a registration.
fn registration(subscriber: SubscriberId, n: u64, from: Option<i64>, to: Option<i64>) -> RegistrationRow {
    RegistrationRow {
        subscriber,
        slot: Slot::Session,
        node: Some(session(n)),
        facts: Facts {
            registered_at: from.map(at),
            deregistered_at: to.map(at),
            ..Facts::default()
        },
        received_at: at(1),
    }
}

/// The batch of some rows: doubles joined, sorted by key.
fn batch(registrations: Vec<RegistrationRow>, rows: &[IpSessionRow]) -> Batch {
    let mut ip_sessions: Vec<IpSessionRow> = Vec::new();
    for row in rows {
        let key = |row: &IpSessionRow| (row.subscriber, row.session.clone(), row.address.clone());
        match ip_sessions.iter_mut().find(|known| key(known) == key(row)) {
            None => ip_sessions.push(row.clone()),
            Some(known) => known.facts.join(&row.facts),
        }
    }
    ip_sessions.sort_by_key(|row| {
        (
            row.subscriber,
            row.session.clone(),
            row.address.as_ref().map(SessionAddress::text),
        )
    });
    Batch {
        registrations,
        ip_sessions,
        ..Batch::default()
    }
}

fn expected(batch: &Batch) -> Vec<Row> {
    let rows = batch.ip_sessions.iter();
    rows.map(|row| {
        (
            row.subscriber.as_i64(),
            row.session.as_str().to_owned(),
            row.address.as_ref().map(SessionAddress::text).unwrap_or_default(),
            row.facts.started_at.map(Timestamp::as_micros),
            row.facts.ended_at.map(Timestamp::as_micros),
        )
    })
    .collect()
}

fn crowd(random: &mut Random, rows: usize) -> Vec<IpSessionRow> {
    (0..rows)
        .map(|_| {
            let subscriber = imsi(random.below(4));
            let time = i64::try_from(1 + random.below(20)).unwrap();
            let n = random.below(3);
            let prefix = match random.below(4) {
                0 => SessionAddress::v6("2001:db8:0:7::".parse().unwrap(), 64).unwrap(),
                last => v4(u8::try_from(last).unwrap()),
            };
            match random.below(3) {
                0 => ended(subscriber, n, None, time),
                1 => ended(subscriber, n, Some(prefix), time),
                _ => started(subscriber, n, prefix, time),
            }
        })
        .collect()
}

/// The sessions left of a subscriber, as registrations.
async fn sessions_left(store: &AnyStore) -> Vec<String> {
    let mut left: Vec<String> = load(store)
        .await
        .into_iter()
        .filter_map(|row| match row {
            Loaded::Registration(row) => Some(row.node.unwrap().as_str().to_owned()),
            _ => None,
        })
        .collect();
    left.sort();
    left
}

on_each_engine! {
    async fn what_is_stored_is_the_join_in_any_order(fresh) {
        let rows = crowd(&mut Random(1), 500);
        let whole = batch(Vec::new(), &rows);
        let mut pieces: Vec<Batch> = rows.chunks(23).map(|piece| batch(Vec::new(), piece)).collect();
        pieces.reverse();
        for piece in &pieces {
            fresh.store.commit(piece).await.unwrap();
            fresh.store.commit(piece).await.unwrap();
        }
        assert_eq!(stored(&fresh.store, &fresh.config).await, expected(&whole));
        fresh.store.commit(&whole).await.unwrap();
        assert_eq!(stored(&fresh.store, &fresh.config).await, expected(&whole));
    }

    async fn addresses_are_durable_together_with_their_registration_and_binding(fresh) {
        let subscriber = imsi(1);
        let everything = Batch {
            bindings: vec![reachd::store::BindingRow {
                identifier: msisdn(1),
                subscriber,
                bound_at: at(5),
            }],
            ..batch(
                vec![registration(subscriber, 1, Some(5), None)],
                &[started(subscriber, 1, v4(1), 5)],
            )
        };
        fresh.store.commit(&everything).await.unwrap();
        assert_eq!(load(&fresh.store).await.len(), 3);
        assert_eq!(stored(&fresh.store, &fresh.config).await, expected(&everything));
    }

    async fn commits_at_the_same_time_join_also_while_what_is_over_is_forgotten(fresh) {
        // All times lie in the past of what is forgotten, but the sessions that stand have no end.
        let store = Arc::new(fresh.store);
        let tasks: Vec<_> = (0..4)
            .map(|task| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let mut random = Random(task);
                    for _ in 0..40 {
                        let rows = crowd(&mut random, 30);
                        while let Err(error) = store.commit(&batch(Vec::new(), &rows)).await {
                            assert!(error.is_transient(), "{error:?}");
                        }
                        while let Err(error) = store.prune(at(15), 7).await {
                            assert!(error.is_transient(), "{error:?}");
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }

    async fn what_ended_long_ago_is_forgotten_some_at_a_time(fresh) {
        let subscriber = imsi(1);
        let mut rows = Vec::new();
        let mut registrations = Vec::new();
        for n in 1..=9 {
            let (from, to) = (10 * i64::try_from(n).unwrap(), 10 * i64::try_from(n).unwrap() + 5);
            let address = v4(u8::try_from(n).unwrap());
            // Some tell their address when they end, others do not.
            rows.push(started(subscriber, n, address.clone(), from));
            rows.push(ended(subscriber, n, None, to));
            if n % 2 == 0 {
                rows.push(ended(subscriber, n, Some(address), to));
            }
            registrations.push(registration(subscriber, n, Some(from), Some(to)));
        }
        fresh.store.commit(&batch(registrations, &rows)).await.unwrap();

        // Nothing ended before the first did.
        assert_eq!(fresh.store.prune(at(15), 100).await.unwrap(), 0);
        // Two ends at a time, of sessions 1 to 7.
        let mut looked_at = 0;
        loop {
            let found = fresh.store.prune(at(80), 2).await.unwrap();
            looked_at += found;
            if found < 2 {
                break;
            }
        }
        assert!(looked_at >= 7, "{looked_at}");
        let left: Vec<(String, String)> =
            stored(&fresh.store, &fresh.config).await.into_iter().map(|row| (row.1, row.2)).collect();
        let of = |n: u64, prefix: &str| (format!("session-{n}"), prefix.to_owned());
        assert_eq!(
            left,
            [of(8, ""), of(8, "192.0.2.8/32"), of(9, ""), of(9, "192.0.2.9/32")]
        );
        assert_eq!(sessions_left(&fresh.store).await, ["session-8", "session-9"]);
        // The last of a subscriber's sessions stays however long ago it ended, since the answer rests on it.
        assert!(fresh.store.prune(at(1000), 100).await.unwrap() > 0);
        assert_eq!(stored(&fresh.store, &fresh.config).await, []);
        assert_eq!(sessions_left(&fresh.store).await, ["session-9"]);
        assert_eq!(fresh.store.prune(at(1000), 100).await.unwrap(), 0);
    }

    async fn what_stands_and_other_slots_are_never_forgotten(fresh) {
        let subscriber = imsi(1);
        let mme = RegistrationRow {
            slot: Slot::Mme,
            ..registration(subscriber, 7, Some(1), Some(2))
        };
        let cleared = RegistrationRow {
            node: None,
            facts: Facts { cleared_at: Some(at(1)), ..Facts::default() },
            ..registration(subscriber, 0, None, None)
        };
        let mut registrations = vec![
            mme,
            cleared,
            registration(subscriber, 1, Some(10), None),
            // Began again after its end.
            registration(subscriber, 2, Some(30), Some(20)),
            registration(subscriber, 3, Some(10), Some(40)),
        ];
        registrations.sort_by_key(|row| (row.slot, row.node.clone()));
        let rows = [
            started(subscriber, 1, v4(1), 10),
            started(subscriber, 2, v4(2), 30),
            ended(subscriber, 2, Some(v4(2)), 20),
            ended(subscriber, 2, None, 20),
            ended(subscriber, 3, None, 40),
        ];
        fresh.store.commit(&batch(registrations, &rows)).await.unwrap();
        for _ in 0..2 {
            fresh.store.prune(at(1000), 100).await.unwrap();
            let left: Vec<(String, Option<i64>)> =
                stored(&fresh.store, &fresh.config).await.into_iter().map(|row| (row.2, row.3)).collect();
            assert_eq!(left, [("192.0.2.1/32".to_owned(), Some(10)), ("192.0.2.2/32".to_owned(), Some(30))]);
            assert_eq!(load(&fresh.store).await.len(), 7);
        }
        // And what began again is not looked at for ever.
        assert_eq!(fresh.store.prune(at(1000), 100).await.unwrap(), 0);
    }

    /// Race 31 of the event mapping: "IP address reassigned | wrong subscriber looked up | newer START evicts, half-open
    /// interval [start, stop) per address": also when the newer session, in its turn, is forgotten.
    async fn a_former_holder_of_an_address_does_not_get_it_back(fresh) {
        let (former, later) = (imsi(1), imsi(2));
        let rows = [
            // Nobody saw this one end.
            started(former, 1, v4(1), 10),
            started(later, 2, v4(1), 20),
            ended(later, 2, None, 30),
            // Another address of the former holder.
            started(former, 1, v4(9), 10),
        ];
        fresh.store.commit(&batch(Vec::new(), &rows)).await.unwrap();
        fresh.store.prune(at(1000), 100).await.unwrap();
        let left: Vec<String> = stored(&fresh.store, &fresh.config).await.into_iter().map(|row| row.2).collect();
        assert_eq!(left, ["192.0.2.9/32"]);
    }

    async fn the_answer_is_the_same_before_and_after(fresh) {
        let mut random = Random(40);
        let subscribers = 300;
        let mut batches = Batch::default();
        for n in 0..subscribers {
            let mut rows: Vec<RegistrationRow> = Vec::new();
            for s in 0..random.below(6) {
                let time = |random: &mut Random| i64::try_from(1 + random.below(30)).unwrap();
                let from = (!random.chance(4)).then(|| time(&mut random));
                let to = (!random.chance(4)).then(|| time(&mut random));
                if from.is_some() || to.is_some() {
                    rows.push(registration(imsi(n), s, from, to));
                }
                if let Some(to) = to {
                    batches.ip_sessions.push(ended(imsi(n), s, None, to));
                }
            }
            batches.registrations.extend(rows);
        }
        fresh.store.commit(&batches).await.unwrap();
        let answers = async || {
            let mut known = vec![Registrations::default(); usize::try_from(subscribers).unwrap()];
            for row in load(&fresh.store).await {
                if let Loaded::Registration(row) = row {
                    let place = (0..subscribers).position(|n| imsi(n) == row.subscriber).unwrap();
                    known[place].join(row.slot, row.node.as_ref(), &row.facts);
                }
            }
            let states: Vec<SlotState> = known.iter().map(|known| known.state(Slot::Session, at(500))).collect();
            let rows: usize = known.iter().map(|known| known.iter().count()).sum();
            (states, rows)
        };
        let (before, many) = answers().await;
        while fresh.store.prune(at(20), 50).await.unwrap() == 50 {}
        let (after, fewer) = answers().await;
        assert_eq!(before, after);
        assert!(fewer < many, "{fewer} of {many}");
        for wanted in [|s: &SlotState| *s == SlotState::Unknown, |s: &SlotState| matches!(s, SlotState::Up(_)), |s: &SlotState| {
            matches!(s, SlotState::Deregistered(_))
        }] {
            assert!(before.iter().filter(|state| wanted(state)).count() > 10, "the test would be worth little");
        }
    }
}
