//! Which registration a report is about: the half of the EPS pair, and its node.

use smallvec::{SmallVec, smallvec};

use crate::diameter::codec::{Defect, Group};
use crate::diameter::dict::tgpp;
use crate::domain::{Node, Registrations, Slot};

/// A half of the EPS pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Mme,
    Sgsn,
}

impl Half {
    pub(super) fn data(self) -> Slot {
        match self {
            Self::Mme => Slot::Mme,
            Self::Sgsn => Slot::Sgsn,
        }
    }

    pub(super) fn sms(self) -> Slot {
        match self {
            Self::Mme => Slot::MmeSms,
            Self::Sgsn => Slot::SgsnSms,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Mme => Self::Sgsn,
            Self::Sgsn => Self::Mme,
        }
    }
}

/// The node that a report is about: its sender, or whoever serves the subscriber if an HSS sent it.
pub(super) fn node(sender: Option<&Node>) -> Node {
    sender.cloned().unwrap_or_else(Node::unnamed)
}

/// The half in which a subscriber was reached.
///
/// Reports seldom tell. What tells is location information of one half, the RAT-Type of an eDRX cycle, or that the
/// sender is known to hold the SGSN slot and not the MME slot. Otherwise it is the MME: T6b is rare.
pub(super) fn reached_in(
    report: &Group<'_>,
    sender: Option<&Node>,
    known: &Registrations,
) -> Result<Half, Defect> {
    if let Some(half) = told(report)? {
        return Ok(half);
    }
    Ok(
        if holds(known, Half::Sgsn, sender) && !holds(known, Half::Mme, sender) {
            Half::Sgsn
        } else {
            Half::Mme
        },
    )
}

/// The halves in which a subscriber was lost, if the reason names that half.
///
/// A report that did not tell its half may have been taken for the other one: then the loss is of that one too. Without
/// a reason both are lost as far as this node holds them.
pub(super) fn lost_in(
    named: Option<Half>,
    sender: Option<&Node>,
    known: &Registrations,
) -> SmallVec<[Half; 2]> {
    match named {
        None => smallvec![Half::Mme, Half::Sgsn],
        Some(half) if known.holder(half.data()).is_none() && holds(known, half.other(), sender) => {
            smallvec![half, half.other()]
        }
        Some(half) => smallvec![half],
    }
}

/// Whether the sender, or for an HSS anybody, holds that half.
fn holds(known: &Registrations, half: Half, sender: Option<&Node>) -> bool {
    known
        .holder(half.data())
        .is_some_and(|holder| sender.is_none_or(|sender| holder.node == *sender))
}

/// The half that the report itself tells of.
fn told(report: &Group<'_>) -> Result<Option<Half>, Defect> {
    if let Some(location) = report.find(&tgpp::EPS_LOCATION_INFORMATION) {
        let location = location.grouped()?;
        let mme = location.find(&tgpp::MME_LOCATION_INFORMATION).is_some();
        let sgsn = location.find(&tgpp::SGSN_LOCATION_INFORMATION).is_some();
        if mme != sgsn {
            return Ok(Some(if mme { Half::Mme } else { Half::Sgsn }));
        }
    }
    let Some(idle) = report.find(&tgpp::IDLE_STATUS_INDICATION) else {
        return Ok(None);
    };
    let Some(cycle) = idle.grouped()?.find(&tgpp::EDRX_CYCLE_LENGTH) else {
        return Ok(None);
    };
    match cycle.grouped()?.find(&tgpp::RAT_TYPE) {
        None => Ok(None),
        Some(rat) => Ok(match rat.as_i32()? {
            // UTRAN, GERAN, GAN, HSPA_EVOLUTION (TS 29.212 §5.3.31).
            1000..=1003 => Some(Half::Sgsn),
            // EUTRAN and its narrow-band kinds.
            1004 | 1005 | 1007 => Some(Half::Mme),
            _ => None,
        }),
    }
}
