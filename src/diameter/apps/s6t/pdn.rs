//! PDN-Connectivity-Status-Report (TS 29.336 §8.4.74): a PDN connection was made or released.

use crate::diameter::codec::{Avp, Defect, Group};
use crate::diameter::dict::s6t::pdn_connectivity_status_type as status;
use crate::diameter::dict::tgpp;
use crate::diameter::dict::{AvpDef, base};
use crate::domain::{Change, Ends, Node, Registrations, Slot};

use super::report::Changes;

/// What the names of these sessions begin with, before the APN. The node is not part of it: a connection outlives a change
/// of MME, and its release is reported by the new one.
const PREFIX: &str = "pdn:";

/// CREATED registers a session, DELETED ends it.
pub(super) fn read(report: &Group<'_>, changes: &mut Changes) -> Result<(), Defect> {
    for avp in report.find_all(&tgpp::PDN_CONNECTIVITY_STATUS_REPORT) {
        let status_report = avp.grouped()?;
        let apn = required(&status_report, &base::SERVICE_SELECTION)?;
        let node = session(apn.as_utf8()?).ok_or_else(|| Defect::invalid_value(&apn))?;
        let kind = required(&status_report, &tgpp::PDN_CONNECTIVITY_STATUS_TYPE)?;
        let slot = Slot::Session;
        changes.push(match kind.as_u32()? {
            status::CREATED => Change::Registered {
                slot,
                node,
                ends: Ends::default(),
            },
            status::DELETED => Change::Deregistered { slot, node },
            _ => return Err(Defect::invalid_value(&kind)),
        });
    }
    Ok(())
}

/// The sessions that were reported here and still stand.
pub(super) fn sessions(known: &Registrations) -> impl Iterator<Item = Node> + '_ {
    known
        .in_slot(Slot::Session)
        .filter(|session| session.node.as_str().starts_with(PREFIX))
        .filter(|session| session.facts.deregistered_at < session.facts.registered_at)
        .map(|session| session.node.clone())
}

fn session(apn: &str) -> Option<Node> {
    Node::parse(&format!("{PREFIX}{apn}")).ok()
}

fn required<'a>(group: &Group<'a>, def: &AvpDef) -> Result<Avp<'a>, Defect> {
    group.find(def).ok_or_else(|| Defect::missing(def))
}
