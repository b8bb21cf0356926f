//! What a client costs that does not listen, or that comes while the store is away: no memory that grows.

use std::time::Duration;

use reachd::proto::v1::ingest_service_client::IngestServiceClient;
use reachd::proto::v1::publish_events_request::Content;
use reachd::proto::v1::{
    Event, PublishEventsRequest, PublishEventsResponse, RegistrationChange as Change, Slot,
};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Endpoint;

use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::postgres::Cluster;
use crate::support::publisher::event;
use crate::support::{Subscriber, ago, eventually};

/// What a daemon may take for a stream beyond what it took for the same before, in octets: allocators keep some.
const SLACK: f64 = 12.0 * 1024.0 * 1024.0;

/// A stream whose responses nobody reads, for now.
struct Deaf {
    requests: mpsc::Sender<PublishEventsRequest>,
    responses: Streaming<PublishEventsResponse>,
    sequence: u64,
}

impl Deaf {
    async fn open(daemon: &Daemon) -> Self {
        let (requests, outgoing) = mpsc::channel(1);
        // So little that it is soon full of responses, and no more of them is on the way than HTTP/2 libraries bear.
        let channel = Endpoint::from_shared(format!("http://{}", daemon.grpc()))
            .unwrap()
            .initial_stream_window_size(16 * 1024);
        let responses = IngestServiceClient::new(channel.connect().await.unwrap())
            .publish_events(ReceiverStream::new(outgoing))
            .await
            .unwrap()
            .into_inner();
        Self {
            requests,
            responses,
            sequence: 0,
        }
    }

    /// Sends so many events, or until the daemon reads no further. Says how many it took.
    async fn send(&mut self, events: u64, make: impl Fn(u64) -> Event) -> u64 {
        for sent in 0..events {
            let request = PublishEventsRequest {
                sequence: self.sequence + 1,
                content: Some(Content::Event(make(self.sequence))),
            };
            let taken = timeout(Duration::from_secs(3), self.requests.send(request)).await;
            match taken {
                Err(_) => return sent,
                Ok(Ok(())) => self.sequence += 1,
                Ok(Err(_)) => panic!("the stream ended: {:?}", self.ending().await),
            }
        }
        events
    }

    /// How the stream ended.
    async fn ending(&mut self) -> Option<tonic::Status> {
        loop {
            match self.responses.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(status) => return Some(status),
            }
        }
    }

    /// Reads responses until everything sent is acknowledged.
    async fn listen(&mut self) {
        let mut acked = 0;
        while acked < self.sequence {
            let response = self.responses.message().await.unwrap();
            acked = response.expect("the stream goes on").acked_sequence;
        }
    }
}

async fn resident(daemon: &Daemon) -> f64 {
    let metrics = daemon.metrics().await;
    let line = metrics
        .lines()
        .find(|line| line.starts_with("process_resident_memory_bytes "));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

/// The same few subscribers over and over, so that what is known of them does not grow.
fn attach(n: u64) -> Event {
    let subscriber = Subscriber::nth((n % 100) as usize);
    let time = prost_types::Timestamp {
        nanos: (n % 1_000_000 * 1000) as i32,
        ..ago(60)
    };
    event(
        &subscriber,
        Slot::Mme,
        "mme1.epc.example",
        Change::Registered,
        time,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_its_acknowledgements_is_served_without_memory_that_grows() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let mut deaf = Deaf::open(&daemon).await;
    assert_eq!(deaf.send(10_000, attach).await, 10_000);
    let before = resident(&daemon).await;
    assert_eq!(deaf.send(40_000, attach).await, 40_000);
    let after = resident(&daemon).await;
    assert!(after < before + SLACK, "from {before} to {after}");
    deaf.listen().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_its_refusals_is_read_no_further() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let mut deaf = Deaf::open(&daemon).await;
    let nameless = |_| Event::default();
    let sent = deaf.send(1_000_000, nameless).await;
    let before = resident(&daemon).await;
    assert!(sent < 1_000_000, "it is stopped");
    assert_eq!(deaf.send(1, nameless).await, 0, "and stays so");
    let after = resident(&daemon).await;
    assert!(after < before + SLACK, "from {before} to {after}");
    // Whoever listens is served all the while.
    let mut other = Deaf::open(&daemon).await;
    other.send(1, attach).await;
    other.listen().await;
    // And so is this one, once it does.
    deaf.listen().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_come_while_the_store_is_away_wait_outside_and_lose_nothing() {
    const CLIENTS: usize = 8;
    let mut cluster = Cluster::private().await;
    let home = Home::on_store(&cluster.fresh_database().await);
    let daemon = home.start().await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Deaf::open(&daemon).await);
    }
    for client in &mut clients {
        client.send(500, attach).await;
    }
    cluster.stop_immediately().await;
    let before = resident(&daemon).await;
    for client in &mut clients {
        let sent = client.send(1_000_000, attach).await;
        assert!(sent < 1_000_000, "it is stopped");
    }
    let after = resident(&daemon).await;
    let bound = before + SLACK + CLIENTS as f64 * 4.0 * 1024.0 * 1024.0;
    assert!(after < bound, "from {before} to {after}");
    cluster.start_again().await;
    for client in &mut clients {
        client.listen().await;
    }
    let all: u64 = clients.iter().map(|client| client.sequence).sum();
    eventually("every event is counted", async || {
        let metrics = daemon.metrics().await;
        let counted: u64 = metrics
            .lines()
            .filter(|line| line.starts_with("reachd_events_total{feed=\"grpc\",kind=\"registered\""))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum();
        (counted == all).then_some(())
    })
    .await;
    daemon.stop().await;
}
