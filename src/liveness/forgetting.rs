//! The end of a stream's promise: its operator knows that it will not come back.

use tokio::sync::oneshot;

use super::{Liveness, State, Waiting};
use crate::domain::FeedId;

/// Why a feed is not forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgetError {
    /// There is none.
    #[error("no feed of this name was ever heard of")]
    Unknown,
    /// Its promise is in the configuration.
    #[error("it is a configured Diameter peer: remove it from the configuration")]
    Configured,
    /// It is here.
    #[error("it has a stream open: end that first")]
    Open,
    /// The daemon stops.
    #[error("the daemon is shutting down; nothing may have been forgotten")]
    Stopping,
}

impl Liveness {
    /// Forgets what a stream promised, so that nobody's absence waits for it any more. Durable when it returns. Whether there
    /// was a promise.
    ///
    /// # Errors
    /// There is no such feed, or it is no feed that is gone; the daemon stops.
    pub async fn forget(&self, name: &str) -> Result<bool, ForgetError> {
        let (promised, durable) = {
            let mut state = self.state();
            let State {
                watched,
                feeds,
                waiting,
                ..
            } = &mut *state;
            let known = watched.iter().find(|known| known.feed.name() == name);
            let id = match known {
                Some(known) if known.kind.is_expected() => return Err(ForgetError::Configured),
                Some(known) if known.feed.activity().sessions > 0 => return Err(ForgetError::Open),
                Some(known) => known.feed.id(),
                None => {
                    let stored = feeds.iter().find(|(_, health)| *health.name == *name);
                    stored.map_or(FeedId::NONE, |(id, _)| id)
                }
            };
            let health = feeds.get_mut(id).ok_or(ForgetError::Unknown)?;
            let promised = std::mem::take(&mut health.promised);
            if let Some(known) = known {
                known.feed.forget_promise();
            }
            let (done, durable) = oneshot::channel();
            waiting.push(Waiting::Operator(done));
            (promised, durable)
        };
        self.0.wanted.notify_one();
        durable.await.map_err(|_| ForgetError::Stopping)?;
        Ok(promised)
    }
}
