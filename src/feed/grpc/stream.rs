//! One stream of events, from its first message to its last acknowledgement.
//!
//! ```text
//!  client ── message ──> check ──> window ──> ingest ──┐
//!         <── response ── window <── acks ── commit <──┘
//! ```
//!
//! Whatever it waits for, acknowledgements keep moving. It stops reading while [`MAX_AHEAD`](super::window::MAX_AHEAD)
//! events are under way or the ingest queue is full; HTTP/2 flow control then stops the client.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming};

use crate::grpc::error::status;
use crate::ingest::{Ack, Acked, Acknowledge, Refused, SubmitError};
use crate::proto::v1;
use crate::proto::v1::publish_events_request::Content;

use super::refusal::{Reason, Refusal};
use super::sources::Source;
use super::telling::Telling;
use super::window::Window;
use super::{Shared, convert};

type Responses = mpsc::Sender<Result<v1::PublishEventsResponse, Status>>;

/// Serves one stream.
pub(super) struct Publisher<'a> {
    shared: &'a Shared,
    source: &'a Source,
    progress: Progress,
    /// Given along with each event.
    ack_to: Arc<dyn Acknowledge>,
    /// The client tells all it has again.
    telling: Option<Telling>,
}

/// What moves while the stream waits for anything else.
struct Progress {
    window: Window,
    acks: mpsc::UnboundedReceiver<Acked>,
    responses: Responses,
}

/// The client has hung up.
struct Gone;

/// How reading ended.
enum End {
    Client,
    Failed(Status),
    ShuttingDown,
}

impl<'a> Publisher<'a> {
    pub(super) fn new(shared: &'a Shared, source: &'a Source, responses: Responses) -> Self {
        // Unbounded, yet never fuller than the window.
        let (ack_to, acks) = mpsc::unbounded_channel();
        let progress = Progress {
            window: Window::default(),
            acks,
            responses,
        };
        Self {
            shared,
            source,
            progress,
            ack_to: Arc::new(ack_to),
            telling: None,
        }
    }

    /// Runs to the end, and tells with which code.
    pub(super) async fn run(mut self, requests: Streaming<v1::PublishEventsRequest>) -> Code {
        match self.serve(requests).await {
            Ok(code) => code,
            Err(Gone) => Code::Cancelled,
        }
    }

    async fn serve(&mut self, requests: Streaming<v1::PublishEventsRequest>) -> Result<Code, Gone> {
        let end = self.read(requests).await?;
        // Everything read gets its answer first.
        while self.progress.window.waiting() > 0 || self.progress.window.has_news() {
            self.progress.step().await?;
        }
        let status = match end {
            End::Client => return Ok(Code::Ok),
            End::Failed(status) => status,
            End::ShuttingDown => shutting_down(),
        };
        let code = status.code();
        self.progress
            .responses
            .send(Err(status))
            .await
            .map_err(|_| Gone)?;
        Ok(code)
    }

    /// Takes events until there are no more.
    async fn read(&mut self, mut requests: Streaming<v1::PublishEventsRequest>) -> Result<End, Gone> {
        loop {
            let request = tokio::select! {
                biased;
                moved = self.progress.step() => {
                    moved?;
                    continue;
                }
                () = self.shared.shutdown.cancelled() => return Ok(End::ShuttingDown),
                request = requests.message(), if self.progress.window.has_room() => request,
            };
            match request {
                Ok(Some(request)) => {
                    if let Err(SubmitError::Closed) = self.take(request).await? {
                        return Ok(End::ShuttingDown);
                    }
                }
                Ok(None) => return Ok(End::Client),
                Err(status) => return Ok(End::Failed(status)),
            }
        }
    }

    /// Checks one message and hands its event over, waiting for room.
    async fn take(&mut self, request: v1::PublishEventsRequest) -> Result<Result<(), SubmitError>, Gone> {
        let v1::PublishEventsRequest { sequence, content } = request;
        let (shared, source, window) = (self.shared, self.source, &mut self.progress.window);
        if let Err(refusal) = window.check_sequence(sequence) {
            source.feed.refused(refusal.reason.into());
            window.name_refused(sequence, refusal);
            return Ok(Ok(()));
        }
        let converted = match content {
            Some(Content::Event(event)) => convert::event(event, shared.clock.now()),
            Some(Content::Heartbeat(v1::Heartbeat {})) => {
                source.heartbeat(shared.clock.now());
                window.settle_at_once(sequence);
                return Ok(Ok(()));
            }
            Some(Content::ResynchronisationBegin(asked)) => {
                let now = shared.clock.now();
                source.feed.spoke(now);
                self.telling = match Telling::begin(asked, &source.feed, now, window.refusals()) {
                    Ok(telling) => {
                        window.settle_at_once(sequence);
                        Some(telling)
                    }
                    Err(refusal) => {
                        window.refuse(sequence, refusal);
                        None
                    }
                };
                return Ok(Ok(()));
            }
            Some(Content::ResynchronisationEnd(v1::ResynchronisationEnd {})) => {
                return self.told_all(sequence).await;
            }
            None => Err(Refusal::invalid("content: an event or a heartbeat is required")),
        };
        let news = match converted {
            Ok(news) => news,
            Err(refusal) => {
                source.feed.refused(refusal.reason.into());
                window.refuse(sequence, refusal);
                return Ok(Ok(()));
            }
        };
        let ack = Ack {
            to: Arc::clone(&self.ack_to),
            token: window.wait(sequence),
        };
        let mut submitted = pin!(shared.ingest.submit_wait(&source.feed, news, ack));
        let result = loop {
            tokio::select! {
                biased;
                result = &mut submitted => break result,
                moved = self.progress.step() => moved?,
            }
        };
        if result.is_err() {
            self.progress.window.abandon();
        }
        Ok(result)
    }

    /// The client has told all it has again. That counts once everything before is durable.
    async fn told_all(&mut self, sequence: u64) -> Result<Result<(), SubmitError>, Gone> {
        while self.progress.window.waiting() > 0 {
            self.progress.step().await?;
        }
        if !self.progress.window.is_settled() {
            return Ok(Err(SubmitError::Closed));
        }
        let (feed, window) = (&self.source.feed, &mut self.progress.window);
        feed.spoke(self.shared.clock.now());
        match Telling::end(self.telling.take(), feed, window.refusals()) {
            Err(refusal) => window.refuse(sequence, refusal),
            Ok(as_of) => {
                let token = window.wait(sequence);
                let to = Arc::clone(&self.ack_to);
                if !feed.resynchronised(as_of, Ack { to, token }) {
                    let refusal = Refusal::new(
                        Reason::NotResynchronised,
                        "resynchronisation_end: so many of them that they cannot be told apart",
                    );
                    window.settle(token, Err(refusal));
                }
            }
        }
        Ok(Ok(()))
    }
}

impl Progress {
    /// Takes acknowledgements, or sends a response. Pending while there is neither. Loses nothing when dropped.
    async fn step(&mut self) -> Result<(), Gone> {
        let Self {
            window,
            acks,
            responses,
        } = self;
        tokio::select! {
            biased;
            Some(acked) = acks.recv() => {
                settle(window, acked);
                // As many as there are become one response.
                while let Ok(acked) = acks.try_recv() {
                    settle(window, acked);
                }
                Ok(())
            }
            permit = responses.reserve(), if window.has_news() => {
                permit.map_err(|_| Gone)?.send(Ok(window.take_response()));
                Ok(())
            }
            () = responses.closed() => Err(Gone),
        }
    }
}

fn settle(window: &mut Window, acked: Acked) {
    match acked.result {
        Ok(_) => window.settle(acked.token, Ok(())),
        Err(Refused::Store) => {
            let refusal = Refusal::new(Reason::StoreRefused, "event: the store refuses it");
            window.settle(acked.token, Err(refusal));
        }
        Err(Refused::ShuttingDown) => window.abandon(),
    }
}

fn shutting_down() -> Status {
    status(
        Code::Unavailable,
        "SHUTTING_DOWN",
        None,
        "the daemon is shutting down; resend elsewhere or later what was not acknowledged",
    )
}
