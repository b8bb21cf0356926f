//! Import through a running daemon: effective at once, and durable before it answers.

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use super::Report;
use super::csv::Row;
use crate::domain::{Imsi, Msisdn};
use crate::proto::v1::admin_service_client::AdminServiceClient;
use crate::proto::v1::{ImportSubscribersRequest, ImportSubscribersResponse, SubscriberRow};

/// Sends every chunk and waits for the answer.
pub(super) async fn import(channel: Channel, chunks: mpsc::Receiver<Vec<Row>>) -> anyhow::Result<Report> {
    let requests = ReceiverStream::new(chunks).map(|rows| rows.into_iter().map(row).collect());
    let answer = send(channel, requests).await?;
    Ok(Report {
        imported: answer.imported,
        refused: answer.refused_total,
        named: answer
            .refused
            .into_iter()
            .map(|refused| (refused.line, refused.reason))
            .collect(),
    })
}

/// Sends chunks of at most 10000 rows.
///
/// # Errors
///
/// The daemon ended the call.
pub async fn send(
    channel: Channel,
    chunks: impl tokio_stream::Stream<Item = Vec<SubscriberRow>> + Send + 'static,
) -> Result<ImportSubscribersResponse, tonic::Status> {
    let requests = chunks.map(|rows| ImportSubscribersRequest { rows });
    let answer = AdminServiceClient::new(channel)
        .import_subscribers(requests)
        .await?;
    Ok(answer.into_inner())
}

fn row(row: Row) -> SubscriberRow {
    SubscriberRow {
        line: row.line,
        imsi: Imsi::digits(row.imsi),
        msisdn: row.msisdn.map(Msisdn::digits).unwrap_or_default(),
        external_identifier: row
            .external
            .map(|external| external.text().to_owned())
            .unwrap_or_default(),
    }
}
