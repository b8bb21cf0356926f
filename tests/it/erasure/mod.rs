//! Erasing subscribers through the real binary: they go, whatever is under way, and do not come back.

mod audit;
mod command_line;
mod half_way;
mod key;
mod network;
mod replicas;
mod storm;
mod subscriptions;

use prost_types::Timestamp;
use reachd::proto::v1::admin_service_client::AdminServiceClient;
use reachd::proto::v1::{
    EraseSubscriberRequest, EraseSubscriberResponse, Event, ImportSubscribersRequest, SubscriberRow,
};
use reachd::proto::v1::{ReachabilityStatus as Status, RegistrationChange as Change, Slot};
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::daemon::{Daemon, Home};
use crate::support::publisher::{self, Publisher};
use crate::support::wire::{DRA, Peer, Request, SUCCESS};
use crate::support::{Subscriber, ago, on_each_engine};

const MME: &str = "mme1.visited.example";

async fn erase(
    daemon: &Daemon,
    request: EraseSubscriberRequest,
) -> Result<EraseSubscriberResponse, tonic::Status> {
    AdminServiceClient::new(daemon.channel())
        .erase_subscriber(request)
        .await
        .map(tonic::Response::into_inner)
}

fn by_number(number: &str) -> EraseSubscriberRequest {
    EraseSubscriberRequest {
        msisdn: number.to_owned(),
        ..EraseSubscriberRequest::default()
    }
}

fn by_imsi(imsi: &str) -> EraseSubscriberRequest {
    EraseSubscriberRequest {
        imsi: imsi.to_owned(),
        ..EraseSubscriberRequest::default()
    }
}

async fn is_unknown(daemon: &Daemon, number: &str) -> bool {
    match daemon.lookups().try_phone(number).await {
        Ok(_) => false,
        Err(status) => {
            assert_eq!(status.code(), Code::NotFound, "{status}");
            true
        }
    }
}

/// A registration event of a subscriber known by IMSI.
fn event(subscriber: &Subscriber, time: Timestamp, slot: Slot, node: &str, change: Change) -> Event {
    publisher::event(subscriber, slot, node, change, time)
}

/// One of a subscriber known by its number alone.
fn of_number(subscriber: &Subscriber, time: Timestamp, slot: Slot, node: &str, change: Change) -> Event {
    let mut event = publisher::event_with_number(subscriber, slot, node, change, time);
    if let Some(told) = &mut event.subscriber {
        told.imsi.clear();
    }
    event
}

/// Imports one row, which has to be taken.
async fn bind(daemon: &Daemon, imsi: &str, msisdn: &str, external: &str) {
    assert_eq!(imported(daemon, imsi, msisdn, external).await, 1);
}

/// Imports one row, and says how many were taken.
async fn imported(daemon: &Daemon, imsi: &str, msisdn: &str, external: &str) -> u64 {
    let row = SubscriberRow {
        line: 1,
        imsi: imsi.to_owned(),
        msisdn: msisdn.to_owned(),
        external_identifier: external.to_owned(),
    };
    let report = AdminServiceClient::new(daemon.channel())
        .import_subscribers(tokio_stream::once(ImportSubscribersRequest {
            rows: vec![row],
            ..Default::default()
        }))
        .await
        .expect("an import")
        .into_inner();
    report.imported
}

/// The sum of a metric's series that have this in their labels.
async fn count(daemon: &Daemon, metric: &str, label: &str) -> u64 {
    let text = daemon.metrics().await;
    let lines = text
        .lines()
        .filter(|line| line.starts_with(metric) && line.contains(label));
    lines
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum::<f64>() as u64
}

on_each_engine! {
    async fn an_erased_subscriber_is_unknown_and_late_events_do_not_bring_it_back(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let (erased, other) = (Subscriber::nth(1), Subscriber::nth(2));
        for subscriber in [&erased, &other] {
            bind(&daemon, &subscriber.imsi, &subscriber.number(), "").await;
        }
        bind(&daemon, &erased.imsi, "", "meter-1@iot.example").await;
        bind(&daemon, &erased.imsi, "+999777777777", "").await;
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        for subscriber in [&erased, &other] {
            dra.ask(&Request::update_location(&subscriber.imsi, MME)).await.assert_result(SUCCESS);
        }
        let mut publisher = Publisher::open(&daemon).await;
        // Known by its number alone, and united with it.
        let late = [
            of_number(&erased, ago(30), Slot::Msc, "msc1.visited.example", Change::Registered),
            event(&erased, ago(20), Slot::Mme, "mme2.visited.example", Change::Registered),
            event(&erased, ago(10), Slot::Mme, MME, Change::Reachable),
        ];
        for event in late.clone() {
            publisher.publish(event).await;
        }
        let kept = daemon.lookups().phone(&other.number()).await;

        let told = erase(&daemon, by_number(&erased.number())).await.unwrap();
        assert_eq!(told.identifiers, 4, "{told:?}: an IMSI, two numbers, an external identifier");
        assert_eq!(told.bindings, 3, "{told:?}");
        assert!(told.registrations >= 2, "{told:?}");
        for number in [erased.number(), "+999777777777".to_owned()] {
            assert!(is_unknown(&daemon, &number).await);
        }

        // What comes late is acknowledged, and nothing comes of it.
        for event in late.clone() {
            publisher.publish(event).await;
        }
        assert!(is_unknown(&daemon, &erased.number()).await);
        assert_eq!(count(&daemon, "reachd_events_total", "outcome=\"erased\"").await, 3);
        daemon.lookups().phone(&other.number()).await.assert_still(&kept);

        // Nor after a restart.
        daemon.stop().await;
        let daemon = home.start().await;
        assert!(is_unknown(&daemon, &erased.number()).await);
        let mut publisher = Publisher::open(&daemon).await;
        for event in late {
            publisher.publish(event).await;
        }
        assert!(is_unknown(&daemon, &erased.number()).await);
        daemon.lookups().phone(&other.number()).await.assert_still(&kept);

        // What happens from now on begins a new history.
        bind(&daemon, &erased.imsi, &erased.number(), "").await;
        daemon.lookups().phone(&erased.number()).await.assert_is(Status::Unknown, &[]);
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        dra.ask(&Request::update_location(&erased.imsi, MME)).await.assert_result(SUCCESS);
        let answer = daemon.lookups().phone(&erased.number()).await;
        assert_eq!(answer.status, Status::ConnectedData);
        assert!(is_unknown(&daemon, "+999777777777").await);
        daemon.stop().await;
    }

    async fn whoever_had_a_number_before_does_not_get_it_back_when_its_holder_is_erased(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let (first, second) = (Subscriber::nth(1), Subscriber::nth(2));
        bind(&daemon, &first.imsi, &first.number(), "").await;
        bind(&daemon, &first.imsi, "+999888888888", "").await;
        bind(&daemon, &second.imsi, &first.number(), "").await;
        erase(&daemon, by_imsi(&second.imsi)).await.unwrap();
        assert!(is_unknown(&daemon, &first.number()).await);
        assert!(!is_unknown(&daemon, "+999888888888").await, "the first holder stays");
        daemon.stop().await;
        let daemon = home.start().await;
        assert!(is_unknown(&daemon, &first.number()).await);
        assert!(!is_unknown(&daemon, "+999888888888").await);
        daemon.stop().await;
    }

    async fn nobody_is_erased_of_whom_nothing_is_known_unless_that_is_asked_for(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(7);
        let status = erase(&daemon, by_imsi(&subscriber.imsi)).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.get_error_details().error_info().unwrap().reason, "IDENTIFIER_NOT_FOUND");
        assert!(!status.message().contains(&subscriber.imsi));
        for request in [
            EraseSubscriberRequest::default(),
            by_imsi("12"),
            EraseSubscriberRequest { msisdn: subscriber.number(), ..by_imsi(&subscriber.imsi) },
        ] {
            let status = erase(&daemon, request).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
        }
        let request = EraseSubscriberRequest { even_unknown: true, ..by_imsi(&subscriber.imsi) };
        erase(&daemon, request).await.unwrap();
        let mut publisher = Publisher::open(&daemon).await;
        let late = event(&subscriber, ago(5), Slot::Mme, MME, Change::Registered);
        publisher.publish(late).await;
        assert_eq!(count(&daemon, "reachd_events_total", "outcome=\"erased\"").await, 1);
        daemon.stop().await;
    }

    async fn where_all_is_refused_an_erased_subscriber_stays_unknown_until_that_is_forgotten(engine) {
        let mut home = Home::new(engine).await;
        home.configure("\n[erasure]\nrefuse = \"all\"\nkeep_removed_for = \"2s\"\n");
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        bind(&daemon, &subscriber.imsi, &subscriber.number(), "").await;
        erase(&daemon, by_number(&subscriber.number())).await.unwrap();
        assert_eq!(imported(&daemon, &subscriber.imsi, &subscriber.number(), "").await, 0);
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        dra.ask(&Request::update_location(&subscriber.imsi, MME)).await.assert_result(SUCCESS);
        assert!(is_unknown(&daemon, &subscriber.number()).await);
        crate::support::eventually("the erasure is forgotten", async || {
            (count(&daemon, "reachd_erasure_remembered_identifiers", "").await == 0).then_some(())
        })
        .await;
        bind(&daemon, &subscriber.imsi, &subscriber.number(), "").await;
        dra.ask(&Request::update_location(&subscriber.imsi, MME)).await.assert_result(SUCCESS);
        let answer = daemon.lookups().phone(&subscriber.number()).await;
        assert_eq!(answer.status, Status::ConnectedData);
        daemon.stop().await;
    }
}
