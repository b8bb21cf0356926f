//! The audit log: who did what to whom when, and who was refused.
//!
//! ```text
//!  services ── record (waits until it is on disk) ──┐
//!           ── note (never waits) ──────────────────┴─> bounded queue ──> a thread ──> file, or the log
//! ```
//!
//! Subscribers stand there under their [`Pseudonym`]: the same subscriber has the same everywhere, and without the key
//! nobody can tell which it is. An act that cannot be written is not undone; that it was not is logged and counted.

pub mod config;
mod sink;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use metrics::{Counter, counter, describe_counter};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::domain::{Pseudonym, Timestamp};

pub use config::AuditConfig;

use sink::{Message, Sink};

/// Acts in the audit log, by outcome.
pub const ACTS: &str = "reachd_audit_acts_total";
/// Acts that were not written: the queue was full, or the file could not be written.
pub const LOST: &str = "reachd_audit_lost_total";

/// The target under which acts are logged where no file is named.
pub const TARGET: &str = "audit";
/// Acts that may wait to be written.
const QUEUE: usize = 1024;
/// The longest text taken from a caller.
const MAX_TEXT: usize = 128;

/// Who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// From where.
    pub address: Option<SocketAddr>,
    /// The name that was proven: of a certificate, or the client of a token.
    pub name: Option<String>,
    /// What it calls itself. Proves nothing.
    pub agent: Option<String>,
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It failed, or was not done, for a reason.
    Failed(&'static str),
    /// The caller may not.
    Refused(&'static str),
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Refused(_) => "refused",
        }
    }

    fn reason(self) -> Option<&'static str> {
        match self {
            Self::Done => None,
            Self::Failed(reason) | Self::Refused(reason) => Some(reason),
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// What: one word, such as `erase`.
    pub what: &'static str,
    /// Who.
    pub by: Caller,
    /// To whom, if it was one subscriber.
    pub subscriber: Option<Pseudonym>,
    /// To which feed, if it was one that is known.
    pub feed: Option<String>,
    /// How much of what: names and numbers, never identifiers.
    pub counts: Vec<(&'static str, u64)>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Act {
    /// The line, without its end.
    fn line(&self, at: Timestamp) -> String {
        let mut line = Map::new();
        line.insert("time".into(), at.to_string().into());
        line.insert("act".into(), self.what.into());
        line.insert("outcome".into(), self.outcome.word().into());
        if let Some(reason) = self.outcome.reason() {
            line.insert("reason".into(), reason.into());
        }
        if let Some(subscriber) = self.subscriber {
            line.insert("subscriber".into(), subscriber.to_string().into());
        }
        if let Some(feed) = &self.feed {
            line.insert("feed".into(), bounded(feed).into());
        }
        let mut by = Map::new();
        let address = self.by.address.map(|address| address.to_string());
        for (key, value) in [
            ("address", &address),
            ("name", &self.by.name),
            ("agent", &self.by.agent),
        ] {
            if let Some(value) = value {
                by.insert(key.into(), bounded(value).into());
            }
        }
        line.insert("by".into(), by.into());
        for (name, count) in &self.counts {
            line.insert((*name).into(), json!(count));
        }
        Value::Object(line).to_string()
    }
}

/// What is taken of a caller's text: printable ASCII, and not much of it.
fn bounded(text: &str) -> String {
    text.chars()
        .take(MAX_TEXT)
        .map(|sign| if (' '..='~').contains(&sign) { sign } else { '?' })
        .collect()
}

/// The audit log. Cheap to clone.
#[derive(Clone)]
pub struct Audit(Arc<Inner>);

struct Inner {
    queue: mpsc::Sender<Message>,
    /// Acts lost since that was last written.
    lost: Arc<AtomicU64>,
    metrics: Metrics,
}

#[derive(Clone)]
struct Metrics {
    done: Counter,
    failed: Counter,
    refused: Counter,
    lost: Counter,
}

impl Metrics {
    fn register() -> Self {
        describe_counter!(ACTS, "Acts of operators and refused callers, by outcome");
        describe_counter!(LOST, "Acts that could not be written to the audit log");
        let acts = |outcome: &'static str| {
            let counter = counter!(ACTS, "outcome" => outcome);
            counter.increment(0);
            counter
        };
        let metrics = Self {
            done: acts("done"),
            failed: acts("failed"),
            refused: acts("refused"),
            lost: counter!(LOST),
        };
        metrics.lost.increment(0);
        metrics
    }

    fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Done => &self.done,
            Outcome::Failed(_) => &self.failed,
            Outcome::Refused(_) => &self.refused,
        };
        counter.increment(1);
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Audit")
    }
}

impl Audit {
    /// Opens the file, if one is named, and begins.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn start(path: Option<&Path>) -> io::Result<Self> {
        let metrics = Metrics::register();
        let lost = Arc::new(AtomicU64::new(0));
        let sink = Sink::open(path, Arc::clone(&lost), metrics.lost.clone())?;
        let (queue, messages) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("audit".into())
            .spawn(move || sink.run(messages))?;
        Ok(Self(Arc::new(Inner { queue, lost, metrics })))
    }

    /// Writes an act, and returns once it is on disk, or certain not to be.
    pub async fn record(&self, act: &Act) {
        self.0.metrics.count(act.outcome);
        let (written, told) = oneshot::channel();
        let message = Message::Act(act.line(now()), Some(written));
        if self.0.queue.send(message).await.is_ok() {
            let _ = told.await;
        }
    }

    /// Writes an act when there is time, and drops it if there are too many: for what strangers can do as often as they
    /// like. How many were dropped is written.
    pub fn note(&self, act: &Act) {
        self.0.metrics.count(act.outcome);
        let message = Message::Act(act.line(now()), None);
        if self.0.queue.try_send(message).is_err() {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
            self.0.metrics.lost.increment(1);
        }
    }

    /// Opens the file again: it may have been moved away.
    pub async fn reopen(&self) {
        let _ = self.0.queue.send(Message::Reopen).await;
    }

    /// Returns once everything before is on disk.
    pub async fn flush(&self) {
        let (written, told) = oneshot::channel();
        if self.0.queue.send(Message::Flush(written)).await.is_ok() {
            let _ = told.await;
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_system_time(SystemTime::now()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
