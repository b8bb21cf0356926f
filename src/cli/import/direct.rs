//! Import straight into the store, while no daemon runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Report;
use super::csv::Row;
use crate::domain::{Identifier, SubscriberId, Timestamp};
use crate::store::{Batch, BindingRow, Store, StoreError};

/// How often a commit is tried while the store is not available.
const TRIES: u32 = 6;
/// The first wait between tries; it doubles.
const WAIT: Duration = Duration::from_millis(250);

/// Commits every chunk as one transaction, as many at a time as the engine likes.
pub(super) async fn import<S: Store + Clone>(
    store: &S,
    mut chunks: mpsc::Receiver<Vec<Row>>,
) -> anyhow::Result<Report> {
    // One time for the whole file: of two rows about one identifier the greater subscriber wins, in every order.
    let bound_at =
        Timestamp::from_system_time(SystemTime::now()).context("this machine's clock is before 1970")?;
    let mut report = Report::default();
    let mut commits = JoinSet::new();
    while let Some(rows) = chunks.recv().await {
        while commits.len() >= store.parallel_commits().max(1) {
            settle(&mut commits, &mut report).await?;
        }
        let (store, count) = (store.clone(), rows.len() as u64);
        let batch = Arc::new(batch(rows, bound_at));
        commits.spawn(async move { commit(&store, &batch).await.map(|()| count) });
    }
    while !commits.is_empty() {
        settle(&mut commits, &mut report).await?;
    }
    store.close().await;
    Ok(report)
}

async fn settle(commits: &mut JoinSet<Result<u64, StoreError>>, report: &mut Report) -> anyhow::Result<()> {
    if let Some(ended) = commits.join_next().await {
        report.imported += ended.context("a commit was dropped")??;
    }
    Ok(())
}

async fn commit<S: Store>(store: &S, batch: &Batch) -> Result<(), StoreError> {
    let mut wait = WAIT;
    for _ in 1..TRIES {
        match store.commit(batch).await {
            Err(error) if error.is_transient() => tokio::time::sleep(wait).await,
            settled => return settled,
        }
        wait *= 2;
    }
    store.commit(batch).await
}

/// The bindings of rows, as the store wants them: every identifier once, sorted.
fn batch(rows: Vec<Row>, bound_at: Timestamp) -> Batch {
    let mut bound: HashMap<Identifier, SubscriberId> = HashMap::with_capacity(rows.len() * 2);
    for row in rows {
        let subscriber = SubscriberId::from(row.imsi);
        let msisdn = row.msisdn.map(Identifier::Msisdn);
        let external = row.external.map(Identifier::External);
        for identifier in msisdn.into_iter().chain(external) {
            let holder = bound.entry(identifier).or_insert(subscriber);
            *holder = subscriber.max(*holder);
        }
    }
    let mut bindings: Vec<BindingRow> = bound
        .into_iter()
        .map(|(identifier, subscriber)| BindingRow {
            identifier,
            subscriber,
            bound_at,
        })
        .collect();
    bindings.sort_by_cached_key(|row| (row.subscriber, row.identifier.subscriber()));
    Batch {
        bindings,
        ..Batch::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::{ExternalIdentifier, Imsi, Msisdn};

    fn row(imsi: &str, msisdn: &str, external: &str) -> Row {
        Row {
            line: 2,
            imsi: Imsi::parse(imsi).unwrap(),
            msisdn: Msisdn::parse(msisdn).ok(),
            external: ExternalIdentifier::parse(external).ok(),
        }
    }

    #[test]
    fn a_batch_is_sorted_and_names_every_identifier_once() {
        let at = Timestamp::from_micros(1).unwrap();
        let (first, second) = ("999010000000001", "999010000000002");
        let rows = vec![
            row(second, "+999000000002", "b@sim.example"),
            row(first, "+999000000001", ""),
            row(first, "+999000000001", ""),
            row(first, "+999000000002", ""),
        ];
        let mut reversed = rows.clone();
        reversed.reverse();
        let batch_of = batch(rows, at);
        assert_eq!(batch_of, batch(reversed, at), "the order of rows does not matter");
        let holders: Vec<SubscriberId> = batch_of.bindings.iter().map(|row| row.subscriber).collect();
        let (first, second) = (
            SubscriberId::from(Imsi::parse(first).unwrap()),
            SubscriberId::from(Imsi::parse(second).unwrap()),
        );
        assert_eq!(
            holders,
            [first, second, second],
            "of two claims on a number the greater subscriber's wins"
        );
        assert!(
            batch_of
                .bindings
                .is_sorted_by_key(|row| (row.subscriber, row.identifier.subscriber()))
        );
    }
}
