//! What each record means, row by row (event-mapping §6), and what it is answered.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod addresses;
mod answers;
mod records;
mod relevance;
mod scenario;
mod subjects;

use bytes::BytesMut;

use super::decode;
use crate::diameter::apps::{Apns, Decoded, Terms};
use crate::diameter::codec::{CommandFlags, Defect, Message, MessageBuilder};
use crate::diameter::dict::{accounting, base, tgpp};
use crate::domain::{Change, Event, Imsi, Msisdn, Node, Slot, SubscriberIdentifiers, Timestamp};

const GATEWAY: &str = "pgw1.epc.example";
const SESSION: &str = "pgw1.epc.example;1769860800;7";
const IMSI: &str = "001010000000001";
const NUMBER: &str = "99987654321";
const NOW_UNIX: i64 = 1_769_860_800;

const EVENT: i32 = 1;
const START: i32 = 2;
const INTERIM: i32 = 3;
const STOP: i32 = 4;

fn unix(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

fn now() -> Timestamp {
    unix(NOW_UNIX)
}

const TERMS: Terms = Terms {
    copies: false,
    apns: Apns::ALL,
};

/// A record of the usual session with nothing but what its grammar requires.
fn bare(kind: i32, write: impl FnOnce(&mut MessageBuilder<'_>)) -> BytesMut {
    of_session(SESSION, kind, write)
}

fn of_session(session: &str, kind: i32, write: impl FnOnce(&mut MessageBuilder<'_>)) -> BytesMut {
    let mut out = BytesMut::new();
    let flags = CommandFlags::PROXIABLE;
    let mut request = MessageBuilder::request(&mut out, flags, 271, accounting::APPLICATION, 7, 9);
    request
        .avp_utf8(&base::SESSION_ID, session)
        .avp_utf8(&base::ORIGIN_HOST, GATEWAY)
        .avp_utf8(&base::ORIGIN_REALM, "epc.example")
        .avp_utf8(&base::DESTINATION_REALM, "home.example")
        .avp_i32(&base::ACCOUNTING_RECORD_TYPE, kind)
        .avp_u32(&base::ACCOUNTING_RECORD_NUMBER, 5);
    write(&mut request);
    request.finish();
    out
}

/// The same about the usual subscriber.
fn record(kind: i32, write: impl FnOnce(&mut MessageBuilder<'_>)) -> BytesMut {
    bare(kind, |request| {
        subscription_id(request, 1, IMSI);
        write(request);
    })
}

fn subscription_id(to: &mut MessageBuilder<'_>, kind: i32, data: &str) {
    to.group(&base::SUBSCRIPTION_ID, |id| {
        id.avp_i32(&base::SUBSCRIPTION_ID_TYPE, kind)
            .avp_utf8(&base::SUBSCRIPTION_ID_DATA, data);
    });
}

/// Writes into PS-Information.
fn packet_switched(request: &mut MessageBuilder<'_>, write: impl FnOnce(&mut MessageBuilder<'_>)) {
    request.group(&tgpp::SERVICE_INFORMATION, |service| {
        service.group(&tgpp::PS_INFORMATION, write);
    });
}

fn read(octets: &[u8]) -> Result<Decoded, Defect> {
    decode(&Message::decode(octets).unwrap(), now(), &TERMS)
}

fn event(octets: &[u8]) -> Option<Event> {
    let mut events = read(octets).unwrap().events;
    assert!(events.len() <= 1);
    events.pop()
}

/// Result-Code and the AVP to blame.
fn refused(octets: &[u8]) -> (u32, Option<u32>) {
    let defect = read(octets).unwrap_err();
    (defect.result_code.0, defect.avp().map(|(code, _)| code))
}

fn imsi() -> Imsi {
    Imsi::parse(IMSI).unwrap()
}

fn msisdn() -> Msisdn {
    Msisdn::parse(NUMBER).unwrap()
}

/// The node that stands for the session of a record.
fn session_of(octets: &[u8]) -> Node {
    match event(octets).unwrap().changes.into_vec().pop().unwrap() {
        Change::Registered { node, .. } | Change::Deregistered { node, .. } => node,
        other => panic!("{other:?}"),
    }
}
