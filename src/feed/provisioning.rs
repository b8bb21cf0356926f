//! `reachability.v1.AdminService.ImportSubscribers`: identifiers of subscribers in bulk.
//!
//! A row binds an MSISDN, an external identifier or both to an IMSI from its receipt on. Every row goes the way of all
//! events and is durable before the answer.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use crate::domain::{Event, ExternalIdentifier, Imsi, Msisdn, SubscriberIdentifiers, Timestamp};
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
        loop {
            let request = tokio::select! {
                request = requests.message() => request?,
                () = self.shutdown.cancelled() => return Err(shutting_down()),
            };
            let Some(request) = request else { break };
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
        let event = match event(row, self.clock.now()) {
            Ok(event) => event,
            Err(reason) => {
                self.feed.refused(ingest::Refusal::Invalid);
                import.refuse(line, reason);
                return Ok(());
            }
        };
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

/// One import under way. The token of an event is its line.
struct Import {
    report: v1::ImportSubscribersResponse,
    acks: mpsc::UnboundedReceiver<Acked>,
    in_flight: usize,
}

impl Import {
    fn new(acks: mpsc::UnboundedReceiver<Acked>) -> Self {
        Self {
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
            Ok(_) => self.report.imported += 1,
            Err(Refused::Store) => self.refuse(acked.token, "the store refuses it".into()),
            Err(Refused::ShuttingDown) => return Err(shutting_down()),
        }
        Ok(())
    }

    fn refuse(&mut self, line: u64, reason: String) {
        self.report.refused_total += 1;
        if self.report.refused.len() < MAX_REFUSED {
            self.report.refused.push(v1::RefusedRow { line, reason });
        }
    }
}

/// The binding a row asks for, or what is wrong with which column.
fn event(row: v1::SubscriberRow, received_at: Timestamp) -> Result<Event, String> {
    let v1::SubscriberRow {
        line: _,
        imsi,
        msisdn,
        external_identifier,
    } = row;
    if imsi.is_empty() {
        return Err("imsi: required".into());
    }
    let imsi = Imsi::parse(&imsi).map_err(|error| format!("imsi: {error}"))?;
    let msisdn = (!msisdn.is_empty())
        .then(|| Msisdn::parse(&msisdn).map_err(|error| format!("msisdn: {error}")))
        .transpose()?;
    let external = (!external_identifier.is_empty())
        .then(|| {
            ExternalIdentifier::parse(&external_identifier)
                .map_err(|error| format!("external_identifier: {error}"))
        })
        .transpose()?;
    if msisdn.is_none() && external.is_none() {
        return Err("msisdn or external_identifier: one of them is required".into());
    }
    let subscriber = SubscriberIdentifiers::new(Some(imsi), msisdn, external).ok_or("imsi: required")?;
    Ok(Event::new(subscriber, received_at, received_at, None))
}

fn too_many_rows() -> Status {
    status(
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        Some("rows"),
        "at most 10000 rows in one message",
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
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn row(imsi: &str, msisdn: &str, external: &str) -> v1::SubscriberRow {
        v1::SubscriberRow {
            line: 7,
            imsi: imsi.into(),
            msisdn: msisdn.into(),
            external_identifier: external.into(),
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_micros(1_000_000).unwrap()
    }

    #[test]
    fn a_row_binds_all_its_identifiers_from_its_receipt_on() {
        let read = event(row("001010000000001", "+99912345", "a@example.com"), now()).unwrap();
        assert_eq!(read.subscriber.bindings().count(), 2);
        assert_eq!((read.event_time, read.received_at), (now(), now()));
        assert!(read.changes.is_empty());
    }

    #[test]
    fn a_row_that_binds_nothing_is_refused_by_its_column_and_without_its_value() {
        let table = [
            (row("", "+99912345", ""), "imsi:"),
            (row("77", "+99912345", ""), "imsi:"),
            (row("001010000000001", "077", ""), "msisdn:"),
            (row("001010000000001", "", "77"), "external_identifier:"),
            (row("001010000000001", "", ""), "msisdn or external_identifier:"),
        ];
        for (row, column) in table {
            let reason = event(row, now()).unwrap_err();
            assert!(reason.starts_with(column), "{reason}");
            assert!(!reason.contains("77"), "{reason}");
        }
    }

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
