//! What runs once everything is built, how long it runs, and in which order it stops.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::diameter::client::Client;
use crate::grpc::Health;
use crate::grpc::server::ServeError;
use crate::index::Index;
use crate::ingest::Ingest;
use crate::ops::lifecycle::Stop;

/// The tasks, and by what they are told to end.
pub(super) struct Running {
    pub(super) client: Client,
    pub(super) health: Health,
    pub(super) index: Arc<Index>,
    pub(super) ingest: Ingest,
    /// Ends whatever takes from outside, and the tasks that need nothing of others.
    pub(super) closing: CancellationToken,
    /// Ends `driver`.
    pub(super) asking: CancellationToken,
    /// Ends `looked`.
    pub(super) looking: CancellationToken,
    pub(super) grpc: JoinHandle<Result<(), ServeError>>,
    pub(super) rest: Option<JoinHandle<()>>,
    pub(super) node: JoinHandle<()>,
    pub(super) driver: JoinHandle<()>,
    pub(super) watching: JoinHandle<()>,
    pub(super) looked: JoinHandle<()>,
    /// Told to stop with everything else, and then waited for, so that the store is closed behind them.
    pub(super) keeping: JoinSet<()>,
}

impl Running {
    /// Waits for the wish to stop, or until a part ends by itself that should not.
    pub(super) async fn until_told(&mut self, stop: &Stop) -> anyhow::Result<()> {
        tokio::select! {
            () = stop.orderly.cancelled() => Ok(()),
            served = &mut self.grpc => Err(match served {
                Ok(Ok(())) => anyhow::anyhow!("the gRPC server ended by itself"),
                Ok(Err(error)) => anyhow::Error::new(error).context("the gRPC server"),
                Err(error) => anyhow::Error::new(error).context("the gRPC server"),
            }),
            () = self.ingest.broken() => Err(anyhow::anyhow!("a lane of the ingest pipeline ended by itself")),
            ended = &mut self.node => Err(match ended {
                Ok(()) => anyhow::anyhow!("the Diameter node ended by itself"),
                Err(error) => anyhow::Error::new(error).context("the Diameter node"),
            }),
            ended = &mut self.driver => Err(match ended {
                Ok(()) => anyhow::anyhow!("the asking of the network ended by itself"),
                Err(error) => anyhow::Error::new(error).context("the asking of the network"),
            }),
            ended = &mut self.watching => Err(match ended {
                Ok(()) => anyhow::anyhow!("the watching of changes ended by itself"),
                Err(error) => anyhow::Error::new(error).context("the watching of changes"),
            }),
        }
    }

    /// Stops everything in order, for as long as `grace` at most; then what is left is dropped.
    pub(super) async fn stop(mut self, grace: Duration, stop: &Stop) {
        let in_time = tokio::select! {
            () = self.stop_in_order(grace) => true,
            () = tokio::time::sleep(grace) => false,
            () = stop.at_once.cancelled() => false,
        };
        if !in_time {
            tracing::warn!("not everything ended in time; what is left was never acknowledged");
            self.node.abort();
            self.grpc.abort();
            self.driver.abort();
            self.ingest.abort().await;
        }
    }

    async fn stop_in_order(&mut self, grace: Duration) {
        self.client.stop();
        self.closing.cancel();
        self.health.end_watches().await;
        if !self.node.is_finished() && self.index.is_loaded() {
            let _ = (&mut self.node).await;
        }
        if !self.grpc.is_finished() {
            // Every call is told to end. A client that is connected and dead must not hold up what follows.
            if tokio::time::timeout(grace / 2, &mut self.grpc).await.is_err() {
                tracing::info!("a gRPC client did not hang up in time");
                self.grpc.abort();
            }
        }
        if let Some(rest) = self.rest.take() {
            let _ = rest.await;
        }
        // Answers to reports wait for it, and so do operators.
        self.asking.cancel();
        if !self.driver.is_finished() && self.index.is_loaded() {
            let _ = (&mut self.driver).await;
        }
        self.ingest.drain().await;
        // The last signs of life are those of the connections that were just closed.
        self.looking.cancel();
        let _ = (&mut self.looked).await;
        while self.keeping.join_next().await.is_some() {}
    }
}
