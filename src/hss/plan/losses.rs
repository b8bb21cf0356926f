//! What an HSS may have forgotten: once it has lost what it knew, everything that it had taken is asked for again.

use std::collections::HashMap;

use super::{Ask, Key, Plan};
use crate::domain::{Node, SubscriptionState, Timestamp};

/// How many subscriptions are looked at in one step.
const STEP: usize = 2000;

/// The losses that are known of.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// When an HSS is last known to have lost what it knew, by its number.
    at: HashMap<u8, Timestamp>,
    walks: Vec<Walk>,
}

/// A walk over all subscriptions that an HSS had taken, in the order in which they are due.
#[derive(Debug)]
struct Walk {
    hss: u8,
    at: Timestamp,
    /// Where it goes on.
    next: Option<(Timestamp, Key)>,
}

impl Losses {
    /// Whether there is something left to look at.
    pub(super) fn is_under_way(&self) -> bool {
        !self.walks.is_empty()
    }
}

impl Plan {
    /// An HSS told its Origin-State-Id. If that has grown, it lost what it knew (RFC 6733 §8.16).
    pub fn told(&mut self, host: &Node, state: u32, now: Timestamp) {
        if self.hosts.told(host, state) {
            self.lost(host, now);
        }
    }

    /// A peer has lost what it knew. One that never answered is no HSS that was asked.
    pub fn restarted(&mut self, peer: &Node, state: u32, now: Timestamp) {
        if self.hosts.restarted(peer, state) {
            self.lost(peer, now);
        }
    }

    /// An HSS is said to have lost what it knew (Reset, TS 29.272 §5.2.4.1).
    pub fn reset(&mut self, host: &Node, now: Timestamp) {
        if self.hosts.reset(host, now) {
            self.lost(host, now);
        }
    }

    /// Everything that it had taken, or may have, is asked for again.
    fn lost(&mut self, host: &Node, now: Timestamp) {
        let hss = self.hosts.number(host);
        self.losses.at.insert(hss, now);
        // One that is under way begins anew.
        self.losses.walks.retain(|walk| walk.hss != hss);
        self.losses.walks.push(Walk {
            hss,
            at: now,
            next: None,
        });
    }

    /// Looks at some of what an HSS may have lost. To be called now and then.
    pub fn look_on(&mut self, now: Timestamp) {
        let Some(mut walk) = self.losses.walks.pop() else {
            return;
        };
        let from = walk.next.take();
        let mut rest = match from {
            Some(from) => self.queue.range(from..),
            None => self.queue.range(..),
        };
        let lost: Vec<Key> = rest
            .by_ref()
            .take(STEP)
            .map(|(_, key)| key)
            .filter(|key| self.was_taken_by(key, walk.hss, walk.at))
            .cloned()
            .collect();
        walk.next = rest.next().cloned();
        if walk.next.is_some() {
            self.losses.walks.push(walk);
        }
        for key in lost {
            self.want(&key, now, now);
        }
    }

    fn was_taken_by(&self, key: &Key, hss: u8, before: Timestamp) -> bool {
        self.parts.get(key).is_some_and(|part| {
            part.state == SubscriptionState::Active
                && (part.hss == hss || part.hss == 0)
                && part.taken.is_some_and(|taken| taken < before)
        })
    }

    /// Whether an HSS has lost what it knew since it was asked: what it has taken may be lost as well.
    pub(super) fn has_lost_since(&self, ask: &Ask, hss: u8) -> bool {
        // What was asked for at that moment would last until then.
        let until = self
            .losses
            .at
            .get(&hss)
            .map(|lost| lost.plus(self.settings.duration));
        ask.until
            .is_some_and(|asked| until.is_some_and(|until| asked < until))
    }
}
