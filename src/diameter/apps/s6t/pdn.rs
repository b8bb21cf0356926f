//! PDN-Connectivity-Status-Report (TS 29.336 §8.4.74): a PDN connection was made or released.

use std::net::IpAddr;

use crate::diameter::codec::{Avp, Defect, Group};
use crate::diameter::dict::s6t::pdn_connectivity_status_type as status;
use crate::diameter::dict::tgpp;
use crate::diameter::dict::{AvpDef, base};
use crate::domain::{
    Change, Ends, IpChange, IpChangeKind, Node, Registrations, RoutingDomain, SessionAddress, Slot,
};

use super::report::Changes;

/// What the names of these sessions begin with, before the APN. The node is not part of it: a connection outlives a change
/// of MME, and its release is reported by the new one.
const PREFIX: &str = "pdn:";

/// A connection has one address of each family; what is beyond this many is left out.
const MOST_ADDRESSES: usize = 4;

/// The bits of a PDN connection's IPv6 prefix (TS 23.401 §5.3.1.2.2).
const PREFIX_BITS: u8 = 64;

/// CREATED registers a session with its addresses, DELETED ends it and them.
pub(super) fn read(
    report: &Group<'_>,
    changes: &mut Changes,
    addresses: &mut Vec<IpChange>,
) -> Result<(), Defect> {
    for avp in report.find_all(&tgpp::PDN_CONNECTIVITY_STATUS_REPORT) {
        let status_report = avp.grouped()?;
        let apn = required(&status_report, &base::SERVICE_SELECTION)?;
        let node = session(apn.as_utf8()?).ok_or_else(|| Defect::invalid_value(&apn))?;
        let kind = required(&status_report, &tgpp::PDN_CONNECTIVITY_STATUS_TYPE)?;
        let kind = match kind.as_u32()? {
            status::CREATED => IpChangeKind::Started,
            status::DELETED => IpChangeKind::Ended,
            _ => return Err(Defect::invalid_value(&kind)),
        };
        for address in status_report
            .find_all(&tgpp::SERVED_PARTY_IP_ADDRESS)
            .take(MOST_ADDRESSES)
        {
            let address = match address.as_address()? {
                IpAddr::V4(address) => SessionAddress::v4(RoutingDomain::default(), address),
                IpAddr::V6(address) => SessionAddress::v6(address, PREFIX_BITS),
            };
            addresses.extend(address.map(|address| IpChange {
                address,
                session: node.clone(),
                kind,
            }));
        }
        let slot = Slot::Session;
        changes.push(match kind {
            IpChangeKind::Started => Change::Registered {
                slot,
                node,
                ends: Ends::default(),
            },
            IpChangeKind::Ended => Change::Deregistered { slot, node },
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
