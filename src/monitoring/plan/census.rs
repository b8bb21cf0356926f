//! How many are how far, and how far one target is.

use std::collections::BTreeMap;

use crate::domain::{Aspect, MonitoringState, NetworkResult, Target, Timestamp};

use super::Plan;
use super::entry::{seconds, timestamp};

/// Kept while things change, so that looking costs nothing.
#[derive(Debug, Default)]
pub(super) struct Counts {
    states: [[u64; 8]; 4],
    refused: BTreeMap<(Aspect, NetworkResult), u64>,
}

impl Counts {
    pub(super) fn enter(&mut self, aspect: Aspect, state: MonitoringState, result: Option<NetworkResult>) {
        if let Some(count) = self.count(aspect, state) {
            *count += 1;
        }
        if let (MonitoringState::Failed, Some(result)) = (state, result) {
            *self.refused.entry((aspect, result)).or_default() += 1;
        }
    }

    pub(super) fn leave(&mut self, aspect: Aspect, state: MonitoringState, result: Option<NetworkResult>) {
        if let Some(count) = self.count(aspect, state) {
            *count = count.saturating_sub(1);
        }
        if let (MonitoringState::Failed, Some(result)) = (state, result)
            && let Some(count) = self.refused.get_mut(&(aspect, result))
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.refused.remove(&(aspect, result));
            }
        }
    }

    fn count(&mut self, aspect: Aspect, state: MonitoringState) -> Option<&mut u64> {
        self.states
            .get_mut(usize::from(aspect.number()))?
            .get_mut(usize::from(state.number()))
    }
}

/// How many are how far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Targets, those to be ended included.
    pub targets: u64,
    /// Aspects of targets by state; those of none are left out.
    pub states: Vec<(Aspect, MonitoringState, u64)>,
    /// Failed ones by the result that was given.
    pub refused: Vec<(Aspect, NetworkResult, u64)>,
    /// Questions under way.
    pub under_way: u64,
    /// How long what is due first has been due, in seconds.
    pub lag: u64,
}

/// How far one aspect of one target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartStatus {
    /// Which.
    pub aspect: Aspect,
    /// How far.
    pub state: MonitoringState,
    /// The reference that the HSS has or is being given; 0 for none.
    pub reference: u32,
    /// When what the HSS holds ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The last result that was no success.
    pub result: Option<NetworkResult>,
}

impl Plan {
    /// How many are how far. Cheap enough for every scrape.
    pub fn census(&self, now: Timestamp) -> Census {
        let mut census = Census {
            targets: self.by_target.len() as u64,
            under_way: self.under_way as u64,
            lag: self
                .queue
                .first()
                .map_or(0, |(due, _)| seconds(now).saturating_sub(*due).into()),
            ..Census::default()
        };
        for aspect in Aspect::ALL {
            for state in MonitoringState::ALL {
                let count = self
                    .counts
                    .states
                    .get(usize::from(aspect.number()))
                    .and_then(|states| states.get(usize::from(state.number())))
                    .copied()
                    .unwrap_or(0);
                if count > 0 {
                    census.states.push((aspect, state, count));
                }
            }
        }
        let refused = self.counts.refused.iter();
        census.refused = refused
            .map(|((aspect, result), count)| (*aspect, *result, *count))
            .collect();
        census
    }

    /// How far a target is; `None` if there is no such target.
    pub fn status(&self, target: &Target) -> Option<[PartStatus; 3]> {
        let entry = self.entry(self.find(target)?)?;
        Some(Aspect::ALL.map(|aspect| {
            let part = entry.part(aspect);
            PartStatus {
                aspect,
                state: part.state,
                reference: part.reference,
                expires_at: Some(part.expires).filter(|at| *at > 0).and_then(timestamp),
                result: part.result(),
            }
        }))
    }
}
