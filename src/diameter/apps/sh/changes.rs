//! What Sh-Data means for a subscriber's registrations.

use super::data::{CsUserState, ImsUserState, ShData, UserState};
use crate::domain::{Change, Node, Slot, Timestamp};

/// The changes that a document tells of, all at one moment `at`.
///
/// | data | changes |
/// |---|---|
/// | EPSUserState, PSUserState, Sh-5GSUserState 0, 1, 3, 6 | unreachable in MME, SGSN, AMF, and for SMS through it |
/// | 2 | unreachable there, reachable for SMS through it |
/// | 4 | reachable there; a loss of SMS through it is over |
/// | 5 | none |
/// | CSUserState 0, 2 | reachable in MSC |
/// | 1 | unreachable in MSC |
/// | 3 | none |
/// | UEReachabilityForIP | reachable in MME, SGSN, AMF by member |
/// | IMSUserState 0, 2 | unreachable through IP-SM-GW |
/// | 1 | a loss there is over |
/// | 3 | none |
/// | SMSRegistrationInfo with an IP-SM-GW | registered there |
///
/// The node is the MME or MSC that the same document names. Where none is named, and for SGSN and AMF, the report is about
/// whoever serves the subscriber: what Sh gives of an SGSN is its number, and other feeds know it by its name.
///
/// A registration in IMS makes SMS over IP possible and proves no gateway, so by itself it makes nobody reachable.
pub fn changes(data: &ShData, at: Timestamp) -> Vec<Change> {
    let mut changes = Vec::new();
    let named = |node: &Option<Node>| node.clone().unwrap_or_else(Node::unnamed);
    let mme = named(&data.eps_location.node);
    for (state, slot, sms, node) in [
        (data.eps_state, Slot::Mme, Slot::MmeSms, &mme),
        (data.ps_state, Slot::Sgsn, Slot::SgsnSms, &Node::unnamed()),
        (
            data.five_gs_state,
            Slot::Amf3gpp,
            Slot::Smsf3gpp,
            &Node::unnamed(),
        ),
    ] {
        match state {
            None | Some(UserState::NotProvided) => {}
            Some(
                UserState::Detached
                | UserState::AttachedNotReachableForPaging
                | UserState::ConnectedNotReachableForPaging
                | UserState::NetworkDeterminedNotReachable,
            ) => changes.extend([lost(slot, node), lost(sms, node)]),
            Some(UserState::AttachedReachableForPaging) => {
                changes.extend([lost(slot, node), found(sms, node)]);
            }
            Some(UserState::ConnectedReachableForPaging) => {
                changes.extend([found(slot, node), lost_until(sms, node, at)]);
            }
        }
    }
    let msc = named(&data.cs_location.node);
    match data.cs_state {
        None | Some(CsUserState::NotProvided) => {}
        Some(CsUserState::CamelBusy | CsUserState::AssumedIdle) => changes.push(found(Slot::Msc, &msc)),
        Some(CsUserState::NetworkDeterminedNotReachable) => changes.push(lost(Slot::Msc, &msc)),
    }
    let reachable = data.reachable;
    for (told, slot) in [
        (reachable.mme, Slot::Mme),
        (reachable.sgsn, Slot::Sgsn),
        (reachable.amf_3gpp, Slot::Amf3gpp),
        (reachable.amf_non_3gpp, Slot::AmfNon3gpp),
    ] {
        if told {
            changes.push(found(slot, &Node::unnamed()));
        }
    }
    match data.ims_state {
        None | Some(ImsUserState::AuthenticationPending) => {}
        Some(ImsUserState::NotRegistered | ImsUserState::RegisteredUnregServices) => {
            changes.push(lost(Slot::IpSmGw, &Node::unnamed()));
        }
        Some(ImsUserState::Registered) => changes.push(lost_until(Slot::IpSmGw, &Node::unnamed(), at)),
    }
    if let Some(node) = &data.ip_sm_gw {
        changes.push(Change::Registered {
            slot: Slot::IpSmGw,
            node: node.clone(),
            ends: Default::default(),
        });
    }
    changes
}

/// What it means that the HSS was asked for SMSRegistrationInfo and names no IP-SM-GW: whoever was registered is not any
/// more.
pub fn without_gateway() -> Change {
    Change::Cleared { slot: Slot::IpSmGw }
}

fn found(slot: Slot, node: &Node) -> Change {
    Change::Reachable {
        slot,
        node: node.clone(),
        until: None,
    }
}

fn lost(slot: Slot, node: &Node) -> Change {
    Change::Unreachable {
        slot,
        node: node.clone(),
        until: None,
    }
}

/// An absence that ends at that time. One that is over is how it is told that a registration counts again, if there is
/// one.
fn lost_until(slot: Slot, node: &Node, until: Timestamp) -> Change {
    Change::Unreachable {
        slot,
        node: node.clone(),
        until: Some(until),
    }
}
