//! Messages in the order they come, and what is known of the subscriber after them.

use std::time::Duration;

use super::*;
use crate::diameter::dict::AvpDef;
use crate::domain::{Reachability, Registrations, Status};

struct Watch {
    known: Registrations,
    now: Timestamp,
}

impl Watch {
    fn new() -> Self {
        Self {
            known: Registrations::default(),
            now: now(),
        }
    }

    fn take(&mut self, octets: &[u8]) -> Reachability {
        self.now = self.now.plus(Duration::from_secs(1));
        let decoded = decode(&Message::decode(octets).unwrap(), self.now, &COPIES).unwrap();
        for event in decoded.events {
            self.known.apply(&event);
        }
        self.known.reachability(self.now)
    }

    fn report(&mut self, path: &AvpDef, cause: i32) -> Reachability {
        self.take(&request(&s6c::REPORT_SM_DELIVERY_STATUS, |request| {
            request.group(&tgpp::SM_DELIVERY_OUTCOME, |group| {
                group.group(path, |outcome| {
                    outcome.avp_i32(&tgpp::SM_DELIVERY_CAUSE, cause);
                });
            });
        }))
    }

    fn alert(&mut self) -> Reachability {
        self.take(&request(&s6c::ALERT_SERVICE_CENTRE, |_| {}))
    }

    /// What another feed says.
    fn other(&mut self, change: Change) -> Reachability {
        self.now = self.now.plus(Duration::from_secs(1));
        let event = Event::new(by_number(), self.now, self.now, [change]);
        self.known.apply(&event);
        self.known.reachability(self.now)
    }
}

#[test]
fn a_failed_delivery_takes_away_what_a_delivery_or_an_alert_gave() {
    let mut watch = Watch::new();
    // A first failure alone is not knowledge of the device: it may be connected by data.
    assert!(matches!(
        watch.report(&tgpp::MSC_SM_DELIVERY_OUTCOME, 1).status,
        Status::Unknown(_)
    ));
    assert_eq!(watch.alert().status, Status::ConnectedSms);
    assert_eq!(
        watch.report(&tgpp::MME_SM_DELIVERY_OUTCOME, 1).status,
        Status::NotConnected
    );
    assert_eq!(
        watch.report(&tgpp::MSC_SM_DELIVERY_OUTCOME, 2).status,
        Status::ConnectedSms
    );
    assert_eq!(
        watch.report(&tgpp::MSC_SM_DELIVERY_OUTCOME, 1).status,
        Status::NotConnected
    );
}

/// Race 15, "CS fallback / SGs: MSC registration is invisible on S6a: SMS unknown unless SRA, CSUserState or RDR tells; do
/// not publish "not reachable by SMS" from silence"
#[test]
fn a_delivery_tells_of_an_msc_that_s6a_never_shows() {
    let mut watch = Watch::new();
    let attached = watch.other(registered(Slot::Mme, "mme.epc.example"));
    assert_eq!((attached.data, attached.sms), (true, false));
    let delivered = watch.report(&tgpp::MSC_SM_DELIVERY_OUTCOME, 2);
    assert_eq!((delivered.data, delivered.sms), (true, true));
}

/// Race 16, "purge of MME while MSC attached via 2G/3G | SMS lost too | MSC slot independent"
#[test]
fn a_purge_by_the_mme_leaves_the_msc() {
    let mut watch = Watch::new();
    watch.other(registered(Slot::Mme, "mme.epc.example"));
    watch.report(&tgpp::MSC_SM_DELIVERY_OUTCOME, 2);
    let purged = watch.other(deregistered(Slot::Mme, "mme.epc.example"));
    assert_eq!(purged.status, Status::ConnectedSms);
}

/// Race 14, "SMS-only attach, SMS in MME | data inferred from SMS or the reverse"
#[test]
fn an_absence_by_sms_takes_nothing_from_data() {
    let mut watch = Watch::new();
    watch.other(registered(Slot::Mme, "mme.epc.example"));
    let delivered = watch.report(&tgpp::MME_SM_DELIVERY_OUTCOME, 2);
    assert_eq!((delivered.data, delivered.sms), (true, true));
    let absent = watch.report(&tgpp::MME_SM_DELIVERY_OUTCOME, 1);
    assert_eq!(
        (absent.status, absent.data, absent.sms),
        (Status::ConnectedData, true, false)
    );
}

/// Race 28, "MME restart | stale registered | IDA 5001, TFA/SRA "unidentified", or long silence → unknown": an attempt that
/// the node does not know the subscriber for has failed, until the node registers it again.
#[test]
fn a_node_that_lost_the_subscriber_does_not_reach_it_until_it_registers_again() {
    let mut watch = Watch::new();
    watch.other(registered(Slot::Msc, "99900002"));
    let lost = watch.report(&tgpp::MSC_SM_DELIVERY_OUTCOME, 1);
    assert_eq!(lost.status, Status::NotConnected);
    let back = watch.other(registered(Slot::Msc, "99900002"));
    assert_eq!(back.status, Status::ConnectedSms);
}
