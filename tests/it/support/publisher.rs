//! A client of the ingest stream that keeps account of what was acknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use prost_types::Timestamp;
use reachd::proto::v1::event::Kind;
use reachd::proto::v1::publish_events_request::Content;
use reachd::proto::v1::{
    Event, PublishEventsRequest, PublishEventsResponse, RefusedEvent, RegistrationChange, RegistrationEvent,
    Slot, Subscriber,
};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::daemon::Daemon;

/// One open ingest stream.
pub(crate) struct Publisher {
    sender: mpsc::Sender<PublishEventsRequest>,
    responses: Streaming<PublishEventsResponse>,
    next_sequence: u64,
    /// Everything up to here is durable or refused.
    pub(crate) acked: u64,
    pub(crate) refused: BTreeMap<u64, RefusedEvent>,
}

impl Publisher {
    pub(crate) async fn open(daemon: &Daemon) -> Self {
        let (sender, receiver) = mpsc::channel(256);
        let responses = daemon
            .ingest()
            .publish_events(ReceiverStream::new(receiver))
            .await
            .expect("the stream opens")
            .into_inner();
        Self {
            sender,
            responses,
            next_sequence: 1,
            acked: 0,
            refused: BTreeMap::new(),
        }
    }

    /// Sends an event, and says its sequence; `None` if the stream is gone.
    pub(crate) async fn send(&mut self, event: Event) -> Option<u64> {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.send_as(sequence, Some(event)).await.then_some(sequence)
    }

    pub(crate) async fn send_as(&mut self, sequence: u64, event: Option<Event>) -> bool {
        self.sender
            .send(PublishEventsRequest {
                sequence,
                content: event.map(Content::Event),
            })
            .await
            .is_ok()
    }

    /// Takes the next response into account; `false` once the stream has ended. Acks must never go back.
    pub(crate) async fn receive(&mut self) -> bool {
        let Ok(Some(response)) = self.responses.message().await else {
            return false;
        };
        assert!(response.acked_sequence >= self.acked, "acks are cumulative");
        self.acked = response.acked_sequence;
        for refused in response.refused {
            self.refused.insert(refused.sequence, refused);
        }
        true
    }

    /// Waits until everything up to `sequence` is acknowledged.
    pub(crate) async fn acked_up_to(&mut self, sequence: u64) {
        while self.acked < sequence {
            let more = timeout(Duration::from_secs(30), self.receive())
                .await
                .expect("an ack in time");
            assert!(
                more,
                "the stream ended with {} of {sequence} acknowledged",
                self.acked
            );
        }
    }

    /// Sends an event that must be taken, and waits until it is durable.
    pub(crate) async fn publish(&mut self, event: Event) {
        let sequence = self.send(event).await.expect("the stream is open");
        self.acked_up_to(sequence).await;
        assert_eq!(self.refused.get(&sequence), None);
    }
}

/// A registration event of a subscriber known by IMSI.
pub(crate) fn event(
    subscriber: &super::Subscriber,
    slot: Slot,
    node: &str,
    change: RegistrationChange,
    event_time: Timestamp,
) -> Event {
    Event {
        subscriber: Some(Subscriber {
            imsi: subscriber.imsi.clone(),
            ..Subscriber::default()
        }),
        event_time: Some(event_time),
        kind: Some(Kind::Registration(RegistrationEvent {
            slot: slot.into(),
            node: node.to_owned(),
            change: change.into(),
            until: None,
        })),
    }
}

/// As [`event`], and it also tells the subscriber's number.
pub(crate) fn event_with_number(
    subscriber: &super::Subscriber,
    slot: Slot,
    node: &str,
    change: RegistrationChange,
    event_time: Timestamp,
) -> Event {
    let mut event = event(subscriber, slot, node, change, event_time);
    if let Some(told) = &mut event.subscriber {
        told.msisdn = subscriber.number();
    }
    event
}

/// What an event says of a registration, to be changed.
pub(crate) fn registration(event: &mut Event) -> &mut RegistrationEvent {
    match &mut event.kind {
        Some(Kind::Registration(registration)) => registration,
        _ => panic!("it is about no registration"),
    }
}
