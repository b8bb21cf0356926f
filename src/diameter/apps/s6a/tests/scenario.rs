//! Requests in the order they come, and what is known of the subscriber after them.

use std::time::Duration;

use super::*;
use crate::domain::{Outcome, Registrations, Status};

/// The subscriber as requests arrive, one a second.
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

    /// Takes a request in which the usual MME's name is replaced by one of the same length.
    fn take(
        &mut self,
        mme: &str,
        command: &CommandDef,
        write: impl FnOnce(&mut MessageBuilder<'_>),
    ) -> Option<Outcome> {
        assert_eq!(mme.len(), MME.len());
        let mut octets = request(command, write);
        let at = octets
            .windows(MME.len())
            .position(|part| part == MME.as_bytes())
            .unwrap();
        octets[at..at + MME.len()].copy_from_slice(mme.as_bytes());
        self.now = self.now.plus(Duration::from_secs(1));
        let event = decode(&Message::decode(&octets).unwrap(), self.now)
            .unwrap()
            .events
            .pop()?;
        Some(self.known.apply(&event).outcome)
    }

    fn status(&self) -> Status {
        self.known.reachability(self.now).status
    }
}

const B: &str = "mme-b.epc.example";

#[test]
fn a_late_purge_by_the_old_node_changes_nothing() {
    let mut watch = Watch::new();
    watch.take(MME, &s6a::UPDATE_LOCATION, ulr(2));
    watch.take(B, &s6a::UPDATE_LOCATION, ulr(2));
    let purge = watch.take(MME, &s6a::PURGE_UE, |_| {});
    assert_eq!(
        (purge, watch.status()),
        (Some(Outcome::NotHolder), Status::ConnectedData)
    );
    let purge = watch.take(B, &s6a::PURGE_UE, |_| {});
    assert_eq!(
        (purge, watch.status()),
        (Some(Outcome::Applied), Status::NotConnected)
    );
}

#[test]
fn a_cancel_that_overtakes_the_new_registration_is_no_gap() {
    let mut watch = Watch::new();
    watch.take(MME, &s6a::UPDATE_LOCATION, ulr(2));
    let cancel = watch.take(MME, &s6a::CANCEL_LOCATION, |request| {
        request.avp_i32(&tgpp::CANCELLATION_TYPE, 0);
    });
    assert_eq!((cancel, watch.status()), (None, Status::ConnectedData));
    watch.take(B, &s6a::UPDATE_LOCATION, ulr(2));
    assert_eq!(watch.status(), Status::ConnectedData);
}

#[test]
fn the_end_of_sms_in_the_mme_leaves_data() {
    let mut watch = Watch::new();
    watch.take(MME, &s6a::UPDATE_LOCATION, ulr(2));
    watch.take(MME, &s6a::NOTIFY, |request| {
        request
            .avp_u32(&tgpp::NOR_FLAGS, 1 << 6)
            .avp_i32(&tgpp::ALERT_REASON, 0);
    });
    let answer = watch.known.reachability(watch.now);
    assert_eq!((answer.data, answer.sms), (true, true));
    watch.take(MME, &s6a::NOTIFY, |request| {
        request.avp_u32(&tgpp::NOR_FLAGS, 1 << 9);
    });
    let answer = watch.known.reachability(watch.now);
    assert_eq!((answer.data, answer.sms), (true, false));
}

#[test]
fn a_report_by_the_old_node_does_not_speak_for_the_new_one() {
    let mut watch = Watch::new();
    watch.take(MME, &s6a::UPDATE_LOCATION, ulr(2));
    watch.take(B, &s6a::UPDATE_LOCATION, ulr(2));
    let cancel = watch.take(MME, &s6a::CANCEL_LOCATION, |request| {
        request
            .avp_i32(&tgpp::CANCELLATION_TYPE, 4)
            .avp_u32(&tgpp::CLR_FLAGS, 1);
    });
    assert_eq!(
        (cancel, watch.status()),
        (Some(Outcome::NotHolder), Status::ConnectedData)
    );
}

#[test]
fn an_attach_in_one_domain_ends_the_other() {
    let mut watch = Watch::new();
    watch.take(MME, &s6a::UPDATE_LOCATION, ulr(0));
    watch.take(B, &s6a::UPDATE_LOCATION, ulr(2 | 1 << 5));
    watch.take(B, &s6a::PURGE_UE, |_| {});
    assert_eq!(watch.status(), Status::NotConnected);
}
