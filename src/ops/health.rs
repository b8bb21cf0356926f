//! Readiness: a set of latches, each released by the part it waits for, and dropped for good on the way down.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// What must be there before the daemon takes traffic, and where it listens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Readiness {
    state: Arc<Mutex<State>>,
    ready: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    waiting_for: Vec<&'static str>,
    draining: bool,
    listening: BTreeMap<&'static str, SocketAddr>,
}

/// Readiness at one moment.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Whether to send traffic here.
    pub ready: bool,
    /// The daemon is on its way down.
    pub draining: bool,
    /// What is not there yet.
    pub waiting_for: Vec<&'static str>,
    /// Every bound address by listener.
    pub listen: BTreeMap<&'static str, SocketAddr>,
}

impl Readiness {
    /// Not ready until each of these has been [released](Self::release).
    pub fn waiting_for(latches: &[&'static str]) -> Self {
        let state = State {
            waiting_for: latches.to_vec(),
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            ready: watch::Sender::new(latches.is_empty()),
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        self.ready
            .send_replace(state.waiting_for.is_empty() && !state.draining);
    }

    /// That part is there.
    pub fn release(&self, latch: &str) {
        self.change(|state| state.waiting_for.retain(|waiting| *waiting != latch));
    }

    /// The daemon is going down: not ready any more.
    pub fn drain(&self) {
        self.change(|state| state.draining = true);
    }

    /// Notes where a listener is bound.
    pub fn listening(&self, listener: &'static str, address: SocketAddr) {
        self.change(|state| {
            state.listening.insert(listener, address);
        });
        tracing::info!(listener, %address, "listening");
    }

    /// Follows readiness.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }

    /// Everything at once.
    pub fn report(&self) -> Report {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Report {
            ready: state.waiting_for.is_empty() && !state.draining,
            draining: state.draining,
            waiting_for: state.waiting_for.clone(),
            listen: state.listening.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_every_latch_is_released_and_never_again_once_draining() {
        let readiness = Readiness::waiting_for(&["store", "index"]);
        readiness.release("store");
        assert_eq!(readiness.report().waiting_for, ["index"]);
        assert!(!*readiness.watch().borrow());
        readiness.release("index");
        assert!(readiness.report().ready && *readiness.watch().borrow());
        readiness.drain();
        readiness.release("index");
        assert!(!readiness.report().ready && !*readiness.watch().borrow());
    }
}
