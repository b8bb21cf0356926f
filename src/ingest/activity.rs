//! What a feed has brought so far, for those who look on: the metrics cannot be read back.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::Ack;
use super::metrics::Feed;
use crate::domain::{Prefixes, Timestamp};

/// What a feed counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    sessions: AtomicU32,
    /// In microseconds since the Unix epoch; 0 for never.
    heard: AtomicI64,
    /// Since when it was never silent for longer than [`HEARTBEAT_WITHIN`]; 0 for never.
    since: AtomicI64,
    /// Whether the next that is heard is the first of a session while there was none.
    came: AtomicBool,
    /// Whether it ever showed that it lives without an event: its silence is worth something then.
    promised: AtomicBool,
    words: Mutex<Vec<Word>>,
}

/// Feeds that show their life by events and heartbeats have to show it that often.
pub const HEARTBEAT_WITHIN: Duration = Duration::from_secs(30);

/// What a feed says of all it has told, until somebody takes it.
const MAX_WORDS: usize = 16;

/// What changes what a feed's word is worth.
#[derive(Clone, Debug)]
pub enum Word {
    /// What was told before is in doubt, of these subscribers alone if there are any prefixes.
    Doubted(Timestamp, Option<Prefixes>),
    /// All that it held at this moment was told again; to be acknowledged when that is durable.
    Resynchronised(Timestamp, Ack),
}

impl Tally {
    /// Something came at that time.
    pub(super) fn heard(&self, at: Timestamp) {
        let at = at.as_micros();
        let before = self.heard.fetch_max(at, Relaxed);
        let within = i64::try_from(HEARTBEAT_WITHIN.as_micros()).unwrap_or(i64::MAX);
        let came = self.came.load(Relaxed) && self.came.swap(false, Relaxed);
        if came || at.saturating_sub(before) > within {
            self.since.fetch_max(at, Relaxed);
        }
    }

    fn words(&self) -> MutexGuard<'_, Vec<Word>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.tally().promised.store(true, Relaxed);
        self.tally().heard(at);
    }

    /// It has said something at that time that is neither an event nor a promise.
    pub fn spoke(&self, at: Timestamp) {
        self.tally().heard(at);
    }

    /// Its promise is forgotten, until it shows again that it lives.
    pub fn forget_promise(&self) {
        self.tally().promised.store(false, Relaxed);
    }

    /// A stream or call of it has begun.
    pub fn session(&self) -> Session {
        let tally = self.tally();
        if tally.sessions.fetch_add(1, Relaxed) == 0 {
            tally.came.store(true, Relaxed);
        }
        Session(self.clone())
    }

    /// Since when it lives without a break, by events, heartbeats and open sessions, and whether its silence is worth
    /// anything: it has sent a heartbeat.
    pub fn life(&self) -> (Option<Timestamp>, bool) {
        let tally = self.tally();
        let since = Timestamp::from_micros(tally.since.load(Relaxed));
        (since, tally.promised.load(Relaxed))
    }

    /// What it told before `at` is in doubt: of these subscribers, or of all.
    pub fn doubted(&self, at: Timestamp, only: Option<Prefixes>) {
        let mut words = self.tally().words();
        if words.len() < MAX_WORDS {
            return words.push(Word::Doubted(at, only));
        }
        // More than anybody looks after: then everybody is doubted.
        let doubt = |word: &&mut Word| matches!(word, Word::Doubted(..));
        match words.iter_mut().rev().find(doubt) {
            Some(last) => *last = Word::Doubted(at, None),
            None => words.push(Word::Doubted(at, None)),
        }
    }

    /// It has told again all that it held at `at`, and that is durable. `ack` is told when this is durable as well. Whether
    /// there was room for it: it comes more often than anybody looks.
    #[must_use]
    pub fn resynchronised(&self, at: Timestamp, ack: Ack) -> bool {
        let mut words = self.tally().words();
        let room = words.len() < MAX_WORDS;
        if room {
            words.push(Word::Resynchronised(at, ack));
        }
        room
    }

    /// What it said of its word since the last time.
    pub fn take_words(&self) -> Vec<Word> {
        std::mem::take(&mut self.tally().words())
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
        // The first that was heard in a session begins its life, the next goes on with it.
        let second = 1_000_000;
        assert_eq!(feed.life(), (Some(at(7)), false));
        feed.tally().heard(at(20 * second));
        assert_eq!(feed.life().0, Some(at(7)));
        feed.heard(at(60 * second));
        assert_eq!(feed.life(), (Some(at(60 * second)), true));
        drop(feed.session());
        feed.heard(at(61 * second));
        assert_eq!(feed.life().0, Some(at(61 * second)));
        feed.refused(Refusal::Invalid);
        assert_eq!(feed.activity().refused, 1);
        assert!(feed.activity().last_heard > Some(at(7)));
    }
}
