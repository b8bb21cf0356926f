//! How many subscriptions are how far.

use crate::domain::{SubscriptionState, Topic};

/// How many subscriptions are how far, by topic and state in the order of their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([[u64; SubscriptionState::ALL.len()]; Topic::ALL.len()]);

impl Counts {
    /// How many of that topic are that far.
    pub fn of(&self, topic: Topic, state: SubscriptionState) -> u64 {
        let Self(counts) = self;
        let place = |number: u8| usize::from(number).saturating_sub(1);
        let of_topic = counts.get(place(topic.number()));
        of_topic
            .and_then(|of_topic| of_topic.get(place(state.number())))
            .copied()
            .unwrap_or(0)
    }

    pub(super) fn enter(&mut self, topic: Topic, state: SubscriptionState) {
        self.change(topic, state, |count| count.saturating_add(1));
    }

    pub(super) fn leave(&mut self, topic: Topic, state: SubscriptionState) {
        self.change(topic, state, |count| count.saturating_sub(1));
    }

    fn change(&mut self, topic: Topic, state: SubscriptionState, change: impl FnOnce(u64) -> u64) {
        let Self(counts) = self;
        let place = |number: u8| usize::from(number).saturating_sub(1);
        let of_topic = counts.get_mut(place(topic.number()));
        if let Some(count) = of_topic.and_then(|of_topic| of_topic.get_mut(place(state.number()))) {
            *count = change(*count);
        }
    }
}
