//! One file on its way, over as many streams as it takes.

use std::future::pending;
use std::io;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendError;
use tokio::time::{Instant, sleep_until};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::backlog::Backlog;
use super::checkpoint::Checkpoint;
use super::report::Report;
use super::source::{Item, Source};
use super::telling::Telling;
use crate::feed::grpc::sources::NAME_KEY;
use crate::proto::v1::ingest_service_client::IngestServiceClient;
use crate::proto::v1::{PublishEventsRequest, PublishEventsResponse};

/// Messages handed over to the connection and not written yet.
const OUTGOING: usize = 256;
/// Messages handed over at once.
const BURST: usize = 32;
/// Lines taken at once.
const LINES: usize = 256;
/// A stream on which nothing was sent for so long shows by a heartbeat that its feed lives.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How a stream ended.
pub(super) enum Ended {
    /// Everything that is to be sent is acknowledged.
    Done,
    Broken(Status),
}

/// A file on its way.
pub(super) struct Publishing {
    source: Source,
    backlog: Backlog,
    checkpoint: Option<Checkpoint>,
    pub(super) report: Report,
    /// The last line taken from the file.
    last_line: u64,
    input: Input,
    /// Whether a refusal ends it.
    strict: bool,
    /// By which name.
    pub(super) feed: Option<MetadataValue<Ascii>>,
    /// There was a stream before.
    streamed: bool,
    /// All of it is told as all that the feed has.
    pub(super) telling: Option<Telling>,
}

/// How far the file is read.
#[derive(Debug)]
enum Input {
    Open,
    Ended,
    /// There may be more, but nobody wants it.
    Abandoned,
    Failed(io::Error),
}

impl Publishing {
    /// Nothing is sent yet; `from_line` is the first line that will be.
    pub(super) fn new(source: Source, from_line: u64, report: Report) -> Self {
        Self {
            source,
            backlog: Backlog::default(),
            checkpoint: None,
            report,
            last_line: from_line.saturating_sub(1),
            input: Input::Open,
            strict: false,
            feed: None,
            streamed: false,
            telling: None,
        }
    }

    /// Writes down how far it is.
    pub(super) fn with_checkpoint(self, checkpoint: Option<Checkpoint>) -> Self {
        Self { checkpoint, ..self }
    }

    /// Ends at the first refusal.
    pub(super) fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// Everything up to that line is durable or refused.
    pub(super) fn settled_line(&self) -> u64 {
        self.backlog.first_line().map_or(self.last_line, |line| line - 1)
    }

    /// The whole file is settled.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.input, Input::Ended) && self.backlog.is_empty()
    }

    /// Whether all that can be is acknowledged.
    fn is_done(&self) -> bool {
        let told = self.telling.as_ref().is_none_or(Telling::is_over);
        self.backlog.is_empty() && (told || !matches!(self.input, Input::Ended))
    }

    /// On a new stream all is told from its first line again, if it is to count as all.
    ///
    /// # Errors
    /// The file cannot be read again.
    fn begin_again(&mut self) -> anyhow::Result<()> {
        let Some(telling) = &self.telling else {
            self.backlog.restart();
            return Ok(());
        };
        let file = std::fs::File::open(&telling.file).context("cannot read the file again")?;
        let source = Box::new(io::BufReader::new(file));
        self.source = Source::read(source, 1).context("cannot read the file again")?;
        self.backlog = Backlog::default();
        self.report.begin_again();
        self.last_line = 0;
        if !matches!(self.input, Input::Abandoned) {
            self.input = Input::Open;
        }
        Ok(())
    }

    /// Writes down how far it came.
    ///
    /// # Errors
    /// The checkpoint cannot be written; the file could not be read.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        let line = self.settled_line();
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.finish(line)?;
        }
        match std::mem::replace(&mut self.input, Input::Abandoned) {
            Input::Failed(error) => Err(error).context("cannot read on; what was read before is published"),
            input => {
                self.input = input;
                Ok(())
            }
        }
    }

    /// Goes on over a new stream until everything is acknowledged or the stream breaks. When told to stop, what is sent is
    /// still waited for.
    ///
    /// # Errors
    /// The checkpoint cannot be written.
    pub(super) async fn stream(
        &mut self,
        channel: Channel,
        stop: &CancellationToken,
    ) -> anyhow::Result<Ended> {
        if std::mem::replace(&mut self.streamed, true) {
            self.begin_again()?;
        }
        let (requests, outgoing) = mpsc::channel(OUTGOING);
        let mut request = Request::new(ReceiverStream::new(outgoing));
        if let Some(feed) = &self.feed {
            request.metadata_mut().insert(NAME_KEY, feed.clone());
        }
        let opened = IngestServiceClient::new(channel).publish_events(request).await;
        let mut responses = match opened {
            Ok(response) => response.into_inner(),
            Err(status) => return Ok(Ended::Broken(status)),
        };
        if let Some(telling) = &mut self.telling {
            // There is room for the first.
            let _ = requests.try_send(self.backlog.word(telling.begin()));
        }
        let mut requests = Some(requests);
        let (mut items, mut last_sent) = (Vec::new(), Instant::now());
        loop {
            let reading = matches!(self.input, Input::Open);
            let (room, unsent) = (self.backlog.room(), self.backlog.unsent());
            if !reading && unsent == 0 && self.tell_the_end(requests.as_ref()) {
                // Our side is at its end; the daemon acknowledges what is left.
                requests = None;
            }
            let mut closed = false;
            tokio::select! {
                response = responses.message() => match response {
                    Ok(Some(response)) => self.answer(response)?,
                    Ok(None) if requests.is_none() && self.is_done() => return Ok(Ended::Done),
                    Ok(None) => return Ok(Ended::Broken(Status::unavailable("the daemon ended the stream"))),
                    Err(status) => return Ok(Ended::Broken(status)),
                },
                permits = reserve(requests.as_ref(), unsent.min(BURST)), if unsent > 0 => match permits {
                    Ok(permits) => {
                        for (permit, request) in permits.zip(std::iter::from_fn(|| self.backlog.send())) {
                            permit.send(request);
                        }
                        last_sent = Instant::now();
                    }
                    // The call has ended: why, the responses tell.
                    Err(SendError(())) => closed = true,
                },
                taken = self.source.next(&mut items, room.min(LINES)), if reading && room > 0 => {
                    self.take(&mut items, taken);
                }
                () = sleep_until(last_sent + HEARTBEAT), if unsent == 0 => {
                    // Where there is no room, much was sent that waits: that the feed lives will be seen.
                    if let Some(permit) = requests.as_ref().and_then(|requests| requests.try_reserve().ok()) {
                        permit.send(self.backlog.heartbeat());
                    }
                    last_sent = Instant::now();
                }
                () = stop.cancelled(), if reading || unsent > 0 => self.abandon(),
            }
            if closed {
                requests = None;
            }
        }
    }

    /// Everything was sent: that this was all is told as well, where that is wanted. Whether nothing more is to be sent.
    fn tell_the_end(&mut self, requests: Option<&mpsc::Sender<PublishEventsRequest>>) -> bool {
        let Some(telling) = &mut self.telling else {
            return true;
        };
        if !matches!(self.input, Input::Ended) {
            telling.give_up("the file was not read to its end");
        } else if self.report.refused > 0 {
            telling.give_up("lines were refused");
        }
        let Some(permit) = requests.and_then(|requests| requests.try_reserve().ok()) else {
            // Looked at again when something moves.
            return requests.is_none();
        };
        if let Some(end) = telling.end(self.backlog.next_sequence()) {
            permit.send(self.backlog.word(end));
        }
        true
    }

    /// Takes lines, none of which means the end.
    fn take(&mut self, items: &mut Vec<io::Result<Item>>, taken: usize) {
        if taken == 0 {
            self.input = Input::Ended;
        }
        for item in items.drain(..) {
            match item {
                // Another one before it was one too many.
                Ok(_) if !matches!(self.input, Input::Open) => {}
                Ok(Item {
                    line,
                    event: Ok(event),
                }) => {
                    self.last_line = line;
                    self.backlog.push(line, event);
                }
                Ok(Item {
                    line,
                    event: Err(message),
                }) => {
                    self.last_line = line;
                    self.report.refuse(line, "UNREADABLE", &message);
                    if self.strict {
                        // What stands before it is still sent.
                        self.input = Input::Abandoned;
                    }
                }
                Err(error) => self.input = Input::Failed(error),
            }
        }
    }

    fn answer(&mut self, response: PublishEventsResponse) -> anyhow::Result<()> {
        let PublishEventsResponse {
            acked_sequence,
            refused,
        } = response;
        for refused in refused {
            if let Some(line) = self.backlog.refuse(refused.sequence) {
                self.report.refuse(line, &refused.reason, &refused.message);
                if self.strict {
                    self.abandon();
                }
            } else if let Some(telling) = &mut self.telling {
                telling.refused(&refused.message);
            }
        }
        if let Some(telling) = &mut self.telling {
            telling.acknowledged(acked_sequence);
        }
        let durable = self.backlog.acknowledge(acked_sequence);
        self.report.acknowledge(durable);
        let line = self.settled_line();
        match &mut self.checkpoint {
            Some(checkpoint) => checkpoint.note(line),
            None => Ok(()),
        }
    }

    /// Sends nothing more.
    fn abandon(&mut self) {
        self.input = Input::Abandoned;
        if let Some(line) = self.backlog.drop_unsent() {
            self.last_line = line - 1;
        }
    }
}

/// Room for so many messages, where there is still a stream.
async fn reserve(
    requests: Option<&mpsc::Sender<PublishEventsRequest>>,
    count: usize,
) -> Result<mpsc::PermitIterator<'_, PublishEventsRequest>, SendError<()>> {
    match requests {
        Some(requests) => requests.reserve_many(count).await,
        None => pending().await,
    }
}
