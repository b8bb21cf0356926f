//! `reachability.v1.ReachabilityService`: validates, asks the index, converts. Never waits for anything, but for the network
//! where that is to be asked about an answer that is not fresh enough.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status};

use crate::grpc::metrics::{Method, MethodMetrics};
use crate::index::Index;
use crate::proto::v1;
use crate::proto::v1::batch_get_reachability_result::Result as BatchResult;
use crate::proto::v1::reachability_service_server::ReachabilityService;

use super::answers::{Answers, Terms};
use super::error::{LookupError, MAX_BATCH};
use super::watch::messages::Messages;
use super::watch::request::Question;
use super::watch::{WATCH_REACHABILITY, Watching};
use super::{convert, identifier};

/// `GetReachability` as the metrics name it.
pub const GET_REACHABILITY: Method = Method {
    service: "reachability.v1.ReachabilityService",
    name: "GetReachability",
    kind: "unary",
};
/// `BatchGetReachability` as the metrics name it.
pub const BATCH_GET_REACHABILITY: Method = Method {
    service: "reachability.v1.ReachabilityService",
    name: "BatchGetReachability",
    kind: "unary",
};

/// Answers lookups from the index.
#[derive(Debug)]
pub struct Lookup {
    answers: Answers,
    get: MethodMetrics,
    batch: MethodMetrics,
    watching: Option<(Watching, Duration)>,
}

impl Lookup {
    /// Lookups in `index`; answers are FRESH up to `max_age` unless the caller says otherwise.
    pub fn new(index: Arc<Index>, max_age: Duration) -> Self {
        Self::by(Answers::new(index, max_age))
    }

    /// Lookups by these answers.
    pub fn by(answers: Answers) -> Self {
        Self {
            answers,
            get: MethodMetrics::new(GET_REACHABILITY),
            batch: MethodMetrics::new(BATCH_GET_REACHABILITY),
            watching: None,
        }
    }

    /// And streams of changes, with a sign of life as often as this unless the caller says otherwise.
    #[must_use]
    pub fn with_watching(self, watching: Watching, heartbeat: Duration) -> Self {
        Self {
            watching: Some((watching, heartbeat)),
            ..self
        }
    }

    /// Begins a stream of changes.
    fn watch(&self, request: v1::WatchReachabilityRequest) -> Result<Messages, Status> {
        let Some((watching, heartbeat)) = &self.watching else {
            return Err(Status::unimplemented(WATCH_REACHABILITY.name));
        };
        let begin = || {
            let terms = self.answers.terms(None)?;
            watching.begin(Question::read(request, *heartbeat, terms.max_age)?)
        };
        begin().inspect_err(|status| watching.metrics().begin().end(status.code()))
    }

    fn terms(&self, max_age: Option<prost_types::Duration>) -> Result<Terms, LookupError> {
        self.answers.terms(convert::max_age(max_age)?)
    }

    fn answer(
        &self,
        device: Option<v1::Device>,
        terms: Terms,
    ) -> Result<v1::GetReachabilityResponse, LookupError> {
        let (query, device) = identifier::choose(device)?;
        let answer = self.answers.answer(&query, terms)?;
        Ok(v1::GetReachabilityResponse {
            reachability: Some(convert::reachability(&answer)),
            device: Some(device),
        })
    }

    async fn answer_one(
        &self,
        request: v1::GetReachabilityRequest,
    ) -> Result<v1::GetReachabilityResponse, LookupError> {
        let terms = self.terms(request.max_age)?;
        let (query, device) = identifier::choose(request.device)?;
        let answer = self.answers.answer_fresh(&query, terms).await?;
        Ok(v1::GetReachabilityResponse {
            reachability: Some(convert::reachability(&answer)),
            device: Some(device),
        })
    }

    fn answer_batch(
        &self,
        request: v1::BatchGetReachabilityRequest,
    ) -> Result<v1::BatchGetReachabilityResponse, LookupError> {
        if request.devices.len() > MAX_BATCH {
            return Err(LookupError::TooManyDevices);
        }
        let terms = self.terms(request.max_age)?;
        let result = |device| {
            let result = match self.answer(Some(device), terms) {
                Ok(response) => BatchResult::Response(response),
                Err(error) => BatchResult::Error(error.in_batch()),
            };
            v1::BatchGetReachabilityResult { result: Some(result) }
        };
        Ok(v1::BatchGetReachabilityResponse {
            results: request.devices.into_iter().map(result).collect(),
        })
    }
}

#[tonic::async_trait]
impl ReachabilityService for Lookup {
    type WatchReachabilityStream = Messages;

    async fn watch_reachability(
        &self,
        request: Request<v1::WatchReachabilityRequest>,
    ) -> Result<Response<Messages>, Status> {
        self.watch(request.into_inner()).map(Response::new)
    }

    async fn get_reachability(
        &self,
        request: Request<v1::GetReachabilityRequest>,
    ) -> Result<Response<v1::GetReachabilityResponse>, Status> {
        let answer = async { Ok(Response::new(self.answer_one(request.into_inner()).await?)) };
        self.get.observe(answer).await
    }

    async fn batch_get_reachability(
        &self,
        request: Request<v1::BatchGetReachabilityRequest>,
    ) -> Result<Response<v1::BatchGetReachabilityResponse>, Status> {
        let answer = async { Ok(Response::new(self.answer_batch(request.into_inner())?)) };
        self.batch.observe(answer).await
    }
}
