//! What is known of each feed's life: table `feed`.
//!
//! These rows are state and not facts: they are overwritten by the daemon that listens. Where several daemons share a store,
//! the latest sign of life wins.

use std::future::Future;

use super::StoreError;
use super::columns::columns;
use crate::domain::{FeedHealth, FeedId, Gap, Prefixes, Timestamp};

/// One feed: a row of table `feed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    /// The number by which facts name it.
    pub id: FeedId,
    /// Its name and what is known of its life. What it covers is configuration, and not kept.
    pub health: FeedHealth,
}

/// A durable home for what is known of feeds.
pub trait FeedStore: Send + Sync + 'static {
    /// Gives a number to each of these names that has none, as long as there are numbers left.
    fn name_feeds(&self, names: &[String]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Every row. There are at most [`FeedId::MAX`].
    fn load_feeds(&self) -> impl Future<Output = Result<Vec<FeedRow>, StoreError>> + Send;

    /// Writes over these rows in one transaction. Returns only after it is durable.
    fn save_feeds(&self, rows: &[FeedRow]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

columns! {
    /// Every column of table `feed`, in the order of the table.
    struct StoredFeed of "feed" {
        id: i16,
        name: String,
        alive_until: Option<i64>,
        resynchronised_at: Option<i64>,
        gaps: String,
        promised: bool,
    }
}

impl StoredFeed {
    /// The domain's row.
    pub(super) fn read(self) -> Result<FeedRow, StoreError> {
        let time = |column, micros: Option<i64>| {
            micros
                .map(|micros| Timestamp::from_micros(micros).ok_or_else(|| Self::wrong(column)))
                .transpose()
        };
        let gaps = self.gaps.split_ascii_whitespace().map(gap);
        let gaps: Option<Vec<_>> = gaps.collect();
        Ok(FeedRow {
            id: FeedId::from_number(self.id)
                .filter(|id| *id != FeedId::NONE)
                .ok_or_else(|| Self::wrong("id"))?,
            health: FeedHealth::restored(
                &self.name,
                time("alive_until", self.alive_until)?,
                time("resynchronised_at", self.resynchronised_at)?,
                gaps.ok_or_else(|| Self::wrong("gaps"))?,
            )
            .with_promise(self.promised),
        })
    }
}

impl From<&FeedRow> for StoredFeed {
    fn from(row: &FeedRow) -> Self {
        let gaps: Vec<_> = row.health.gaps().iter().map(text).collect();
        Self {
            id: row.id.number(),
            name: row.health.name.to_string(),
            alive_until: row.health.alive_until.map(Timestamp::as_micros),
            resynchronised_at: row.health.resynchronised_at.map(Timestamp::as_micros),
            gaps: gaps.join(" "),
            promised: row.health.promised,
        }
    }
}

/// `begin..end/prefix,prefix`, without an end while it lasts, without prefixes for everybody.
fn text(gap: &Gap) -> String {
    let begin = gap.begin.as_micros();
    let end = gap.end.map(|end| end.as_micros().to_string()).unwrap_or_default();
    match &gap.only {
        None => format!("{begin}..{end}"),
        Some(only) => format!("{begin}..{end}/{only}"),
    }
}

fn gap(text: &str) -> Option<Gap> {
    let (span, only) = match text.split_once('/') {
        None => (text, None),
        Some((span, only)) => (span, Some(Prefixes::new(only.split(','))?)),
    };
    let (begin, end) = span.split_once("..")?;
    let time = |text: &str| text.parse().ok().and_then(Timestamp::from_micros);
    let end = match end {
        "" => None,
        end => Some(time(end)?),
    };
    let begin = time(begin)?;
    Some(Gap { begin, end, only })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_come_back_as_they_were() {
        for written in ["1..2", "17..", "5..9/001", "5..9/00101,0010200000"] {
            assert_eq!(gap(written).map(|gap| text(&gap)).as_deref(), Some(written));
        }
        for wrong in ["", "1", "1..x", "0..1", "-1..1", "1..2/", "1..2/x", "1..2/1,,"] {
            assert_eq!(gap(wrong), None, "{wrong:?}");
        }
    }
}
