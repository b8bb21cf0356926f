//! What operators ask of whoever keeps what is watched: the part of `reachability.v1.AdminService` that is theirs.

use std::fmt;

use tonic::{Status, Streaming};

use crate::proto::v1;

/// Adds and removes targets, and tells how far they are.
#[tonic::async_trait]
pub trait Watching: fmt::Debug + Send + Sync {
    /// `MonitorSubscribers`.
    async fn monitor_subscribers(
        &self,
        requests: Streaming<v1::MonitorSubscribersRequest>,
    ) -> Result<v1::MonitorSubscribersResponse, Status>;

    /// `ListMonitoring`.
    async fn list_monitoring(
        &self,
        request: v1::ListMonitoringRequest,
    ) -> Result<v1::ListMonitoringResponse, Status>;
}
