//! What each message means, row by row, and what it is answered.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod answers;
mod clr;
mod identity;
mod nor;
mod pur;
mod races;
mod refused;
mod rsr;
mod scenario;
mod ulr;
mod watch;

use bytes::BytesMut;

use super::decode;
use crate::diameter::apps::Decoded;
use crate::diameter::codec::{CommandFlags, Defect, Message, MessageBuilder};
use crate::diameter::dict::{CommandDef, base, s6a, tgpp};
use crate::domain::{Change, Imsi, Node, Slot, Timestamp};

const MME: &str = "mme-a.epc.example";
const HSS: &str = "hss.epc.example";
const IMSI: &str = "001010000000001";

/// 2026-01-31T12:00:00Z, and the same in seconds.
const NOW_UNIX: i64 = 1_769_860_800;

fn now() -> Timestamp {
    Timestamp::from_micros(NOW_UNIX * 1_000_000).unwrap()
}

/// A request with the AVPs that its grammar requires, but for those of the command itself. Requests of the HSS name
/// the MME in Destination-Host.
fn request(command: &CommandDef, write: impl FnOnce(&mut MessageBuilder<'_>)) -> BytesMut {
    let from_hss = matches!(command.code, 317 | 319 | 320 | 322);
    let mut out = BytesMut::new();
    let flags = CommandFlags::PROXIABLE;
    let mut request = MessageBuilder::request(&mut out, flags, command.code, s6a::APPLICATION, 7, 9);
    request
        .avp_utf8(&base::SESSION_ID, "some.example;1;2")
        .avp_i32(&base::AUTH_SESSION_STATE, 1)
        .avp_utf8(&base::ORIGIN_HOST, if from_hss { HSS } else { MME })
        .avp_utf8(&base::ORIGIN_REALM, "epc.example")
        .avp_utf8(&base::DESTINATION_REALM, "epc.example");
    if from_hss {
        request.avp_utf8(&base::DESTINATION_HOST, MME);
    }
    if command.code != s6a::RESET.code {
        request.avp_utf8(&base::USER_NAME, IMSI);
    }
    write(&mut request);
    request.finish();
    out
}

fn read(octets: &[u8]) -> Result<Decoded, Defect> {
    decode(&Message::decode(octets).unwrap(), now())
}

/// The changes of a sound request; none if there is no event.
fn changes(command: &CommandDef, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<Change> {
    let decoded = read(&request(command, write)).unwrap();
    let mut events = decoded.events;
    assert!(events.len() <= 1);
    let Some(event) = events.pop() else {
        return Vec::new();
    };
    assert_eq!((event.event_time, event.received_at), (now(), now()));
    assert_eq!(event.subscriber.subscriber(), Imsi::parse(IMSI).unwrap().into());
    event.changes.into_vec()
}

fn node() -> Node {
    Node::parse(MME).unwrap()
}

fn deregistered(slot: Slot) -> Change {
    Change::Deregistered { slot, node: node() }
}

fn reachable(slot: Slot) -> Change {
    Change::Reachable {
        slot,
        node: node(),
        until: None,
    }
}

fn unreachable(slot: Slot) -> Change {
    Change::Unreachable {
        slot,
        node: node(),
        until: None,
    }
}

/// What an Update-Location-Request has to carry beside routing and User-Name.
fn ulr(flags: u32) -> impl Fn(&mut MessageBuilder<'_>) {
    move |request| {
        request
            .avp_i32(&tgpp::RAT_TYPE, 1004)
            .avp_u32(&tgpp::ULR_FLAGS, flags)
            .avp_octets(&tgpp::VISITED_PLMN_ID, &[0x00, 0xf1, 0x10]);
    }
}
