//! Devices that are erased while streams of all begin.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use reachd::proto::v1::admin_service_client::AdminServiceClient;
use reachd::proto::v1::{EraseSubscriberRequest, RegistrationChange as Change, Slot};

use super::client::{Watcher, all, not_found};
use crate::support::daemon::Home;
use crate::support::publisher::{Publisher, event_with_number};
use crate::support::{Subscriber, ago, on_each_engine};

const DEVICES: usize = 60;

on_each_engine! {
    async fn whoever_begins_to_watch_while_devices_are_erased_hears_the_end_of_those_that_it_was_told_of(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let mut publisher = Publisher::open(&daemon).await;
        let subscribers: Vec<_> = (0..DEVICES).map(Subscriber::nth).collect();
        for subscriber in &subscribers {
            publisher.publish(event_with_number(subscriber, Slot::Mme, "mme1.example", Change::Registered, ago(60))).await;
        }
        let done = AtomicBool::new(false);
        let erasing = async {
            let mut admin = AdminServiceClient::new(daemon.channel());
            for subscriber in &subscribers {
                let msisdn = subscriber.number();
                admin.erase_subscriber(EraseSubscriberRequest { msisdn, ..Default::default() }).await.unwrap();
            }
            done.store(true, Ordering::Relaxed);
        };
        let watching = async {
            let mut begun = Vec::new();
            while begun.is_empty() || !done.load(Ordering::Relaxed) && begun.len() < 40 {
                let mut watcher = Watcher::open(&daemon, all()).await;
                let mut told = BTreeMap::new();
                for (device, view) in watcher.snapshot().await {
                    let former = told.insert(device.phone_number, view.clone());
                    assert_ne!(former.unwrap_or_else(not_found), view, "it alters what this stream was told");
                }
                begun.push((watcher, told));
            }
            begun
        };
        let ((), begun) = tokio::join!(erasing, watching);
        let mut in_between = 0;
        for (mut watcher, mut told) in begun {
            in_between += usize::from((1..DEVICES).contains(&told.len()));
            let everybody_is_gone = |told: &BTreeMap<_, _>| told.values().all(|view| *view == not_found());
            watcher.follow(&mut told, true, everybody_is_gone).await;
        }
        assert!(in_between > 0, "some streams began while devices were being erased");
        daemon.stop().await;
    }
}
