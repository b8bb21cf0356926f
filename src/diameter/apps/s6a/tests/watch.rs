//! A subscriber as requests about it arrive.

use std::time::Duration;

use super::*;
use crate::diameter::apps::{Answered, PendingAnswer, Verdict};
use crate::domain::{Effect, Outcome, Reachability, Registrations, SlotState, Status};

/// What is known of the subscriber, to which one request comes a second.
pub(super) struct Watch {
    known: Registrations,
    now: Timestamp,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self {
            known: Registrations::default(),
            now: now(),
        }
    }

    /// Takes a request in which the usual MME's name is replaced by another of the same length, and tells what was answered
    /// and, if it was an event, what that did.
    pub(super) fn answer(
        &mut self,
        node: &str,
        command: &CommandDef,
        write: impl FnOnce(&mut MessageBuilder<'_>),
    ) -> (Verdict, Option<Effect>) {
        let octets = renamed(request(command, write), node);
        self.now = self.now.plus(Duration::from_secs(1));
        self.receive(&octets, self.now)
    }

    /// Takes a request as received at a moment.
    pub(super) fn receive(&mut self, octets: &[u8], at: Timestamp) -> (Verdict, Option<Effect>) {
        let message = Message::decode(octets).unwrap();
        let decoded = decode(&message, at).unwrap();
        let effect = decoded.events.first().map(|event| self.known.apply(event));
        let pending = PendingAnswer::new(&message, decoded.reply);
        (pending.verdict(effect), effect)
    }

    pub(super) fn take(
        &mut self,
        node: &str,
        command: &CommandDef,
        write: impl FnOnce(&mut MessageBuilder<'_>),
    ) -> Option<Outcome> {
        self.answer(node, command, write).1.map(|effect| effect.outcome)
    }

    pub(super) fn attach(&mut self, node: &str, flags: u32) {
        self.take(node, &s6a::UPDATE_LOCATION, ulr(flags));
    }

    pub(super) fn purge(&mut self, node: &str, flags: Option<u32>) -> (Verdict, Option<Effect>) {
        self.answer(node, &s6a::PURGE_UE, |request| {
            if let Some(flags) = flags {
                request.avp_u32(&tgpp::PUR_FLAGS, flags);
            }
        })
    }

    pub(super) fn notify(&mut self, node: &str, flags: u32) -> Verdict {
        let notified = self.answer(node, &s6a::NOTIFY, |request| {
            request
                .avp_u32(&tgpp::NOR_FLAGS, flags)
                .avp_i32(&tgpp::ALERT_REASON, 0);
        });
        notified.0
    }

    pub(super) fn cancel(&mut self, node: &str, cause: i32, flags: Option<u32>) {
        self.take(node, &s6a::CANCEL_LOCATION, |request| {
            request.avp_i32(&tgpp::CANCELLATION_TYPE, cause);
            if let Some(flags) = flags {
                request.avp_u32(&tgpp::CLR_FLAGS, flags);
            }
        });
    }

    /// What another feed says.
    pub(super) fn other(&mut self, change: Change) {
        self.now = self.now.plus(Duration::from_secs(1));
        let imsi = Imsi::parse(IMSI).unwrap();
        let event = crate::domain::Event::new(imsi.into(), self.now, self.now, [change]);
        self.known.apply(&event);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn reachability_at(&self, now: Timestamp) -> Reachability {
        self.known.reachability(now)
    }

    pub(super) fn known(&self) -> Reachability {
        self.known.reachability(self.now)
    }

    pub(super) fn status(&self) -> Status {
        self.known().status
    }

    /// Whether a slot is up.
    pub(super) fn is_up(&self, slot: Slot) -> bool {
        matches!(self.known.usable(slot, self.now), SlotState::Up(_))
    }

    /// Who holds a slot.
    pub(super) fn holder(&self, slot: Slot) -> Option<String> {
        self.known
            .holder(slot)
            .map(|holder| holder.node.as_str().to_owned())
    }
}

/// The request with the usual MME's name replaced.
pub(super) fn renamed(mut octets: BytesMut, node: &str) -> BytesMut {
    assert_eq!(node.len(), MME.len());
    let at = octets
        .windows(MME.len())
        .position(|part| part == MME.as_bytes())
        .unwrap();
    octets[at..at + MME.len()].copy_from_slice(node.as_bytes());
    octets
}

/// The number of an experimental result.
pub(super) fn experimental(verdict: Verdict) -> Option<u32> {
    match verdict.answered {
        Answered::Experimental(result) => Some(result.code),
        Answered::Base(_) => None,
    }
}
