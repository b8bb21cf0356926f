//! `reachability.v1.AdminService`: what operators do and see. Each method's work is in a module of its own.

use tonic::{Request, Response, Status, Streaming};

use super::listing::Listing;
use super::provisioning::Provisioning;
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
}

impl Admin {
    /// Imports go to `provisioning`; `listing` knows all feeds.
    pub fn new(provisioning: Provisioning, listing: Listing) -> Self {
        Self {
            provisioning,
            listing,
            list_feeds: MethodMetrics::new(LIST_FEEDS),
        }
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
}
