//! One record, wherever its client puts what belongs to it.

use crate::diameter::apps::Apns;
use crate::diameter::apps::read::time;
use crate::diameter::codec::{Avp, Defect, Group, Message};
use crate::diameter::dict::{AvpDef, base, tgpp};
use crate::domain::Timestamp;

/// The services of TS 32.299 Annex A whose sessions carry a subscriber's data: packet switching, WLAN, 5G data
/// connectivity.
const DATA_SERVICES: [&str; 3] = ["32251", "32252", "32255"];

/// A record and the groups in it that are looked into.
pub(super) struct Record<'a, 'm> {
    request: &'m Message<'a>,
    service: Option<Group<'a>>,
    packet_switched: Option<Group<'a>>,
}

impl<'a, 'm> Record<'a, 'm> {
    pub(super) fn of(request: &'m Message<'a>) -> Result<Self, Defect> {
        let service = request.find(&tgpp::SERVICE_INFORMATION);
        let service = service.map(|avp| avp.grouped()).transpose()?;
        let packet_switched = service
            .as_ref()
            .and_then(|service| service.find(&tgpp::PS_INFORMATION));
        let packet_switched = packet_switched.map(|avp| avp.grouped()).transpose()?;
        Ok(Self {
            request,
            service,
            packet_switched,
        })
    }

    /// Every AVP of that kind: those at message level first, then those of Service-Information, then of PS-Information.
    pub(super) fn find_all<'d>(&self, def: &'d AvpDef) -> impl Iterator<Item = Avp<'a>> + use<'a, 'd> {
        let members = |group: &Option<Group<'a>>| group.as_ref().map(|group| group.find_all(def));
        self.request
            .find_all(def)
            .chain(members(&self.service).into_iter().flatten())
            .chain(members(&self.packet_switched).into_iter().flatten())
    }

    /// The first AVP of that kind.
    pub(super) fn find(&self, def: &AvpDef) -> Option<Avp<'a>> {
        self.find_all(def).next()
    }

    /// When it happened: Event-Timestamp, else Stop-Time of a session that has ended, else Start-Time of one that has begun.
    pub(super) fn event_time(&self) -> Result<Option<Timestamp>, Defect> {
        for def in [&base::EVENT_TIMESTAMP, &tgpp::STOP_TIME, &tgpp::START_TIME] {
            if let Some(avp) = self.find(def)
                && let Some(time) = time(&avp)?
            {
                return Ok(Some(time));
            }
        }
        Ok(None)
    }

    /// Whether it is about a session that carries data and counts. What a record does not say speaks for it: clients
    /// leave out of a STOP what they told at the START.
    pub(super) fn is_of_data_session(&self, apns: &Apns) -> bool {
        let service_fits = self
            .find(&base::SERVICE_CONTEXT_ID)
            .is_none_or(|context| std::str::from_utf8(context.data).map_or(true, carries_data));
        let apn = self.find(&base::CALLED_STATION_ID);
        let apn_counts = apn.is_none_or(|apn| std::str::from_utf8(apn.data).is_ok_and(|apn| apns.count(apn)));
        service_fits && apn_counts
    }
}

/// Whether a Service-Context-Id, such as `8.32251@3gpp.org`, is one of a data session. Those of other makers are taken
/// for it.
fn carries_data(context: &str) -> bool {
    let Some((service, domain)) = context.rsplit_once('@') else {
        return true;
    };
    let number = service.rsplit('.').next().unwrap_or_default();
    !domain.eq_ignore_ascii_case("3gpp.org") || DATA_SERVICES.contains(&number)
}
