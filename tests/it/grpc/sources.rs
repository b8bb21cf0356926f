//! Who publishes: names of clients, and heartbeats.

use std::collections::BTreeMap;

use reachd::proto::v1;
use reachd::proto::v1::ingest_service_client::IngestServiceClient;
use reachd::proto::v1::publish_events_request::Content;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};

use super::daemon::{Daemon, Publisher, registered, within};

/// A stream of a client that calls itself so.
async fn publish_as(daemon: &Daemon, name: &'static str) -> Result<Publisher, Status> {
    let (requests, outgoing) = mpsc::channel(1);
    let mut request = Request::new(ReceiverStream::new(outgoing));
    request
        .metadata_mut()
        .insert("reachd-feed", name.parse().unwrap());
    let mut client = IngestServiceClient::new(daemon.channel().await);
    let responses = client.publish_events(request).await?.into_inner();
    Ok(Publisher { requests, responses })
}

async fn heartbeat(stream: &Publisher, sequence: u64) {
    let request = v1::PublishEventsRequest {
        sequence,
        content: Some(Content::Heartbeat(v1::Heartbeat {})),
    };
    stream.requests.send(request).await.unwrap();
}

/// The gRPC feeds in the list, by name.
async fn feeds(daemon: &Daemon) -> BTreeMap<String, v1::Feed> {
    let mut admin = daemon.admin().await;
    let list = admin.list_feeds(v1::ListFeedsRequest {}).await.unwrap();
    let feeds = list.into_inner().feeds.into_iter();
    feeds
        .filter(|feed| feed.kind() == v1::FeedKind::Grpc)
        .map(|feed| (feed.name.clone(), feed))
        .collect()
}

#[tokio::test]
async fn each_client_is_listed_by_the_name_that_it_gives_itself() {
    let daemon = Daemon::start().await;
    let mut north = publish_as(&daemon, "mediation.north").await.unwrap();
    let mut south = publish_as(&daemon, "mediation.south").await.unwrap();
    let mut unnamed = daemon.publish().await;
    for (stream, events) in [
        (&mut north, 1..=3),
        (&mut south, 11..=12),
        (&mut unnamed, 21..=21),
    ] {
        let last = *events.end();
        for number in events {
            stream
                .send(number, registered(number, v1::Slot::Mme, "mme1.epc.example"))
                .await;
        }
        stream.acked(last).await;
    }
    let listed = feeds(&daemon).await;
    let told: Vec<_> = listed
        .values()
        .map(|feed| (feed.name.as_str(), feed.events_accepted, feed.open))
        .collect();
    assert_eq!(
        told,
        [
            ("grpc", 1, 1),
            ("mediation.north", 3, 1),
            ("mediation.south", 2, 1)
        ]
    );
}

#[tokio::test]
async fn a_name_that_is_none_or_another_feeds_ends_the_call_before_it_begins() {
    let daemon = Daemon::start().await;
    for name in ["", "North", "a b", "provisioning"] {
        let refused = publish_as(&daemon, name).await.err();
        let code = refused.map(|status| status.code());
        assert_eq!(code, Some(Code::InvalidArgument), "{name:?}");
    }
    assert_eq!(feeds(&daemon).await.len(), 1);
}

#[tokio::test]
async fn a_heartbeat_is_acknowledged_and_shows_that_the_feed_lives() {
    let daemon = Daemon::start().await;
    let mut stream = publish_as(&daemon, "mediation.north").await.unwrap();
    let before = feeds(&daemon).await["mediation.north"].last_heard;
    assert_eq!(before, None);
    heartbeat(&stream, 1).await;
    stream.acked(1).await;
    let after = feeds(&daemon).await["mediation.north"].clone();
    assert!(after.last_heard.is_some());
    assert_eq!((after.events_accepted, after.events_refused), (0, 0));
}

#[tokio::test]
async fn a_heartbeat_is_not_acknowledged_before_the_events_ahead_of_it() {
    let daemon = Daemon::start().await;
    daemon.hold.hold();
    let mut stream = daemon.publish().await;
    stream
        .send(1, registered(1, v1::Slot::Mme, "mme1.epc.example"))
        .await;
    heartbeat(&stream, 2).await;
    // A refusal proves that the stream has gone on past the heartbeat.
    stream.send(3, v1::Event::default()).await;
    let response = within(stream.responses.message()).await.unwrap().unwrap();
    assert_eq!((response.acked_sequence, response.refused.len()), (0, 1));
    daemon.hold.release();
    stream.acked(3).await;
}

#[tokio::test]
async fn a_message_with_neither_event_nor_heartbeat_is_refused() {
    let daemon = Daemon::start().await;
    let mut stream = daemon.publish().await;
    let empty = v1::PublishEventsRequest {
        sequence: 1,
        content: None,
    };
    stream.requests.send(empty).await.unwrap();
    let responses = stream.acked(1).await;
    let refused = responses.into_iter().flat_map(|response| response.refused).next();
    assert!(refused.is_some_and(|refused| refused.message.starts_with("content:")));
}
