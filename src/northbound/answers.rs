//! The way from an identifier to an answer, for every protocol that asks: index, confirmed time, freshness.
//!
//! Knows no wire format. What a caller sends is read in [`super::identifier`]; how an answer or a [`LookupError`] looks is
//! for whoever speaks the caller's protocol.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::domain::{DeviceQuery, Freshness, Identifier, Reachability, SubscriberId, Timestamp};
use crate::index::Index;

use super::error::LookupError;

/// Asks the network about devices before they are answered less fresh than the caller wants.
#[tonic::async_trait]
pub trait Refresh: fmt::Debug + Send + Sync {
    /// Asks about all of them at once. Returns when what was told is visible, or after a while, however many they are.
    async fn refresh(&self, identifiers: &[Identifier]);
}

/// What the present is taken from.
#[derive(Clone)]
struct Clock(Arc<dyn Fn() -> Option<Timestamp> + Send + Sync>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Answers questions from the index. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Answers {
    index: Arc<Index>,
    max_age: Duration,
    clock: Clock,
    refresh: Option<Arc<dyn Refresh>>,
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
        Self {
            index,
            max_age,
            clock: Clock(Arc::new(|| Timestamp::from_system_time(SystemTime::now()))),
            refresh: None,
        }
    }

    /// The same by another clock than the system's.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Option<Timestamp> + Send + Sync + 'static) -> Self {
        Self {
            clock: Clock(Arc::new(clock)),
            ..self
        }
    }

    /// The same, having the network asked by [`Self::answer_fresh`].
    #[must_use]
    pub fn with_refresh(self, refresh: Option<Arc<dyn Refresh>>) -> Self {
        Self { refresh, ..self }
    }

    /// Where answers come from.
    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// Now. A clock that stands before 1970 can judge no age: then nothing passes for fresh.
    fn now(&self) -> Timestamp {
        (self.clock.0)().unwrap_or(Timestamp::MAX)
    }

    /// The terms of a question asked now, `max_age` being what its caller accepts as fresh.
    ///
    /// # Errors
    /// [`LookupError::NotReady`] while the index is being loaded: what is not in it may still be in the store.
    pub fn terms(&self, max_age: Option<Duration>) -> Result<Terms, LookupError> {
        if !self.index.is_loaded() {
            return Err(LookupError::NotReady);
        }
        let now = self.now();
        let max_age = max_age.unwrap_or(self.max_age);
        Ok(Terms { now, max_age })
    }

    /// What can be said of the device that is asked for.
    ///
    /// # Errors
    /// [`LookupError::IdentifierNotFound`] if nobody is known by that.
    pub fn answer(&self, device: &DeviceQuery, terms: Terms) -> Result<Answer, LookupError> {
        let Terms { now, max_age } = terms;
        let reachability = self
            .index
            .lookup_device(device, now)
            .ok_or(LookupError::IdentifierNotFound)?;
        Ok(Answer {
            reachability,
            freshness: Freshness::at(now, reachability.last_confirmed_time, max_age),
        })
    }

    /// [`Self::answer`], having the network asked first if the answer is less fresh than the terms want and there is somebody
    /// to ask. Then it is answered with whatever came. For a device that is named by its address nobody is asked: an HSS knows
    /// no addresses.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn answer_fresh(&self, device: &DeviceQuery, terms: Terms) -> Result<Answer, LookupError> {
        let answer = self.answer(device, terms)?;
        match self.to_ask(device, &answer) {
            Some(identifier) => {
                let terms = self.ask(std::slice::from_ref(identifier), terms).await;
                self.answer(device, terms)
            }
            None => Ok(answer),
        }
    }

    /// Whom the network is to be asked about before that is answered of a device: it is less fresh than the terms want, and
    /// there is somebody to ask.
    pub fn to_ask<'a>(&self, device: &'a DeviceQuery, answer: &Answer) -> Option<&'a Identifier> {
        match device {
            DeviceQuery::Identifier(identifier)
                if self.refresh.is_some() && answer.freshness != Freshness::Fresh =>
            {
                Some(identifier)
            }
            _ => None,
        }
    }

    /// Has the network asked about all of them at once. Returns the terms on which to answer then.
    pub async fn ask(&self, identifiers: &[Identifier], terms: Terms) -> Terms {
        if let Some(refresh) = &self.refresh {
            refresh.refresh(identifiers).await;
        }
        let now = self.now();
        Terms { now, ..terms }
    }

    /// To whom the device belongs that is asked for, to compare with what another identifier leads to.
    ///
    /// # Errors
    /// [`LookupError::IdentifierNotFound`] if nobody is known by that.
    pub fn subscriber(&self, device: &DeviceQuery) -> Result<SubscriberId, LookupError> {
        self.index
            .find(device, self.now())
            .ok_or(LookupError::IdentifierNotFound)
    }
}
