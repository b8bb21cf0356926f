//! A client that is faster than the store is slowed down, not buffered.

use reachd::feed::grpc::window::MAX_AHEAD;
use reachd::grpc::GrpcConfig;
use reachd::ingest::IngestConfig;
use reachd::proto::v1;
use reachd::proto::v1::publish_events_request::Content;

use super::daemon::{Daemon, Publisher, registered, until};

/// Long enough that neither HTTP/2 windows nor socket buffers can take what the window does not.
const EVENTS: u64 = 16_000;

async fn flood(daemon: &Daemon, held_at: usize) {
    daemon.hold.hold();
    let Publisher { requests, responses } = daemon.publish().await;
    let sender = requests.clone();
    let flood = tokio::spawn(async move {
        let node = "n".repeat(200);
        for number in 1..=EVENTS {
            let mut event = registered(number, v1::Slot::Mme, &node);
            // Without a binding it is one row.
            event.subscriber.as_mut().unwrap().msisdn.clear();
            let request = v1::PublishEventsRequest {
                sequence: number,
                content: Some(Content::Event(event)),
            };
            sender.send(request).await.unwrap();
        }
    });
    until(|| daemon.under_way() >= held_at).await;
    // The client is stopped: room in its own channel stays away.
    let mut stalled = 0;
    until(|| {
        stalled = if requests.capacity() == 0 { stalled + 1 } else { 0 };
        stalled >= 50
    })
    .await;
    assert!(!flood.is_finished());
    assert!(daemon.under_way() <= MAX_AHEAD, "{}", daemon.under_way());

    daemon.hold.release();
    let mut stream = Publisher { requests, responses };
    stream.acked(EVENTS).await;
    flood.await.unwrap();
    assert_eq!(daemon.index.size().subscribers as u64, EVENTS);
}

#[tokio::test]
async fn a_stream_is_not_read_on_while_too_much_of_it_is_unacknowledged() {
    let daemon = Daemon::start().await;
    flood(&daemon, MAX_AHEAD).await;
}

#[tokio::test]
async fn a_full_ingest_queue_stops_the_stream_and_loses_nothing() {
    let ingest = IngestConfig {
        queue: 64,
        batch: 64,
        ..IngestConfig::default()
    };
    let daemon = Daemon::start_with(GrpcConfig::default(), ingest).await;
    flood(&daemon, 64).await;
}
