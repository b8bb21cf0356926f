//! Coming back: with a cursor that is good, and with one that is not.

use std::collections::BTreeMap;
use std::slice::from_ref;

use reachd::proto::v1::watch_reachability_response::Message;
use reachd::proto::v1::{RegistrationChange as Change, Slot, WatchReachabilityRequest};

use super::client::{View, Watcher, all, by_number, data, disconnected, from, list, of_lookup};
use crate::support::daemon::{Daemon, Engine, Home, phone};
use crate::support::publisher::{Publisher, event_with_number};
use crate::support::{Subscriber, ago, on_each_engine};

const MME: &str = "mme1.visited.example";

/// Attaches and detaches everybody in turn, and leaves every third detached.
pub(super) async fn storm(daemon: &Daemon, subscribers: &[Subscriber], rounds: u64) {
    let mut publisher = Publisher::open(daemon).await;
    let mut last = 0;
    for round in 0..2 * rounds {
        for (place, subscriber) in subscribers.iter().enumerate() {
            let change = match round % 2 {
                0 => Change::Registered,
                _ if round + 1 == 2 * rounds && place % 3 > 0 => Change::Registered,
                _ => Change::Deregistered,
            };
            let time = ago(86_400 - round);
            let event = event_with_number(subscriber, Slot::Mme, MME, change, time);
            last = publisher.send(event).await.expect("the stream is open");
            if last.is_multiple_of(500) {
                publisher.acked_up_to(last).await;
            }
        }
    }
    publisher.acked_up_to(last).await;
    assert!(publisher.refused.is_empty());
}

/// How everybody stands after a storm.
pub(super) fn after_storm(subscribers: &[Subscriber]) -> BTreeMap<String, View> {
    let standing = |(place, subscriber): (usize, &Subscriber)| {
        let view = if place.is_multiple_of(3) {
            disconnected()
        } else {
            data()
        };
        (subscriber.number(), view)
    };
    subscribers.iter().enumerate().map(standing).collect()
}

/// Watches a storm to its end, and hangs up on the way.
async fn cut_off_and_again(daemon: &Daemon, request: WatchReachabilityRequest, subscribers: &[Subscriber]) {
    let expected = after_storm(subscribers);
    let is_gapless = request.all;
    let mut watcher = Watcher::open(daemon, request.clone()).await;
    let mut told = by_number(watcher.snapshot().await);
    for cut in 1..=8 {
        let mut left = cut * 25;
        let enough = |told: &BTreeMap<_, _>| {
            left -= 1;
            left == 0 || *told == expected
        };
        watcher.follow(&mut told, is_gapless, enough).await;
        watcher = Watcher::open(daemon, from(&watcher.cursor, request.clone())).await;
    }
    watcher
        .follow(&mut told, is_gapless, |told| *told == expected)
        .await;
}

on_each_engine! {
    async fn a_client_cut_off_in_a_storm_misses_nothing(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscribers: Vec<_> = (0..200).map(Subscriber::nth).collect();
        daemon.import_rows(&subscribers).await;
        // Of all, and of a list; each cut off again and again.
        tokio::join!(
            storm(&daemon, &subscribers, 4),
            cut_off_and_again(&daemon, all(), &subscribers),
            cut_off_and_again(&daemon, list(&subscribers), &subscribers),
        );

        // And that is what lookups tell.
        let numbers: Vec<_> = subscribers.iter().map(Subscriber::number).collect();
        let looked_up = daemon.lookups().phones(&numbers).await;
        let looked_up: BTreeMap<_, _> = numbers.into_iter().zip(looked_up.into_iter().map(of_lookup)).collect();
        assert_eq!(looked_up, after_storm(&subscribers));
    }

    async fn a_client_of_another_run_is_told_that_its_cursor_is_worth_nothing(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let mut publisher = Publisher::open(&daemon).await;
        let mut watcher = Watcher::open(&daemon, list(from_ref(&subscriber))).await;
        watcher.snapshot().await;
        publisher.publish(event_with_number(&subscriber, Slot::Mme, MME, Change::Registered, ago(60))).await;
        let _ = watcher.change().await;
        let cursor = watcher.cursor.clone();
        daemon.kill();

        let daemon = home.start().await;
        for request in [list(from_ref(&subscriber)), all()] {
            let mut watcher = Watcher::open(&daemon, from(&cursor, request)).await;
            let message = watcher.next().await.unwrap();
            assert!(matches!(message, Message::CursorExpired(_)), "{message:?}");
            assert_eq!(watcher.snapshot().await, [(phone(&subscriber.number()), data())]);
            assert_ne!(watcher.cursor, cursor);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stays_away_for_too_many_changes_is_told_so() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure("[watch]\nhistory = 50\nqueue = 50\n");
    let daemon = home.start().await;
    let subscribers: Vec<_> = (0..100).map(Subscriber::nth).collect();
    daemon.import_rows(&subscribers).await;
    let mut watcher = Watcher::open(&daemon, list(&subscribers)).await;
    watcher.snapshot().await;
    let cursor = watcher.cursor.clone();
    drop(watcher);
    storm(&daemon, &subscribers, 1).await;

    let mut watcher = Watcher::open(&daemon, from(&cursor, list(&subscribers))).await;
    let message = watcher.next().await.unwrap();
    assert!(matches!(message, Message::CursorExpired(_)), "{message:?}");
    let mut told = by_number(watcher.snapshot().await);
    // Its marks may still be on their way.
    let expected = after_storm(&subscribers);
    watcher.follow(&mut told, false, |told| *told == expected).await;
}
