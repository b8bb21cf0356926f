//! One report, of a Monitoring-Event-Report or a Group-Report-Item (TS 29.336 §8.4.3, §8.4.61; TS 29.128 §6.4).

use std::time::Duration;

use smallvec::SmallVec;

use crate::diameter::codec::{Avp, Defect, Group};
use crate::diameter::dict::s6t::{monitoring_type as kind, reachability_information};
use crate::diameter::dict::tgpp;
use crate::domain::{Aspect, Change, IpChange, Node, Registrations, Slot, Timestamp};

use super::serving::reached_in;
use super::{lost, pdn, serving};

/// The changes of one report.
pub(super) type Changes = SmallVec<[Change; 1]>;

/// What a report is about, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportKind {
    /// The device was lost.
    Loss,
    /// The device can be reached for data.
    Data,
    /// The device can be reached for SMS.
    Sms,
    /// The device went idle.
    Idle,
    /// A PDN connection was made or released.
    Pdn,
    /// The device entered or left a visited network.
    Roaming,
    /// The configuration itself: suspended, resumed, cancelled, refused.
    Handling,
    /// What says nothing about reachability.
    Other,
}

impl ReportKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Loss,
        Self::Data,
        Self::Sms,
        Self::Idle,
        Self::Pdn,
        Self::Roaming,
        Self::Handling,
        Self::Other,
    ];

    /// The word for it in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Data => "data",
            Self::Sms => "sms",
            Self::Idle => "idle",
            Self::Pdn => "pdn",
            Self::Roaming => "roaming",
            Self::Handling => "handling",
            Self::Other => "other",
        }
    }
}

/// Around a report.
pub(super) struct Context<'a> {
    /// The MME or SGSN that sent it; `None` for an HSS.
    pub(super) sender: Option<&'a Node>,
    /// What was asked under its reference, if that is known.
    pub(super) aspect: Option<Aspect>,
    /// What is known of the subscriber.
    pub(super) known: &'a Registrations,
    /// When it was received, or of when it is if that was earlier.
    pub(super) received_at: Timestamp,
}

/// What a report says.
pub(super) struct Told {
    pub(super) kind: ReportKind,
    pub(super) at: Timestamp,
    pub(super) changes: Changes,
    pub(super) addresses: Vec<IpChange>,
}

/// | report | change |
/// |---|---|
/// | type 0 | see [`lost`] |
/// | type 1, Reachability-Information 1; type 6 | reachable, in the half that [`reached_in`] finds |
/// | type 1, Reachability-Information 0, from an HSS | reachable by SMS, by a path that is not told |
/// | the same from an MME or SGSN | reachable by SMS there |
/// | type 8 or 9 with Idle-Status-Indication | reachable there, until Active-Time is over if there is one |
/// | type 10 | a session is made or released, with its addresses |
/// | type 4 | reachable at whoever serves it: it has just registered there |
/// | types 2, 3, 5, 7 | none |
///
/// Maximum-UE-Availability-Time ends what is reported reachable. A type that is left out is told by what the report
/// holds, or else by what was asked.
pub(super) fn read(report: &Group<'_>, context: &Context<'_>) -> Result<Told, Defect> {
    let &Context {
        sender,
        aspect: _,
        known,
        received_at,
    } = context;
    let kind = kind_of(report, context)?;
    let mut at = time(report.find(&tgpp::REPORTING_TIME_STAMP), received_at)?.unwrap_or(received_at);
    let mut changes = Changes::new();
    let mut addresses = Vec::new();
    match kind {
        ReportKind::Loss => lost::read(report, sender, known, received_at, &mut changes)?,
        ReportKind::Data => {
            let until = seconds(report.find(&tgpp::MAXIMUM_UE_AVAILABILITY_TIME))?;
            let slot = reached_in(report, sender, known)?.data();
            changes.push(reachable(slot, serving::node(sender), at, until));
        }
        ReportKind::Sms => {
            let until = seconds(report.find(&tgpp::MAXIMUM_UE_AVAILABILITY_TIME))?;
            let slot = match sender {
                Some(_) => reached_in(report, sender, known)?.sms(),
                None => Slot::AnySms,
            };
            changes.push(reachable(slot, serving::node(sender), at, until));
        }
        ReportKind::Idle => {
            let slot = reached_in(report, sender, known)?.data();
            let mut until = seconds(report.find(&tgpp::MAXIMUM_UE_AVAILABILITY_TIME))?;
            if let Some(idle) = report.find(&tgpp::IDLE_STATUS_INDICATION) {
                let idle = idle.grouped()?;
                at = time(idle.find(&tgpp::IDLE_STATUS_TIMESTAMP), received_at)?.unwrap_or(at);
                if let Some(active) = idle.find(&tgpp::ACTIVE_TIME) {
                    until = Some(at.plus(Duration::from_secs(active.as_u32()?.into())));
                }
            }
            changes.push(Change::Reachable {
                slot,
                node: serving::node(sender),
                // A device that sleeps at once was there when it went idle.
                until: until.filter(|until| *until >= at),
            });
        }
        ReportKind::Pdn => pdn::read(report, &mut changes, &mut addresses)?,
        ReportKind::Roaming => changes.push(reachable(Slot::Mme, Node::unnamed(), at, None)),
        ReportKind::Handling | ReportKind::Other => {}
    }
    Ok(Told {
        kind,
        at,
        changes,
        addresses,
    })
}

/// What a report is about.
fn kind_of(report: &Group<'_>, context: &Context<'_>) -> Result<ReportKind, Defect> {
    let has = |def| report.find(def).is_some();
    let told = report
        .find(&tgpp::MONITORING_TYPE)
        .map(|avp| avp.as_u32())
        .transpose()?;
    Ok(match told {
        Some(kind::LOSS_OF_CONNECTIVITY) => ReportKind::Loss,
        Some(
            kind::UE_REACHABILITY
            | kind::AVAILABILITY_AFTER_DDN_FAILURE
            | kind::UE_REACHABILITY_AND_IDLE_STATUS_INDICATION
            | kind::AVAILABILITY_AFTER_DDN_FAILURE_AND_IDLE_STATUS_INDICATION,
        ) if has(&tgpp::IDLE_STATUS_INDICATION) => ReportKind::Idle,
        Some(
            kind::AVAILABILITY_AFTER_DDN_FAILURE
            | kind::AVAILABILITY_AFTER_DDN_FAILURE_AND_IDLE_STATUS_INDICATION,
        ) => ReportKind::Data,
        Some(kind::UE_REACHABILITY | kind::UE_REACHABILITY_AND_IDLE_STATUS_INDICATION) => {
            reachability(report, context)?
        }
        Some(kind::ROAMING_STATUS) => ReportKind::Roaming,
        Some(kind::PDN_CONNECTIVITY_STATUS) => ReportKind::Pdn,
        Some(_) => ReportKind::Other,
        None if has(&tgpp::LOSS_OF_CONNECTIVITY_REASON) => ReportKind::Loss,
        None if has(&tgpp::IDLE_STATUS_INDICATION) => ReportKind::Idle,
        None if has(&tgpp::REACHABILITY_INFORMATION) => reachability(report, context)?,
        None if has(&tgpp::PDN_CONNECTIVITY_STATUS_REPORT) => ReportKind::Pdn,
        None if has(&tgpp::ROAMING_INFORMATION) => ReportKind::Roaming,
        None if OF_OTHER_KINDS.iter().any(has) => ReportKind::Other,
        None => match context.aspect {
            Some(Aspect::Loss) => ReportKind::Loss,
            Some(Aspect::Data) => ReportKind::Data,
            Some(Aspect::Sms) => ReportKind::Sms,
            None => ReportKind::Other,
        },
    })
}

/// What makes a report without a type one that says nothing about reachability.
const OF_OTHER_KINDS: [crate::diameter::dict::AvpDef; 4] = [
    tgpp::IMEI_CHANGE,
    tgpp::EPS_LOCATION_INFORMATION,
    tgpp::COMMUNICATION_FAILURE_INFORMATION,
    tgpp::TERMINAL_INFORMATION,
];

/// For data or for SMS: as the report says, else as was asked, else what this kind of sender watches (TS 29.336 §5.2).
fn reachability(report: &Group<'_>, context: &Context<'_>) -> Result<ReportKind, Defect> {
    if let Some(avp) = report.find(&tgpp::REACHABILITY_INFORMATION) {
        return match avp.as_u32()? {
            reachability_information::REACHABLE_FOR_SMS => Ok(ReportKind::Sms),
            reachability_information::REACHABLE_FOR_DATA => Ok(ReportKind::Data),
            _ => Err(Defect::invalid_value(&avp)),
        };
    }
    Ok(match context.aspect {
        Some(Aspect::Sms) => ReportKind::Sms,
        Some(Aspect::Data) => ReportKind::Data,
        _ if context.sender.is_none() => ReportKind::Sms,
        _ => ReportKind::Data,
    })
}

/// A limit that was over when the report was made bounds nothing.
fn reachable(slot: Slot, node: Node, at: Timestamp, until: Option<Timestamp>) -> Change {
    Change::Reachable {
        slot,
        node,
        until: until.filter(|until| *until > at),
    }
}

/// The time that an AVP tells for what is reported. It has whole seconds: within the second of the receipt it tells no
/// more than the receipt does, which orders it among messages that carry no time.
fn time(avp: Option<Avp<'_>>, received_at: Timestamp) -> Result<Option<Timestamp>, Defect> {
    Ok(seconds(avp)?.map(|told| {
        if told < received_at && received_at < told.plus(Duration::from_secs(1)) {
            received_at
        } else {
            told
        }
    }))
}

fn seconds(avp: Option<Avp<'_>>) -> Result<Option<Timestamp>, Defect> {
    let seconds = avp.map(|avp| avp.as_time()).transpose()?;
    Ok(seconds.and_then(|seconds| Timestamp::from_micros(seconds.saturating_mul(1_000_000))))
}
