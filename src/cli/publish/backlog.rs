//! What was read and is not acknowledged yet, in the order of the file.
//!
//! ```text
//!   front                sent
//!   │ line 7 │ line 8 │ line 11 │ line 12 │
//!   └── on this stream, each ───┘└ not yet ┘
//!       with its sequence
//! ```
//!
//! When a stream breaks, all of it is sent again on the next: [`Backlog::restart`].

use std::collections::VecDeque;

use crate::proto::v1;
use crate::proto::v1::publish_events_request::Content;

/// How many events may be unacknowledged: twice what the daemon takes before it reads no further.
pub const MAX_UNACKNOWLEDGED: usize = 8192;

#[derive(Debug)]
struct Entry {
    line: u64,
    event: v1::Event,
    /// On this stream; 0 before it is sent.
    sequence: u64,
    refused: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    entries: VecDeque<Entry>,
    /// How many of them are sent on this stream.
    sent: usize,
    /// The last sequence used on this stream.
    sequence: u64,
}

impl Backlog {
    /// How many more events it takes.
    pub(super) fn room(&self) -> usize {
        MAX_UNACKNOWLEDGED.saturating_sub(self.entries.len())
    }

    /// How many events are not sent on this stream yet.
    pub(super) fn unsent(&self) -> usize {
        self.entries.len() - self.sent
    }

    /// Whether everything is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The first line that is not acknowledged.
    pub(super) fn first_line(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.line)
    }

    /// Takes up an event. Lines come in order.
    pub(super) fn push(&mut self, line: u64, event: v1::Event) {
        self.entries.push_back(Entry {
            line,
            event,
            sequence: 0,
            refused: false,
        });
    }

    /// The next event as it goes on the stream.
    pub(super) fn send(&mut self) -> Option<v1::PublishEventsRequest> {
        let entry = self.entries.get_mut(self.sent)?;
        self.sent += 1;
        self.sequence += 1;
        entry.sequence = self.sequence;
        Some(v1::PublishEventsRequest {
            sequence: self.sequence,
            content: Some(Content::Event(entry.event.clone())),
        })
    }

    /// A heartbeat as it goes on the stream. If the stream breaks, nobody misses it.
    pub(super) fn heartbeat(&mut self) -> v1::PublishEventsRequest {
        self.word(Content::Heartbeat(v1::Heartbeat {}))
    }

    /// The word of a resynchronisation as it goes on the stream.
    pub(super) fn word(&mut self, content: Content) -> v1::PublishEventsRequest {
        self.sequence += 1;
        v1::PublishEventsRequest {
            sequence: self.sequence,
            content: Some(content),
        }
    }

    /// The sequence of what is sent next.
    pub(super) fn next_sequence(&self) -> u64 {
        self.sequence + 1
    }

    /// The line of a refused event, the first time that it is refused.
    pub(super) fn refuse(&mut self, sequence: u64) -> Option<u64> {
        let sent = self.entries.iter_mut().take(self.sent);
        let entry = sent
            .take_while(|entry| entry.sequence <= sequence)
            .find(|entry| entry.sequence == sequence)?;
        let first = !std::mem::replace(&mut entry.refused, true);
        first.then_some(entry.line)
    }

    /// Everything up to this sequence is durable or refused. Says how many events became durable by that.
    pub(super) fn acknowledge(&mut self, sequence: u64) -> u64 {
        let mut durable = 0;
        while self.sent > 0
            && self
                .entries
                .front()
                .is_some_and(|entry| entry.sequence <= sequence)
        {
            let entry = self.entries.pop_front();
            self.sent -= 1;
            durable += u64::from(entry.is_some_and(|entry| !entry.refused));
        }
        durable
    }

    /// Another stream begins: what is not acknowledged goes on it.
    pub(super) fn restart(&mut self) {
        self.sent = 0;
        self.sequence = 0;
    }

    /// Gives up what is not sent, and says with which line it began.
    pub(super) fn drop_unsent(&mut self) -> Option<u64> {
        let first = self.entries.get(self.sent).map(|entry| entry.line);
        self.entries.truncate(self.sent);
        first
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sequences(backlog: &mut Backlog) -> Vec<u64> {
        std::iter::from_fn(|| backlog.send())
            .map(|request| request.sequence)
            .collect()
    }

    fn of(lines: impl IntoIterator<Item = u64>) -> Backlog {
        let mut backlog = Backlog::default();
        for line in lines {
            backlog.push(line, v1::Event::default());
        }
        backlog
    }

    #[test]
    fn a_broken_stream_is_followed_by_what_was_not_acknowledged_and_nothing_else() {
        let mut backlog = of([3, 4, 8, 9]);
        assert_eq!(sequences(&mut backlog), [1, 2, 3, 4]);
        assert_eq!(backlog.acknowledge(2), 2);
        assert_eq!(backlog.first_line(), Some(8));
        backlog.restart();
        backlog.push(10, v1::Event::default());
        assert_eq!((backlog.unsent(), sequences(&mut backlog)), (3, vec![1, 2, 3]));
        assert_eq!(backlog.acknowledge(3), 3);
        assert!(backlog.is_empty());
    }

    #[test]
    fn heartbeats_have_their_place_among_the_sequences_and_are_not_sent_again() {
        let mut backlog = of([1, 2]);
        assert_eq!(backlog.heartbeat().sequence, 1);
        assert_eq!(sequences(&mut backlog), [2, 3]);
        assert_eq!(backlog.heartbeat().sequence, 4);
        assert_eq!((backlog.acknowledge(1), backlog.acknowledge(2)), (0, 1));
        backlog.restart();
        assert_eq!(sequences(&mut backlog), [1]);
    }

    #[test]
    fn what_is_refused_is_told_once_by_its_line_and_is_not_durable() {
        let mut backlog = of([5, 6, 7]);
        sequences(&mut backlog);
        assert_eq!(backlog.refuse(2), Some(6));
        assert_eq!((backlog.refuse(2), backlog.refuse(9)), (None, None));
        backlog.restart();
        sequences(&mut backlog);
        assert_eq!(backlog.refuse(2), None, "told before the stream broke");
        assert_eq!(backlog.acknowledge(3), 2);
    }

    #[test]
    fn an_acknowledgement_of_what_was_not_sent_changes_nothing() {
        let mut backlog = of([1, 2]);
        assert_eq!(backlog.acknowledge(9), 0);
        backlog.send();
        assert_eq!(backlog.acknowledge(9), 1);
        assert_eq!(backlog.first_line(), Some(2));
    }

    #[test]
    fn what_is_given_up_is_told_by_its_first_line() {
        let mut backlog = of([5, 6, 9]);
        backlog.send();
        assert_eq!(backlog.drop_unsent(), Some(6));
        assert_eq!((backlog.drop_unsent(), backlog.unsent()), (None, 0));
        assert_eq!(backlog.acknowledge(1), 1);
        assert!(backlog.is_empty());
    }

    #[test]
    fn there_is_an_end_to_what_may_be_unacknowledged() {
        let backlog = of(0..MAX_UNACKNOWLEDGED as u64);
        assert_eq!(backlog.room(), 0);
    }
}
