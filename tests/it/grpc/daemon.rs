//! The gRPC side of the daemon in this process, on a free port, with a store whose commits can be held back.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use reachd::diameter::config::{DiameterConfig, ShConfig};
use reachd::diameter::node::NodeConfig;
use reachd::domain::Timestamp;
use reachd::feed::admin::Admin;
use reachd::feed::grpc::GrpcFeed;
use reachd::feed::listing::Listing;
use reachd::feed::provisioning::Provisioning;
use reachd::grpc::metrics::{HANDLING, HANDLING_BUCKETS};
use reachd::grpc::server::ServeError;
use reachd::grpc::{GrpcConfig, GrpcServer, Health, Services};
use reachd::hss::Hss;
use reachd::hss::admin::HssAdmin;
use reachd::index::Index;
use reachd::ingest::{Ingest, IngestConfig, ReceiptClock};
use reachd::northbound::Lookup;
use reachd::proto::v1;
use reachd::proto::v1::admin_service_client::AdminServiceClient;
use reachd::proto::v1::event::Kind;
use reachd::proto::v1::ingest_service_client::IngestServiceClient;
use reachd::proto::v1::publish_events_request::Content;
use reachd::proto::v1::reachability_service_client::ReachabilityServiceClient;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use super::held_store::{HeldStore, Hold};

/// What lookups call fresh.
pub const MAX_AGE: Duration = Duration::from_secs(3600);

pub struct Daemon {
    pub address: SocketAddr,
    pub index: Arc<Index>,
    pub ingest: Ingest,
    pub health: Health,
    pub shutdown: CancellationToken,
    /// Holds back commits, and names what the store refuses.
    pub hold: Hold,
    pub metrics: PrometheusHandle,
    pub serving: JoinHandle<Result<(), ServeError>>,
}

impl Daemon {
    /// Loaded and serving.
    pub async fn start() -> Self {
        let daemon = Self::start_with(GrpcConfig::default(), IngestConfig::default()).await;
        daemon.index.finish_loading();
        daemon.health.set_serving(true).await;
        daemon
    }

    /// Serving, yet neither loaded nor healthy.
    pub async fn start_with(grpc: GrpcConfig, ingest: IngestConfig) -> Self {
        let grpc = GrpcConfig {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            ..grpc
        };
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(HANDLING.to_owned()), &HANDLING_BUCKETS)
            .unwrap()
            .build_recorder();
        let index = Arc::new(Index::new());
        let shutdown = CancellationToken::new();
        let clock = Arc::new(ReceiptClock::default());
        let (store, hold) = HeldStore::open().await;
        let server = GrpcServer::bind(grpc).await.unwrap();
        let address = server.local_addr();
        let health = Health::new().await;
        let (ingest, services) = metrics::with_local_recorder(&recorder, || {
            let ingest = Ingest::start(ingest, store, Arc::clone(&index));
            let streams = GrpcFeed::new(ingest.clone(), Arc::clone(&clock), [], shutdown.clone());
            let provisioning = Provisioning::new(ingest.clone(), Arc::clone(&clock), shutdown.clone());
            let client = NodeConfig::from(DiameterConfig::default()).client();
            let hss = Hss::new(&ShConfig::default(), client, ingest.clone(), clock);
            let hss = Arc::new(HssAdmin::new(hss, shutdown.clone()));
            let listing = Listing::default()
                .with_grpc(streams.sources())
                .with(v1::FeedKind::Provisioning, provisioning.feed());
            let services = Services {
                lookup: Lookup::new(Arc::clone(&index), MAX_AGE),
                ingest: streams,
                admin: Admin::new(provisioning, listing, hss),
                health: health.clone(),
            };
            (ingest, services)
        });
        let serving = tokio::spawn(server.serve(services, shutdown.clone().cancelled_owned()));
        Self {
            address,
            index,
            ingest,
            health,
            shutdown,
            hold,
            metrics: recorder.handle(),
            serving,
        }
    }

    /// Events accepted and not durable yet.
    pub fn under_way(&self) -> usize {
        self.ingest.depth()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(self.url()).unwrap();
        endpoint.connect().await.unwrap()
    }

    pub async fn lookups(&self) -> ReachabilityServiceClient<Channel> {
        ReachabilityServiceClient::new(self.channel().await)
    }

    pub async fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel().await)
    }

    pub async fn publish(&self) -> Publisher {
        let (requests, outgoing) = mpsc::channel(1);
        let mut client = IngestServiceClient::new(self.channel().await);
        let responses = client
            .publish_events(ReceiverStream::new(outgoing))
            .await
            .unwrap();
        Publisher {
            requests,
            responses: responses.into_inner(),
        }
    }

    /// The value of one series in a scrape.
    pub fn scrape(&self, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{value}\""))
            .collect();
        let scrape = self.metrics.render();
        let series = |line: &&str| {
            let name = line.split(['{', ' ']).next();
            name == Some(metric) && labels.iter().all(|label| line.contains(label.as_str()))
        };
        scrape.lines().find(series)?.rsplit(' ').next()?.parse().ok()
    }
}

/// A client's end of a stream of events.
pub struct Publisher {
    pub requests: mpsc::Sender<v1::PublishEventsRequest>,
    pub responses: Streaming<v1::PublishEventsResponse>,
}

impl Publisher {
    pub async fn send(&self, sequence: u64, event: v1::Event) {
        let request = v1::PublishEventsRequest {
            sequence,
            content: Some(Content::Event(event)),
        };
        self.requests.send(request).await.unwrap();
    }

    /// Reads responses up to this acknowledgement: all of them, checked to go up.
    pub async fn acked(&mut self, sequence: u64) -> Vec<v1::PublishEventsResponse> {
        let mut responses: Vec<v1::PublishEventsResponse> = Vec::new();
        let mut last = 0;
        while last < sequence {
            let response = within(self.responses.message())
                .await
                .unwrap()
                .expect("the stream goes on");
            assert!(response.acked_sequence >= last, "acknowledgements never go back");
            last = response.acked_sequence;
            responses.push(response);
        }
        assert_eq!(last, sequence);
        responses
    }
}

/// The one thing that may not take forever.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("comes about in time")
}

/// Waits until it is so.
pub async fn until(mut condition: impl FnMut() -> bool) {
    within(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub fn seconds_ago(seconds: u64) -> Timestamp {
    let time = std::time::SystemTime::now() - Duration::from_secs(seconds);
    Timestamp::from_system_time(time).unwrap()
}

/// A registration of a made-up subscriber, one of its own for each number.
pub fn registered(number: u64, slot: v1::Slot, node: &str) -> v1::Event {
    v1::Event {
        subscriber: Some(v1::Subscriber {
            imsi: format!("00101{number:010}"),
            msisdn: phone_number(number),
            external_identifier: String::new(),
        }),
        event_time: Some(reachd::northbound::convert::timestamp(seconds_ago(60))),
        kind: Some(Kind::Registration(v1::RegistrationEvent {
            slot: slot.into(),
            node: node.to_owned(),
            change: v1::RegistrationChange::Registered.into(),
            until: None,
        })),
    }
}

pub fn phone_number(number: u64) -> String {
    format!("+999{number:010}")
}

pub fn phone(number: &str) -> v1::Device {
    v1::Device {
        phone_number: number.to_owned(),
        ..v1::Device::default()
    }
}

pub fn ask(device: v1::Device) -> v1::GetReachabilityRequest {
    v1::GetReachabilityRequest {
        device: Some(device),
        max_age: None,
    }
}
