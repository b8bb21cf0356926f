//! grpc.health.v1: whether each service is to be sent traffic.

use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};

use crate::proto::v1::admin_service_server::AdminServiceServer;
use crate::proto::v1::ingest_service_server::IngestServiceServer;
use crate::proto::v1::reachability_service_server::ReachabilityServiceServer;

/// The names that can be asked for: the server as a whole (empty), and each service.
pub const SERVICE_NAMES: [&str; 4] = [
    "",
    <ReachabilityServiceServer<()> as NamedService>::NAME,
    <IngestServiceServer<()> as NamedService>::NAME,
    <AdminServiceServer<()> as NamedService>::NAME,
];

/// Turns the health of all services at once. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
}

impl Health {
    /// Everything NOT_SERVING: nothing is loaded yet.
    pub async fn new() -> Self {
        let health = Self {
            reporter: HealthReporter::new(),
        };
        health.set_serving(false).await;
        health
    }

    /// SERVING once the daemon is ready; NOT_SERVING while it loads and as soon as it drains. Watchers are told.
    pub async fn set_serving(&self, serving: bool) {
        let status = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for name in SERVICE_NAMES {
            self.reporter.set_service_status(name, status).await;
        }
    }

    /// Forgets every name, which ends all watches: a watch would otherwise hold its connection, and with it the
    /// server's graceful end, for as long as its client likes.
    pub async fn end_watches(&self) {
        let mut reporter = self.reporter.clone();
        for name in SERVICE_NAMES {
            reporter.clear_service_status(name).await;
        }
    }

    /// The service to be served.
    pub(super) fn service(&self) -> HealthService {
        HealthService::from_health_reporter(self.reporter.clone())
    }
}
