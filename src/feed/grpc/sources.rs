//! Who publishes: the feeds behind the streams, by the names that clients give themselves.

use std::sync::{Arc, PoisonError, RwLock};

use metrics::{Counter, counter, describe_counter};
use tonic::metadata::MetadataMap;

use crate::domain::Timestamp;
use crate::ingest::Feed;

/// The metadata in which a client names itself.
pub const NAME_KEY: &str = "reachd-feed";
/// Who names itself no further, and whoever comes when there are [`MAX_NAMES`] names already.
pub const DEFAULT_NAME: &str = "grpc";
/// How many names there may be. A name is a label of metrics and stays until the daemon ends.
pub const MAX_NAMES: usize = 32;
/// The longest name.
pub const MAX_NAME: usize = 64;
/// Heartbeats taken, by feed.
pub const HEARTBEATS: &str = "reachd_feed_heartbeats_total";

/// Words that mean another feed in metrics and lists.
const TAKEN: [&str; 2] = ["unknown", "provisioning"];

/// Why a client may not be called what it wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not of the form of a name.
    #[error("reachd-feed: a name has 1 to 64 of a-z, 0-9, dot, underscore and hyphen")]
    Malformed,
    /// A configured peer, or a word with a meaning of its own.
    #[error("reachd-feed: this is the name of another feed")]
    Taken,
}

/// One source of events over gRPC; all its streams belong to it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) feed: Feed,
    heartbeats: Counter,
}

impl Source {
    fn register(name: &str) -> Self {
        let heartbeats = counter!(HEARTBEATS, "feed" => name.to_owned());
        heartbeats.increment(0);
        Self {
            feed: Feed::register(name),
            heartbeats,
        }
    }

    /// The source says that it lives.
    pub(super) fn heartbeat(&self, at: Timestamp) {
        self.heartbeats.increment(1);
        self.feed.heard(at);
    }
}

/// All sources. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sources(Arc<All>);

#[derive(Debug)]
struct All {
    /// Names of feeds of other kinds.
    others: Vec<String>,
    /// The one without a name first.
    known: RwLock<Vec<Arc<Source>>>,
}

impl Sources {
    /// Only the one without a name. None may be called as one of `others`.
    pub(super) fn new(others: impl IntoIterator<Item = String>) -> Self {
        describe_counter!(HEARTBEATS, "Heartbeats on ingest streams, by feed");
        let others = TAKEN.map(str::to_owned).into_iter().chain(others);
        Self(Arc::new(All {
            others: others.map(|name| name.to_ascii_lowercase()).collect(),
            known: RwLock::new(vec![Arc::new(Source::register(DEFAULT_NAME))]),
        }))
    }

    /// The source that opens a stream with this metadata.
    pub(super) fn of(&self, metadata: &MetadataMap) -> Result<Arc<Source>, NameError> {
        match metadata.get(NAME_KEY) {
            None => self.named(DEFAULT_NAME),
            Some(name) => self.named(name.to_str().map_err(|_| NameError::Malformed)?),
        }
    }

    fn named(&self, name: &str) -> Result<Arc<Source>, NameError> {
        let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_name) {
            return Err(NameError::Malformed);
        }
        if self.0.others.iter().any(|other| other == name) {
            return Err(NameError::Taken);
        }
        let find = |known: &[Arc<Source>]| {
            let found = known.iter().find(|source| source.feed.name() == name);
            // The first is for those who come too late to have a name.
            let full = known.first().filter(|_| known.len() > MAX_NAMES);
            found.or(full).map(Arc::clone)
        };
        if let Some(source) = find(&self.0.known.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(source);
        }
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        Ok(find(&known).unwrap_or_else(|| {
            let source = Arc::new(Source::register(name));
            known.push(Arc::clone(&source));
            source
        }))
    }

    /// One of them was here before, under that name, and may come again.
    pub fn expect(&self, name: &str) {
        // Where it cannot be called so any more there is nobody to wait for.
        let _ = self.named(name);
    }

    /// Their feeds as they are now, the one without a name first.
    pub fn feeds(&self) -> Vec<Feed> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|source| source.feed.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(sources: &Sources, name: &str) -> Result<String, NameError> {
        let mut metadata = MetadataMap::new();
        if let Ok(value) = name.parse() {
            metadata.insert(NAME_KEY, value);
        }
        let source = sources.of(&metadata)?;
        Ok(source.feed.name().to_owned())
    }

    #[test]
    fn a_client_is_called_what_it_calls_itself() {
        let sources = Sources::new([]);
        let unnamed = sources.of(&MetadataMap::new());
        assert!(unnamed.is_ok_and(|source| source.feed.name() == DEFAULT_NAME));
        for name in ["mediation-1", "a", "0.b_c-d", "mediation-1", "grpc"] {
            assert_eq!(named(&sources, name).as_deref(), Ok(name));
        }
        let names: Vec<_> = sources
            .feeds()
            .iter()
            .map(|feed| feed.name().to_owned())
            .collect();
        assert_eq!(names, ["grpc", "mediation-1", "a", "0.b_c-d"]);
    }

    #[test]
    fn what_is_no_name_or_names_another_feed_is_refused() {
        let sources = Sources::new(["DRA1.core.example".to_owned()]);
        let long = "x".repeat(MAX_NAME + 1);
        for wrong in ["", "A", "a b", "a/b", long.as_str()] {
            assert_eq!(named(&sources, wrong), Err(NameError::Malformed), "{wrong:?}");
        }
        for taken in ["dra1.core.example", "unknown", "provisioning"] {
            assert_eq!(named(&sources, taken), Err(NameError::Taken), "{taken}");
        }
    }

    #[test]
    fn there_is_an_end_of_names_but_not_of_clients() {
        let sources = Sources::new([]);
        for n in 0..MAX_NAMES {
            assert_eq!(named(&sources, &format!("n{n}")), Ok(format!("n{n}")));
        }
        assert_eq!(named(&sources, "late").as_deref(), Ok(DEFAULT_NAME));
        assert_eq!(named(&sources, "n7").as_deref(), Ok("n7"));
        assert_eq!(sources.feeds().len(), MAX_NAMES + 1);
    }
}
