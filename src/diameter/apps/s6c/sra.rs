//! Send-Routing-Info-for-SM-Answer: where an HSS would have a short message delivered (TS 29.338 §5.2.1).
//!
//! Answers reach whoever asked; whoever does so here has [`read_sra`] to make an event of them.

use super::{Changes, lost};
use crate::diameter::apps::read::{imsi, node};
use crate::diameter::codec::{Avp, Defect, Group, Message};
use crate::diameter::dict::s6c::{self, absent_user_diagnostic as diagnostic, mwd_status};
use crate::diameter::dict::{AvpDef, base, tgpp};
use crate::domain::{Change, Ends, Event, Node, Slot, SubscriberIdentifiers, Timestamp};

/// What was asked with the SRR that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    /// About whom.
    pub subscriber: SubscriberIdentifiers,
    /// Whether every path was asked for: GPRS-Indicator was set in SRR-Flags. Then a path that the answer does not name is
    /// not there.
    pub every_path: bool,
}

/// The paths that an answer can name beside those of a 5G core, which only later releases tell.
const PATHS: [Slot; 4] = [Slot::Msc, Slot::MmeSms, Slot::SgsnSms, Slot::IpSmGw];

/// What an answer means: the event, if it tells of any. Timed by its receipt.
///
/// | in the answer | change |
/// |---|---|
/// | Serving-Node, Additional-Serving-Node | registered for SMS with that node |
/// | a path that was asked for and is not named | nobody serves it |
/// | MWD-Status MNRF | MSC or MME unreachable, whichever is named, or both |
/// | MWD-Status MNRG | SGSN unreachable |
/// | MWD-Status MCEF | none: the device's memory is full, it was reached |
/// | an absent-user diagnostic 3, 4, 7, 8, 11 | deregistered at the node, if it is named |
/// | any other diagnostic | unreachable |
/// | Experimental-Result ABSENT_USER | unreachable by every path |
/// | any other error | none: about the subscription, or about nobody |
///
/// # Errors
///
/// The answer cannot be read: its structure is broken, or it names identities that are none.
pub fn read_sra(
    answer: &Message<'_>,
    asked: &Routing,
    received_at: Timestamp,
) -> Result<Option<Event>, Defect> {
    if let Some(defect) = answer.defects().first() {
        return Err(defect.clone());
    }
    let changes = match result(answer)? {
        Answer::Success => success(answer, asked.every_path)?,
        Answer::AbsentUser => Slot::SMS
            .into_iter()
            .map(|slot| lost(slot, Node::unnamed()))
            .collect(),
        Answer::Other => return Ok(None),
    };
    let named = answer.find(&base::USER_NAME).map(|avp| imsi(&avp)).transpose()?;
    let subscriber = match named {
        Some(imsi) => asked.subscriber.or(&imsi.into()),
        None => asked.subscriber.clone(),
    };
    let binds = subscriber.bindings().next().is_some();
    Ok((binds || !changes.is_empty()).then(|| Event::new(subscriber, received_at, received_at, changes)))
}

enum Answer {
    Success,
    AbsentUser,
    Other,
}

fn result(answer: &Message<'_>) -> Result<Answer, Defect> {
    if let Some(code) = answer.find(&base::RESULT_CODE) {
        let success = code.as_u32()? / 1000 == 2;
        return Ok(if success { Answer::Success } else { Answer::Other });
    }
    let Some(result) = answer.find(&base::EXPERIMENTAL_RESULT) else {
        return Err(Defect::missing(&base::RESULT_CODE));
    };
    let members = result.grouped()?;
    let number = |def| -> Result<Option<u32>, Defect> {
        let member: Option<Avp<'_>> = members.find(def);
        member.map(|avp| avp.as_u32()).transpose()
    };
    let absent = number(&base::VENDOR_ID)? == Some(s6c::ABSENT_USER.vendor)
        && number(&base::EXPERIMENTAL_RESULT_CODE)? == Some(s6c::ABSENT_USER.code);
    Ok(if absent { Answer::AbsentUser } else { Answer::Other })
}

fn success(answer: &Message<'_>, every_path: bool) -> Result<Changes, Defect> {
    let mut nodes: Vec<(Slot, Node)> = Vec::new();
    for def in [&tgpp::SERVING_NODE, &tgpp::ADDITIONAL_SERVING_NODE] {
        if let Some(avp) = answer.find(def) {
            nodes.extend(serving_node(&avp.grouped()?)?);
        }
    }
    // Two nodes are all that fit: there may be a third. And behind an IP-SM-GW an HSS hides every other.
    let alone = match nodes.as_slice() {
        [(slot, _)] => (*slot != Slot::IpSmGw).then_some(*slot),
        _ => None,
    };
    for (def, slot) in [
        (&tgpp::SMSF_3GPP_ADDRESS, Slot::Smsf3gpp),
        (&tgpp::SMSF_NON_3GPP_ADDRESS, Slot::SmsfNon3gpp),
    ] {
        if let Some(avp) = answer.find(def) {
            nodes.extend(smsf(&avp.grouped()?)?.map(|node| (slot, node)));
        }
    }
    let mut changes = Changes::new();
    for (slot, node) in &nodes {
        changes.push(Change::Registered {
            slot: *slot,
            node: node.clone(),
            ends: Ends::default(),
        });
    }
    if let Some(alone) = alone.filter(|_| every_path) {
        let others = PATHS.into_iter().filter(|slot| *slot != alone);
        changes.extend(others.map(|slot| Change::Cleared { slot }));
    }
    let server = |slot: Slot| {
        nodes
            .iter()
            .find(|(named, _)| *named == slot)
            .map(|(_, node)| node)
    };
    let status = number(answer, &tgpp::MWD_STATUS)?.unwrap_or(0);
    for (flag, slots) in [
        (mwd_status::MNRF, &[Slot::Msc, Slot::MmeSms][..]),
        (mwd_status::MNRG, &[Slot::SgsnSms]),
    ] {
        if status & flag == 0 {
            continue;
        }
        let any = slots.iter().any(|slot| server(*slot).is_some());
        for slot in slots {
            match server(*slot) {
                Some(node) => changes.push(lost(*slot, node.clone())),
                None if any => {}
                None => changes.push(lost(*slot, Node::unnamed())),
            }
        }
    }
    for (def, slot) in [
        (&tgpp::MME_ABSENT_USER_DIAGNOSTIC_SM, Slot::MmeSms),
        (&tgpp::MSC_ABSENT_USER_DIAGNOSTIC_SM, Slot::Msc),
        (&tgpp::SGSN_ABSENT_USER_DIAGNOSTIC_SM, Slot::SgsnSms),
        (&tgpp::SMSF_3GPP_ABSENT_USER_DIAGNOSTIC_SM, Slot::Smsf3gpp),
        (&tgpp::SMSF_NON_3GPP_ABSENT_USER_DIAGNOSTIC_SM, Slot::SmsfNon3gpp),
    ] {
        if let Some(value) = number(answer, def)? {
            changes.push(absence(slot, server(slot), value));
        }
    }
    Ok(changes)
}

/// What a diagnostic says of a path (TS 23.040 §3.3.2). Only a node that is named can be let go.
fn absence(slot: Slot, node: Option<&Node>, value: u32) -> Change {
    let deregistered = matches!(
        value,
        diagnostic::DEREGISTERED_NON_GPRS
            | diagnostic::PURGED_NON_GPRS
            | diagnostic::DEREGISTERED_GPRS
            | diagnostic::PURGED_GPRS
            | diagnostic::DEREGISTERED_IMS
    );
    match node {
        Some(node) if deregistered => Change::Deregistered {
            slot,
            node: node.clone(),
        },
        Some(node) => lost(slot, node.clone()),
        None => lost(slot, Node::unnamed()),
    }
}

/// The node that a Serving-Node describes, and its slot; `None` for one that is not known here. A name is preferred to a
/// number. The number of an MSC beside the name of an MME is the MME's own, for messages through it.
pub(super) fn serving_node(members: &Group<'_>) -> Result<Option<(Slot, Node)>, Defect> {
    for (name, number, slot) in [
        (Some(&tgpp::MME_NAME), &tgpp::MME_NUMBER_FOR_MT_SMS, Slot::MmeSms),
        (Some(&tgpp::SGSN_NAME), &tgpp::SGSN_NUMBER, Slot::SgsnSms),
        (None, &tgpp::MSC_NUMBER, Slot::Msc),
        (Some(&tgpp::IP_SM_GW_NAME), &tgpp::IP_SM_GW_NUMBER, Slot::IpSmGw),
    ] {
        if let Some(avp) = name.and_then(|name| members.find(name)) {
            return Ok(Some((slot, node(&avp)?)));
        }
        if let Some(avp) = members.find(number) {
            return Ok(Some((slot, by_number(&avp)?)));
        }
    }
    Ok(None)
}

fn smsf(members: &Group<'_>) -> Result<Option<Node>, Defect> {
    for (name, number) in [
        (&tgpp::SMSF_3GPP_NAME, &tgpp::SMSF_3GPP_NUMBER),
        (&tgpp::SMSF_NON_3GPP_NAME, &tgpp::SMSF_NON_3GPP_NUMBER),
    ] {
        if let Some(avp) = members.find(name) {
            return node(&avp).map(Some);
        }
        if let Some(avp) = members.find(number) {
            return by_number(&avp).map(Some);
        }
    }
    Ok(None)
}

/// A node known by its international number.
fn by_number(avp: &Avp<'_>) -> Result<Node, Defect> {
    Node::parse(avp.as_tbcd()?.as_str()).map_err(|_| Defect::invalid_value(avp))
}

fn number(answer: &Message<'_>, def: &AvpDef) -> Result<Option<u32>, Defect> {
    answer.find(def).map(|avp| avp.as_u32()).transpose()
}
