//! What a push means, row by row, what it is answered, and what is asked for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod answers;
mod identity;
mod pnr;
mod requests;
mod rows;

use bytes::BytesMut;

use super::data::tests::sh_data;
use super::decode;
use crate::diameter::apps::{Asked, Decoded, Monitored, PendingAnswer};
use crate::diameter::codec::{CommandFlags, Defect, LocalIdentity, Message, MessageBuilder};
use crate::diameter::dict::{base, sh, tgpp};
use crate::domain::{Change, Node, Slot, SubscriberIdentifiers, Timestamp};

const HSS: &str = "hss.epc.example";
const AS: &str = "reachd.example";
const NUMBER: &str = "99900000001";

fn now() -> Timestamp {
    Timestamp::from_micros(1_769_860_800_000_000).unwrap()
}

/// A node that says the same of everybody.
struct Subscribed(Option<bool>);

impl Asked for Subscribed {
    fn monitored(&self, _: u64) -> Monitored {
        Monitored::Unknown
    }

    fn subscribed(&self, _: &SubscriberIdentifiers) -> Option<bool> {
        self.0
    }
}

/// A Push-Notification-Request, but for User-Identity and User-Data.
fn bare(write: impl FnOnce(&mut MessageBuilder<'_>)) -> BytesMut {
    let mut out = BytesMut::new();
    let mut request = MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, 309, sh::APPLICATION, 7, 9);
    request
        .avp_utf8(&base::SESSION_ID, "hss.epc.example;1;2")
        .group(&base::VENDOR_SPECIFIC_APPLICATION_ID, |group| {
            group
                .avp_u32(&base::VENDOR_ID, tgpp::VENDOR_ID)
                .avp_u32(&base::AUTH_APPLICATION_ID, sh::APPLICATION);
        })
        .avp_i32(&base::AUTH_SESSION_STATE, 1)
        .avp_utf8(&base::ORIGIN_HOST, HSS)
        .avp_utf8(&base::ORIGIN_REALM, "epc.example")
        .avp_utf8(&base::DESTINATION_HOST, AS)
        .avp_utf8(&base::DESTINATION_REALM, "example");
    write(&mut request);
    request.finish();
    out
}

fn by_number(request: &mut MessageBuilder<'_>) {
    request.group(&tgpp::USER_IDENTITY, |group| {
        group.avp_tbcd(&tgpp::MSISDN, NUMBER);
    });
}

/// A push about [`NUMBER`] with these octets as User-Data.
fn push(user_data: &[u8]) -> BytesMut {
    bare(|request| {
        by_number(request);
        request.avp_octets(&tgpp::USER_DATA, user_data);
    })
}

fn read(octets: &[u8], subscribed: Option<bool>) -> Result<Decoded, Defect> {
    decode(&Message::decode(octets).unwrap(), now(), &Subscribed(subscribed))
}

/// The answer to a request that was decoded, once its events are durable.
fn answered(octets: &[u8], subscribed: Option<bool>) -> BytesMut {
    let decoded = read(octets, subscribed).unwrap();
    let identity = LocalIdentity {
        origin_host: AS.into(),
        origin_realm: "example".into(),
    };
    let pending = PendingAnswer::new(&Message::decode(octets).unwrap(), decoded.reply);
    let mut out = BytesMut::new();
    pending.write(&mut out, pending.verdict(None), &identity);
    out
}

fn whoever() -> Node {
    Node::unnamed()
}

fn named(name: &str) -> Node {
    Node::parse(name).unwrap()
}

fn found(slot: Slot, node: Node) -> Change {
    Change::Reachable {
        slot,
        node,
        until: None,
    }
}

fn lost(slot: Slot, node: Node) -> Change {
    Change::Unreachable {
        slot,
        node,
        until: None,
    }
}

fn no_longer_lost(slot: Slot, node: Node) -> Change {
    Change::Unreachable {
        slot,
        node,
        until: Some(now()),
    }
}
