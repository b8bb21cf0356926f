//! Which kinds of events a simulated network sends, and how often.

use std::fmt;
use std::str::FromStr;

/// What can happen to a simulated device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// ULR with Initial-Attach-Indicator, from any MME, for a device that is not registered.
    Attach,
    /// ULR from the MME that serves the device already.
    Update,
    /// ULR from another MME.
    Move,
    /// PUR from the MME that serves the device.
    Purge,
    /// PUR from the MME that served it before it moved: must change nothing.
    LatePurge,
    /// CLR (MME_UPDATE_PROCEDURE) to the MME that served it before it moved: must change nothing.
    LateCancel,
    /// CLR (SUBSCRIPTION_WITHDRAWAL) to the MME that serves the device.
    Withdraw,
    /// NOR with UE-Reachable-from-MME.
    Notify,
    /// IDR whose Subscription-Data carries the MSISDN.
    Insert,
}

impl Kind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Attach,
        Self::Update,
        Self::Move,
        Self::Purge,
        Self::LatePurge,
        Self::LateCancel,
        Self::Withdraw,
        Self::Notify,
        Self::Insert,
    ];

    /// The word for it in `--mix` and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Update => "update",
            Self::Move => "move",
            Self::Purge => "purge",
            Self::LatePurge => "late-purge",
            Self::LateCancel => "late-cancel",
            Self::Withdraw => "withdraw",
            Self::Notify => "notify",
            Self::Insert => "insert",
        }
    }

    /// Whether it is an Update-Location, which settles where the device is whatever came before.
    pub fn is_update_location(self) -> bool {
        matches!(self, Self::Attach | Self::Update | Self::Move)
    }
}

/// The weight of each kind; only their proportions matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix([u32; Kind::ALL.len()]);

/// Why a text is not a mix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// Not `name=weight`.
    #[error("{0:?} is not of the form kind=weight")]
    Form(String),
    /// No such kind.
    #[error("there is no kind {0:?}; there are {kinds}", kinds = Kinds)]
    Kind(String),
    /// Not a whole number up to 1000000.
    #[error("the weight of {0} is not a whole number from 0 to 1000000")]
    Weight(&'static str),
    /// Nothing would ever be sent.
    #[error("at least one weight must be above 0")]
    Empty,
}

struct Kinds;

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Kind::ALL.map(Kind::name).join(", "))
    }
}

impl Mix {
    /// These weights; whatever is not named does not happen.
    pub fn of(weights: &[(Kind, u32)]) -> Self {
        Self(Kind::ALL.map(|kind| {
            weights
                .iter()
                .filter(|(named, _)| *named == kind)
                .map(|(_, weight)| *weight)
                .sum()
        }))
    }

    /// Draws a kind. `number` is taken modulo the sum of the weights.
    pub fn pick(&self, number: u64) -> Kind {
        let total: u64 = self.0.iter().map(|weight| u64::from(*weight)).sum();
        let mut rest = number % total.max(1);
        for (kind, weight) in Kind::ALL.into_iter().zip(self.0) {
            match rest.checked_sub(u64::from(weight)) {
                None => return kind,
                Some(less) => rest = less,
            }
        }
        Kind::Update
    }
}

impl Default for Mix {
    /// A network by day: mostly updates, some movement, few departures.
    fn default() -> Self {
        Self::of(&[
            (Kind::Attach, 20),
            (Kind::Update, 50),
            (Kind::Move, 20),
            (Kind::Purge, 5),
            (Kind::LatePurge, 5),
        ])
    }
}

impl FromStr for Mix {
    type Err = MixError;

    /// Reads `attach=20,update=60,purge=20`. What is not named has weight 0.
    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut weights = [0; Kind::ALL.len()];
        for part in text.split(',') {
            let (name, weight) = part
                .split_once('=')
                .ok_or_else(|| MixError::Form(part.to_owned()))?;
            let name = name.trim();
            let (kind, place) = Kind::ALL
                .into_iter()
                .zip(&mut weights)
                .find(|(kind, _)| kind.name() == name)
                .ok_or_else(|| MixError::Kind(name.to_owned()))?;
            *place = weight
                .trim()
                .parse()
                .ok()
                .filter(|weight| *weight <= 1_000_000)
                .ok_or_else(|| MixError::Weight(kind.name()))?;
        }
        if weights.iter().all(|weight| *weight == 0) {
            return Err(MixError::Empty);
        }
        Ok(Self(weights))
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Kind::ALL
            .into_iter()
            .zip(self.0)
            .filter(|(_, weight)| *weight > 0)
            .map(|(kind, weight)| format!("{}={weight}", kind.name()));
        f.write_str(&named.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_reads_back_as_it_is_written() {
        let mix = Mix::default();
        assert_eq!(mix.to_string().parse(), Ok(mix));
        assert_eq!(
            "late-purge=1, notify = 3"
                .parse::<Mix>()
                .map(|mix| mix.to_string()),
            Ok("late-purge=1,notify=3".into())
        );
    }

    #[test]
    fn a_wrong_mix_is_refused_with_what_is_wrong() {
        let refused = |text: &str| text.parse::<Mix>().map_err(|error| error.to_string()).err();
        assert_eq!(
            refused("attach").as_deref(),
            Some("\"attach\" is not of the form kind=weight")
        );
        assert_eq!(
            refused("detach=1").as_deref(),
            Some(
                "there is no kind \"detach\"; there are attach, update, move, purge, late-purge, late-cancel, withdraw, \
                 notify, insert"
            )
        );
        assert_eq!(
            refused("purge=-1").as_deref(),
            Some("the weight of purge is not a whole number from 0 to 1000000")
        );
        assert_eq!(
            refused("purge=0").as_deref(),
            Some("at least one weight must be above 0")
        );
    }

    #[test]
    fn kinds_are_drawn_by_their_weight() {
        let Ok(mix) = "attach=1,purge=3".parse::<Mix>() else {
            unreachable!("a fine mix")
        };
        let drawn: Vec<_> = (0..4).map(|number| mix.pick(number)).collect();
        assert_eq!(drawn, [Kind::Attach, Kind::Purge, Kind::Purge, Kind::Purge]);
    }
}
