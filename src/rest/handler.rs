//! From request to response: what is refused before a lookup, in which order, and by whose words.
//!
//! 1. the target (414, broken encoding, 404), Host, the method, Accept
//! 2. room to answer at all
//! 3. who asks (401), how often (429), what for (403)
//! 4. the body: preconditions, media type, length, size, time, form
//! 5. whom it is about, and the answer

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body as Stream;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, Version, header};
use axum::response::Response;
use axum::routing::any;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::audit::{self, Act, Audit, Outcome};
use crate::files::Reload;
use crate::northbound::Answers;

use super::answer;
use super::auth::{Auth, Caller};
use super::cause::Cause;
use super::config::RestConfig;
use super::contract::Contract;
use super::correlator::{self, X_CORRELATOR};
use super::device::Served;
use super::head;
use super::limits::Limits;
use super::metrics::RestMetrics;
use super::problem::{JSON, Problem};
use super::request::Body;
use super::server::Remote;

/// The API, apart from its listener.
#[derive(Debug)]
pub struct Rest {
    answers: Answers,
    audit: Audit,
    served: Served,
    auth: Auth,
    limits: Limits,
    room: Semaphore,
    most_body: usize,
    body_timeout: Duration,
    metrics: Arc<RestMetrics>,
    reload: Reload,
}

impl Rest {
    /// The API as configured.
    ///
    /// # Errors
    /// What is wrong with the files that tokens are checked with, as a sentence.
    pub fn new(config: &RestConfig, answers: Answers, audit: Audit) -> Result<Self, String> {
        Ok(Self {
            answers,
            audit,
            served: Served::new(config),
            // However slow the authorization server is, most of the room is for callers whose tokens are known.
            auth: Auth::new(&config.auth, (config.limits.concurrency / 4).max(1))?,
            limits: Limits::new(&config.limits),
            room: Semaphore::new(config.limits.concurrency),
            most_body: config.limits.body,
            body_timeout: config.limits.body_timeout,
            metrics: Arc::new(RestMetrics::new()),
            reload: Reload::default(),
        })
    }

    /// Every resource, and what is said where there is none.
    pub fn router(self: Arc<Self>) -> Router {
        let mut router = Router::new();
        for contract in Contract::ALL {
            let (rest, document) = (Arc::clone(&self), Arc::clone(&self));
            router = router
                .route(
                    contract.retrieve(),
                    any(move |request: Request| {
                        let rest = Arc::clone(&rest);
                        async move { rest.retrieve(contract, request).await }
                    }),
                )
                .route(
                    contract.document_path(),
                    any(move |request: Request| {
                        let rest = Arc::clone(&document);
                        async move { rest.document(contract, &request) }
                    }),
                );
        }
        router.fallback(move |request: Request| {
            let rest = Arc::clone(&self);
            async move { rest.nowhere(&request) }
        })
    }

    /// The metrics, for the listener to count connections in.
    pub(super) fn metrics(&self) -> Arc<RestMetrics> {
        Arc::clone(&self.metrics)
    }

    /// Keeps the keys of access tokens up to date until `closing`.
    pub(super) async fn keep_keys(&self, closing: CancellationToken) {
        self.auth.keep_keys(&self.reload, closing).await;
    }

    /// How to have the keys of access tokens read again.
    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    async fn retrieve(&self, contract: Contract, request: Request) -> Response {
        let begun = Instant::now();
        let (head, body) = request.into_parts();
        let (correlator, outcome) = match correlator::of(contract, &head.headers) {
            Ok(correlator) => (
                correlator,
                self.outcome(
                    contract,
                    &head.method,
                    head.version,
                    &head.uri,
                    &head.headers,
                    head.extensions.get(),
                    body,
                )
                .await,
            ),
            Err(problem) => (correlator::made(), Err(problem)),
        };
        let (response, cause) = match outcome {
            Ok(body) => {
                let mut response = Response::new(Stream::from(body));
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
                (response, None)
            }
            Err(problem) => (problem.response(contract), Some(problem.cause)),
        };
        self.finish(contract, response, correlator, cause, begun)
    }

    fn finish(
        &self,
        contract: Contract,
        mut response: Response,
        correlator: HeaderValue,
        cause: Option<Cause>,
        begun: Instant,
    ) -> Response {
        let headers = response.headers_mut();
        headers.insert(X_CORRELATOR, correlator);
        // Personal data, and true only now.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.metrics.answered(contract, cause, begun.elapsed());
        response
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a request's parts, apart so that the body can be taken"
    )]
    async fn outcome(
        &self,
        contract: Contract,
        method: &Method,
        version: Version,
        target: &Uri,
        headers: &HeaderMap,
        remote: Option<&Remote>,
        body: Stream,
    ) -> Result<Vec<u8>, Problem> {
        head::target(target)?;
        head::host(version, headers)?;
        if method != Method::POST {
            return Err(Problem::method("POST"));
        }
        head::accept(headers)?;
        let _room = self.room.try_acquire().map_err(|_| Cause::OverCapacity)?;
        let remote = remote.map(|remote| remote.0);
        let caller = self.admitted(headers, remote).await?;
        head::preconditions(headers)?;
        head::media_type(headers)?;
        let body = Body::read(&self.body(headers, body).await?)?;
        let asked = self
            .served
            .asked(contract, body.device, caller.device.as_ref(), &self.answers)
            .map_err(|problem| self.noted(problem, Some(&caller.client), remote))?;
        let terms = self.answers.terms(None)?;
        let answer = self.answers.answer_fresh(&asked.identifier, terms).await?;
        answer::body(contract, &answer, asked.told)
    }

    /// Who asks, if they may.
    async fn admitted(&self, headers: &HeaderMap, remote: Option<SocketAddr>) -> Result<Caller, Problem> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let caller = self
            .auth
            .caller(headers, remote.map(|remote| remote.ip()), now)
            .await
            .map_err(|problem| self.noted(problem, None, remote))?;
        self.limits.take(&caller.client, Instant::now(), now)?;
        caller
            .may_read()
            .map_err(|cause| self.noted(cause.into(), Some(&caller.client), remote))?;
        Ok(caller)
    }

    /// Whoever was kept out is worth a line where administrators look for such.
    fn noted(&self, problem: Problem, client: Option<&str>, remote: Option<SocketAddr>) -> Problem {
        if problem.cause.is_refusal() {
            self.audit.note(&Act {
                what: "retrieve",
                by: audit::Caller {
                    address: remote,
                    name: client.map(str::to_owned),
                    agent: None,
                },
                subscriber: None,
                feed: None,
                counts: Vec::new(),
                outcome: Outcome::Refused(problem.cause.name()),
            });
        }
        problem
    }

    /// The whole body, within its bounds.
    async fn body(&self, headers: &HeaderMap, body: Stream) -> Result<Vec<u8>, Problem> {
        let length = headers.get(header::CONTENT_LENGTH);
        if length.is_none() && !headers.contains_key(header::TRANSFER_ENCODING) {
            return Err(Cause::LengthRequired.into());
        }
        let told = length
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
            .unwrap_or(0);
        if told > self.most_body {
            return Err(Cause::ContentTooLarge.into());
        }
        let collected = Limited::new(body, self.most_body).collect();
        match tokio::time::timeout(self.body_timeout, collected).await {
            Ok(Ok(body)) => Ok(body.to_bytes().into()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Cause::ContentTooLarge.into()),
            Ok(Err(_)) => Err(Cause::InvalidBody.into()),
            Err(_) => Err(Cause::RequestTimeout.into()),
        }
    }

    /// The OpenAPI document of a contract.
    fn document(&self, contract: Contract, request: &Request) -> Response {
        let begun = Instant::now();
        let judged = head::target(request.uri())
            .and_then(|()| head::host(request.version(), request.headers()))
            .and_then(|()| match *request.method() {
                Method::GET | Method::HEAD => correlator::of(contract, request.headers()),
                _ => Err(Problem::method("GET, HEAD")),
            });
        let (correlator, response, cause) = match judged {
            Ok(correlator) => {
                let mut response = Response::new(Stream::from(contract.document()));
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
                (correlator, response, None)
            }
            Err(problem) => (
                correlator::made(),
                problem.response(contract),
                Some(problem.cause),
            ),
        };
        self.finish(contract, response, correlator, cause, begun)
    }

    /// What is said where there is no resource.
    fn nowhere(&self, request: &Request) -> Response {
        let begun = Instant::now();
        let contract = Contract::of_path(request.uri().path());
        let problem = head::target(request.uri())
            .err()
            .unwrap_or_else(|| Cause::NotFound.into());
        let correlator = correlator::of(contract, request.headers()).unwrap_or_else(|_| correlator::made());
        let response = problem.response(contract);
        self.finish(contract, response, correlator, Some(problem.cause), begun)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_document_has_every_status_that_its_contract_can_answer_with_and_no_other() {
        for contract in Contract::ALL {
            let documented: BTreeSet<_> = contract
                .document()
                .lines()
                .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\":"))
                .filter_map(|status| status.parse::<u16>().ok())
                .collect();
            let answered = Cause::ALL.map(|cause| cause.told(contract).status.as_u16());
            let answered: BTreeSet<_> = answered.into_iter().chain([200]).collect();
            assert_eq!(documented, answered, "{contract:?}");
        }
    }
}
