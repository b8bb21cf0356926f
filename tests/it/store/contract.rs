//! What every engine has to do.

use std::sync::Arc;

use reachd::domain::{
    ExternalIdentifier, Facts, FeedId, Identifier, Imsi, Node, Report, Slot, Source, SubscriberId, Timestamp,
};
use reachd::store::{Batch, BindingRow, Loaded, RegistrationRow, Store};

use super::generate::{Random, at, batch, external, imsi, msisdn};
use super::{load, on_each_engine};

/// What is stored, in the shape of a batch.
pub(super) async fn stored<S: Store>(store: &S) -> Batch {
    let (mut registrations, mut bindings) = (Vec::new(), Vec::new());
    for row in load(store).await {
        match row {
            Loaded::Registration(row) => registrations.push(row),
            Loaded::Binding(row) => bindings.push(row),
            other => panic!("nothing else was committed: {other:?}"),
        }
    }
    let found = batch(&registrations, &bindings);
    assert_eq!(
        found.registrations.len(),
        registrations.len(),
        "no key occurs twice"
    );
    assert_eq!(found.bindings.len(), bindings.len(), "no key occurs twice");
    found
}

/// Facts and bindings of few subscribers, with many rows for the same key.
pub(super) fn crowd(seed: u64, rows: usize) -> (Vec<RegistrationRow>, Vec<BindingRow>) {
    let mut random = Random(seed);
    let registrations = (0..rows)
        .map(|_| {
            let subscriber = imsi(random.below(5));
            random.row(subscriber)
        })
        .collect();
    let bindings = (0..rows / 4)
        .map(|_| BindingRow {
            identifier: if random.chance(2) {
                msisdn(random.below(4))
            } else {
                external(random.below(4))
            },
            subscriber: imsi(random.below(5)),
            bound_at: random.time(),
        })
        .collect();
    (registrations, bindings)
}

/// The same rows, cut into batches of random size.
pub(super) fn cut(rows: &(Vec<RegistrationRow>, Vec<BindingRow>), random: &mut Random) -> Vec<Batch> {
    let (mut registrations, mut bindings) = (rows.0.as_slice(), rows.1.as_slice());
    let mut batches = Vec::new();
    while !registrations.is_empty() || !bindings.is_empty() {
        let mut piece = |length: usize| usize::try_from(random.below(40)).unwrap().min(length);
        let (head, tail) = registrations.split_at(piece(registrations.len()));
        let (bound, unbound) = bindings.split_at(piece(bindings.len()));
        batches.push(batch(head, bound));
        (registrations, bindings) = (tail, unbound);
    }
    batches
}

on_each_engine! {
    async fn what_is_loaded_is_the_join_of_what_was_committed(fresh) {
        let rows = crowd(1, 600);
        for batch in cut(&rows, &mut Random(2)) {
            fresh.store.commit(&batch).await.unwrap();
        }
        assert_eq!(stored(&fresh.store).await, batch(&rows.0, &rows.1));
    }

    async fn order_repetition_and_the_size_of_batches_do_not_matter(fresh) {
        let rows = crowd(3, 400);
        for seed in 4..7 {
            let mut batches = cut(&rows, &mut Random(seed));
            batches.reverse();
            for batch in &batches {
                fresh.store.commit(batch).await.unwrap();
                fresh.store.commit(batch).await.unwrap();
            }
            assert_eq!(stored(&fresh.store).await, batch(&rows.0, &rows.1), "seed {seed}");
        }
    }

    async fn commits_at_the_same_time_join(fresh) {
        let rows = crowd(8, 2000);
        let store = Arc::new(fresh.store);
        let tasks: Vec<_> = (0..6)
            .map(|task| {
                let (store, batches) = (Arc::clone(&store), cut(&rows, &mut Random(task)));
                tokio::spawn(async move {
                    for batch in batches {
                        store.commit(&batch).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(stored(&*store).await, batch(&rows.0, &rows.1));
    }

    async fn the_longest_and_the_strangest_values_come_back_as_they_were(fresh) {
        let report = Some(Report { at: at(1), until: Timestamp::MAX });
        let longest = format!("{}@{}", "L".repeat(200), ["x"; 26].join("."));
        let longest = ExternalIdentifier::parse(&format!("{longest}y")).unwrap();
        let subscribers: Vec<SubscriberId> = vec![
            Imsi::parse("000000").unwrap().into(),
            Imsi::parse("000000000000000").unwrap().into(),
            Imsi::parse("001010000000001").unwrap().into(),
            Imsi::parse("01010000000001").unwrap().into(),
            Imsi::parse("999999999999999").unwrap().into(),
            msisdn(0).subscriber(),
            SubscriberId::from(&longest),
        ];
        let node = Node::parse(&"~".repeat(255)).unwrap();
        let registrations: Vec<_> = subscribers
            .iter()
            .flat_map(|subscriber| {
                let of_node = RegistrationRow {
                    subscriber: *subscriber,
                    slot: Slot::IpSmGw,
                    node: Some(node.clone()),
                    facts: Facts {
                        registered_at: Some(Timestamp::MAX),
                        deregistered_at: Some(at(1)),
                        reachable: report,
                        unreachable: report,
                        cleared_at: None,
                        ended_other_at: Some(at(2)),
                        ended_amf_at: Some(at(3)),
                        source: Source { feed: FeedId::from_number(1000).unwrap(), delay: i32::MIN },
                    },
                    received_at: Timestamp::MAX,
                };
                let of_slot = RegistrationRow {
                    node: None,
                    facts: Facts { cleared_at: Some(at(4)), ..Facts::default() },
                    received_at: at(1),
                    ..of_node.clone()
                };
                [of_slot, of_node]
            })
            .collect();
        let bindings: Vec<_> = [Identifier::External(longest), external(0), msisdn(999_999_999)]
            .into_iter()
            .flat_map(|identifier| {
                subscribers.iter().map(move |subscriber| BindingRow {
                    identifier: identifier.clone(),
                    subscriber: *subscriber,
                    bound_at: Timestamp::MAX,
                })
            })
            .collect();
        let expected = batch(&registrations, &bindings);
        fresh.store.commit(&expected).await.unwrap();
        assert_eq!(stored(&fresh.store).await, expected);
    }

    async fn thousands_of_rows_go_in_with_one_commit(fresh) {
        let mut random = Random(9);
        let registrations: Vec<_> = (0..2000).map(|n| random.row(imsi(n))).collect();
        let bindings: Vec<_> = (0..2000)
            .map(|n| BindingRow { identifier: msisdn(n), subscriber: imsi(n), bound_at: random.time() })
            .collect();
        let expected = Batch { registrations, bindings, ..Batch::default() };
        fresh.store.commit(&expected).await.unwrap();
        assert_eq!(stored(&fresh.store).await, expected);
        // Another process sees the same.
        let other = fresh.reopened().await;
        assert_eq!(stored(&other).await, expected);
        other.close().await;
    }

    async fn an_empty_batch_is_fine_and_leaves_nothing(fresh) {
        fresh.store.commit(&Batch::default()).await.unwrap();
        assert!(load(&fresh.store).await.is_empty());
        assert!(fresh.store.parallel_commits() >= 1);
    }
}
