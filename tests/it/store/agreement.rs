//! A running index, one that is loaded from the store, and the view are of one mind: about who is known, and about what is said.

use std::collections::BTreeSet;
use std::sync::Arc;

use reachd::domain::{
    Change, Ends, Event, ExternalIdentifier, Identifier, Imsi, Msisdn, Node, Slot, SubscriberIdentifiers,
    Timestamp,
};
use reachd::index::Index;
use reachd::ingest::{Ack, Feed, Ingest, IngestConfig};
use reachd::store::Loaded;
use tokio::sync::mpsc;

use super::generate::{Random, at};
use super::view::{Row, view};
use super::{load, on_each_engine};

const CROWDS: u64 = 120;

/// Three SIMs, two numbers and an external identifier, between which everything moves.
fn imsi(crowd: u64, n: u64) -> Imsi {
    Imsi::parse(&format!("00101{crowd:09}{n}")).unwrap()
}

fn number(crowd: u64, n: u64) -> Msisdn {
    Msisdn::parse(&format!("+999{crowd:08}{n}")).unwrap()
}

fn external(crowd: u64) -> ExternalIdentifier {
    ExternalIdentifier::parse(&format!("meter-{crowd}@iot.example")).unwrap()
}

fn everyone() -> Vec<Identifier> {
    let of_crowd = |crowd| {
        let imsis = (0..3).map(move |n| Identifier::Imsi(imsi(crowd, n)));
        let numbers = (0..2).map(move |n| Identifier::Msisdn(number(crowd, n)));
        imsis
            .chain(numbers)
            .chain([Identifier::External(external(crowd))])
    };
    (0..CROWDS).flat_map(of_crowd).collect()
}

fn event(random: &mut Random, crowd: u64) -> Event {
    let by_imsi = random.chance(2).then(|| imsi(crowd, random.below(3)));
    let by_number = random.chance(2).then(|| number(crowd, random.below(2)));
    let by_external = (random.chance(3) || (by_imsi, by_number) == (None, None)).then(|| external(crowd));
    let subscriber = SubscriberIdentifiers::new(by_imsi, by_number, by_external).unwrap();
    let slot = random.pick(&[Slot::Mme, Slot::Msc]);
    let node = Node::parse(random.pick(&["mme1.example", "mme2.example"])).unwrap();
    let change = match random.below(6) {
        0..3 => None,
        3..5 => Some(Change::Registered {
            slot,
            node,
            ends: Ends::default(),
        }),
        _ => Some(Change::Deregistered { slot, node }),
    };
    Event::new(subscriber, random.time(), at(1_800_000_000_000_000), change)
}

/// What is said of everyone.
fn answers(index: &Index, now: Timestamp) -> Vec<String> {
    let told = everyone()
        .into_iter()
        .map(|identifier| format!("{:?}", index.lookup(&identifier, now)));
    told.collect()
}

/// What the view has to show: everyone who is found.
fn found(index: &Index, now: Timestamp) -> Vec<Row> {
    let subscribers: BTreeSet<_> = everyone()
        .iter()
        .filter_map(|identifier| index.resolve(identifier))
        .collect();
    let mut rows: Vec<Row> = subscribers
        .into_iter()
        .map(|subscriber| {
            let answer = index.reachability(subscriber, now);
            let time = answer.last_status_time.map(|time| time.to_string());
            let status = answer.status.name().to_owned();
            (subscriber.as_i64(), status, answer.data, answer.sms, time)
        })
        .collect();
    rows.sort();
    rows
}

on_each_engine! {
    async fn a_restart_alters_no_answer_and_the_view_knows_whom_lookups_know(fresh) {
        let live = Arc::new(Index::new());
        let ingest = Ingest::start(IngestConfig::default(), fresh.store.clone(), Arc::clone(&live));
        let feed = Feed::register("agreement");
        let (to, mut acked) = mpsc::unbounded_channel();
        let mut random = Random(31);
        let mut submitted = 0;
        for crowd in (0..CROWDS).flat_map(|crowd| [crowd; 10]) {
            submitted += 1;
            let ack = Ack { to: Arc::new(to.clone()), token: submitted };
            ingest.submit(&feed, event(&mut random, crowd), ack).unwrap();
        }
        for _ in 0..submitted {
            acked.recv().await.unwrap().result.unwrap();
        }

        let now = at(1_800_000_000_000_000);
        let expected = answers(&live, now);
        let mut rows = load(&fresh.reopened().await).await;
        for _ in 0..4 {
            let loaded = Index::new();
            for row in &rows {
                match row {
                    Loaded::Registration(row) => {
                        loaded.load_registration(row.subscriber, row.slot, row.node.as_ref(), &row.facts);
                    }
                    Loaded::Binding(row) => loaded.load_binding(&row.identifier, row.subscriber, row.bound_at),
                    other => panic!("nothing else was told: {other:?}"),
                }
            }
            loaded.finish_loading();
            for (who, (loaded, expected)) in everyone().iter().zip(answers(&loaded, now).iter().zip(&expected)) {
                assert_eq!(loaded, expected, "{who:?}");
            }
            // Events may come while rows are loaded, so the order of tables is no promise.
            for place in (1..rows.len()).rev() {
                let other = random.below(place as u64 + 1);
                rows.swap(place, usize::try_from(other).unwrap());
            }
        }

        let found = found(&live, now);
        let (shown, others): (Vec<Row>, _) = view(&fresh.store, &fresh.config, "").await.into_iter()
            .partition(|row| found.iter().any(|found| found.0 == row.0));
        assert_eq!(shown.len(), found.len());
        for (shown, found) in shown.iter().zip(&found) {
            assert_eq!(shown, found);
        }
        // The view also has who once held a number and no longer does: nobody can ask for them, and nothing is known.
        for (subscriber, status, data, sms, time) in others {
            assert_eq!((status.as_str(), data, sms, time), ("UNKNOWN", false, false, None), "{subscriber}");
        }
        let unknown = expected.iter().filter(|answer| *answer == "None").count();
        assert!(unknown > 20 && expected.len() - unknown > 200, "the test would be worth little otherwise: {unknown}");
    }
}
