//! A source tells all it has again: what its stream keeps of that between the begin and the end.

use super::convert;
use super::refusal::{Reason, Refusal};
use super::sources::DEFAULT_NAME;
use crate::domain::{Event, FeedId, Timestamp};
use crate::ingest::Feed;
use crate::proto::v1;

/// A resynchronisation under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    begun: Timestamp,
    /// Of which moment the state is that is told.
    as_of: Timestamp,
    /// How many messages of the stream had been refused before.
    refused: u64,
}

impl Telling {
    /// Begins at `now`, after so many refusals on the stream.
    pub(super) fn begin(
        asked: v1::ResynchronisationBegin,
        feed: &Feed,
        now: Timestamp,
        refused: u64,
    ) -> Result<Self, Refusal> {
        // All who name themselves nothing are one feed, and none of them knows what the others have.
        if feed.name() == DEFAULT_NAME {
            return Err(Refusal::invalid(
                "resynchronisation_begin: only on a stream that names its feed (reachd-feed)",
            ));
        }
        let as_of = match asked.as_of {
            None => now,
            Some(as_of) => convert::timestamp("resynchronisation_begin.as_of", as_of)?,
        };
        if as_of > now.plus(Event::CLOCK_TOLERANCE) {
            return Err(Refusal::invalid(
                "resynchronisation_begin.as_of: lies in the future",
            ));
        }
        Ok(Self {
            begun: now,
            as_of: as_of.min(now),
            refused,
        })
    }

    /// Of which moment all is told now: everything before is durable, and so many refusals have been told.
    pub(super) fn end(telling: Option<Self>, feed: &Feed, refused: u64) -> Result<Timestamp, Refusal> {
        let not = |message: String| Refusal::new(Reason::NotResynchronised, message);
        let Some(telling) = telling else {
            return Err(not("resynchronisation_end: none was begun on this stream".into()));
        };
        match refused.saturating_sub(telling.refused) {
            0 => {}
            refused => {
                return Err(not(format!(
                    "resynchronisation_end: {refused} events since its begin were refused"
                )));
            }
        }
        let (since, _) = feed.life();
        if since.is_none_or(|since| since > telling.begun) {
            return Err(not(
                "resynchronisation_end: the feed was silent for too long since its begin".into(),
            ));
        }
        if feed.id() == FeedId::NONE {
            return Err(not(
                "resynchronisation_end: the feed has no number yet, and nothing can be kept of it".into(),
            ));
        }
        Ok(telling.as_of)
    }
}
