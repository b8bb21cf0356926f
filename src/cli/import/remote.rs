//! Import through a running daemon: effective at once, and durable before it answers.
//!
//! Rows go in parts, each a call of its own. A part whose call broke is sent again as a whole, which changes nothing about
//! what was taken of it before.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tonic::Code;
use tonic::transport::Channel;

use super::csv::Row;
use super::report::{Conflict, Report, With};
use super::{How, Stopped};
use crate::domain::{Imsi, Msisdn};
use crate::proto::v1::admin_service_client::AdminServiceClient;
use crate::proto::v1::{ImportSubscribersRequest, ImportSubscribersResponse, SubscriberRow};

/// Chunks of a part: some ten thousand rows.
const CHUNKS: usize = 25;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// Sends every chunk and waits for the answers.
pub(super) async fn import(
    channel: Channel,
    how: How,
    mut chunks: mpsc::Receiver<Vec<Row>>,
) -> Result<Report, Stopped> {
    let mut report = Report::default();
    let mut through = None;
    loop {
        let mut part = Vec::with_capacity(CHUNKS);
        while part.len() < CHUNKS
            && let Some(rows) = chunks.recv().await
        {
            part.push(rows);
        }
        let last = part.last().and_then(|rows| rows.last()).map(|row| row.line);
        let Some(last) = last else {
            return Ok(report);
        };
        let answer = send_until_taken(&channel, how, &part).await;
        let answer = answer.map_err(|error| Stopped {
            through,
            error: error.into(),
        })?;
        report.join(read(answer));
        through = Some(last);
    }
}

/// Sends a part, again and again while nobody answers.
async fn send_until_taken(
    channel: &Channel,
    how: How,
    part: &[Vec<Row>],
) -> Result<ImportSubscribersResponse, tonic::Status> {
    let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        let requests: Vec<_> = part
            .iter()
            .map(|rows| ImportSubscribersRequest {
                rows: rows.iter().map(row).collect(),
                dry_run: how.dry_run,
                refuse_conflicts: how.refuse_conflicts,
                as_of: Some(std::time::SystemTime::from(how.as_of).into()),
            })
            .collect();
        let sent = AdminServiceClient::new(channel.clone())
            .import_subscribers(tokio_stream::iter(requests))
            .await;
        match sent {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if passes(status.code()) && begun.elapsed() + pause < how.retry_for => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
            Err(status) => return Err(status),
        }
    }
}

/// Whether the daemon may take the same later: it restarts, or is not ready.
fn passes(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal
    )
}

/// Sends chunks of at most 10000 rows, each true from its receipt on.
///
/// # Errors
///
/// The daemon ended the call.
pub async fn send(
    channel: Channel,
    chunks: impl tokio_stream::Stream<Item = Vec<SubscriberRow>> + Send + 'static,
) -> Result<ImportSubscribersResponse, tonic::Status> {
    let requests = chunks.map(|rows| ImportSubscribersRequest {
        rows,
        ..ImportSubscribersRequest::default()
    });
    let answer = AdminServiceClient::new(channel)
        .import_subscribers(requests)
        .await?;
    Ok(answer.into_inner())
}

fn row(row: &Row) -> SubscriberRow {
    SubscriberRow {
        line: row.line,
        imsi: Imsi::digits(row.imsi),
        msisdn: row.msisdn.map(Msisdn::digits).unwrap_or_default(),
        external_identifier: row
            .external
            .as_ref()
            .map(|external| external.text().to_owned())
            .unwrap_or_default(),
    }
}

fn read(answer: ImportSubscribersResponse) -> Report {
    let conflicting = answer.conflicts.iter().map(|conflict| Conflict {
        line: conflict.line,
        column: if conflict.field == "msisdn" {
            "msisdn"
        } else {
            "external_id"
        },
        with: if conflict.moves { With::Older } else { With::Newer },
    });
    Report {
        imported: answer.imported,
        unchanged: answer.unchanged,
        refused: answer.refused_total,
        conflicts: answer.conflicts_total,
        conflicting: conflicting.collect(),
        named: answer
            .refused
            .into_iter()
            .map(|refused| (refused.line, refused.reason))
            .collect(),
    }
}
