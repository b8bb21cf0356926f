//! The whole file as all that its feed has: told between a begin and an end, on one stream.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::proto::v1;
use crate::proto::v1::publish_events_request::Content;

/// A resynchronisation on its way.
#[derive(Debug)]
pub(super) struct Telling {
    /// To be read again from its first line when a stream breaks.
    pub(super) file: PathBuf,
    as_of: Option<SystemTime>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Told,
    /// The end was sent, with that sequence.
    Ending(u64),
    Done,
    /// Why not.
    Refused(String),
}

impl Telling {
    /// The file holds all that the feed had at that time.
    pub(super) fn new(file: PathBuf, as_of: Option<SystemTime>) -> Self {
        Self {
            file,
            as_of,
            state: State::Told,
        }
    }

    /// What goes first on a stream.
    pub(super) fn begin(&mut self) -> Content {
        self.state = State::Told;
        Content::ResynchronisationBegin(v1::ResynchronisationBegin {
            as_of: self.as_of.map(Into::into),
        })
    }

    /// What goes last, as this sequence; `None` if it went already, or there is no use.
    pub(super) fn end(&mut self, sequence: u64) -> Option<Content> {
        let due = self.state == State::Told;
        due.then(|| {
            self.state = State::Ending(sequence);
            Content::ResynchronisationEnd(v1::ResynchronisationEnd {})
        })
    }

    /// Not everything can be told.
    pub(super) fn give_up(&mut self, why: &str) {
        if self.state == State::Told {
            self.state = State::Refused(why.to_owned());
        }
    }

    /// The daemon refused a word that was no event.
    pub(super) fn refused(&mut self, message: &str) {
        if !matches!(self.state, State::Refused(_)) {
            self.state = State::Refused(message.to_owned());
        }
    }

    /// Everything up to this sequence is durable or refused.
    pub(super) fn acknowledged(&mut self, sequence: u64) {
        if matches!(self.state, State::Ending(end) if end <= sequence) {
            self.state = State::Done;
        }
    }

    /// Whether nothing is waited for.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Done | State::Refused(_))
    }

    /// Whether it is done; if not, why.
    pub(super) fn outcome(&self) -> Result<(), &str> {
        match &self.state {
            State::Done => Ok(()),
            State::Refused(why) => Err(why),
            State::Told | State::Ending(_) => Err("it did not come to its end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_done_when_its_end_is_acknowledged_and_begins_again_on_another_stream() {
        let mut telling = Telling::new(PathBuf::from("dump"), None);
        telling.begin();
        assert!(telling.end(3).is_some() && telling.end(4).is_none());
        telling.acknowledged(2);
        assert!(!telling.is_over() && telling.outcome().is_err());
        telling.begin();
        telling.acknowledged(9);
        assert!(!telling.is_over(), "its end was on the other stream");
        assert!(telling.end(5).is_some());
        telling.acknowledged(5);
        assert_eq!(telling.outcome(), Ok(()));
    }

    #[test]
    fn what_is_refused_is_over_and_says_why() {
        let mut telling = Telling::new(PathBuf::from("dump"), None);
        telling.begin();
        telling.give_up("a line was refused");
        assert!(telling.end(3).is_none() && telling.is_over());
        assert_eq!(telling.outcome(), Err("a line was refused"));
    }
}
