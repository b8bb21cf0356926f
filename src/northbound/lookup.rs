//! `reachability.v1.ReachabilityService`: validates, asks the index, converts. Never waits for anything, but for the network
//! where that is to be asked about an answer that is not fresh enough.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status};

use crate::domain::{DeviceQuery, Identifier};
use crate::grpc::metrics::{Method, MethodMetrics};
use crate::index::Index;
use crate::proto::v1;
use crate::proto::v1::batch_get_reachability_result::Result as BatchResult;
use crate::proto::v1::reachability_service_server::ReachabilityService;

use super::answers::{Answer, Answers, Terms};
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

    async fn answer_one(
        &self,
        request: v1::GetReachabilityRequest,
    ) -> Result<v1::GetReachabilityResponse, LookupError> {
        let terms = self.terms(request.max_age)?;
        let (query, device) = identifier::choose(request.device)?;
        let answer = self.answers.answer_fresh(&query, terms).await?;
        Ok(response(&answer, device))
    }

    async fn answer_batch(
        &self,
        request: v1::BatchGetReachabilityRequest,
    ) -> Result<v1::BatchGetReachabilityResponse, LookupError> {
        if request.devices.len() > MAX_BATCH {
            return Err(LookupError::TooManyDevices);
        }
        let terms = self.terms(request.max_age)?;
        // Stays empty where nobody is to be asked.
        let mut stale = Stale::default();
        let mut results = Vec::with_capacity(request.devices.len());
        for device in request.devices {
            let result = identifier::choose(Some(device)).and_then(|(query, device)| {
                let answer = self.answers.answer(&query, terms)?;
                if let Some(identifier) = self.answers.to_ask(&query, &answer) {
                    stale.places.push(results.len());
                    stale.identifiers.push(identifier.clone());
                }
                Ok(response(&answer, device))
            });
            results.push(in_batch(result));
        }
        if !stale.places.is_empty() {
            let terms = self.answers.ask(&stale.identifiers, terms).await;
            for (place, identifier) in stale.places.into_iter().zip(stale.identifiers) {
                if let Some(result) = results.get_mut(place) {
                    let answer = self.answers.answer(&DeviceQuery::Identifier(identifier), terms);
                    let device = match result.result.take() {
                        Some(BatchResult::Response(before)) => before.device.unwrap_or_default(),
                        _ => v1::Device::default(),
                    };
                    *result = in_batch(answer.map(|answer| response(&answer, device)));
                }
            }
        }
        Ok(v1::BatchGetReachabilityResponse { results })
    }
}

/// What of a batch is less fresh than wanted: where it stands, and who that is.
#[derive(Debug, Default)]
struct Stale {
    places: Vec<usize>,
    identifiers: Vec<Identifier>,
}

fn response(answer: &Answer, device: v1::Device) -> v1::GetReachabilityResponse {
    v1::GetReachabilityResponse {
        reachability: Some(convert::reachability(answer)),
        device: Some(device),
    }
}

fn in_batch(result: Result<v1::GetReachabilityResponse, LookupError>) -> v1::BatchGetReachabilityResult {
    let result = match result {
        Ok(response) => BatchResult::Response(response),
        Err(error) => BatchResult::Error(error.in_batch()),
    };
    v1::BatchGetReachabilityResult { result: Some(result) }
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
        let answer = async { Ok(Response::new(self.answer_batch(request.into_inner()).await?)) };
        self.batch.observe(answer).await
    }
}
