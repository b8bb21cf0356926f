//! `reachability.v1.AdminService`: what operators do and see. Each method's work is in a module of its own.

use std::sync::Arc;

use tonic::{Request, Response, Status, Streaming};

use super::asking::AskingHss;
use super::listing::Listing;
use super::provisioning::Provisioning;
use super::watching::Watching;
use crate::grpc::metrics::{Method, MethodMetrics};
use crate::proto::v1;
use crate::proto::v1::admin_service_server::AdminService;

/// `ListFeeds` as the metrics name it.
pub const LIST_FEEDS: Method = Method {
    service: "reachability.v1.AdminService",
    name: "ListFeeds",
    kind: "unary",
};

/// The service.
#[derive(Debug)]
pub struct Admin {
    provisioning: Provisioning,
    listing: Listing,
    list_feeds: MethodMetrics,
    hss: Arc<dyn AskingHss>,
    watching: Option<Arc<dyn Watching>>,
}

impl Admin {
    /// Imports go to `provisioning`; `listing` knows all feeds; `hss` asks HSSs.
    pub fn new(provisioning: Provisioning, listing: Listing, hss: Arc<dyn AskingHss>) -> Self {
        Self {
            provisioning,
            listing,
            list_feeds: MethodMetrics::new(LIST_FEEDS),
            hss,
            watching: None,
        }
    }

    /// Targets to be watched by the network go to `watching`; without it there is nobody who takes them.
    #[must_use]
    pub fn with_watching(self, watching: Arc<dyn Watching>) -> Self {
        Self {
            watching: Some(watching),
            ..self
        }
    }

    fn watching(&self) -> Result<&dyn Watching, Status> {
        self.watching
            .as_deref()
            .ok_or_else(|| Status::unimplemented("nothing is watched here"))
    }
}

#[tonic::async_trait]
impl AdminService for Admin {
    async fn import_subscribers(
        &self,
        request: Request<Streaming<v1::ImportSubscribersRequest>>,
    ) -> Result<Response<v1::ImportSubscribersResponse>, Status> {
        let import = self.provisioning.import_subscribers(request.into_inner());
        import.await.map(Response::new)
    }

    async fn list_feeds(
        &self,
        _: Request<v1::ListFeedsRequest>,
    ) -> Result<Response<v1::ListFeedsResponse>, Status> {
        let list = async {
            let feeds = self.listing.feeds();
            Ok(Response::new(v1::ListFeedsResponse { feeds }))
        };
        self.list_feeds.observe(list).await
    }

    async fn query_subscriber(
        &self,
        request: Request<v1::QuerySubscriberRequest>,
    ) -> Result<Response<v1::QuerySubscriberResponse>, Status> {
        let query = self.hss.query_subscriber(request.into_inner());
        query.await.map(Response::new)
    }

    async fn change_subscriptions(
        &self,
        request: Request<Streaming<v1::ChangeSubscriptionsRequest>>,
    ) -> Result<Response<v1::ChangeSubscriptionsResponse>, Status> {
        let change = self.hss.change_subscriptions(request.into_inner());
        change.await.map(Response::new)
    }

    async fn list_subscriptions(
        &self,
        request: Request<v1::ListSubscriptionsRequest>,
    ) -> Result<Response<v1::ListSubscriptionsResponse>, Status> {
        let list = self.hss.list_subscriptions(request.into_inner());
        list.await.map(Response::new)
    }

    async fn monitor_subscribers(
        &self,
        request: Request<Streaming<v1::MonitorSubscribersRequest>>,
    ) -> Result<Response<v1::MonitorSubscribersResponse>, Status> {
        let changed = self.watching()?.monitor_subscribers(request.into_inner());
        changed.await.map(Response::new)
    }

    async fn list_monitoring(
        &self,
        request: Request<v1::ListMonitoringRequest>,
    ) -> Result<Response<v1::ListMonitoringResponse>, Status> {
        let list = self.watching()?.list_monitoring(request.into_inner());
        list.await.map(Response::new)
    }
}
