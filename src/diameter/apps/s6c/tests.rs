//! What each message means, row by row (event-mapping §5), and what it is answered.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod alr;
mod answers;
mod rdr;
mod scenario;
mod sra;

use bytes::BytesMut;

use super::decode;
use crate::diameter::apps::{Apns, Decoded, Terms};
use crate::diameter::codec::{CommandFlags, Defect, Message, MessageBuilder};
use crate::diameter::dict::{CommandDef, base, s6c, tgpp};
use crate::domain::{Change, Event, Imsi, Msisdn, Node, Slot, SubscriberIdentifiers, Timestamp};

const GMSC: &str = "smsgmsc.sms.example";
const IMSI: &str = "001010000000001";
const NUMBER: &str = "99987654321";
const NOW_UNIX: i64 = 1_769_860_800;

fn now() -> Timestamp {
    Timestamp::from_micros(NOW_UNIX * 1_000_000).unwrap()
}

const COPIES: Terms = Terms {
    copies: true,
    apns: Apns::ALL,
};
const ADDRESSED: Terms = Terms {
    copies: false,
    apns: Apns::ALL,
};

/// A request with what its grammar requires but for the user and what is told of it.
fn bare(command: &CommandDef, write: impl FnOnce(&mut MessageBuilder<'_>)) -> BytesMut {
    let mut out = BytesMut::new();
    let flags = CommandFlags::PROXIABLE;
    let mut request = MessageBuilder::request(&mut out, flags, command.code, s6c::APPLICATION, 7, 9);
    request
        .avp_utf8(&base::SESSION_ID, "some.example;1;2")
        .avp_i32(&base::AUTH_SESSION_STATE, 1)
        .avp_utf8(&base::ORIGIN_HOST, GMSC)
        .avp_utf8(&base::ORIGIN_REALM, "sms.example")
        .avp_utf8(&base::DESTINATION_REALM, "home.example")
        .avp_tbcd(&tgpp::SC_ADDRESS, "99900001");
    write(&mut request);
    request.finish();
    out
}

/// The same about the usual user, by number.
fn request(command: &CommandDef, write: impl FnOnce(&mut MessageBuilder<'_>)) -> BytesMut {
    bare(command, |request| {
        request.group(&tgpp::USER_IDENTIFIER, |user| {
            user.avp_tbcd(&tgpp::MSISDN, NUMBER);
        });
        write(request);
    })
}

fn read(octets: &[u8]) -> Result<Decoded, Defect> {
    decode(&Message::decode(octets).unwrap(), now(), &COPIES)
}

fn event(octets: &[u8]) -> Option<Event> {
    let mut events = read(octets).unwrap().events;
    assert!(events.len() <= 1);
    events.pop()
}

/// The changes of a sound request about the usual user.
fn changes(command: &CommandDef, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<Change> {
    let Some(event) = event(&request(command, write)) else {
        return Vec::new();
    };
    assert_eq!((event.event_time, event.received_at), (now(), now()));
    assert_eq!(event.subscriber, by_number());
    event.changes.into_vec()
}

fn by_number() -> SubscriberIdentifiers {
    SubscriberIdentifiers::new(None, Some(msisdn()), None).unwrap()
}

fn msisdn() -> Msisdn {
    Msisdn::parse(NUMBER).unwrap()
}

fn imsi() -> Imsi {
    Imsi::parse(IMSI).unwrap()
}

fn node(name: &str) -> Node {
    Node::parse(name).unwrap()
}

fn found(slot: Slot) -> Change {
    super::found(slot, None)
}

fn lost(slot: Slot) -> Change {
    super::lost(slot, Node::unnamed())
}

fn lost_at(slot: Slot, name: &str) -> Change {
    super::lost(slot, node(name))
}

fn deregistered(slot: Slot, name: &str) -> Change {
    Change::Deregistered {
        slot,
        node: node(name),
    }
}

fn registered(slot: Slot, name: &str) -> Change {
    Change::Registered {
        slot,
        node: node(name),
        ends: crate::domain::Ends::default(),
    }
}
