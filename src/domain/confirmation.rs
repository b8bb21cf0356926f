//! When an answer was last confirmed: a pure function of registrations, feeds and now.
//!
//! A fact confirms itself. Beyond it, the silence of the feed that told it confirms it, for as long as the feed lives
//! without a gap, and only of what that feed would have told otherwise ([`Coverage`](super::Coverage)).
//!
//! - **Reachable** is as confirmed as the best registration by which it is: its feed would have told of a loss.
//! - **Not reachable** is as confirmed as the worst feed that could have said otherwise: each slot that is known has to be
//!   watched by somebody who would tell of the return there, and every feed that would tell of a registration anywhere has to
//!   have lived since the subscriber was last heard of, or since it told again all that it has.

use super::feed_health::Silence;
use super::reachability::node_state;
use super::{
    Facts, FeedHealth, FeedId, Gap, Reachability, Registration, Registrations, Slot, SlotState, Status,
    SubscriberId, Tells, Timestamp,
};

/// What is known of all feeds, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feeds(Vec<Option<FeedHealth>>);

impl Feeds {
    /// No feed is known: facts are confirmed by themselves alone.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// The feed of a number.
    pub fn get(&self, id: FeedId) -> Option<&FeedHealth> {
        self.0.get(id.place())?.as_ref()
    }

    /// The same to change.
    pub fn get_mut(&mut self, id: FeedId) -> Option<&mut FeedHealth> {
        self.0.get_mut(id.place())?.as_mut()
    }

    /// Keeps a feed under a number; [`FeedId::NONE`] is nobody's.
    pub fn put(&mut self, id: FeedId, health: FeedHealth) {
        if id == FeedId::NONE {
            return;
        }
        if self.0.len() <= id.place() {
            self.0.resize(id.place() + 1, None);
        }
        if let Some(place) = self.0.get_mut(id.place()) {
            *place = Some(health);
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (FeedId, &FeedHealth)> {
        let numbered = |(place, health): (usize, _)| {
            let id = i16::try_from(place).ok().and_then(FeedId::from_number)?;
            Some((id, Option::as_ref(health)?))
        };
        self.0.iter().enumerate().filter_map(numbered)
    }
}

/// A fact's own time, and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    received: Timestamp,
    at: Timestamp,
}

impl Told {
    /// The newest of these facts.
    fn newest(facts: &Facts) -> Option<Self> {
        let at = facts.newest()?;
        let received = facts.source.received(at);
        Some(Self { received, at })
    }

    /// What is known by its time alone.
    fn at(at: Timestamp) -> Self {
        Self { received: at, at }
    }
}

/// Up to when something is confirmed, and why not for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed<'a> {
    /// Up to when.
    pub until: Timestamp,
    /// Why.
    pub why: Why<'a>,
}

/// What a confirmation rests on, or ends at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why<'a> {
    /// The fact itself: nobody known would have told of a change.
    Fact,
    /// The fact itself: its feed would not have told of a change.
    NotCovered(FeedId, Tells),
    /// The feed lives, and would have told of a change.
    Silence(FeedId),
    /// The feed was away, or its word came into doubt.
    Gap(FeedId, &'a Gap),
    /// The feed was not heard since, or never.
    NotHeard(FeedId),
}

impl<'a> Confirmed<'a> {
    fn by_itself(until: Timestamp, why: Why<'a>) -> Self {
        Self { until, why }
    }

    /// Never before the fact itself.
    fn at_least(self, fact: Timestamp) -> Self {
        Self {
            until: self.until.max(fact),
            ..self
        }
    }

    /// How far a feed confirms what it told.
    fn by(id: FeedId, feed: &'a FeedHealth, told: Told, subscriber: SubscriberId) -> Self {
        Self::by_silence(id, feed.silence(told.received, subscriber), told.at)
    }

    /// How far a feed confirms that there was nothing to tell since, whoever told what. All that it told again, and in that
    /// nothing of this, counts as told then.
    fn by_having_told_nothing(
        id: FeedId,
        feed: &'a FeedHealth,
        told: Told,
        subscriber: SubscriberId,
    ) -> Self {
        let Told { received, at } = told;
        match feed.resynchronised_at.filter(|told| *told > received) {
            None => Self::by(id, feed, told, subscriber),
            Some(again) => Self::by_silence(id, feed.silence(again, subscriber), again.max(at)),
        }
    }

    fn by_silence(id: FeedId, silence: Silence<'a>, fact: Timestamp) -> Self {
        match silence {
            Silence::Confirms(until) if until >= fact => Self::by_itself(until, Why::Silence(id)),
            Silence::Until(gap) if gap.begin >= fact => Self::by_itself(gap.begin, Why::Gap(id, gap)),
            _ => Self::by_itself(fact, Why::NotHeard(id)),
        }
    }
}

impl Registrations {
    /// [`Self::reachability`], confirmed by the feeds as well as by the facts.
    pub fn reachability_with(&self, now: Timestamp, feeds: &Feeds, subscriber: SubscriberId) -> Reachability {
        let answer = self.reachability(now);
        let confirmed = self.confirmed(&answer, now, feeds, subscriber);
        Reachability {
            last_confirmed_time: confirmed.map(|confirmed| confirmed.until),
            ..answer
        }
    }

    /// Up to when an answer is confirmed: never beyond `now`, unless a fact lies there already. `None` if nothing is known.
    pub fn confirmed<'a>(
        &self,
        answer: &Reachability,
        now: Timestamp,
        feeds: &'a Feeds,
        subscriber: SubscriberId,
    ) -> Option<Confirmed<'a>> {
        let fact = answer.last_status_time?;
        let confirmed = match answer.status {
            Status::Unknown(_) => return None,
            Status::ConnectedData => self.best_of(&Slot::DATA, now, feeds, subscriber),
            Status::ConnectedSms => self.best_of(&Slot::SMS, now, feeds, subscriber),
            Status::NotConnected => self.worst(now, feeds, subscriber),
        };
        let confirmed = confirmed.unwrap_or_else(|| Confirmed::by_itself(fact, Why::Fact));
        Some(
            Confirmed {
                until: confirmed.until.min(now),
                ..confirmed
            }
            .at_least(fact),
        )
    }

    fn best_of<'a>(
        &self,
        slots: &[Slot],
        now: Timestamp,
        feeds: &'a Feeds,
        subscriber: SubscriberId,
    ) -> Option<Confirmed<'a>> {
        let known = slots.iter().filter(|slot| self.knows(**slot));
        let confirmed = known.filter_map(|slot| match self.usable(*slot, now) {
            SlotState::Up(since) => Some(self.present(*slot, since, now, feeds, subscriber)),
            _ => None,
        });
        confirmed.max_by_key(|confirmed| confirmed.until)
    }

    fn worst<'a>(&self, now: Timestamp, feeds: &'a Feeds, subscriber: SubscriberId) -> Option<Confirmed<'a>> {
        let known = Slot::ALL.into_iter().filter(|slot| self.knows(*slot));
        let slots = known.filter_map(|slot| self.slot_confirmed(slot, now, feeds, subscriber));
        let heard = self.last_heard(now)?;
        let registering = feeds
            .iter()
            .filter(|(_, feed)| feed.counts && feed.coverage.has_anywhere(Tells::Registrations))
            .map(|(id, feed)| Confirmed::by_having_told_nothing(id, feed, heard, subscriber));
        slots.chain(registering).min_by_key(|confirmed| confirmed.until)
    }

    /// Up to when the state of one slot is confirmed; `None` if it has none.
    pub fn slot_confirmed<'a>(
        &self,
        slot: Slot,
        now: Timestamp,
        feeds: &'a Feeds,
        subscriber: SubscriberId,
    ) -> Option<Confirmed<'a>> {
        match self.usable(slot, now) {
            SlotState::Unknown => None,
            SlotState::Up(since) => Some(self.present(slot, since, now, feeds, subscriber)),
            SlotState::Unreachable(since) => {
                Some(self.absent(slot, Tells::Returns, since, feeds, subscriber))
            }
            SlotState::Deregistered(since) => {
                Some(self.absent(slot, Tells::Registrations, since, feeds, subscriber))
            }
        }
    }

    /// That a slot is up since a time: the best of those that speak for it counts.
    fn present<'a>(
        &self,
        slot: Slot,
        since: Timestamp,
        now: Timestamp,
        feeds: &'a Feeds,
        subscriber: SubscriberId,
    ) -> Confirmed<'a> {
        let confirmed = self
            .speaking(slot, now)
            .filter_map(|facts| present(slot, &facts, feeds, subscriber))
            .max_by_key(|confirmed| confirmed.until);
        confirmed
            .unwrap_or_else(|| Confirmed::by_itself(since, Why::Fact))
            .at_least(since)
    }

    /// What the nodes say by which a slot is up.
    fn speaking(&self, slot: Slot, now: Timestamp) -> impl Iterator<Item = Facts> + '_ {
        let holder = (!slot.is_shared())
            .then(|| self.holder(slot).map(|holder| self.said_of(holder)))
            .flatten();
        let cleared = self.cleared_at(slot);
        let up = move |held: &&Registration| {
            held.facts.present_at() > cleared && matches!(node_state(&held.facts, now), SlotState::Up(_))
        };
        let shared = slot.is_shared().then(|| self.in_slot(slot).filter(up));
        holder
            .into_iter()
            .chain(shared.into_iter().flatten().map(|held| held.facts))
    }

    /// That a subscriber is not in a slot since a time: somebody has to watch for such news there, and the worst of them counts.
    fn absent<'a>(
        &self,
        slot: Slot,
        news: Tells,
        since: Timestamp,
        feeds: &'a Feeds,
        subscriber: SubscriberId,
    ) -> Confirmed<'a> {
        let told = self.last_told(slot, since);
        let worst = feeds
            .iter()
            .filter(|(_, feed)| feed.counts && feed.coverage.has(slot, news))
            .map(|(id, feed)| Confirmed::by_having_told_nothing(id, feed, told, subscriber))
            .min_by_key(|confirmed| confirmed.until);
        worst
            .unwrap_or_else(|| Confirmed::by_itself(since, Why::Fact))
            .at_least(since)
    }

    /// Of what the state of a slot was told last: what its holder says, or said last; what was cleared by a registration
    /// elsewhere counts from when it happened, and so does what has passed by itself. What others say who hold nothing is
    /// no word about the slot.
    fn last_told(&self, slot: Slot, since: Timestamp) -> Told {
        let cleared = self.cleared_at(slot);
        let holder = self.holder(slot).filter(|_| !slot.is_shared());
        let newest = match holder {
            Some(holder) => Told::newest(&self.said_of(holder)),
            None => self
                .in_slot(slot)
                .filter(|held| slot.is_shared() && held.facts.present_at() > cleared)
                .filter_map(|held| Told::newest(&held.facts))
                .max(),
        };
        newest
            .filter(|told| Some(told.at) > cleared)
            .unwrap_or_else(|| Told::at(since))
    }

    fn last_heard(&self, now: Timestamp) -> Option<Told> {
        let known = Slot::ALL.into_iter().filter(|slot| self.knows(*slot));
        let told = known.filter_map(|slot| match self.usable(slot, now) {
            SlotState::Unknown => None,
            SlotState::Up(since) | SlotState::Unreachable(since) | SlotState::Deregistered(since) => {
                Some(self.last_told(slot, since))
            }
        });
        told.max()
    }
}

/// That a node still reaches the subscriber: its feed would have told of a loss.
pub(super) fn present<'a>(
    slot: Slot,
    facts: &Facts,
    feeds: &'a Feeds,
    subscriber: SubscriberId,
) -> Option<Confirmed<'a>> {
    let id = facts.source.feed;
    let told = Told::newest(facts)?;
    Some(match feeds.get(id) {
        None => Confirmed::by_itself(told.at, Why::Fact),
        Some(feed) if !feed.coverage.has(slot, Tells::Losses) => {
            Confirmed::by_itself(told.at, Why::NotCovered(id, Tells::Losses))
        }
        Some(feed) => Confirmed::by(id, feed, told, subscriber),
    })
}

#[cfg(test)]
pub(super) mod tests;
