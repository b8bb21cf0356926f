//! Bounds: of requests, of streams, of patience.

use std::slice::from_ref;
use std::time::Duration;

use reachd::proto::v1::{Device, DeviceIpv4Address, WatchReachabilityRequest};
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_types::StatusExt;

use super::client::{Watcher, all, by_number, from, list, reason};
use super::resuming::{after_storm, storm};
use crate::support::daemon::{Engine, Home, phone};
use crate::support::{Subscriber, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_is_told_and_dropped_and_a_fast_one_goes_on() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure("[watch]\nhistory = 200000\nqueue = 500\n");
    let daemon = home.start().await;
    let subscribers: Vec<_> = (0..1000).map(Subscriber::nth).collect();
    daemon.import_rows(&subscribers).await;
    let mut fast = Watcher::open(&daemon, all()).await;
    let mut told = by_number(fast.snapshot().await);
    // It reads its snapshot and nothing else. What the network holds for it is as little as HTTP/2 allows.
    let narrow = Endpoint::from_shared(format!("http://{}", daemon.grpc()))
        .unwrap()
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535)
        .connect_lazy();
    let mut slow = Watcher::try_open(narrow, all()).await.unwrap();
    let mut told_slowly = by_number(slow.snapshot().await);

    let expected = after_storm(&subscribers);
    tokio::join!(
        storm(&daemon, &subscribers, 6),
        fast.follow(&mut told, true, |told| *told == expected)
    );
    assert_eq!(told, expected);
    eventually("the slow client is dropped", async || {
        let metrics = daemon.metrics().await;
        metrics
            .contains("reachd_watch_slow_consumers_total 1")
            .then_some(())
    })
    .await;

    // Everything that was sent arrives, and then the word.
    let last_word = loop {
        let place = slow.place();
        match slow.next().await {
            Ok(_) => assert_eq!(slow.place(), place + 1, "no change is left out"),
            Err(status) => break status,
        }
    };
    assert_eq!(
        (last_word.code(), reason(&last_word).as_str()),
        (Code::ResourceExhausted, "SLOW_CONSUMER")
    );
    // It comes back and goes on where it was: what it had read, it had not kept here; so it ends with the same.
    let mut again = Watcher::open(&daemon, from(&slow.cursor, all())).await;
    let mut place = slow.place();
    while place < fast.place() {
        let (device, view) = again.change().await;
        told_slowly.insert(device.phone_number, view);
        assert_eq!(again.place(), place + 1, "no change is left out");
        place += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_watched_is_refused_with_its_reason_and_field() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    let with = |change: fn(&mut WatchReachabilityRequest)| {
        let mut request = list(from_ref(&subscriber));
        change(&mut request);
        request
    };
    let address = Device {
        ipv4_address: Some(DeviceIpv4Address {
            public_address: "192.0.2.1".to_owned(),
            public_port: 40_000,
            ..DeviceIpv4Address::default()
        }),
        ..Device::default()
    };
    let unaddressed = WatchReachabilityRequest {
        devices: vec![phone(&subscriber.number()), address],
        ..WatchReachabilityRequest::default()
    };
    let table = [
        (
            with(|request| request.devices.clear()),
            "MISSING_IDENTIFIER",
            "devices",
        ),
        (with(|request| request.all = true), "INVALID_ARGUMENT", "all"),
        (
            with(|request| request.cursor = "nonsense".to_owned()),
            "INVALID_ARGUMENT",
            "cursor",
        ),
        (
            with(|request| request.heartbeat_interval = Some(prost_types::Duration { seconds: 0, nanos: 1 })),
            "INVALID_ARGUMENT",
            "heartbeat_interval",
        ),
        (
            with(|request| {
                request.max_age = Some(prost_types::Duration {
                    seconds: -1,
                    nanos: 0,
                })
            }),
            "INVALID_ARGUMENT",
            "max_age",
        ),
        (
            with(|request| request.devices = vec![phone("+99912345"); 10_001]),
            "INVALID_ARGUMENT",
            "devices",
        ),
        (
            with(|request| request.devices.push(phone("12"))),
            "INVALID_ARGUMENT",
            "devices",
        ),
        (unaddressed, "UNSUPPORTED_IDENTIFIER", "devices"),
    ];
    for (request, expected, field) in table {
        let status = Watcher::try_open(daemon.channel(), request)
            .await
            .err()
            .expect(expected);
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::InvalidArgument, expected)
        );
        let details = status.get_error_details();
        let violations = &details.bad_request().expect(field).field_violations;
        assert_eq!(violations[0].field, field, "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_devices_are_bounded_and_places_are_given_back() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure("[watch]\nmax_streams = 2\nmax_devices = 3\n");
    let daemon = home.start().await;
    let subscribers: Vec<_> = (0..4).map(Subscriber::nth).collect();
    let refused = async |request| {
        let status = Watcher::try_open(daemon.channel(), request)
            .await
            .err()
            .expect("refused");
        assert_eq!(status.code(), Code::ResourceExhausted);
        reason(&status)
    };
    assert_eq!(refused(list(&subscribers)).await, "TOO_MANY_DEVICES");
    let mut first = Watcher::open(&daemon, list(&subscribers[..2])).await;
    first.snapshot().await;
    assert_eq!(refused(list(&subscribers[2..])).await, "TOO_MANY_DEVICES");
    let mut second = Watcher::open(&daemon, all()).await;
    second.snapshot().await;
    assert_eq!(refused(all()).await, "TOO_MANY_STREAMS");
    // Devices of a stream that ended are kept for its return, unless others need the room.
    drop((first, second));
    let mut third = eventually("a place is given back", async || {
        Watcher::try_open(daemon.channel(), list(&subscribers[2..]))
            .await
            .ok()
    })
    .await;
    assert_eq!(third.snapshot().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_stops_ends_its_streams_at_once_and_says_why() {
    let home = Home::new(Engine::Sqlite).await;
    let mut daemon = home.start().await;
    let mut watcher = Watcher::open(&daemon, all()).await;
    watcher.snapshot().await;
    daemon.signal_terminate();
    let status = watcher.next().await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unavailable, "SHUTTING_DOWN")
    );
    drop(watcher);
    let ended = tokio::time::timeout(Duration::from_secs(10), daemon.ended()).await;
    assert!(ended.expect("streams do not hold it up").success());
}
