//! What a feed has brought so far, for those who look on: the metrics cannot be read back.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use super::metrics::Feed;
use crate::domain::Timestamp;

/// What a feed counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    sessions: AtomicU32,
    /// In microseconds since the Unix epoch; 0 for never.
    heard: AtomicI64,
}

impl Tally {
    /// Something came at that time.
    pub(super) fn heard(&self, at: Timestamp) {
        self.heard.fetch_max(at.as_micros(), Relaxed);
    }

    /// Something came just now.
    pub(super) fn heard_now(&self) {
        if let Some(now) = Timestamp::from_system_time(SystemTime::now()) {
            self.heard(now);
        }
    }
}

/// A feed at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Events that are durable, also those that said nothing new.
    pub accepted: u64,
    /// Events that were refused, whatever for.
    pub refused: u64,
    /// Streams or calls that are open, as far as the feed has such.
    pub sessions: u32,
    /// When an event or a sign of life last came, by this machine's clock.
    pub last_heard: Option<Timestamp>,
}

/// A stream or call of a feed that is open. Dropping it ends it.
#[derive(Debug)]
pub struct Session(Feed);

impl Drop for Session {
    fn drop(&mut self) {
        self.0.tally().sessions.fetch_sub(1, Relaxed);
    }
}

impl Feed {
    /// What it has brought so far.
    pub fn activity(&self) -> Activity {
        let tally = self.tally();
        Activity {
            accepted: tally.accepted.load(Relaxed),
            refused: tally.refused.load(Relaxed),
            sessions: tally.sessions.load(Relaxed),
            last_heard: Timestamp::from_micros(tally.heard.load(Relaxed)),
        }
    }

    /// It has shown at that time that it lives, without an event.
    pub fn heard(&self, at: Timestamp) {
        self.tally().heard(at);
    }

    /// A stream or call of it has begun.
    pub fn session(&self) -> Session {
        self.tally().sessions.fetch_add(1, Relaxed);
        Session(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::Refusal;

    #[test]
    fn a_feed_tells_how_many_sessions_it_has_and_when_it_was_last_heard() {
        let feed = Feed::register("test");
        let at = |micros| Timestamp::from_micros(micros).unwrap();
        assert_eq!((feed.activity().sessions, feed.activity().last_heard), (0, None));
        let (first, second) = (feed.session(), feed.clone().session());
        assert_eq!(feed.activity().sessions, 2);
        drop((first, second));
        assert_eq!(feed.activity().sessions, 0);
        feed.tally().heard(at(7));
        feed.tally().heard(at(5));
        assert_eq!(feed.activity().last_heard, Some(at(7)));
        feed.refused(Refusal::Invalid);
        assert_eq!(feed.activity().refused, 1);
        assert!(feed.activity().last_heard > Some(at(7)));
    }
}
