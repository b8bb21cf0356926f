//! What a message puts in doubt without changing it.

use std::fmt;

use crate::domain::Node;

/// A server of the network lost its state: what it was known to know may be so no longer, and what it had promised to tell
/// may never come.
///
/// As large as the message that told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Who lost it.
    pub server: Node,
    /// The subscribers concerned, by the beginnings of their IMSIs. Empty: all of that server's.
    pub imsi_prefixes: Vec<ImsiPrefix>,
    /// Groups of subscribers, by names that the server gave out with their profiles (TS 29.272 §5.2.4.1). Where there are
    /// any, they narrow it down further.
    pub reset_ids: Vec<Box<[u8]>>,
}

/// The leading digits of IMSIs (User-Id, TS 29.272 §7.3.50): 1 to 15 of them.
#[derive(Clone, PartialEq, Eq)]
pub struct ImsiPrefix(Box<str>);

impl ImsiPrefix {
    /// Reads 1 to 15 decimal digits.
    pub fn parse(digits: &str) -> Option<Self> {
        let fine = (1..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        fine.then(|| Self(digits.into()))
    }

    /// The digits. Fifteen of them are an IMSI, and personal data.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ImsiPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImsiPrefix({} digits)", self.0.len())
    }
}
