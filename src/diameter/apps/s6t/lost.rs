//! Loss of connectivity (TS 29.336 §8.4.58).

use smallvec::SmallVec;

use crate::diameter::codec::{Defect, Group};
use crate::diameter::dict::s6t::loss_of_connectivity_reason as reason;
use crate::diameter::dict::tgpp;
use crate::domain::{Change, Node, Registrations, Slot, Timestamp};

use super::report::Changes;
use super::serving::{self, Half};
use super::{pdn, serving::lost_in};

/// The data slots of the cellular network, one of which an attached device holds.
const CELLULAR: [Slot; 3] = [Slot::Mme, Slot::Sgsn, Slot::Amf3gpp];

/// | Loss-Of-Connectivity-Reason | change |
/// |---|---|
/// | 0, 1 detached; 2, 3 maximum detection time expired | unreachable, data and SMS of the half that it names |
/// | 4, 5 purged | deregistered there |
/// | none, or one that is not known here | unreachable in whatever half the sender holds |
///
/// The loss is the sender's alone: at a node that the device has left it changes nothing. An HSS speaks of whoever
/// serves the device. A device that is attached nowhere else has lost with it the path for SMS that was never named, and
/// the PDN connections that were reported: no release of them will be.
pub(super) fn read(
    report: &Group<'_>,
    sender: Option<&Node>,
    known: &Registrations,
    received_at: Timestamp,
    changes: &mut Changes,
) -> Result<(), Defect> {
    let reason = report
        .find(&tgpp::LOSS_OF_CONNECTIVITY_REASON)
        .map(|avp| avp.as_u32())
        .transpose()?;
    let (named, purged) = match reason {
        Some(reason::UE_DETACHED_MME | reason::MAX_DETECTION_TIME_EXPIRED_MME) => (Some(Half::Mme), false),
        Some(reason::UE_DETACHED_SGSN | reason::MAX_DETECTION_TIME_EXPIRED_SGSN) => (Some(Half::Sgsn), false),
        Some(reason::UE_PURGED_MME) => (Some(Half::Mme), true),
        Some(reason::UE_PURGED_SGSN) => (Some(Half::Sgsn), true),
        _ => (None, false),
    };
    let halves = lost_in(named, sender, known);
    let node = serving::node(sender);
    for half in &halves {
        if !purged {
            changes.push(unreachable(half.data(), &node));
            changes.push(unreachable(half.sms(), &node));
        } else if sender.is_some() {
            changes.push(deregistered(half.data(), &node));
            changes.push(deregistered(half.sms(), &node));
        } else {
            changes.push(Change::Cleared { slot: half.data() });
            changes.push(Change::Cleared { slot: half.sms() });
        }
    }
    let lost: SmallVec<[Slot; 2]> = halves.iter().map(|half| half.data()).collect();
    take_along(&lost, sender, known, received_at, changes);
    Ok(())
}

/// What it means that an HSS knows no MME and no SGSN where the subscriber is (S6t-HSS-Cause, TS 29.336 §8.4.50), at that
/// time: it is purged in both.
pub fn absent(known: &Registrations, at: Timestamp) -> Vec<Change> {
    let mut changes = Changes::new();
    for half in [Half::Mme, Half::Sgsn] {
        changes.push(Change::Cleared { slot: half.data() });
        changes.push(Change::Cleared { slot: half.sms() });
    }
    take_along(&[Slot::Mme, Slot::Sgsn], None, known, at, &mut changes);
    changes.into_vec()
}

/// What is lost together with these slots, unless the device is attached elsewhere.
fn take_along(
    lost: &[Slot],
    sender: Option<&Node>,
    known: &Registrations,
    now: Timestamp,
    changes: &mut Changes,
) {
    if !stands_elsewhere(known, lost, sender, now) {
        changes.push(unreachable(Slot::AnySms, &Node::unnamed()));
        changes.extend(pdn::sessions(known).map(|session| unreachable(Slot::Session, &session)));
    }
}

/// Whether the device is attached in another slot than those, or in one of those at another node.
fn stands_elsewhere(known: &Registrations, lost: &[Slot], sender: Option<&Node>, now: Timestamp) -> bool {
    let at_another = |slot: Slot| {
        known.holder(slot).is_some_and(|holder| {
            !holder.node.is_unnamed() && sender.is_some_and(|sender| holder.node != *sender)
        })
    };
    CELLULAR.into_iter().any(|slot| {
        matches!(known.state(slot, now), crate::domain::SlotState::Up(_))
            && (!lost.contains(&slot) || at_another(slot))
    })
}

fn unreachable(slot: Slot, node: &Node) -> Change {
    Change::Unreachable {
        slot,
        node: node.clone(),
        until: None,
    }
}

fn deregistered(slot: Slot, node: &Node) -> Change {
    Change::Deregistered {
        slot,
        node: node.clone(),
    }
}
