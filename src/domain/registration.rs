//! What is known about a subscriber's registrations, and how facts join.
//!
//! A fact is never overwritten, only joined. For each slot and serving node the newest time is kept at which it
//! registered, deregistered, reported the subscriber reachable, and unreachable; for each slot the newest time at
//! which it was cleared whoever held it. Every one of these is a maximum, so the result is the same for every
//! order of arrival and any repetition, in memory and in SQL (`GREATEST` in `ON CONFLICT`).
//!
//! From that follows who holds a slot: **the node with the newest registration** (of equal times, the one whose
//! name sorts last), if it is newer than the slot's clearing. A purge by a node that has lost the slot only touches
//! that node's own facts. Where the same moment says both, the negative wins: deregistered over registered,
//! cleared over registered, unreachable over reachable.
//!
//! Some reports name a slot and no node ([`Node::unnamed`]): the attempt to deliver a message through it. They are true
//! of whoever holds the slot, and where nobody is known to, of somebody.

use super::{Change, Effect, Ends, Event, Facts, Node, Outcome, Report, Slot, Timestamp, session};

/// What one node holds of a subscriber in one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Where.
    pub slot: Slot,
    /// By whom.
    pub node: Node,
    /// What it said. Facts that end other slots are moved to [`Registrations::cleared_at`].
    pub facts: Facts,
}

/// Everything known about the registrations of one subscriber.
///
/// Bounded: at most [`MAX_NODES`](Self::MAX_NODES) nodes are kept for a slot, and those that can no longer matter
/// are dropped at once.
#[derive(Clone, Debug, Default)]
pub struct Registrations {
    held: Vec<Registration>,
    cleared: Vec<(Slot, Timestamp)>,
}

impl Registrations {
    /// How many nodes of one slot are remembered. Ordinary subscribers have one or two; only a feed that invents node
    /// names gets near, and then the oldest facts go.
    pub const MAX_NODES: usize = 16;

    /// How many nodes of a shared slot are remembered that hold it no longer. Sessions come and go by the day; of those
    /// that are over the newest tells since when, and a few more keep what was told late about them from bringing them back.
    pub const MAX_OVER: usize = 6;

    /// Whether nothing at all is known.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.cleared.is_empty()
    }

    /// Joins all of an event. An event without changes is a duplicate here.
    pub fn apply(&mut self, event: &Event) -> Effect {
        self.apply_with(event, |_, node| node.clone())
    }

    /// [`Self::apply`], with nodes kept as `keep` returns them: the same names, their texts shared.
    pub fn apply_with(&mut self, event: &Event, keep: impl Fn(Slot, &Node) -> Node) -> Effect {
        let mut effect = Effect::NONE;
        for (place, change) in event.changes.iter().enumerate() {
            effect.add(place, self.judge(change, event.event_time));
            let (slot, node, facts) = event.facts(change);
            self.join(slot, node.map(|node| keep(slot, node)).as_ref(), &facts);
        }
        effect
    }

    /// The outcome of joining this event if that would change nothing, so that it need not be stored again.
    pub fn already_known(&self, event: &Event) -> Option<Outcome> {
        let judged = event
            .changes
            .iter()
            .map(|change| self.judge(change, event.event_time))
            .max();
        judged.filter(|outcome| matches!(outcome, Outcome::Duplicate | Outcome::Stale))
    }

    /// What a change would do to what is known so far.
    fn judge(&self, change: &Change, at: Timestamp) -> Outcome {
        let (slot, node, facts) = Facts::of(change, at);
        let (known, new) = match node {
            None => (self.cleared_at(slot), facts.cleared_at),
            Some(node) => {
                let known = self.facts_of(slot, node).copied().unwrap_or_default();
                match change {
                    Change::Registered { ends, .. } => {
                        // A registration that ends other slots is news as long as one of them is not ended yet.
                        if Self::ended(slot, *ends).any(|ended| !self.is_settled(ended, at)) {
                            return Outcome::Applied;
                        }
                        (known.registered_at, facts.registered_at)
                    }
                    Change::Deregistered { .. } => (known.deregistered_at, facts.deregistered_at),
                    Change::Reachable { .. } => {
                        return self.judge_report(slot, node, known.reachable, facts.reachable);
                    }
                    Change::Unreachable { .. } => {
                        return self.judge_report(slot, node, known.unreachable, facts.unreachable);
                    }
                    Change::Cleared { .. } => (None, None),
                }
            }
        };
        if new == known {
            return Outcome::Duplicate;
        }
        if new < known || self.is_settled(slot, at) {
            return Outcome::Stale;
        }
        match (change, node) {
            (Change::Deregistered { .. }, Some(node)) if !self.can_speak(slot, node, at) => {
                Outcome::NotHolder
            }
            _ => Outcome::Applied,
        }
    }

    fn judge_report(&self, slot: Slot, node: &Node, known: Option<Report>, new: Option<Report>) -> Outcome {
        let at = new.map(|report| report.at);
        if new == known {
            Outcome::Duplicate
        } else if new < known || at.is_some_and(|at| self.is_settled(slot, at)) {
            Outcome::Stale
        } else if node.is_unnamed() || slot.is_shared() {
            Outcome::Applied
        } else if self.holder(slot).is_some_and(|holder| holder.node != *node) {
            Outcome::NotHolder
        } else {
            Outcome::Applied
        }
    }

    /// The slots that such a registration ends.
    fn ended(slot: Slot, ends: Ends) -> impl Iterator<Item = Slot> {
        let other = slot.other_eps_half().filter(|_| ends.other_eps_half);
        other.into_iter().chain(ends.amf_3gpp.then_some(Slot::Amf3gpp))
    }

    /// Whether the node holds the slot with a registration that a deregistration of this time could end.
    fn can_speak(&self, slot: Slot, node: &Node, at: Timestamp) -> bool {
        let speaks = |facts: &Facts| {
            let since = facts.present_at();
            since.is_some() && facts.registered_at <= Some(at) && facts.deregistered_at < since
        };
        if slot.is_shared() {
            return self.facts_of(slot, node).is_some_and(speaks);
        }
        self.holder(slot)
            .is_some_and(|holder| holder.node == *node && speaks(&holder.facts))
    }

    /// Whether a fact of this time is too old to matter in this slot, whichever node it is of: dominated by the
    /// holder's registration or by the clearing. Such facts are dropped; see [`Self::tidy`].
    fn is_settled(&self, slot: Slot, at: Timestamp) -> bool {
        if Some(at) <= self.cleared_at(slot) {
            return true;
        }
        !slot.is_shared()
            && self
                .holder(slot)
                .is_some_and(|holder| holder.facts.registered_at > Some(at))
    }

    /// Joins facts of a node (`None`: of the slot itself), as they come from an event or from the store.
    pub fn join(&mut self, slot: Slot, node: Option<&Node>, facts: &Facts) {
        self.clear(slot, facts.cleared_at);
        if let Some(other) = slot.other_eps_half() {
            self.clear(other, facts.ended_other_at);
        }
        self.clear(Slot::Amf3gpp, facts.ended_amf_at);
        let own = Facts {
            cleared_at: None,
            ended_other_at: None,
            ended_amf_at: None,
            ..*facts
        };
        if let Some(node) = node
            && own.newest().is_some()
        {
            match self
                .held
                .iter_mut()
                .find(|held| held.slot == slot && held.node == *node)
            {
                Some(held) => held.facts.join(&own),
                None => {
                    self.held.reserve_exact(1);
                    self.held.push(Registration {
                        slot,
                        node: node.clone(),
                        facts: own,
                    });
                }
            }
        }
        self.tidy(slot);
    }

    /// A gateway restarted: its sessions of which nothing newer is known are over. Whether there is any.
    pub fn end_sessions_of(&mut self, gateway: &str, restarted_at: Timestamp) -> bool {
        let mut any = false;
        let theirs = |held: &&mut Registration| {
            held.slot == Slot::Session && session::gateway_of(&held.node) == Some(gateway)
        };
        for held in self.held.iter_mut().filter(theirs) {
            held.facts.deregistered_at = held.facts.deregistered_at.max(Some(restarted_at));
            any = true;
        }
        if any {
            self.tidy(Slot::Session);
        }
        any
    }

    /// Joins everything another set knows.
    pub fn join_all(&mut self, other: &Self) {
        for (slot, at) in &other.cleared {
            self.join(
                *slot,
                None,
                &Facts {
                    cleared_at: Some(*at),
                    ..Facts::default()
                },
            );
        }
        for held in &other.held {
            self.join(held.slot, Some(&held.node), &held.facts);
        }
    }

    /// Drops all that had happened by the time of an erasure.
    pub fn erase(&mut self, floor: Timestamp) {
        self.cleared.retain(|(_, at)| *at > floor);
        self.held.retain_mut(|held| {
            held.facts = held.facts.after(floor);
            held.facts != Facts::default()
        });
        self.cleared.shrink_to_fit();
        self.held.shrink_to_fit();
    }

    /// The newest time in what is known.
    pub fn newest(&self) -> Option<Timestamp> {
        let cleared = self.cleared.iter().map(|(_, at)| Some(*at)).max();
        let held = self.held.iter().map(|held| held.facts.newest()).max();
        cleared.max(held).flatten()
    }

    fn clear(&mut self, slot: Slot, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        match self.cleared.iter_mut().find(|(cleared, _)| *cleared == slot) {
            Some((_, known)) => *known = at.max(*known),
            None => {
                self.cleared.reserve_exact(1);
                self.cleared.push((slot, at));
            }
        }
        self.tidy(slot);
    }

    /// Erases what can never matter again in a slot: every time that is not newer than the slot's clearing, or older
    /// than the registration that holds the slot; that clearing itself then, too. Whatever comes later either is as
    /// old, or outvotes the holder. The kept state is therefore the same for every order of arrival.
    fn tidy(&mut self, slot: Slot) {
        let cleared = self.cleared_at(slot);
        let since = |holder: &Registration| holder.facts.registered_at.filter(|at| Some(*at) > cleared);
        let holder = self.holder(slot).filter(|_| !slot.is_shared()).and_then(since);
        if holder.is_some() {
            // Older than the holder, or it would not hold.
            self.cleared.retain(|(cleared, _)| *cleared != slot);
        }
        if cleared.is_none() && holder.is_none() {
            return self.forget_oldest(slot);
        }
        let matters = |at: Timestamp| Some(at) > cleared && Some(at) >= holder;
        self.held.retain_mut(|held| {
            if held.slot != slot {
                return true;
            }
            let facts = &mut held.facts;
            facts.registered_at = facts.registered_at.filter(|at| matters(*at));
            facts.deregistered_at = facts.deregistered_at.filter(|at| matters(*at));
            facts.reachable = facts.reachable.filter(|report| matters(report.at));
            facts.unreachable = facts.unreachable.filter(|report| matters(report.at));
            facts.newest().is_some()
        });
        self.forget_oldest(slot);
    }

    /// Keeps a slot within [`Self::MAX_NODES`], and a shared one within [`Self::MAX_OVER`]: what goes first is what is over,
    /// then what is oldest, and never the holder, nor of a shared slot the node that let go of it last, on which the
    /// answer may rest.
    fn forget_oldest(&mut self, slot: Slot) {
        while self.in_slot(slot).count() > Self::MAX_NODES || self.remembers_too_many(slot) {
            let spared = if slot.is_shared() {
                self.last_to_leave(slot)
            } else {
                self.holder(slot)
            };
            let spared = spared.map(|spared| &spared.node);
            let oldest = self
                .held
                .iter()
                .enumerate()
                .filter(|(_, held)| held.slot == slot && Some(&held.node) != spared)
                .min_by_key(|(_, held)| (held.facts.stands(), held.facts.newest(), &held.node))
                .map(|(place, _)| place);
            match oldest {
                Some(place) => self.held.swap_remove(place),
                None => return,
            };
        }
    }

    /// Whether more is remembered of what is over in a shared slot than matters.
    fn remembers_too_many(&self, slot: Slot) -> bool {
        slot.is_shared() && self.in_slot(slot).filter(|held| !held.facts.stands()).count() > Self::MAX_OVER
    }

    /// Of the nodes that held a slot and hold it no longer, the one that did last.
    fn last_to_leave(&self, slot: Slot) -> Option<&Registration> {
        self.in_slot(slot)
            .filter(|held| held.facts.was_present() && !held.facts.stands())
            .max_by_key(|held| (held.facts.deregistered_at, &held.node))
    }

    /// Whether anything is known of a slot.
    pub(super) fn knows(&self, slot: Slot) -> bool {
        self.in_slot(slot).next().is_some() || self.cleared_at(slot).is_some()
    }

    /// The registrations kept in one slot, in no particular order.
    pub fn in_slot(&self, slot: Slot) -> impl Iterator<Item = &Registration> {
        self.held.iter().filter(move |held| held.slot == slot)
    }

    /// Everything kept, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Registration> {
        self.held.iter()
    }

    /// When the slot was last cleared whoever held it, if nobody registered there since.
    pub fn cleared_at(&self, slot: Slot) -> Option<Timestamp> {
        self.cleared
            .iter()
            .find(|(cleared, _)| *cleared == slot)
            .map(|(_, at)| *at)
    }

    /// What a node said in a slot.
    pub fn facts_of(&self, slot: Slot, node: &Node) -> Option<&Facts> {
        self.in_slot(slot)
            .find(|held| held.node == *node)
            .map(|held| &held.facts)
    }

    /// What is said of a holder: by itself, and by reports that name no node. Whichever of them is newer counts.
    pub(super) fn said_of(&self, holder: &Registration) -> Facts {
        let mut facts = holder.facts;
        let of_somebody = self
            .in_slot(holder.slot)
            .find(|held| held.node.is_unnamed() && !held.slot.is_shared());
        if let Some(Registration { facts: reported, .. }) = of_somebody {
            if (reported.newest_report(), reported.source) > (facts.newest(), facts.source) {
                facts.source = reported.source;
            }
            facts.reachable = facts.reachable.max(reported.reachable);
            facts.unreachable = facts.unreachable.max(reported.unreachable);
        }
        facts
    }

    /// Who holds the slot: the node with the newest registration after the slot's clearing; of equal times the one
    /// whose name sorts last. Where none has registered, the node with the newest report of reachability after the
    /// clearing stands in: a node that reaches a subscriber is serving it. One that only lost it, or let it go, may be
    /// the node that the subscriber left, and proves nothing.
    pub fn holder(&self, slot: Slot) -> Option<&Registration> {
        let cleared = self.cleared_at(slot);
        let newest = |time: fn(&Facts) -> Option<Timestamp>| {
            self.in_slot(slot)
                .filter(|held| time(&held.facts) > cleared)
                .max_by(|a, b| (time(&a.facts), &a.node).cmp(&(time(&b.facts), &b.node)))
        };
        newest(|facts| facts.registered_at).or_else(|| newest(Facts::reachable_at))
    }
}
