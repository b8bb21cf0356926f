//! `reachability.v1.AdminService.ImportSubscribers`: identifiers of subscribers in bulk.
//!
//! A row binds an MSISDN, an external identifier or both to an IMSI, from the time on that the import is of, or from its
//! receipt. Every row goes the way of all events and is durable before the answer. What conflicts with what is bound is
//! told by line.

mod row;

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use crate::domain::{Identifier, Outcome, Timestamp};
use crate::grpc::error::status;
use crate::grpc::metrics::{Method, MethodMetrics};
use crate::ingest;
use crate::ingest::{Ack, Acked, Acknowledge, Feed, Ingest, ReceiptClock, Refused};
use crate::proto::v1;

/// `ImportSubscribers` as the metrics name it.
pub const IMPORT_SUBSCRIBERS: Method = Method {
    service: "reachability.v1.AdminService",
    name: "ImportSubscribers",
    kind: "client_stream",
};

/// The name of this feed in metrics.
pub const FEED: &str = "provisioning";

/// The most rows in one message.
pub const MAX_ROWS: usize = 10_000;
/// The most refused rows named in the answer.
pub const MAX_REFUSED: usize = 1000;
/// The most conflicts named in the answer.
pub const MAX_CONFLICTS: usize = 1000;
/// Rows under way to the store at once: enough to fill every lane's batch several times.
const MAX_IN_FLIGHT: usize = 8192;

/// Takes provisioning over gRPC.
#[derive(Debug)]
pub struct Provisioning {
    ingest: Ingest,
    feed: Feed,
    clock: Arc<ReceiptClock>,
    shutdown: CancellationToken,
    metrics: MethodMetrics,
}

impl Provisioning {
    /// Rows go to `ingest`. At `shutdown` imports are read no further, and fail.
    pub fn new(ingest: Ingest, clock: Arc<ReceiptClock>, shutdown: CancellationToken) -> Self {
        Self {
            ingest,
            feed: Feed::register(FEED),
            clock,
            shutdown,
            metrics: MethodMetrics::new(IMPORT_SUBSCRIBERS),
        }
    }

    /// The feed that all imports belong to.
    pub fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// One import, from its first row to its last acknowledgement.
    ///
    /// # Errors
    /// A message with too many rows, the client's end of the stream, or this daemon's stop.
    pub(super) async fn import_subscribers(
        &self,
        requests: Streaming<v1::ImportSubscribersRequest>,
    ) -> Result<v1::ImportSubscribersResponse, Status> {
        self.metrics.observe(self.import(requests)).await
    }

    async fn import(
        &self,
        mut requests: Streaming<v1::ImportSubscribersRequest>,
    ) -> Result<v1::ImportSubscribersResponse, Status> {
        let _session = self.feed.session();
        let (ack_to, acks) = mpsc::unbounded_channel();
        let ack_to: Arc<dyn Acknowledge> = Arc::new(ack_to);
        let mut import = Import::new(acks);
        let mut first = true;
        loop {
            let request = tokio::select! {
                request = requests.message() => request?,
                () = self.shutdown.cancelled() => return Err(shutting_down()),
            };
            let Some(request) = request else { break };
            if first {
                first = false;
                import.how = How::of(&request)?;
                import.report.dry_run = import.how.dry_run;
                let looks = import.how.dry_run || import.how.refuse_conflicts;
                if looks && !self.ingest.is_loaded() {
                    return Err(not_ready());
                }
            }
            if request.rows.len() > MAX_ROWS {
                return Err(too_many_rows());
            }
            for row in request.rows {
                self.take(row, &ack_to, &mut import).await?;
            }
        }
        while import.in_flight > 0 {
            import.settle_one().await?;
        }
        Ok(import.report)
    }

    async fn take(
        &self,
        row: v1::SubscriberRow,
        ack_to: &Arc<dyn Acknowledge>,
        import: &mut Import,
    ) -> Result<(), Status> {
        let line = row.line;
        let event = match row::event(row, import.how.as_of, self.clock.now()) {
            Ok(event) => event,
            Err(reason) => {
                if !import.how.dry_run {
                    self.feed.refused(ingest::Refusal::Invalid);
                }
                import.refuse(line, reason);
                return Ok(());
            }
        };
        let (mut conflicts, mut news) = (false, false);
        for identifier in event.subscriber.bindings() {
            match self.ingest.bound(&identifier) {
                Some((holder, since)) if holder != event.subscriber.subscriber() => {
                    conflicts = true;
                    news = true;
                    import.conflict(line, &identifier, since <= event.event_time);
                }
                Some((_, since)) => news |= since < event.event_time,
                None => news = true,
            }
        }
        if conflicts && import.how.refuse_conflicts {
            import.refuse(line, "it conflicts with what is bound".into());
            return Ok(());
        }
        if import.how.dry_run {
            let tombstones = self.ingest.tombstones();
            if tombstones.refuses(event.subscriber.subscriber(), event.event_time) {
                import.refuse(line, ERASED.into());
            } else {
                import.report.imported += 1;
                import.report.unchanged += u64::from(!news);
            }
            return Ok(());
        }
        while import.in_flight >= MAX_IN_FLIGHT {
            import.settle_one().await?;
        }
        import.settle_ready()?;
        let ack = Ack {
            to: Arc::clone(ack_to),
            token: line,
        };
        self.ingest
            .submit_wait(&self.feed, event, ack)
            .await
            .map_err(|_| shutting_down())?;
        import.in_flight += 1;
        Ok(())
    }
}

/// Why a row about an erased subscriber is refused.
const ERASED: &str = "what it says is refused: it was erased later";

/// How an import is to be done.
#[derive(Clone, Copy, Debug, Default)]
struct How {
    dry_run: bool,
    refuse_conflicts: bool,
    as_of: Option<Timestamp>,
}

impl How {
    fn of(request: &v1::ImportSubscribersRequest) -> Result<Self, Status> {
        let as_of = request.as_of.map(|time| {
            SystemTime::try_from(time)
                .ok()
                .and_then(Timestamp::from_system_time)
                .ok_or_else(no_time)
        });
        Ok(Self {
            dry_run: request.dry_run,
            refuse_conflicts: request.refuse_conflicts,
            as_of: as_of.transpose()?,
        })
    }
}

/// One import under way. The token of an event is its line.
struct Import {
    how: How,
    report: v1::ImportSubscribersResponse,
    acks: mpsc::UnboundedReceiver<Acked>,
    in_flight: usize,
}

impl Import {
    fn new(acks: mpsc::UnboundedReceiver<Acked>) -> Self {
        Self {
            how: How::default(),
            report: v1::ImportSubscribersResponse::default(),
            acks,
            in_flight: 0,
        }
    }

    async fn settle_one(&mut self) -> Result<(), Status> {
        match self.acks.recv().await {
            Some(acked) => self.settle(acked),
            None => Err(shutting_down()),
        }
    }

    fn settle_ready(&mut self) -> Result<(), Status> {
        while let Ok(acked) = self.acks.try_recv() {
            self.settle(acked)?;
        }
        Ok(())
    }

    fn settle(&mut self, acked: Acked) -> Result<(), Status> {
        self.in_flight -= 1;
        match acked.result {
            Ok(effect) if effect.outcome == Outcome::Erased => self.refuse(acked.token, ERASED.into()),
            Ok(effect) => {
                self.report.imported += 1;
                self.report.unchanged += u64::from(effect.outcome != Outcome::Applied);
            }
            Err(Refused::Store) => self.refuse(acked.token, "the store refuses it".into()),
            Err(Refused::ShuttingDown) => return Err(shutting_down()),
        }
        Ok(())
    }

    fn conflict(&mut self, line: u64, identifier: &Identifier, moves: bool) {
        let field = match identifier {
            Identifier::External(_) => "external_identifier",
            _ => "msisdn",
        };
        self.report.conflicts_total += 1;
        if self.report.conflicts.len() < MAX_CONFLICTS {
            self.report.conflicts.push(v1::ImportConflict {
                line,
                field: field.into(),
                moves,
            });
        }
    }

    fn refuse(&mut self, line: u64, reason: String) {
        self.report.refused_total += 1;
        if self.report.refused.len() < MAX_REFUSED {
            self.report.refused.push(v1::RefusedRow { line, reason });
        }
    }
}

fn too_many_rows() -> Status {
    status(
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        Some("rows"),
        "at most 10000 rows in one message",
    )
}

fn no_time() -> Status {
    status(
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        Some("as_of"),
        "not a time after 1970",
    )
}

fn not_ready() -> Status {
    status(
        Code::Unavailable,
        "NOT_READY",
        None,
        "what is stored is not loaded yet, and conflicts cannot be told",
    )
}

fn shutting_down() -> Status {
    status(
        Code::Unavailable,
        "SHUTTING_DOWN",
        None,
        "the daemon is shutting down; import again elsewhere or later",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_refused_rows_are_named_but_all_are_counted() {
        let (_to, acks) = mpsc::unbounded_channel();
        let mut import = Import::new(acks);
        for line in 0..2000 {
            import.refuse(line, "imsi: required".into());
        }
        assert_eq!(import.report.refused.len(), MAX_REFUSED);
        assert_eq!(import.report.refused_total, 2000);
    }
}
