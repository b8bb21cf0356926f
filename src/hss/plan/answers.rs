//! What the network said to a question, and what it told unasked.

use std::time::Duration;

use super::{Ask, Key, Outcome, Part, Plan};
use crate::domain::{Node, SubscriberIdentifiers, SubscriptionState, Timestamp, Topic, User};

/// A user that is told to be reachable within this time of being subscribed to was so all along.
const HASTE: Duration = Duration::from_secs(30);
/// How long is waited, at the most, before the next subscription to such a user.
const LONGEST_WAIT: Duration = Duration::from_secs(1800);
/// How long is waited after a failure, at first and at the most.
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LAST_RETRY: Duration = Duration::from_secs(3600);
/// An end that nobody confirms is given up after as many attempts: what the HSS holds ends by itself.
const MOST_ENDS: u8 = 5;

impl Plan {
    /// The HSS has notified of a subscriber's reachability, and with it ended the subscription.
    pub fn used_up(&mut self, subscriber: &SubscriberIdentifiers, now: Timestamp) {
        for user in User::all_of(subscriber) {
            let key = (user, Topic::Reachability);
            let Some(part) = self.parts.get_mut(&key) else {
                continue;
            };
            if part.asked {
                part.again = part.state != SubscriptionState::Ending;
                continue;
            }
            // A notification of what the HSS was asked for before, or of what is to be ended.
            if part.state != SubscriptionState::Active {
                continue;
            }
            let in_haste = part.taken.is_some_and(|taken| now.since(taken) < HASTE);
            let wait = part.wait_after_use(in_haste);
            self.want(&key, now.plus(wait), now);
        }
    }

    /// A question came to its end. `by` is the HSS that answered, if that is known.
    pub fn answered(&mut self, ask: &Ask, outcome: Outcome, by: Option<&Node>, now: Timestamp) {
        self.under_way = self.under_way.saturating_sub(1);
        match outcome {
            Outcome::Unanswered | Outcome::NoPeer => self.pause.begin(now),
            _ => self.pause.end(),
        }
        let key = (ask.user.clone(), ask.topic);
        let Some(part) = self.parts.get_mut(&key) else {
            return;
        };
        part.asked = false;
        let was_end = ask.until.is_none();
        match (part.state == SubscriptionState::Ending, was_end) {
            (true, true) => self.ended(&key, outcome, now),
            // It was removed, or added again, while it was asked about.
            (true, false) => self.enqueue(&key, now),
            (false, true) => self.want(&key, now, now),
            (false, false) => {
                let hss = by.map_or(0, |host| self.hosts.number(host));
                self.subscribed_or_not(&key, ask, outcome, hss, now);
            }
        }
    }

    fn ended(&mut self, key: &Key, outcome: Outcome, now: Timestamp) {
        let Some(part) = self.parts.get_mut(key) else {
            return;
        };
        part.attempts = part.attempts.saturating_add(1);
        let attempts = part.attempts;
        match outcome {
            Outcome::NotNow(_) | Outcome::Unanswered | Outcome::NoPeer if attempts < MOST_ENDS => {
                self.enqueue(key, now.plus(retry_after(attempts)));
            }
            _ => self.forget(key),
        }
    }

    fn subscribed_or_not(&mut self, key: &Key, ask: &Ask, outcome: Outcome, hss: u8, now: Timestamp) {
        let renew_before = self.settings.renew_before;
        let lost = self.has_lost_since(ask, hss);
        let Some(part) = self.parts.get_mut(key) else {
            return;
        };
        let (state, due) = match outcome {
            Outcome::Taken { expires } => {
                let asked = ask.until.unwrap_or(now);
                let expires = expires.map_or(asked, |told| told.min(asked)).max(now);
                part.expires = Some(expires);
                part.result = None;
                part.taken = Some(now);
                part.hss = hss;
                part.attempts = 0;
                if lost {
                    part.again = false;
                    (SubscriptionState::Wanted, Some(now))
                } else if std::mem::take(&mut part.again) {
                    let wait = part.wait_after_use(true);
                    (SubscriptionState::Wanted, Some(now.plus(wait)))
                } else {
                    // One that the HSS made short is renewed half way.
                    let lasts = expires.since(now);
                    let before = renew_before.min(lasts / 2);
                    let due = now.plus((lasts - before).max(FIRST_RETRY));
                    (SubscriptionState::Active, Some(due))
                }
            }
            Outcome::Refused(result) => {
                part.expires = None;
                part.result = Some(result);
                part.attempts = 0;
                (SubscriptionState::Failed, None)
            }
            Outcome::NoPeer => {
                // It is not this user's fault: as soon as anybody can be asked.
                (part.unless_it_stands(now), Some(now))
            }
            Outcome::NotNow(_) | Outcome::Unanswered => {
                if let Outcome::NotNow(result) = outcome {
                    part.result = Some(result);
                }
                part.attempts = part.attempts.saturating_add(1);
                (
                    part.unless_it_stands(now),
                    Some(now.plus(retry_after(part.attempts))),
                )
            }
        };
        self.set(key, state, now);
        if let Some(due) = due {
            self.enqueue(key, due);
        }
    }
}

impl Part {
    /// The state after an attempt that came to nothing: what stands until its end, stands.
    fn unless_it_stands(&self, now: Timestamp) -> SubscriptionState {
        if self.state == SubscriptionState::Active && self.expires > Some(now) {
            self.state
        } else {
            SubscriptionState::Wanted
        }
    }

    /// How long to wait before what was used up is asked for again: not at all, unless that goes on and on.
    fn wait_after_use(&mut self, in_haste: bool) -> Duration {
        self.hasty = if in_haste { self.hasty.saturating_add(1) } else { 0 };
        match self.hasty {
            0 | 1 => Duration::ZERO,
            hasty => Duration::from_secs(1 << u32::from(hasty - 1).min(11)).min(LONGEST_WAIT),
        }
    }
}

fn retry_after(attempts: u8) -> Duration {
    FIRST_RETRY
        .saturating_mul(1 << u32::from(attempts.saturating_sub(1)).min(12))
        .min(LAST_RETRY)
}
