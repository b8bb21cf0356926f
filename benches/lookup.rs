//! Lookups a second over an empty tonic unary echo, and over a constant answer of the same size, all served in one process
//! to the same client: four connections with 64 calls in flight each, over an index of a million devices.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "support/devices.rs"]
mod devices;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reachd::domain::{Identifier, Msisdn};
use reachd::northbound::Lookup;
use reachd::proto::v1;
use reachd::proto::v1::reachability_service_client::ReachabilityServiceClient;
use reachd::proto::v1::reachability_service_server::{ReachabilityService, ReachabilityServiceServer};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use devices::{DEVICES, filled, now, number};
use support::{Plan, report};

const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 64;

/// The references: the same call, doing nothing but returning what it was given, and beside it, for the cost of an answer of
/// full size to both sides, a constant.
struct Echo {
    constant: Option<v1::Reachability>,
}

#[tonic::async_trait]
impl ReachabilityService for Echo {
    async fn get_reachability(
        &self,
        request: Request<v1::GetReachabilityRequest>,
    ) -> Result<Response<v1::GetReachabilityResponse>, Status> {
        let device = request.into_inner().device;
        Ok(Response::new(v1::GetReachabilityResponse {
            reachability: self.constant.clone(),
            device,
        }))
    }

    async fn batch_get_reachability(
        &self,
        _: Request<v1::BatchGetReachabilityRequest>,
    ) -> Result<Response<v1::BatchGetReachabilityResponse>, Status> {
        Ok(Response::new(v1::BatchGetReachabilityResponse::default()))
    }

    type WatchReachabilityStream = tokio_stream::Empty<Result<v1::WatchReachabilityResponse, Status>>;

    async fn watch_reachability(
        &self,
        _: Request<v1::WatchReachabilityRequest>,
    ) -> Result<Response<Self::WatchReachabilityStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }
}

async fn serve<S: ReachabilityService>(service: S) -> Vec<ReachabilityServiceClient<Channel>> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder().add_service(ReachabilityServiceServer::new(service));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let channel = Endpoint::from_shared(url.clone())
            .unwrap()
            .tcp_nodelay(true)
            .connect()
            .await
            .unwrap();
        clients.push(ReachabilityServiceClient::new(channel));
    }
    clients
}

/// Calls a second, and latencies of some of them in microseconds.
async fn storm(clients: &[ReachabilityServiceClient<Channel>], round: Duration) -> (f64, Vec<f64>) {
    let calls = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for (place, client) in clients.iter().enumerate() {
        for caller in 0..IN_FLIGHT {
            let (mut client, calls) = (client.clone(), Arc::clone(&calls));
            callers.spawn(async move {
                let mut device = (place * IN_FLIGHT + caller) as u64;
                let mut sampled = Vec::new();
                while begun.elapsed() < round {
                    device = device
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695)
                        % DEVICES;
                    let asked = v1::Device {
                        phone_number: number(device),
                        ..v1::Device::default()
                    };
                    let request = v1::GetReachabilityRequest {
                        device: Some(asked),
                        max_age: None,
                    };
                    let called = Instant::now();
                    client.get_reachability(request).await.unwrap();
                    sampled.push(called.elapsed().as_secs_f64() * 1e6);
                    calls.fetch_add(1, Ordering::Relaxed);
                }
                sampled
            });
        }
    }
    let latencies = callers.join_all().await.concat();
    (
        calls.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64(),
        latencies,
    )
}

fn percentile(figures: &mut [f64], share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures
        .get((figures.len() as f64 * share) as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

fn main() {
    let plan = Plan::new(9, Duration::from_secs(3));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let index = filled();
        let lookups = serve(Lookup::new(Arc::clone(&index), Duration::from_secs(3600))).await;
        let echoes = serve(Echo { constant: None }).await;
        let time = prost_types::Timestamp {
            seconds: 1_790_000_000,
            nanos: 123_456_000,
        };
        let constant = v1::Reachability {
            status: v1::ReachabilityStatus::ConnectedData.into(),
            reachable: Some(true),
            connectivity: vec![v1::Connectivity::Data.into()],
            last_status_time: Some(time),
            last_confirmed_time: Some(time),
            freshness: v1::Freshness::Fresh.into(),
            unknown_reason: 0,
        };
        let constants = serve(Echo {
            constant: Some(constant),
        })
        .await;
        storm(&lookups, plan.round / 3).await;
        storm(&echoes, plan.round / 3).await;
        storm(&constants, plan.round / 3).await;
        let (mut ours, mut echo, mut same_size, mut latencies) = (vec![], vec![], vec![], vec![]);
        for _ in 0..plan.rounds {
            let (rate, sampled) = storm(&lookups, plan.round).await;
            ours.push(rate);
            latencies.extend(sampled);
            echo.push(storm(&echoes, plan.round).await.0);
            same_size.push(storm(&constants, plan.round).await.0);
        }
        report(
            "lookup GetReachability",
            "calls/s",
            &ours,
            "empty tonic unary echo",
            &echo,
        );
        report(
            "lookup GetReachability",
            "calls/s",
            &ours,
            "constant answer of the same size",
            &same_size,
        );
        println!(
            "  latency at {} calls in flight: p50 {:.1} ms, p99 {:.1} ms",
            CONNECTIONS * IN_FLIGHT,
            percentile(&mut latencies, 0.5) / 1e3,
            percentile(&mut latencies, 0.99) / 1e3
        );

        let now = now();
        let begun = Instant::now();
        let asked = if plan.quick { 10_000 } else { 1_000_000u64 };
        for device in 0..asked {
            let msisdn = Msisdn::parse(&number(device * 7_919 % DEVICES)).unwrap();
            std::hint::black_box(index.lookup(&Identifier::Msisdn(msisdn), now));
        }
        println!(
            "  index alone: {:.0} ns a lookup",
            begun.elapsed().as_secs_f64() * 1e9 / asked as f64
        );
    });
}
