//! Events in: acknowledgements, refusals, ends of streams.

use reachd::domain::{Imsi, SubscriberId};
use reachd::grpc::{GrpcConfig, metrics};
use reachd::ingest::IngestConfig;
use reachd::proto::v1;
use tonic::Code;
use tonic_types::StatusExt;

use super::daemon::{Daemon, ask, phone, phone_number, registered, until, within};

const NODE: &str = "mme1.epc.example";

#[tokio::test]
async fn nothing_is_acknowledged_nor_visible_before_it_is_durable() {
    let daemon = Daemon::start().await;
    daemon.hold.hold();
    let mut stream = daemon.publish().await;
    stream.send(5, registered(1, v1::Slot::Mme, NODE)).await;
    // A refusal proves that the stream has gone on past the first event.
    stream.send(6, v1::Event::default()).await;
    let response = within(stream.responses.message()).await.unwrap().unwrap();
    assert_eq!(response.acked_sequence, 0);
    assert_eq!(response.refused.len(), 1);
    let mut lookups = daemon.lookups().await;
    let question = ask(phone(&phone_number(1)));
    let status = lookups.get_reachability(question.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);

    daemon.hold.release();
    stream.acked(6).await;
    assert!(lookups.get_reachability(question).await.is_ok());
}

#[tokio::test]
async fn acknowledgements_that_come_together_leave_together() {
    let daemon = Daemon::start().await;
    daemon.hold.hold();
    let mut stream = daemon.publish().await;
    for number in 1..=200 {
        stream
            .send(number * 10, registered(number, v1::Slot::Mme, NODE))
            .await;
    }
    until(|| daemon.under_way() == 200).await;
    daemon.hold.release();
    let responses = stream.acked(2000).await;
    assert!(
        responses.len() <= 20,
        "{} responses for 200 events",
        responses.len()
    );
}

#[tokio::test]
async fn a_refused_event_is_named_with_its_reason_and_the_stream_goes_on() {
    let daemon = Daemon::start().await;
    let mut stream = daemon.publish().await;
    let mut nobody = registered(1, v1::Slot::Mme, NODE);
    nobody.subscriber = None;
    let mut malformed = registered(1, v1::Slot::Mme, NODE);
    malformed.subscriber.as_mut().unwrap().imsi = "98765".into();
    stream.send(1, registered(1, v1::Slot::Mme, NODE)).await;
    stream.send(2, nobody).await;
    stream.send(3, malformed).await;
    stream.send(3, registered(2, v1::Slot::Mme, NODE)).await;
    stream.send(0, registered(2, v1::Slot::Mme, NODE)).await;
    stream.send(9, registered(3, v1::Slot::Mme, NODE)).await;
    let responses = stream.acked(9).await;

    let refused: Vec<_> = responses.iter().flat_map(|response| &response.refused).collect();
    let told: Vec<_> = refused
        .iter()
        .map(|refused| (refused.sequence, refused.reason.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (2, "MISSING_IDENTIFIER"),
            (3, "INVALID_ARGUMENT"),
            (3, "OUT_OF_ORDER_SEQUENCE"),
            (0, "OUT_OF_ORDER_SEQUENCE"),
        ]
    );
    for (refused, field) in refused
        .iter()
        .zip(["event.subscriber", "event.subscriber.imsi", "sequence"])
    {
        assert!(refused.message.starts_with(field), "{refused:?}");
        assert!(!refused.message.contains("98765"), "{refused:?}");
    }
    for (outcome, count) in [
        ("refused_invalid", 1.0),
        ("refused_missing_identifier", 1.0),
        ("refused_out_of_order", 2.0),
    ] {
        let labels = [("feed", "grpc"), ("outcome", outcome)];
        assert_eq!(
            daemon.scrape("reachd_events_total", &labels),
            Some(count),
            "{outcome}"
        );
    }
    let labels = [("feed", "grpc"), ("outcome", "applied"), ("kind", "registered")];
    assert_eq!(daemon.scrape("reachd_events_total", &labels), Some(2.0));
}

#[tokio::test]
async fn an_event_that_the_store_refuses_is_named_and_harms_no_other() {
    let daemon = Daemon::start().await;
    let imsi = Imsi::parse("001010000000002").unwrap();
    daemon.hold.refuse(SubscriberId::from(imsi));
    let mut stream = daemon.publish().await;
    for number in 1..=3 {
        stream.send(number, registered(number, v1::Slot::Mme, NODE)).await;
    }
    let responses = stream.acked(3).await;
    let refused: Vec<_> = responses
        .into_iter()
        .flat_map(|response| response.refused)
        .collect();
    let [refused] = refused.as_slice() else {
        panic!("one is refused: {refused:?}")
    };
    assert_eq!((refused.sequence, refused.reason.as_str()), (2, "STORE_REFUSED"));
    let mut lookups = daemon.lookups().await;
    for (number, known) in [(1, true), (2, false), (3, true)] {
        let answer = lookups.get_reachability(ask(phone(&phone_number(number)))).await;
        assert_eq!(answer.is_ok(), known, "{number}");
    }
}

#[tokio::test]
async fn a_client_that_has_said_all_still_gets_every_acknowledgement() {
    let daemon = Daemon::start().await;
    daemon.hold.hold();
    let mut stream = daemon.publish().await;
    for number in 1..=50 {
        stream.send(number, registered(number, v1::Slot::Mme, NODE)).await;
    }
    let (closed, _) = tokio::sync::mpsc::channel(1);
    drop(std::mem::replace(&mut stream.requests, closed));
    until(|| daemon.under_way() == 50).await;
    daemon.hold.release();
    stream.acked(50).await;
    assert_eq!(within(stream.responses.message()).await.unwrap(), None);
    let labels = [
        (metrics::LABEL_METHOD, "PublishEvents"),
        (metrics::LABEL_CODE, "OK"),
    ];
    until(|| daemon.scrape(metrics::HANDLED, &labels) == Some(1.0)).await;
}

#[tokio::test]
async fn at_shutdown_a_stream_ends_as_unavailable_after_its_acknowledgements() {
    let daemon = Daemon::start().await;
    daemon.hold.hold();
    let mut stream = daemon.publish().await;
    stream.send(1, registered(1, v1::Slot::Mme, NODE)).await;
    until(|| daemon.under_way() == 1).await;
    daemon.shutdown.cancel();
    daemon.hold.release();
    stream.acked(1).await;
    let status = within(stream.responses.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "SHUTTING_DOWN");
    drop(stream);
    within(daemon.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn at_shutdown_without_a_store_nothing_undurable_is_acknowledged() {
    let daemon = Daemon::start().await;
    daemon.hold.hold();
    let mut stream = daemon.publish().await;
    stream.send(1, registered(1, v1::Slot::Mme, NODE)).await;
    until(|| daemon.under_way() == 1).await;
    daemon.shutdown.cancel();
    within(daemon.ingest.abort()).await;
    let status = within(stream.responses.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_no_call_behind() {
    let daemon = Daemon::start().await;
    let mut stream = daemon.publish().await;
    stream.send(1, registered(1, v1::Slot::Mme, NODE)).await;
    stream.acked(1).await;
    drop(stream);
    let ended = || {
        let codes = ["OK", "Canceled", "Unknown"].map(|code| {
            let labels = [
                (metrics::LABEL_METHOD, "PublishEvents"),
                (metrics::LABEL_CODE, code),
            ];
            daemon.scrape(metrics::HANDLED, &labels)
        });
        codes.into_iter().flatten().sum::<f64>()
    };
    until(|| ended() == 1.0).await;
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_its_stream_after_the_acknowledgements_and_no_other() {
    let config = GrpcConfig {
        max_message_size: 64 * 1024,
        ..GrpcConfig::default()
    };
    let daemon = Daemon::start_with(config, IngestConfig::default()).await;
    daemon.hold.hold();
    let mut stream = daemon.publish().await;
    let mut other = daemon.publish().await;
    stream.send(1, registered(1, v1::Slot::Mme, NODE)).await;
    let giant = "n".repeat(100 * 1024);
    stream.send(2, registered(2, v1::Slot::Mme, &giant)).await;
    until(|| daemon.under_way() == 1).await;
    daemon.hold.release();
    stream.acked(1).await;
    let status = within(stream.responses.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    other.send(1, registered(3, v1::Slot::Mme, NODE)).await;
    other.acked(1).await;
}
