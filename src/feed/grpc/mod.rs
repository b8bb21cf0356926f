//! `reachability.v1.IngestService`: events from mediation, vendor adapters and core functions, over gRPC streams.
//!
//! Each stream is one task: see `stream`. [`sources`] knows who publishes, [`convert`] checks events, [`window`] keeps what
//! is not acknowledged yet, `telling` what is told again.
//! Acknowledgements leave after the commit, in order and cumulative; a refused event does not end the stream.

pub mod convert;
pub mod refusal;
pub mod sources;
mod stream;
mod telling;
pub mod window;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::grpc::error::status;
use crate::grpc::metrics::{Method, MethodMetrics};
use crate::ingest::{Ingest, ReceiptClock};
use crate::proto::v1;
use crate::proto::v1::ingest_service_server::IngestService;

use sources::Sources;
use stream::Publisher;

/// `PublishEvents` as the metrics name it.
pub const PUBLISH_EVENTS: Method = Method {
    service: "reachability.v1.IngestService",
    name: "PublishEvents",
    kind: "bidi_stream",
};

/// Responses that may wait for the connection. While one does, acknowledgements gather for the next.
const RESPONSES_AHEAD: usize = 1;

/// Takes events over gRPC.
#[derive(Debug)]
pub struct GrpcFeed {
    sources: Sources,
    shared: Arc<Shared>,
}

/// What every stream needs.
#[derive(Debug)]
struct Shared {
    ingest: Ingest,
    clock: Arc<ReceiptClock>,
    shutdown: CancellationToken,
    metrics: MethodMetrics,
}

impl GrpcFeed {
    /// Events go to `ingest`. At `shutdown` streams are read no further, and end once everything read is acknowledged.
    /// No client may call itself as one of `others`, the feeds of other kinds.
    pub fn new(
        ingest: Ingest,
        clock: Arc<ReceiptClock>,
        others: impl IntoIterator<Item = String>,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            sources: Sources::new(others),
            shared: Arc::new(Shared {
                ingest,
                clock,
                shutdown,
                metrics: MethodMetrics::new(PUBLISH_EVENTS),
            }),
        }
    }

    /// The feeds that streams belong to.
    pub fn sources(&self) -> Sources {
        self.sources.clone()
    }
}

#[tonic::async_trait]
impl IngestService for GrpcFeed {
    type PublishEventsStream = ReceiverStream<Result<v1::PublishEventsResponse, Status>>;

    async fn publish_events(
        &self,
        request: Request<Streaming<v1::PublishEventsRequest>>,
    ) -> Result<Response<Self::PublishEventsStream>, Status> {
        let source = self.sources.of(request.metadata()).map_err(|error| {
            let message = error.to_string();
            status(Code::InvalidArgument, "INVALID_ARGUMENT", None, message)
        })?;
        let (responses, outgoing) = mpsc::channel(RESPONSES_AHEAD);
        let shared = Arc::clone(&self.shared);
        let session = source.feed.session();
        // The task ends when the client hangs up: the receiver is dropped with the response.
        tokio::spawn(async move {
            let call = shared.metrics.begin();
            shared.ingest.introduce(&source.feed).await;
            let code = Publisher::new(&shared, &source, responses)
                .run(request.into_inner())
                .await;
            call.end(code);
            drop(session);
        });
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }
}
