//! When gateways last restarted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use hashbrown::HashMap;

use crate::domain::{Gateway, Outcome, Timestamp};

/// A network has hundreds of gateways; beyond this many, the one that restarted longest ago is forgotten.
const MOST: usize = 65_536;

/// The newest restart of each gateway.
#[derive(Debug, Default)]
pub(super) struct Gateways {
    restarts: RwLock<HashMap<Box<str>, Timestamp>>,
    /// Whether there is any: nearly always there is none, and sessions need not be looked at.
    any: AtomicBool,
}

impl Gateways {
    /// When a gateway last restarted, if it ever did.
    pub(super) fn restarted_at(&self, gateway: &str) -> Option<Timestamp> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let restarts = self.restarts.read().unwrap_or_else(PoisonError::into_inner);
        restarts.get(gateway).copied()
    }

    /// What a restart would be.
    pub(super) fn judge(&self, gateway: &Gateway, at: Timestamp) -> Outcome {
        match self.restarted_at(gateway.as_str()) {
            Some(known) if known == at => Outcome::Duplicate,
            Some(known) if known > at => Outcome::Stale,
            _ => Outcome::Applied,
        }
    }

    /// Takes a restart.
    pub(super) fn join(&self, gateway: &Gateway, at: Timestamp) {
        let mut restarts = self.restarts.write().unwrap_or_else(PoisonError::into_inner);
        if restarts.len() >= MOST && !restarts.contains_key(gateway.as_str()) {
            let oldest = restarts.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(gateway, _)| gateway.clone()) {
                restarts.remove(&oldest);
            }
        }
        let known = restarts.entry(gateway.as_str().into()).or_insert(at);
        *known = at.max(*known);
        self.any.store(true, Ordering::Release);
    }
}
