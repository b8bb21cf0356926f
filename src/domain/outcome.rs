//! What an event did to what was known: for answers and for metrics.

/// What one event did to what was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It is about a subscriber that was erased, and nothing is kept of it.
    Erased,
    /// The very same was known already.
    Duplicate,
    /// Something newer was known already.
    Stale,
    /// It ends, or reports on, a registration that its node does not hold (any more): kept as a fact, without effect.
    NotHolder,
    /// It is news.
    Applied,
}

impl Outcome {
    /// The word for it in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Duplicate => "duplicate",
            Self::Stale => "stale",
            Self::NotHolder => "stale_purge_ignored",
            Self::Applied => "applied",
        }
    }
}

/// What one event did, as a whole and change by change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The strongest outcome of its changes.
    pub outcome: Outcome,
    /// Bit n: the nth change stands now, by this event or before it.
    stands: u16,
}

impl Effect {
    /// Nothing has happened yet.
    pub(super) const NONE: Self = Self {
        outcome: Outcome::Duplicate,
        stands: 0,
    };

    /// Adds the outcome of the change at a place.
    pub(super) fn add(&mut self, place: usize, outcome: Outcome) {
        self.outcome = self.outcome.max(outcome);
        if matches!(outcome, Outcome::Applied | Outcome::Duplicate) {
            self.stands |= u32::try_from(place)
                .ok()
                .and_then(|place| 1u16.checked_shl(place))
                .unwrap_or(0);
        }
    }

    /// Whether the change at a place stands: it is news, or was known. Places beyond the sixteenth never do.
    pub fn stands(self, place: usize) -> bool {
        u32::try_from(place).is_ok_and(|place| self.stands.checked_shr(place).unwrap_or(0) & 1 == 1)
    }

    /// The same event having also bound an identifier.
    #[must_use]
    pub fn or(self, outcome: Outcome) -> Self {
        Self {
            outcome: self.outcome.max(outcome),
            ..self
        }
    }
}

impl From<Outcome> for Effect {
    /// Every change had this outcome.
    fn from(outcome: Outcome) -> Self {
        let stands = if matches!(outcome, Outcome::Applied | Outcome::Duplicate) {
            u16::MAX
        } else {
            0
        };
        Self { outcome, stands }
    }
}
