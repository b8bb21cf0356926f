//! Decoding an Update-Location-Request and writing its answer, per message, against the published `diameter` crate doing
//! the same with messages that it can express, and against copying the octets.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod support;

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use diameter::dictionary::{self, Dictionary};
use diameter::{ApplicationId, CommandCode, DiameterMessage};
use reachd::diameter::apps::{self, PendingAnswer};
use reachd::diameter::codec::{
    CommandFlags, LocalIdentity, Message, MessageBuilder, ResultCode, frame_length,
};
use reachd::diameter::dict::{base, tgpp};
use reachd::domain::{Outcome, Timestamp};

use support::{Plan, report};

fn ulr() -> BytesMut {
    let mut out = BytesMut::new();
    MessageBuilder::request(
        &mut out,
        CommandFlags(CommandFlags::REQUEST.0 | CommandFlags::PROXIABLE.0),
        316,
        16_777_251,
        1,
        1,
    )
    .avp_utf8(&base::SESSION_ID, "mme01.epc.mnc001.mcc999.3gppnetwork.org;1;1")
    .avp_i32(&base::AUTH_SESSION_STATE, 1)
    .avp_utf8(&base::ORIGIN_HOST, "mme01.epc.mnc001.mcc999.3gppnetwork.org")
    .avp_utf8(&base::ORIGIN_REALM, "epc.mnc001.mcc999.3gppnetwork.org")
    .avp_utf8(&base::DESTINATION_REALM, "epc.mnc001.mcc999.3gppnetwork.org")
    .avp_utf8(&base::USER_NAME, "999010000000001")
    .avp_u32(&tgpp::RAT_TYPE, 1004)
    .avp_u32(&tgpp::ULR_FLAGS, 0x22)
    .avp_octets(&tgpp::VISITED_PLMN_ID, &[0x99, 0xf9, 0x10])
    .finish();
    out
}

/// Messages a second over one round.
fn rate(round: Duration, mut one: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut done = 0u64;
    while begun.elapsed() < round {
        for _ in 0..1000 {
            one();
        }
        done += 1000;
    }
    done as f64 / begun.elapsed().as_secs_f64()
}

fn main() {
    let plan = Plan::new(7, Duration::from_millis(500));
    let request = ulr();
    let identity = LocalIdentity {
        origin_host: "reachd.example".into(),
        origin_realm: "example".into(),
    };
    let now = Timestamp::from_micros(1_800_000_000_000_000).unwrap();

    // The oracle knows no S6a, so it gets a Credit-Control-Request of about the same size.
    let dictionary = Arc::new(Dictionary::new(&[&dictionary::DEFAULT_DICT_XML]));
    let mut other = BytesMut::new();
    MessageBuilder::request(&mut other, CommandFlags(0xc0), 272, 4, 1, 1)
        .avp_utf8(&base::SESSION_ID, "mme01.epc.mnc001.mcc999.3gppnetwork.org;1;1")
        .avp_utf8(&base::ORIGIN_HOST, "mme01.epc.mnc001.mcc999.3gppnetwork.org")
        .avp_utf8(&base::ORIGIN_REALM, "epc.mnc001.mcc999.3gppnetwork.org")
        .avp_utf8(&base::DESTINATION_REALM, "epc.mnc001.mcc999.3gppnetwork.org")
        .avp_utf8(&base::USER_NAME, "999010000000001")
        .finish();

    let terms = apps::Terms {
        copies: true,
        apns: apps::Apns::ALL,
    };
    let (mut ours, mut decodes, mut oracle, mut copies) = (vec![], vec![], vec![], vec![]);
    for _ in 0..plan.rounds {
        let mut out = BytesMut::with_capacity(4096);
        ours.push(rate(plan.round, || {
            out.clear();
            let length = frame_length(black_box(&request), 65_536).unwrap().unwrap();
            let message = Message::decode(request.get(..length).unwrap()).unwrap();
            let decoded = apps::decode(&message, now, &apps::NothingAsked, &terms).unwrap();
            let answer = PendingAnswer::new(&message, decoded.reply);
            black_box(decoded.events);
            answer.write(&mut out, answer.verdict(Some(Outcome::Applied.into())), &identity);
            black_box(&out);
        }));
        decodes.push(rate(plan.round, || {
            let message = Message::decode(black_box(&request)).unwrap();
            black_box(message.find(&tgpp::VISITED_PLMN_ID));
        }));
        oracle.push(rate(plan.round, || {
            let mut cursor = Cursor::new(black_box(&other[..]));
            let message = DiameterMessage::decode_from(&mut cursor, Arc::clone(&dictionary)).unwrap();
            let mut answer = DiameterMessage::new(
                CommandCode::CreditControl,
                ApplicationId::CreditControl,
                diameter::flags::PROXYABLE,
                message.get_hop_by_hop_id(),
                message.get_end_to_end_id(),
                Arc::clone(&dictionary),
            );
            answer.add_avp(
                268,
                None,
                diameter::avp::flags::M,
                diameter::avp::Unsigned32::new(ResultCode::SUCCESS.0).into(),
            );
            let mut encoded = Vec::with_capacity(4096);
            answer.encode_to(&mut encoded).unwrap();
            black_box(encoded);
        }));
        let mut copy = Vec::with_capacity(4096);
        copies.push(rate(plan.round, || {
            copy.clear();
            copy.extend_from_slice(black_box(&request));
            black_box(&copy);
        }));
    }
    let each = |rates: &[f64]| 1e9 / support::median(rates);
    println!("codec: one ULR of {} octets", request.len());
    println!("  frame, decode, event, answer: {:.0} ns a message", each(&ours));
    println!(
        "  decode alone:                 {:.0} ns a message",
        each(&decodes)
    );
    report(
        "codec decode+answer",
        "messages/s",
        &ours,
        "`diameter` crate, decode+answer",
        &oracle,
    );
    report(
        "codec decode alone",
        "messages/s",
        &decodes,
        "copying the octets",
        &copies,
    );
}
