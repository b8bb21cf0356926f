//! Erasing while events about the same subscribers storm in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Subscribers that are talked about, every second of whom is erased.
const SUBSCRIBERS: usize = 40;

on_each_engine! {
    async fn no_event_under_way_slips_in_behind_an_erasure(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscribers: Vec<_> = (1..=SUBSCRIBERS).map(Subscriber::nth).collect();
        daemon.import_rows(&subscribers).await;
        // All that is told happened before any erasure.
        let times: Vec<_> = (0..50).map(|n| ago(1000 - n)).collect();
        let over = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for storm in 0..4 {
            let (subscribers, times, over) = (subscribers.clone(), times.clone(), Arc::clone(&over));
            let mut publisher = Publisher::open(&daemon).await;
            tasks.push(tokio::spawn(async move {
                let mut last = 0;
                for round in 0_usize.. {
                    for (place, subscriber) in subscribers.iter().enumerate() {
                        let time = times[(round * 7 + place + storm) % times.len()];
                        let node = format!("mme{}.visited.example", (round + storm) % 5);
                        let event = if storm % 2 == 0 {
                            event(subscriber, time, Slot::Mme, &node, Change::Registered)
                        } else {
                            of_number(subscriber, time, Slot::Msc, &node, Change::Registered)
                        };
                        last = publisher.send(event).await.unwrap();
                    }
                    publisher.acked_up_to(last).await;
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                }
            }));
        }
        crate::support::eventually("the storm is there", async || {
            let last = daemon.lookups().phone(&subscribers[SUBSCRIBERS - 1].number()).await;
            (last.status == Status::ConnectedData).then_some(())
        })
        .await;
        for subscriber in subscribers.iter().step_by(2) {
            let by = if subscriber.imsi.ends_with('1') {
                by_imsi(&subscriber.imsi)
            } else {
                by_number(&subscriber.number())
            };
            erase(&daemon, by).await.unwrap();
            assert!(is_unknown(&daemon, &subscriber.number()).await, "as soon as it is answered");
        }
        over.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await.unwrap();
        }
        let assert_gone = async |daemon: &Daemon| {
            for (place, subscriber) in subscribers.iter().enumerate() {
                assert_eq!(is_unknown(daemon, &subscriber.number()).await, place % 2 == 0, "{place}");
            }
        };
        assert_gone(&daemon).await;
        assert!(count(&daemon, "reachd_events_total", "outcome=\"erased\"").await > 0);
        daemon.stop().await;
        // What is stored is the same.
        let daemon = home.start().await;
        assert_gone(&daemon).await;
        daemon.stop().await;
    }
}
