//! `WatchReachability`: changes as a server stream.
//!
//! [`request`] checks, [`error`] tells what is wrong, `stream` is the task of one stream, `messages` what it sends and how
//! little of it waits for the client. What there is to tell, and who is too slow, [`crate::watch`] decides.

pub mod error;
pub mod messages;
pub mod request;
mod stream;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::grpc::metrics::{Method, MethodMetrics};
use crate::watch::{Watch, WatchConfig};

use error::WatchError;
use messages::Messages;
use request::{Question, Scope};
use stream::Streamer;

/// `WatchReachability` as the metrics name it.
pub const WATCH_REACHABILITY: Method = Method {
    service: "reachability.v1.ReachabilityService",
    name: "WatchReachability",
    kind: "server_stream",
};

/// Begins streams, and bounds how many there are.
#[derive(Debug)]
pub struct Watching {
    watch: Watch,
    places: Arc<Semaphore>,
    shutdown: CancellationToken,
    metrics: Arc<MethodMetrics>,
}

impl Watching {
    /// Streams of what `watch` tells. They end at `shutdown`.
    pub fn new(watch: Watch, config: &WatchConfig, shutdown: CancellationToken) -> Self {
        Self {
            watch,
            places: Arc::new(Semaphore::new(config.max_streams)),
            shutdown,
            metrics: Arc::new(MethodMetrics::new(WATCH_REACHABILITY)),
        }
    }

    /// The metrics of the call, for whoever refuses one.
    pub(super) fn metrics(&self) -> &MethodMetrics {
        &self.metrics
    }

    /// Begins a stream.
    pub(super) fn begin(&self, question: Question) -> Result<Messages, Status> {
        if self.shutdown.is_cancelled() {
            return Err(stream::shutting_down());
        }
        // Given back when the response is dropped, and not when its task ends: what was sent and not read takes room.
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| WatchError::TooManyStreams)?;
        let (subscription, begin) = match &question.scope {
            Scope::All => self.watch.all(question.cursor),
            Scope::List(list) => {
                let identifiers: Vec<_> = list.iter().map(|(identifier, _)| identifier.clone()).collect();
                let begun = self.watch.list(&identifiers, question.cursor);
                begun.map_err(|_| WatchError::TooManyDevices)?
            }
        };
        let (outgoing, messages) = messages::channel(place);
        let streamer = Streamer::new(question, subscription, outgoing, self.shutdown.clone());
        let metrics = Arc::clone(&self.metrics);
        tokio::spawn(async move {
            let call = metrics.begin();
            let code = streamer.run(begin).await;
            call.end(code);
        });
        Ok(messages)
    }
}
