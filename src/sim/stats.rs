//! What a load run counts.

use std::collections::BTreeMap;
use std::fmt;

use super::histogram::Histogram;
use super::mix::Kind;
use crate::diameter::codec::ResultCode;

/// How many different answer codes are told apart; the rest count as [`Code::Other`].
const CODES: usize = 32;

/// How an answer names its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Result-Code (RFC 6733 §7.1).
    Result(u32),
    /// Experimental-Result-Code of 3GPP (TS 29.272 §7.4).
    Experimental(u32),
    /// An answer with neither, or one code too many.
    Other,
}

impl Code {
    /// DIAMETER_SUCCESS.
    pub const SUCCESS: Self = Self::Result(2001);
    /// DIAMETER_TOO_BUSY.
    pub const TOO_BUSY: Self = Self::Result(3004);

    /// The name in the specification of 3GPP, where one is to be expected here.
    fn experimental_name(code: u32) -> Option<&'static str> {
        Some(match code {
            5001 => "DIAMETER_ERROR_USER_UNKNOWN",
            5004 => "DIAMETER_ERROR_ROAMING_NOT_ALLOWED",
            5420 => "DIAMETER_ERROR_UNKNOWN_EPS_SUBSCRIPTION",
            5423 => "DIAMETER_ERROR_UNKNOWN_SERVING_NODE",
            _ => return None,
        })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Result(code) => write!(f, "{}", ResultCode(code)),
            Self::Experimental(code) => match Self::experimental_name(code) {
                Some(name) => write!(f, "{name} (3GPP {code})"),
                None => write!(f, "3GPP {code}"),
            },
            Self::Other => f.write_str("other"),
        }
    }
}

/// Counts of one connection, or of several together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests sent, by kind, repetitions after TOO_BUSY included.
    pub sent: [u64; Kind::ALL.len()],
    /// Answers by code.
    pub codes: BTreeMap<Code, u64>,
    /// Requests that got no answer in time, or whose connection went away before.
    pub unanswered: u64,
    /// Answers to nothing that was asked, or that was given up.
    pub unexpected: u64,
    /// Requests in flight now.
    pub in_flight: u64,
    /// Events waiting to be sent again after TOO_BUSY.
    pub backing_off: u64,
    /// Connections open now.
    pub connected: u64,
    /// From request to answer.
    pub latency: Histogram,
}

impl Stats {
    /// Counts a request.
    pub fn count_sent(&mut self, kind: Kind) {
        if let Some(count) = self.sent.get_mut(kind as usize) {
            *count += 1;
        }
    }

    /// Counts an answer.
    pub fn count_answer(&mut self, code: Code) {
        let known = self.codes.len() < CODES || self.codes.contains_key(&code);
        *self
            .codes
            .entry(if known { code } else { Code::Other })
            .or_default() += 1;
    }

    /// Requests sent.
    pub fn sent_total(&self) -> u64 {
        self.sent.iter().sum()
    }

    /// Requests sent of one kind.
    pub fn sent_of(&self, kind: Kind) -> u64 {
        self.sent.get(kind as usize).copied().unwrap_or_default()
    }

    /// Answers with DIAMETER_SUCCESS.
    pub fn succeeded(&self) -> u64 {
        self.count_of(Code::SUCCESS)
    }

    /// Answers with DIAMETER_TOO_BUSY.
    pub fn busy(&self) -> u64 {
        self.count_of(Code::TOO_BUSY)
    }

    /// Answers with anything else.
    pub fn refused(&self) -> u64 {
        self.codes.values().sum::<u64>() - self.succeeded() - self.busy()
    }

    fn count_of(&self, code: Code) -> u64 {
        self.codes.get(&code).copied().unwrap_or_default()
    }

    /// Adds another connection's counts.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.sent.iter_mut().zip(other.sent) {
            *count += more;
        }
        for (code, count) in &other.codes {
            *self.codes.entry(*code).or_default() += count;
        }
        self.unanswered += other.unanswered;
        self.unexpected += other.unexpected;
        self.in_flight += other.in_flight;
        self.backing_off += other.backing_off;
        self.connected += other.connected;
        self.latency.merge(&other.latency);
    }

    /// What was counted since an earlier state; what is now stays as it is.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.clone();
        for (count, before) in since.sent.iter_mut().zip(earlier.sent) {
            *count = count.saturating_sub(before);
        }
        for (code, count) in &mut since.codes {
            *count = count.saturating_sub(earlier.count_of(*code));
        }
        since.codes.retain(|_, count| *count > 0);
        since.unanswered = since.unanswered.saturating_sub(earlier.unanswered);
        since.unexpected = since.unexpected.saturating_sub(earlier.unexpected);
        since.latency = self.latency.since(&earlier.latency);
        since
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn answers_count_as_success_busy_or_refused() {
        let mut stats = Stats::default();
        for code in [
            Code::SUCCESS,
            Code::SUCCESS,
            Code::TOO_BUSY,
            Code::Result(5012),
            Code::Experimental(5001),
        ] {
            stats.count_answer(code);
        }
        assert_eq!((stats.succeeded(), stats.busy(), stats.refused()), (2, 1, 2));
    }

    #[test]
    fn a_peer_that_answers_with_ever_new_codes_does_not_grow_the_table() {
        let mut stats = Stats::default();
        for code in 0..10_000 {
            stats.count_answer(Code::Result(code));
        }
        assert_eq!(stats.codes.len(), CODES + 1);
        assert_eq!(stats.codes.values().sum::<u64>(), 10_000);
    }

    #[test]
    fn a_difference_counts_what_came_since_and_keeps_what_is_now() {
        let mut earlier = Stats::default();
        earlier.count_sent(Kind::Move);
        earlier.count_answer(Code::SUCCESS);
        let mut later = earlier.clone();
        later.count_sent(Kind::Move);
        later.count_answer(Code::TOO_BUSY);
        later.latency.record(Duration::from_millis(3));
        later.in_flight = 5;
        let since = later.since(&earlier);
        assert_eq!((since.sent_total(), since.sent_of(Kind::Move)), (1, 1));
        assert_eq!((since.succeeded(), since.busy()), (0, 1));
        assert!(later.since(&later).codes.is_empty());
        assert_eq!((since.in_flight, since.latency.count()), (5, 1));
    }

    #[test]
    fn codes_are_shown_with_their_names() {
        assert_eq!(Code::TOO_BUSY.to_string(), "DIAMETER_TOO_BUSY (3004)");
        assert_eq!(
            Code::Experimental(5001).to_string(),
            "DIAMETER_ERROR_USER_UNKNOWN (3GPP 5001)"
        );
        assert_eq!(Code::Experimental(5999).to_string(), "3GPP 5999");
    }
}
