//! The way from an identifier to an answer, for every protocol that asks: index, confirmed time, freshness.
//!
//! Knows no wire format. What a caller sends is read in [`super::identifier`]; how an answer or a [`LookupError`] looks is
//! for whoever speaks the caller's protocol.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::domain::{Freshness, Identifier, Reachability, SubscriberId, Timestamp};
use crate::index::Index;

use super::error::LookupError;

/// Answers questions from the index. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Answers {
    index: Arc<Index>,
    max_age: Duration,
}

/// What all questions of one request have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The moment of the question.
    pub now: Timestamp,
    /// An answer confirmed longer ago is STALE.
    pub max_age: Duration,
}

/// What can be said of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status and its times.
    pub reachability: Reachability,
    /// How sure it is, on the terms of the question.
    pub freshness: Freshness,
}

impl Answers {
    /// Answers from `index`, FRESH up to `max_age` unless the caller says otherwise.
    pub fn new(index: Arc<Index>, max_age: Duration) -> Self {
        Self { index, max_age }
    }

    /// The terms of a question asked now, `max_age` being what its caller accepts as fresh.
    ///
    /// # Errors
    /// [`LookupError::NotReady`] while the index is being loaded: what is not in it may still be in the store.
    pub fn terms(&self, max_age: Option<Duration>) -> Result<Terms, LookupError> {
        if !self.index.is_loaded() {
            return Err(LookupError::NotReady);
        }
        // A clock that stands before 1970 can judge no age: then nothing passes for fresh.
        let now = Timestamp::from_system_time(SystemTime::now()).unwrap_or(Timestamp::MAX);
        let max_age = max_age.unwrap_or(self.max_age);
        Ok(Terms { now, max_age })
    }

    /// What can be said of the device that `identifier` names.
    ///
    /// # Errors
    /// [`LookupError::IdentifierNotFound`] if it names none.
    pub fn answer(&self, identifier: &Identifier, terms: Terms) -> Result<Answer, LookupError> {
        let Terms { now, max_age } = terms;
        let reachability = self
            .index
            .lookup(identifier, now)
            .ok_or(LookupError::IdentifierNotFound)?;
        Ok(Answer {
            reachability,
            freshness: Freshness::at(now, reachability.last_confirmed_time, max_age),
        })
    }

    /// Whom `identifier` names, to compare with whom another one names.
    ///
    /// # Errors
    /// [`LookupError::IdentifierNotFound`] if it names nobody.
    pub fn subscriber(&self, identifier: &Identifier) -> Result<SubscriberId, LookupError> {
        self.index
            .resolve(identifier)
            .ok_or(LookupError::IdentifierNotFound)
    }
}
