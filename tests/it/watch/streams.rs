//! What a stream tells, and what it does not.

use std::collections::BTreeMap;
use std::slice::from_ref;
use std::time::{Duration, SystemTime};

use reachd::proto::v1::admin_service_client::AdminServiceClient;
use reachd::proto::v1::watch_reachability_response::Message;
use reachd::proto::v1::{
    Connectivity, Device, EraseSubscriberRequest, ReachabilityStatus, RegistrationChange as Change, Slot,
};

use super::client::{Watcher, all, by_number, data, disconnected, list, not_found, unknown};
use crate::support::daemon::{Engine, Home, phone};
use crate::support::publisher::{Publisher, event, event_with_number, registration};
use crate::support::wire::{DRA, Peer, Request, SUCCESS};
use crate::support::{Answer, Subscriber, ago, on_each_engine};

const MME: &str = "mme1.visited.example";

on_each_engine! {
    async fn a_stream_tells_how_devices_stand_and_then_what_changes_and_nothing_else(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let [attached, idle, stranger] = [1, 2, 3].map(Subscriber::nth);
        daemon.import_rows(&[attached.clone(), idle.clone()]).await;
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        dra.ask(&Request::update_location(&attached.imsi, MME)).await.assert_result(SUCCESS);

        let devices = [idle.clone(), stranger.clone(), attached.clone()];
        let mut watcher = Watcher::open(&daemon, list(&devices)).await;
        let standing = [(&idle, unknown()), (&stranger, not_found()), (&attached, data())];
        let expected: Vec<_> = standing.map(|(known, view)| (phone(&known.number()), view)).into();
        assert_eq!(watcher.snapshot().await, expected, "each device as it was named, in that order");

        // Updates and moves alter no answer, so the next change is the purge.
        for mme in [MME, "mme2.visited.example", "mme2.visited.example"] {
            dra.ask(&Request::update_location(&attached.imsi, mme)).await.assert_result(SUCCESS);
        }
        dra.ask(&Request::purge(&attached.imsi, MME)).await.assert_result(SUCCESS);
        dra.ask(&Request::purge(&attached.imsi, "mme2.visited.example")).await.assert_result(SUCCESS);
        assert_eq!(watcher.change().await, (phone(&attached.number()), disconnected()));

        // Somebody nobody knew before.
        daemon.import_rows(from_ref(&stranger)).await;
        assert_eq!(watcher.change().await, (phone(&stranger.number()), unknown()));
        dra.ask(&Request::update_location(&stranger.imsi, MME)).await.assert_result(SUCCESS);
        assert_eq!(watcher.change().await, (phone(&stranger.number()), data()));
    }

    async fn a_number_that_comes_to_another_sim_is_told_of_as_that_one_is(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let (old, mut new) = (Subscriber::nth(1), Subscriber::nth(2));
        new.digits.clone_from(&old.digits);
        let mut publisher = Publisher::open(&daemon).await;
        publisher.publish(event_with_number(&old, Slot::Mme, MME, Change::Registered, ago(60))).await;
        let mut watchers = [Watcher::open(&daemon, list(from_ref(&old))).await, Watcher::open(&daemon, all()).await];
        for watcher in &mut watchers {
            assert_eq!(watcher.snapshot().await, [(phone(&old.number()), data())]);
        }

        // The new SIM takes the number over, and was seen by nobody yet but the provisioning.
        daemon.import_rows(from_ref(&new)).await;
        for watcher in &mut watchers {
            assert_eq!(watcher.change().await, (phone(&old.number()), unknown()));
        }
        // What the old one does is of no concern to the number any more; what the new one does is.
        publisher.publish(event(&old, Slot::Mme, MME, Change::Deregistered, ago(30))).await;
        publisher.publish(event(&new, Slot::Mme, MME, Change::Registered, ago(20))).await;
        for watcher in &mut watchers {
            assert_eq!(watcher.change().await, (phone(&old.number()), data()));
        }
    }

    async fn an_erased_device_is_told_to_be_known_no_more(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let [erased, other] = [1, 2].map(Subscriber::nth);
        let mut publisher = Publisher::open(&daemon).await;
        for subscriber in [&erased, &other] {
            publisher.publish(event_with_number(subscriber, Slot::Mme, MME, Change::Registered, ago(60))).await;
        }
        let mut watchers = [Watcher::open(&daemon, list(from_ref(&erased))).await, Watcher::open(&daemon, all()).await];
        for watcher in &mut watchers {
            watcher.snapshot().await;
        }
        let request = EraseSubscriberRequest { msisdn: erased.number(), ..EraseSubscriberRequest::default() };
        AdminServiceClient::new(daemon.channel()).erase_subscriber(request).await.unwrap();
        for watcher in &mut watchers {
            assert_eq!(watcher.change().await, (phone(&erased.number()), not_found()));
        }
        // The other one is told of as before.
        publisher.publish(event(&other, Slot::Mme, MME, Change::Deregistered, ago(30))).await;
        assert_eq!(watchers[1].change().await, (phone(&other.number()), disconnected()));
    }

    async fn of_all_every_device_with_a_name_is_told(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let mut publisher = Publisher::open(&daemon).await;
        let known: Vec<_> = (0..300).map(Subscriber::nth).collect();
        for subscriber in &known {
            publisher.publish(event_with_number(subscriber, Slot::Mme, MME, Change::Registered, ago(60))).await;
        }
        // One by IMSI alone, one by number alone, one also by a network access identifier.
        publisher.publish(event(&Subscriber::nth(900), Slot::Mme, MME, Change::Registered, ago(60))).await;
        let mut by_number_alone = event_with_number(&Subscriber::nth(901), Slot::Msc, "99910001", Change::Registered, ago(60));
        by_number_alone.subscriber.as_mut().unwrap().imsi.clear();
        publisher.publish(by_number_alone).await;
        let meter = "meter-7@iot.example";
        let mut with_nai = event_with_number(&known[0], Slot::Mme, MME, Change::Registered, ago(50));
        with_nai.subscriber.as_mut().unwrap().external_identifier = meter.to_owned();
        publisher.publish(with_nai).await;

        let mut watcher = Watcher::open(&daemon, all()).await;
        let snapshot = watcher.snapshot().await;
        let nai = Device { network_access_identifier: meter.to_owned(), ..Device::default() };
        assert_eq!(snapshot.iter().filter(|(device, _)| *device == nai).count(), 1);
        let mut told = by_number(snapshot);
        told.remove("");
        let sms = Ok((ReachabilityStatus::ConnectedSms, vec![Connectivity::Sms]));
        let expected: BTreeMap<_, _> = known
            .iter()
            .map(|subscriber| (subscriber.number(), data()))
            .chain([(Subscriber::nth(901).number(), sms)])
            .collect();
        assert_eq!(told, expected);

        // Both names of one device are told of, and so is a name that comes into being.
        publisher.publish(event(&known[0], Slot::Mme, MME, Change::Deregistered, ago(40))).await;
        let mut both = [watcher.change().await, watcher.change().await];
        both.sort_by_key(|(device, _)| device.phone_number.clone());
        assert_eq!(both, [(nai, disconnected()), (phone(&known[0].number()), disconnected())]);
        let newcomer = Subscriber::nth(902);
        publisher.publish(event_with_number(&newcomer, Slot::Mme, MME, Change::Registered, ago(60))).await;
        assert_eq!(watcher.change().await, (phone(&newcomer.number()), data()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absence_that_ends_by_itself_is_told_when_it_does() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    let mut publisher = Publisher::open(&daemon).await;
    publisher
        .publish(event_with_number(
            &subscriber,
            Slot::Mme,
            MME,
            Change::Registered,
            ago(60),
        ))
        .await;
    let back_at = SystemTime::now() + Duration::from_secs(2);
    let mut asleep = event(&subscriber, Slot::Mme, MME, Change::Unreachable, ago(30));
    registration(&mut asleep).until = Some(back_at.into());
    publisher.publish(asleep).await;

    let mut watcher = Watcher::open(&daemon, list(from_ref(&subscriber))).await;
    assert_eq!(
        watcher.snapshot().await,
        [(phone(&subscriber.number()), disconnected())]
    );
    assert_eq!(watcher.change().await, (phone(&subscriber.number()), data()));
    let late = SystemTime::now()
        .duration_since(back_at)
        .expect("not before it is over");
    assert!(late < Duration::from_secs(5), "{late:?}");
    daemon
        .lookups()
        .phone(&subscriber.number())
        .await
        .assert_is(ReachabilityStatus::ConnectedData, &[Connectivity::Data]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_with_nothing_to_say_gives_signs_of_life_with_a_cursor() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let [watched, other] = [1, 2].map(Subscriber::nth);
    let mut request = list(from_ref(&watched));
    request.heartbeat_interval = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    request.omit_snapshot = true;
    let mut watcher = Watcher::open(&daemon, request).await;
    assert_eq!(watcher.snapshot().await, [], "nothing but its end");
    let mut beside = Watcher::open(&daemon, list(from_ref(&other))).await;
    beside.snapshot().await;
    let place = watcher.place();

    let mut publisher = Publisher::open(&daemon).await;
    publisher
        .publish(event_with_number(
            &other,
            Slot::Mme,
            MME,
            Change::Registered,
            ago(60),
        ))
        .await;
    let _ = beside.change().await;
    // It moves on with what does not concern it, so that nobody comes back from too far behind.
    while watcher.place() == place {
        let message = watcher.next().await.unwrap();
        assert!(matches!(message, Message::Heartbeat(_)), "{message:?}");
    }
    assert_eq!(watcher.place(), beside.place());
}

/// What is told of a device is what a lookup tells at the same time, times included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_tells_what_a_lookup_would() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    let mut watcher = Watcher::open(&daemon, list(from_ref(&subscriber))).await;
    watcher.snapshot().await;
    let mut publisher = Publisher::open(&daemon).await;
    publisher
        .publish(event_with_number(
            &subscriber,
            Slot::Mme,
            MME,
            Change::Registered,
            ago(60),
        ))
        .await;
    let Message::Change(change) = watcher.next().await.unwrap() else {
        panic!("a change")
    };
    let Some(reachd::proto::v1::device_reachability::Result::Reachability(told)) = change.result else {
        panic!("an answer")
    };
    let looked_up = daemon.lookups().phone(&subscriber.number()).await;
    assert_eq!(Answer::of(told), looked_up);
}
