//! What each report means, row by row, what it is answered, what is asked and how the answer to it is read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod answers;
mod cia;
mod cir;
mod groups;
mod handling;
mod of_hss;
mod of_nodes;
mod once;
mod races;
mod references;
mod refused;

use std::collections::HashMap;

use bytes::BytesMut;

use super::{Notice, ReportKind, decode};
use crate::diameter::apps::{Asked, Decoded, Monitored, Reply};
use crate::diameter::codec::{CommandFlags, Defect, Message, MessageBuilder};
use crate::diameter::dict::{base, s6t, t6a, tgpp};
use crate::domain::{
    Aspect, Change, Event, ExternalIdentifier, Msisdn, Node, Registrations, Slot, SubscriberIdentifiers,
    Timestamp,
};

const SCEF: &str = "reachd.example";
const MME: &str = "mme-a.epc.example";
const HSS: &str = "hss.epc.example";
const NUMBER: &str = "999123456789";

/// References of ours: one of each aspect, of one subscriber.
const LOSS: u32 = 1;
const DATA: u32 = 2;
const SMS: u32 = 3;
/// One of each aspect, of a group.
const GROUP_LOSS: u32 = 11;
const GROUP_SMS: u32 = 13;
const ENDED: u32 = 21;

/// 2026-01-31T12:00:00Z in seconds.
const NOW_UNIX: i64 = 1_769_860_800;

fn at(unix: i64) -> Timestamp {
    Timestamp::from_micros(unix * 1_000_000).unwrap()
}

/// Half a second past [`NOW_UNIX`].
fn now() -> Timestamp {
    Timestamp::from_micros(NOW_UNIX * 1_000_000 + 500_000).unwrap()
}

/// A node that asked for a few things and knows a little.
struct World {
    asked: HashMap<u64, Monitored>,
    known: Registrations,
}

impl Asked for World {
    fn monitored(&self, reference: u64) -> Monitored {
        self.asked.get(&reference).cloned().unwrap_or(Monitored::Unknown)
    }

    fn subscribed(&self, _: &SubscriberIdentifiers) -> Option<bool> {
        None
    }

    fn identity(&self) -> Option<&str> {
        Some(SCEF)
    }

    fn registrations(&self, _: &SubscriberIdentifiers) -> Registrations {
        self.known.clone()
    }
}

fn number(digits: &str) -> SubscriberIdentifiers {
    SubscriberIdentifiers::new(None, Msisdn::parse(digits).ok(), None).unwrap()
}

fn external(text: &str) -> SubscriberIdentifiers {
    SubscriberIdentifiers::new(None, None, ExternalIdentifier::parse(text).ok()).unwrap()
}

fn world() -> World {
    let subscriber = |aspect| Monitored::Subscriber(number(NUMBER), aspect);
    let asked = [
        (LOSS, subscriber(Aspect::Loss)),
        (DATA, subscriber(Aspect::Data)),
        (SMS, subscriber(Aspect::Sms)),
        (GROUP_LOSS, Monitored::Group(Aspect::Loss)),
        (GROUP_SMS, Monitored::Group(Aspect::Sms)),
        (ENDED, Monitored::Ended),
    ];
    World {
        asked: asked
            .into_iter()
            .map(|(number, of)| (number.into(), of))
            .collect(),
        known: Registrations::default(),
    }
}

/// Who sends a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Hss,
    Node(&'static str),
}

/// A Reporting-Information-Request with what `write` adds to routing.
fn request(from: From, write: impl FnOnce(&mut MessageBuilder<'_>)) -> BytesMut {
    let (origin, application) = match from {
        From::Hss => (HSS, s6t::APPLICATION),
        From::Node(name) => (name, t6a::APPLICATION),
    };
    let mut out = BytesMut::new();
    let flags = CommandFlags::PROXIABLE;
    let mut request = MessageBuilder::request(&mut out, flags, 8_388_719, application, 7, 9);
    request
        .avp_utf8(&base::SESSION_ID, "some.example;1;2")
        .avp_i32(&base::AUTH_SESSION_STATE, 1)
        .avp_utf8(&base::ORIGIN_HOST, origin)
        .avp_utf8(&base::ORIGIN_REALM, "epc.example")
        .avp_utf8(&base::DESTINATION_HOST, SCEF)
        .avp_utf8(&base::DESTINATION_REALM, "example");
    write(&mut request);
    request.finish();
    out
}

/// One Monitoring-Event-Report.
fn report(message: &mut MessageBuilder<'_>, reference: u32, write: impl FnOnce(&mut MessageBuilder<'_>)) {
    message.group(&tgpp::MONITORING_EVENT_REPORT, |group| {
        group
            .avp_u32(&tgpp::SCEF_REFERENCE_ID, reference)
            .avp_utf8(&tgpp::SCEF_ID, SCEF);
        write(group);
    });
}

fn user(message: &mut MessageBuilder<'_>, msisdn: Option<&str>, external: Option<&str>) {
    message.group(&tgpp::USER_IDENTIFIER, |group| {
        if let Some(msisdn) = msisdn {
            group.avp_tbcd(&tgpp::MSISDN, msisdn);
        }
        if let Some(external) = external {
            group.avp_utf8(&tgpp::EXTERNAL_IDENTIFIER, external);
        }
    });
}

fn read_with(world: &World, octets: &[u8]) -> Result<Decoded, Defect> {
    decode(&Message::decode(octets).unwrap(), now(), world)
}

fn read(octets: &[u8]) -> Result<Decoded, Defect> {
    read_with(&world(), octets)
}

/// The events of one report about the subscriber, under this reference.
fn events(from: From, reference: u32, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<Event> {
    let octets = request(from, |message| report(message, reference, write));
    let events = read(&octets).unwrap().events.into_vec();
    for event in &events {
        assert_eq!(event.subscriber, number(NUMBER));
        assert_eq!(event.received_at, now());
    }
    events
}

/// The changes of one report; none if there is no event.
fn changes(from: From, reference: u32, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<Change> {
    let mut events = events(from, reference, write);
    assert!(events.len() <= 1);
    events
        .pop()
        .map_or_else(Vec::new, |event| event.changes.into_vec())
}

fn notices(octets: &[u8]) -> Vec<Notice> {
    read(octets).unwrap().reply.notices().to_vec()
}

fn kinds(decoded: &Decoded) -> Vec<ReportKind> {
    let Reply::S6t(reply) = &decoded.reply else {
        panic!("not an answer of S6t");
    };
    reply.kinds().to_vec()
}

fn node(name: &str) -> Node {
    Node::parse(name).unwrap()
}

fn reachable(slot: Slot, name: &str) -> Change {
    Change::Reachable {
        slot,
        node: node(name),
        until: None,
    }
}

fn reachable_until(slot: Slot, name: &str, until: i64) -> Change {
    Change::Reachable {
        slot,
        node: node(name),
        until: Some(at(until)),
    }
}

fn unreachable(slot: Slot, name: &str) -> Change {
    Change::Unreachable {
        slot,
        node: node(name),
        until: None,
    }
}

fn deregistered(slot: Slot, name: &str) -> Change {
    Change::Deregistered {
        slot,
        node: node(name),
    }
}
