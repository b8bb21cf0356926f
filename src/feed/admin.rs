//! `reachability.v1.AdminService`: what operators do and see. Each method's work is in a module of its own.

use std::sync::Arc;

use tonic::{Request, Response, Status, Streaming};

use super::asking::AskingHss;
use super::auditing::{Auditing, caller, subscriber};
use super::erasing::Erasing;
use super::explaining::Explaining;
use super::forgetting::Forgetting;
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

/// `ForgetFeed` as the metrics name it.
pub const FORGET_FEED: Method = Method {
    service: "reachability.v1.AdminService",
    name: "ForgetFeed",
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
    erasing: Option<Arc<dyn Erasing>>,
    auditing: Auditing,
    explaining: Option<Arc<dyn Explaining>>,
    forgetting: Option<Arc<dyn Forgetting>>,
    forget_feed: MethodMetrics,
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
            erasing: None,
            auditing: Auditing::default(),
            explaining: None,
            forgetting: None,
            forget_feed: MethodMetrics::new(FORGET_FEED),
        }
    }

    /// Subscribers are erased by `erasing`; without it there is nobody who does.
    #[must_use]
    pub fn with_erasing(self, erasing: Arc<dyn Erasing>) -> Self {
        Self {
            erasing: Some(erasing),
            ..self
        }
    }

    /// What is done goes to the audit log.
    #[must_use]
    pub fn with_auditing(self, auditing: Auditing) -> Self {
        Self { auditing, ..self }
    }

    /// Targets to be watched by the network go to `watching`; without it there is nobody who takes them.
    #[must_use]
    pub fn with_watching(self, watching: Arc<dyn Watching>) -> Self {
        Self {
            watching: Some(watching),
            ..self
        }
    }

    /// Answers are explained by `explaining`; without it nobody does.
    #[must_use]
    pub fn with_explaining(self, explaining: Arc<dyn Explaining>) -> Self {
        Self {
            explaining: Some(explaining),
            ..self
        }
    }

    /// What feeds promised is forgotten by `forgetting`; without it nobody does.
    #[must_use]
    pub fn with_forgetting(self, forgetting: Arc<dyn Forgetting>) -> Self {
        Self {
            forgetting: Some(forgetting),
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
        let by = caller(&request);
        let import = self.provisioning.import_subscribers(request.into_inner());
        let counts = |report: &v1::ImportSubscribersResponse| {
            vec![
                ("imported", report.imported),
                ("unchanged", report.unchanged),
                ("refused", report.refused_total),
                ("conflicts", report.conflicts_total),
                ("dry_run", report.dry_run.into()),
            ]
        };
        let imported = self.auditing.act("import", by, None, import, counts);
        imported.await.map(Response::new)
    }

    async fn erase_subscriber(
        &self,
        request: Request<v1::EraseSubscriberRequest>,
    ) -> Result<Response<v1::EraseSubscriberResponse>, Status> {
        let by = caller(&request);
        let request = request.into_inner();
        let erasing = self.erasing.as_ref();
        let erasing = erasing.ok_or_else(|| Status::unimplemented("nobody erases here"))?;
        let whom = subscriber(&request.imsi, &request.msisdn, &request.external_identifier);
        let erase = erasing.erase_subscriber(request);
        let counts = |erased: &v1::EraseSubscriberResponse| {
            let rows = erased.registrations + erased.bindings + erased.ip_sessions;
            vec![("identifiers", erased.identifiers), ("rows", rows)]
        };
        let erased = self.auditing.act("erase", by, whom, erase, counts);
        erased.await.map(Response::new)
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

    async fn forget_feed(
        &self,
        request: Request<v1::ForgetFeedRequest>,
    ) -> Result<Response<v1::ForgetFeedResponse>, Status> {
        let by = caller(&request);
        let feed = request.into_inner().name;
        let name = feed.clone();
        let forgetting = self.forgetting.as_ref();
        let forgetting = forgetting.ok_or_else(|| Status::unimplemented("nobody forgets here"))?;
        let forget = async {
            let promised = forgetting.forget(&feed).await?;
            Ok(v1::ForgetFeedResponse { promised })
        };
        let forget = self.forget_feed.observe(forget);
        let counts = |forgot: &v1::ForgetFeedResponse| vec![("promised", forgot.promised.into())];
        let forgot = self.auditing.act_on_feed("forget_feed", by, name, forget, counts);
        forgot.await.map(Response::new)
    }

    async fn query_subscriber(
        &self,
        request: Request<v1::QuerySubscriberRequest>,
    ) -> Result<Response<v1::QuerySubscriberResponse>, Status> {
        let by = caller(&request);
        let request = request.into_inner();
        let user = request.user.as_ref();
        let whom = user.and_then(|user| subscriber("", &user.msisdn, &user.external_identifier));
        let query = self.hss.query_subscriber(request);
        let queried = self.auditing.act("query", by, whom, query, |_| Vec::new());
        queried.await.map(Response::new)
    }

    async fn change_subscriptions(
        &self,
        request: Request<Streaming<v1::ChangeSubscriptionsRequest>>,
    ) -> Result<Response<v1::ChangeSubscriptionsResponse>, Status> {
        let by = caller(&request);
        let change = self.hss.change_subscriptions(request.into_inner());
        let counts = |changed: &v1::ChangeSubscriptionsResponse| {
            vec![("added", changed.added), ("removed", changed.removed)]
        };
        let changed = self.auditing.act("subscriptions", by, None, change, counts);
        changed.await.map(Response::new)
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
        let by = caller(&request);
        let change = self.watching()?.monitor_subscribers(request.into_inner());
        let counts = |changed: &v1::MonitorSubscribersResponse| {
            vec![("added", changed.added), ("removed", changed.removed)]
        };
        let changed = self.auditing.act("monitor", by, None, change, counts);
        changed.await.map(Response::new)
    }

    async fn explain_subscriber(
        &self,
        request: Request<v1::ExplainSubscriberRequest>,
    ) -> Result<Response<v1::ExplainSubscriberResponse>, Status> {
        let by = caller(&request);
        let request = request.into_inner();
        let explaining = self.explaining.as_ref();
        let explaining = explaining.ok_or_else(|| Status::unimplemented("nothing is explained here"))?;
        let whom = request.device.as_ref().and_then(|device| explaining.whom(device));
        let explain = explaining.explain_subscriber(request);
        let explained = self.auditing.act("explain", by, whom, explain, |_| Vec::new());
        explained.await.map(Response::new)
    }

    async fn list_monitoring(
        &self,
        request: Request<v1::ListMonitoringRequest>,
    ) -> Result<Response<v1::ListMonitoringResponse>, Status> {
        let list = self.watching()?.list_monitoring(request.into_inner());
        list.await.map(Response::new)
    }
}
