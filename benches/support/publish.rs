//! Clients of the ingest stream that send as fast as the daemon reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use reachd::proto::v1::event::Kind;
use reachd::proto::v1::ingest_service_client::IngestServiceClient;
use reachd::proto::v1::publish_events_request::Content;
use reachd::proto::v1::{
    Event, PublishEventsRequest, RegistrationChange, RegistrationEvent, Slot, Subscriber,
};
use reachd::sim::population::{Device, Mme};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

const STREAMS: u32 = 2;
/// Messages made ahead of the connection.
const AHEAD: usize = 1024;

/// A periodic update of a device at its MME, now.
fn update(device: Device) -> Event {
    Event {
        subscriber: Some(Subscriber {
            imsi: device.imsi(),
            ..Subscriber::default()
        }),
        event_time: Some(SystemTime::now().into()),
        kind: Some(Kind::Registration(RegistrationEvent {
            slot: Slot::Mme.into(),
            node: Mme(0).identity(),
            change: RegistrationChange::Registered.into(),
            until: None,
        })),
    }
}

/// Events a second that were acknowledged, over streams with connections of their own, the devices strewn.
pub(crate) async fn streamed(address: &str, population: u32, round: Duration) -> f64 {
    let begun = Instant::now();
    let until = begun + round;
    let durable = Arc::new(AtomicU64::new(0));
    let mut streams = tokio::task::JoinSet::new();
    for stream in 0..STREAMS {
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let durable = Arc::clone(&durable);
        streams.spawn(async move {
            let channel = channel.connect().await.unwrap();
            let (requests, outgoing) = mpsc::channel(AHEAD);
            let sending = tokio::spawn(async move {
                let mut sequence = 0;
                while Instant::now() < until {
                    let n = population / STREAMS * stream + sequence as u32;
                    sequence += 1;
                    let event = update(Device(n.wrapping_mul(7919) % population));
                    let content = Some(Content::Event(event));
                    requests
                        .send(PublishEventsRequest { sequence, content })
                        .await
                        .unwrap();
                }
                sequence
            });
            let mut service = IngestServiceClient::new(channel);
            let responses = service.publish_events(ReceiverStream::new(outgoing));
            let mut responses = responses.await.unwrap().into_inner();
            let mut acked = 0;
            while let Some(response) = responses.message().await.unwrap() {
                assert!(response.refused.is_empty(), "every event becomes durable");
                acked = response.acked_sequence;
            }
            assert_eq!(acked, sending.await.unwrap());
            durable.fetch_add(acked, Ordering::Relaxed);
        });
    }
    streams.join_all().await;
    durable.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}
