//! grpc.health.v1.

use reachd::grpc::GrpcConfig;
use reachd::grpc::health::SERVICE_NAMES;
use reachd::ingest::IngestConfig;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::daemon::{Daemon, within};

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

#[tokio::test]
async fn every_service_serves_only_while_the_daemon_is_ready() {
    let daemon = Daemon::start_with(GrpcConfig::default(), IngestConfig::default()).await;
    let mut client = HealthClient::new(daemon.channel().await);
    let mut watch = client.watch(about("")).await.unwrap().into_inner();
    for (serving, expected) in [
        (None, ServingStatus::NotServing),
        (Some(true), ServingStatus::Serving),
        (Some(false), ServingStatus::NotServing),
    ] {
        if let Some(serving) = serving {
            daemon.health.set_serving(serving).await;
        }
        for service in SERVICE_NAMES {
            let status = client.check(about(service)).await.unwrap().into_inner().status();
            assert_eq!(status, expected, "{service:?}");
        }
        let watched = within(watch.message()).await.unwrap().unwrap();
        assert_eq!(watched.status(), expected);
    }
    assert_eq!(SERVICE_NAMES.len(), 4);
    let status = client.check(about("no.such.Service")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn a_watch_does_not_hold_up_the_end() {
    let daemon = Daemon::start().await;
    let mut client = HealthClient::new(daemon.channel().await);
    let mut watch = client.watch(about("")).await.unwrap().into_inner();
    within(watch.message()).await.unwrap().unwrap();
    daemon.health.set_serving(false).await;
    let drained = within(watch.message()).await.unwrap().unwrap();
    assert_eq!(drained.status(), ServingStatus::NotServing);
    daemon.shutdown.cancel();
    daemon.health.end_watches().await;
    assert_eq!(within(watch.message()).await.unwrap(), None);
    within(daemon.serving).await.unwrap().unwrap();
}
