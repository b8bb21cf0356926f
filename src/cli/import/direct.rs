//! Import straight into the store, while no daemon runs.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::csv::Row;
use super::report::{Conflict, Report, With};
use super::{How, Stopped};
use crate::domain::{Identifier, SubscriberId, Timestamp};
use crate::ingest::Tombstones;
use crate::store::{Batch, BindingRow, ErasureStore, Store, StoreError};

/// How often a commit is tried while the store is not available.
const TRIES: u32 = 6;
/// The first wait between tries; it doubles.
const WAIT: Duration = Duration::from_millis(250);

/// Commits every chunk as one transaction, as many at a time as the engine likes. Every row is of one time: of two rows
/// about one identifier the greater subscriber wins, in every order.
pub(super) async fn import<S: Store + ErasureStore + Clone>(
    store: &S,
    how: How,
    tombstones: &Tombstones,
    mut chunks: mpsc::Receiver<Vec<Row>>,
) -> Result<Report, Stopped> {
    let mut report = Report::default();
    let mut commits = JoinSet::new();
    let mut under_way = UnderWay::default();
    while let Some(rows) = chunks.recv().await {
        while commits.len() >= store.parallel_commits().max(1) {
            settle(&mut commits, &mut under_way).await?;
        }
        let last = rows.last().map(|row| row.line);
        let judged = judge(store, how, tombstones, rows, &mut report).await;
        let rows = judged.map_err(|error| under_way.stopped(error))?;
        if how.dry_run || rows.is_empty() {
            continue;
        }
        let number = under_way.begin(last);
        let (store, batch) = (store.clone(), Arc::new(batch(rows, how.as_of)));
        commits.spawn(async move { commit(&store, &batch).await.map(|()| number) });
    }
    while !commits.is_empty() {
        settle(&mut commits, &mut under_way).await?;
    }
    store.close().await;
    Ok(report)
}

/// Chunks that are being committed, in the order of the file: those at the front that are done are imported.
#[derive(Debug, Default)]
struct UnderWay {
    /// The number of the first.
    first: u64,
    /// The last line of each, and whether it is done.
    chunks: VecDeque<(Option<u64>, bool)>,
    through: Option<u64>,
}

impl UnderWay {
    fn begin(&mut self, last: Option<u64>) -> u64 {
        self.chunks.push_back((last, false));
        self.first + self.chunks.len() as u64 - 1
    }

    fn done(&mut self, number: u64) {
        let place = usize::try_from(number - self.first).unwrap_or(usize::MAX);
        if let Some((_, done)) = self.chunks.get_mut(place) {
            *done = true;
        }
        while let Some((last, true)) = self.chunks.front() {
            self.through = self.through.max(*last);
            self.chunks.pop_front();
            self.first += 1;
        }
    }

    fn stopped(&self, error: impl Into<anyhow::Error>) -> Stopped {
        Stopped {
            through: self.through,
            error: error.into(),
        }
    }
}

async fn settle(
    commits: &mut JoinSet<Result<u64, StoreError>>,
    under_way: &mut UnderWay,
) -> Result<(), Stopped> {
    match commits.join_next().await {
        Some(Ok(Ok(number))) => under_way.done(number),
        Some(Ok(Err(error))) => return Err(under_way.stopped(error)),
        Some(Err(error)) => return Err(under_way.stopped(error)),
        None => {}
    }
    Ok(())
}

/// The rows that are to be committed; the others are refused, or say nothing new.
async fn judge(
    store: &impl ErasureStore,
    how: How,
    tombstones: &Tombstones,
    rows: Vec<Row>,
    report: &mut Report,
) -> Result<Vec<Row>, StoreError> {
    let ids: Vec<_> = rows
        .iter()
        .flat_map(identifiers)
        .map(|(_, id)| id.subscriber())
        .collect();
    let mut bound: HashMap<SubscriberId, (Timestamp, SubscriberId)> = HashMap::with_capacity(ids.len());
    for row in store.bindings_by(&ids).await? {
        let binding = (row.bound_at, row.subscriber);
        let newest = bound.entry(row.identifier.subscriber()).or_insert(binding);
        *newest = binding.max(*newest);
    }
    let mut taken = Vec::with_capacity(rows.len());
    for mut row in rows {
        let subscriber = SubscriberId::from(row.imsi);
        let (mut conflicts, mut news) = (false, false);
        for (column, identifier) in identifiers(&row) {
            match bound.get(&identifier.subscriber()) {
                Some((since, holder)) if *holder != subscriber => {
                    (conflicts, news) = (true, true);
                    let with = if *since <= how.as_of {
                        With::Older
                    } else {
                        With::Newer
                    };
                    report.conflict(Conflict {
                        line: row.line,
                        column,
                        with,
                    });
                }
                Some((since, _)) => news |= *since < how.as_of,
                None => news = true,
            }
        }
        let erased = |id: SubscriberId| tombstones.refuses(id, how.as_of);
        if row.msisdn.is_some_and(|msisdn| erased(msisdn.into())) {
            row.msisdn = None;
        }
        if row
            .external
            .as_ref()
            .is_some_and(|external| erased(external.into()))
        {
            row.external = None;
        }
        if conflicts && how.refuse_conflicts {
            report.refuse(row.line, "it conflicts with what is bound".into());
        } else if erased(subscriber) || (row.msisdn.is_none() && row.external.is_none()) {
            report.refuse(row.line, "what it says is refused: it was erased later".into());
        } else {
            report.imported += 1;
            report.unchanged += u64::from(!news);
            if news {
                taken.push(row);
            }
        }
    }
    Ok(taken)
}

/// What a row binds, by column.
fn identifiers(row: &Row) -> impl Iterator<Item = (&'static str, Identifier)> + use<> {
    let msisdn = row.msisdn.map(|msisdn| ("msisdn", Identifier::Msisdn(msisdn)));
    let external = row.external.clone();
    let external = external.map(|external| ("external_id", Identifier::External(external)));
    msisdn.into_iter().chain(external)
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
