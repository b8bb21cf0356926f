//! All reports of a message: from references to subscribers, to events.

use smallvec::SmallVec;

use crate::diameter::apps::{Answered, Asked, Decoded, Monitored, Reply as AnyReply};
use crate::diameter::codec::{Avp, Defect, ExperimentalResult, Group, Message, ResultCode};
use crate::diameter::dict::s6t::{event_handling, rir_flags};
use crate::diameter::dict::{AvpDef, base, tgpp};
use crate::domain::{Aspect, Event, Node, Registrations, SubscriberIdentifiers, Timestamp};

use super::report::{self, Context, ReportKind};
use super::{Notice, origin_host, user};

/// More reports than that in one message are not read. Peers report as things happen, and groups in portions.
const MAX_REPORTS: usize = 8192;

/// A reference as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// SCEF-Reference-ID.
    pub(super) short: u32,
    /// SCEF-Reference-ID-Ext, which counts in its place.
    pub(super) extended: Option<u64>,
}

impl Reference {
    fn read(group: &Group<'_>) -> Result<Self, Defect> {
        let short = group
            .find(&tgpp::SCEF_REFERENCE_ID)
            .ok_or_else(|| Defect::missing(&tgpp::SCEF_REFERENCE_ID))?
            .as_u32()?;
        let extended = group
            .find(&tgpp::SCEF_REFERENCE_ID_EXT)
            .map(|avp| avp.as_u64())
            .transpose()?;
        Ok(Self { short, extended })
    }

    fn number(self) -> u64 {
        self.extended.unwrap_or_else(|| self.short.into())
    }
}

/// What is read of one message, and from whom.
pub(super) struct Reading<'a> {
    asked: &'a dyn Asked,
    /// The MME or SGSN that sent it; `None` for an HSS.
    sender: Option<&'a Node>,
    received_at: Timestamp,
    /// Of when a report is that tells no time.
    at: Timestamp,
    reports: usize,
    events: SmallVec<[Event; 1]>,
    unknown: SmallVec<[Reference; 1]>,
    notices: Vec<Notice>,
    kinds: SmallVec<[ReportKind; 4]>,
}

/// Whose report it is.
enum Whose {
    /// Of this subscriber, as asked.
    Subscriber(SubscriberIdentifiers, Aspect),
    /// Of this subscriber, as asked, and there will be no other.
    Once(SubscriberIdentifiers, Aspect),
    /// Of whoever a User-Identifier names.
    Named(Option<Aspect>),
    /// Of nobody who matters any more.
    Nobody,
    /// Nobody knows.
    Unknown,
}

impl<'a> Reading<'a> {
    pub(super) fn new(asked: &'a dyn Asked, sender: Option<&'a Node>, received_at: Timestamp) -> Self {
        Self {
            asked,
            sender,
            received_at,
            at: received_at,
            reports: 0,
            events: SmallVec::new(),
            unknown: SmallVec::new(),
            notices: Vec::new(),
            kinds: SmallVec::new(),
        }
    }

    /// The same, of what was so at another time than the receipt.
    pub(super) fn of(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    /// Reads every Monitoring-Event-Report and Group-Report.
    pub(super) fn message(&mut self, message: &Message<'_>) -> Result<(), Defect> {
        let copy = self.is_meant_for_another(message)?;
        let named = match message.find(&tgpp::USER_IDENTIFIER) {
            Some(avp) => user::read(&avp)?,
            None => None,
        };
        for avp in message.find_all(&tgpp::MONITORING_EVENT_REPORT) {
            let group = avp.grouped()?;
            let (reference, whose) = self.whose(&group, copy)?;
            self.handling(&group, reference, &whose)?;
            match whose {
                Whose::Unknown => self.unknown.push(reference),
                Whose::Nobody => {}
                Whose::Subscriber(who, aspect) | Whose::Once(who, aspect) => {
                    let who = named.as_ref().map_or_else(|| who.clone(), |named| who.or(named));
                    self.one(&group, who, Some(aspect))?;
                }
                Whose::Named(aspect) => match &named {
                    Some(named) => self.one(&group, named.clone(), aspect)?,
                    None if copy || is_only_handling(&group) => {}
                    None => return Err(Defect::missing(&tgpp::USER_IDENTIFIER)),
                },
            }
        }
        for avp in message.find_all(&tgpp::GROUP_REPORT) {
            let group = avp.grouped()?;
            let (reference, whose) = self.whose(&group, copy)?;
            let aspect = match whose {
                Whose::Unknown => {
                    self.unknown.push(reference);
                    continue;
                }
                Whose::Nobody => continue,
                Whose::Subscriber(_, aspect) | Whose::Once(_, aspect) => Some(aspect),
                Whose::Named(aspect) => aspect,
            };
            if aspect.is_some_and(Aspect::is_one_time) {
                self.notices.push(Notice::Reported(reference.number()));
            }
            for item in group.find_all(&tgpp::GROUP_REPORT_ITEM) {
                let item = item.grouped()?;
                let user = item
                    .find(&tgpp::USER_IDENTIFIER)
                    .ok_or_else(|| Defect::missing(&tgpp::USER_IDENTIFIER))?;
                let who = user::read(&user)?.ok_or_else(|| Defect::invalid_value(&user))?;
                self.one(&item, who, aspect)?;
            }
        }
        Ok(())
    }

    /// RIR-Flags (TS 29.336 §8.4.62).
    pub(super) fn flags(&mut self, request: &Message<'_>) -> Result<(), Defect> {
        let Some(flags) = request.find(&tgpp::RIR_FLAGS) else {
            return Ok(());
        };
        let flags = flags.as_u32()?;
        let named = match request.find(&tgpp::USER_IDENTIFIER) {
            Some(avp) if !self.is_meant_for_another(request)? => user::read(&avp)?,
            _ => None,
        };
        if let Some(named) = named {
            if flags & rir_flags::ALL_MONITORING_EVENTS_CANCELLED != 0 {
                self.notices.push(Notice::AllCancelled(named.clone()));
            }
            if flags & rir_flags::AUTHORISED_EVENTS_CHANGED != 0 {
                self.notices.push(Notice::AuthorisationChanged(named));
            }
        }
        Ok(())
    }

    /// The state of an HSS, which agents pass on untouched.
    pub(super) fn state(&mut self, message: &Message<'_>) -> Result<(), Defect> {
        if let Some(avp) = message.find(&base::ORIGIN_STATE_ID) {
            let state = avp.as_u32()?;
            if state != 0 {
                let host = origin_host(message)?;
                self.notices.push(Notice::State { host, state });
            }
        }
        Ok(())
    }

    pub(super) fn decoded(
        self,
        reply: impl FnOnce(SmallVec<[Reference; 1]>, Vec<Notice>, SmallVec<[ReportKind; 4]>) -> AnyReply,
    ) -> Decoded {
        Decoded {
            events: self.events,
            reply: reply(self.unknown, self.notices, self.kinds),
            doubt: None,
        }
    }

    /// What was read, without references that nobody knows.
    pub(super) fn into_events_and_notices(self) -> (SmallVec<[Event; 1]>, Vec<Notice>) {
        (self.events, self.notices)
    }

    /// Whether the message is a copy of one that is meant for another SCEF: its references are not ours, whatever they
    /// are, and whom it is about is told by User-Identifier alone.
    fn is_meant_for_another(&self, message: &Message<'_>) -> Result<bool, Defect> {
        match message.find(&base::DESTINATION_HOST) {
            Some(avp) => Ok(self.is_another(avp.as_identity()?)),
            None => Ok(false),
        }
    }

    fn is_another(&self, identity: &str) -> bool {
        self.asked
            .identity()
            .is_some_and(|own| !own.eq_ignore_ascii_case(identity))
    }

    fn whose(&self, group: &Group<'_>, copy: bool) -> Result<(Reference, Whose), Defect> {
        let reference = Reference::read(group)?;
        if copy {
            return Ok((reference, Whose::Named(None)));
        }
        if let Some(scef) = group.find(&tgpp::SCEF_ID)
            && self.is_another(scef.as_identity()?)
        {
            return Ok((reference, Whose::Unknown));
        }
        let whose = match self.asked.monitored(reference.number()) {
            Monitored::Subscriber(who, aspect) => Whose::Subscriber(who, aspect),
            Monitored::Once(who, aspect) => Whose::Once(who, aspect),
            Monitored::Group(aspect) => Whose::Named(Some(aspect)),
            Monitored::Ended => Whose::Nobody,
            Monitored::Unknown => Whose::Unknown,
            Monitored::Unavailable => return Err(Defect::new(ResultCode::TOO_BUSY)),
        };
        Ok((reference, whose))
    }

    /// What a report says of its own configuration.
    fn handling(&mut self, group: &Group<'_>, reference: Reference, whose: &Whose) -> Result<(), Defect> {
        let once = match whose {
            Whose::Once(..) => true,
            Whose::Subscriber(_, aspect) | Whose::Named(Some(aspect)) => aspect.is_one_time(),
            Whose::Named(None) | Whose::Nobody | Whose::Unknown => return Ok(()),
        };
        let number = reference.number();
        for avp in deleted(group) {
            self.notices.push(Notice::Cancelled(deleted_number(&avp)?));
        }
        if let Some(avp) = group.find(&tgpp::EVENT_HANDLING) {
            self.notices.push(match avp.as_u32()? {
                event_handling::SUSPEND => Notice::Suspended(number),
                event_handling::RESUME => Notice::Resumed(number),
                event_handling::CANCEL => Notice::Cancelled(number),
                _ => return Err(Defect::invalid_value(&avp)),
            });
        } else if let Some(refused) = refusal(group)? {
            self.notices.push(Notice::Refused(number, refused));
        } else if once && !is_only_handling(group) {
            self.notices.push(Notice::Reported(number));
        }
        Ok(())
    }

    /// One report about one subscriber.
    fn one(
        &mut self,
        report: &Group<'_>,
        who: SubscriberIdentifiers,
        aspect: Option<Aspect>,
    ) -> Result<(), Defect> {
        self.reports += 1;
        if self.reports > MAX_REPORTS {
            return Err(Defect::new(ResultCode::UNABLE_TO_COMPLY));
        }
        if is_only_handling(report) || refusal(report)?.is_some() {
            self.kinds.push(ReportKind::Handling);
            return Ok(());
        }
        let known = self.known(&who);
        let told = report::read(
            report,
            &Context {
                sender: self.sender,
                aspect,
                known: &known,
                received_at: self.at,
            },
        )?;
        self.kinds.push(told.kind);
        if !told.changes.is_empty() {
            let event = Event::new(who, told.at, self.received_at, told.changes);
            self.events.push(event.with_addresses(told.addresses));
        }
        Ok(())
    }

    fn known(&self, who: &SubscriberIdentifiers) -> Registrations {
        self.asked.registrations(who)
    }
}

/// References that a report says are gone.
fn deleted<'a>(group: &Group<'a>) -> impl Iterator<Item = Avp<'a>> + use<'a> {
    group.avps().filter(|avp| {
        avp.is(&tgpp::SCEF_REFERENCE_ID_FOR_DELETION) || avp.is(&tgpp::SCEF_REFERENCE_ID_FOR_DELETION_EXT)
    })
}

fn deleted_number(avp: &Avp<'_>) -> Result<u64, Defect> {
    if avp.is(&tgpp::SCEF_REFERENCE_ID_FOR_DELETION) {
        avp.as_u32().map(u64::from)
    } else {
        avp.as_u64()
    }
}

/// What a report about a subscriber holds at least one of, when it also tells of its configuration.
const CONTENT: [AvpDef; 6] = [
    tgpp::LOSS_OF_CONNECTIVITY_REASON,
    tgpp::REACHABILITY_INFORMATION,
    tgpp::IDLE_STATUS_INDICATION,
    tgpp::PDN_CONNECTIVITY_STATUS_REPORT,
    tgpp::ROAMING_INFORMATION,
    tgpp::MAXIMUM_UE_AVAILABILITY_TIME,
];

/// Whether a report is about its configuration alone. One that suspends or cancels carries a Monitoring-Type, too, and
/// must not be read as a loss without a reason.
fn is_only_handling(report: &Group<'_>) -> bool {
    let has = |def: &AvpDef| report.find(def).is_some();
    let tells_of_itself = has(&tgpp::SERVICE_REPORT) || deleted(report).next().is_some();
    has(&tgpp::EVENT_HANDLING) || tells_of_itself && !CONTENT.iter().any(has)
}

/// The error in a Service-Report, if there is one and no node reports success beside it (TS 29.336 §8.4.37).
pub(super) fn refusal(group: &Group<'_>) -> Result<Option<Answered>, Defect> {
    let mut refused = None;
    for avp in group.find_all(&tgpp::SERVICE_REPORT) {
        let Some(result) = avp.grouped()?.find(&tgpp::SERVICE_RESULT) else {
            continue;
        };
        let result = result.grouped()?;
        let number = |def| result.find(def).map(|avp: Avp<'_>| avp.as_u32()).transpose();
        let Some(code) = number(&tgpp::SERVICE_RESULT_CODE)? else {
            continue;
        };
        if ResultCode(code).is_success() {
            return Ok(None);
        }
        let vendor = number(&base::VENDOR_ID)?.unwrap_or(0);
        refused.get_or_insert(if vendor == 0 {
            Answered::Base(ResultCode(code))
        } else {
            Answered::Experimental(ExperimentalResult { vendor, code })
        });
    }
    Ok(refused)
}
