//! What one node said of one subscriber in one slot, and how such facts join.

use super::{Change, Ends, Node, Slot, Source, Timestamp};

/// The newest report of one kind: ordered by its time, then by its end. The end is [`Timestamp::MAX`] if open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Report {
    /// When it was made.
    pub at: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
}

/// All that one node ever said of one subscriber in one slot: the newest of each.
///
/// This is also the row of the store. `cleared_at` belongs to the slot and not to a node; in the store it stands in
/// a row without a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// Newest registration.
    pub registered_at: Option<Timestamp>,
    /// Newest deregistration.
    pub deregistered_at: Option<Timestamp>,
    /// Newest report that the subscriber can be reached.
    pub reachable: Option<Report>,
    /// Newest report that it cannot.
    pub unreachable: Option<Report>,
    /// Newest time the slot was cleared whoever held it; only in facts without a node.
    pub cleared_at: Option<Timestamp>,
    /// Newest registration that ended the other EPS half ([`Ends::other_eps_half`]).
    pub ended_other_at: Option<Timestamp>,
    /// Newest registration that ended AMF-3GPP ([`Ends::amf_3gpp`]).
    pub ended_amf_at: Option<Timestamp>,
    /// Who told the newest of it, and when.
    pub source: Source,
}

impl Facts {
    /// The facts of one change, with the node they belong to (`None`: to the slot), and without their source: see
    /// [`Event::facts`](super::Event::facts).
    pub fn of(change: &Change, at: Timestamp) -> (Slot, Option<&Node>, Self) {
        let mut facts = Self::default();
        let report = |until: &Option<Timestamp>| {
            Some(Report {
                at,
                until: until.unwrap_or(Timestamp::MAX),
            })
        };
        let node = match change {
            Change::Registered {
                node,
                ends:
                    Ends {
                        other_eps_half,
                        amf_3gpp,
                    },
                ..
            } => {
                facts.registered_at = Some(at);
                facts.ended_other_at = other_eps_half.then_some(at);
                facts.ended_amf_at = amf_3gpp.then_some(at);
                Some(node)
            }
            Change::Deregistered { node, .. } => {
                facts.deregistered_at = Some(at);
                Some(node)
            }
            Change::Reachable { node, until, .. } => {
                facts.reachable = report(until);
                Some(node)
            }
            Change::Unreachable { node, until, .. } => {
                facts.unreachable = report(until);
                Some(node)
            }
            Change::Cleared { .. } => {
                facts.cleared_at = Some(at);
                None
            }
        };
        (change.slot(), node, facts)
    }

    /// Takes the newest of each. Commutative, associative, and joining twice is joining once.
    pub fn join(&mut self, other: &Self) {
        let Self {
            registered_at,
            deregistered_at,
            reachable,
            unreachable,
            cleared_at,
            ended_other_at,
            ended_amf_at,
            source,
        } = other;
        if (other.newest(), *source) > (self.newest(), self.source) {
            self.source = *source;
        }
        self.registered_at = self.registered_at.max(*registered_at);
        self.deregistered_at = self.deregistered_at.max(*deregistered_at);
        self.reachable = self.reachable.max(*reachable);
        self.unreachable = self.unreachable.max(*unreachable);
        self.cleared_at = self.cleared_at.max(*cleared_at);
        self.ended_other_at = self.ended_other_at.max(*ended_other_at);
        self.ended_amf_at = self.ended_amf_at.max(*ended_amf_at);
    }

    /// Of these facts those that are newer than an erasure. Joining and cutting off commute.
    #[must_use]
    pub fn after(&self, floor: Timestamp) -> Self {
        let later = |time: Option<Timestamp>| time.filter(|time| *time > floor);
        let later_report = |report: Option<Report>| report.filter(|report| report.at > floor);
        let Self {
            registered_at,
            deregistered_at,
            reachable,
            unreachable,
            cleared_at,
            ended_other_at,
            ended_amf_at,
            source,
        } = *self;
        Self {
            registered_at: later(registered_at),
            deregistered_at: later(deregistered_at),
            reachable: later_report(reachable),
            unreachable: later_report(unreachable),
            cleared_at: later(cleared_at),
            ended_other_at: later(ended_other_at),
            ended_amf_at: later(ended_amf_at),
            // It is the newest fact's, which goes last.
            source: if later(self.newest()).is_some() {
                source
            } else {
                Source::default()
            },
        }
    }

    /// The newest time in it: the one whose source is kept. What a registration ended elsewhere is as old as that
    /// registration.
    pub fn newest(&self) -> Option<Timestamp> {
        let said = self.registered_at.max(self.deregistered_at);
        said.max(self.newest_report()).max(self.cleared_at)
    }

    /// The newest time of a report, whichever it says.
    pub(super) fn newest_report(&self) -> Option<Timestamp> {
        self.reachable.max(self.unreachable).map(|report| report.at)
    }

    /// The newest report of reachability.
    pub(super) fn reachable_at(&self) -> Option<Timestamp> {
        self.reachable.map(|report| report.at)
    }

    /// Whether the node holds the slot by what it said itself.
    pub(super) fn stands(&self) -> bool {
        self.was_present() && self.deregistered_at < self.present_at()
    }

    /// Whether it ever did. What was let go and never seen to be held tells nothing by itself.
    pub(super) fn was_present(&self) -> bool {
        self.present_at().is_some()
    }

    /// The newest proof that the node serves the subscriber: it registered it, or reached it.
    pub(super) fn present_at(&self) -> Option<Timestamp> {
        self.registered_at.max(self.reachable_at())
    }
}
