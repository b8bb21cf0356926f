//! Reporting-Information-Answer: "2001; with mixed ids 5515 + Monitoring-Event-Report-Status for the bad ones".

use super::*;
use crate::diameter::apps::{PendingAnswer, Verdict};
use crate::diameter::codec::{LocalIdentity, ResultCode};

type Avps = Vec<(u32, Vec<u8>)>;

/// The answer once all events are durable, or with another verdict.
fn answer(octets: &[u8], verdict: Option<Verdict>) -> (u8, Avps) {
    let message = Message::decode(octets).unwrap();
    let reply = read(octets).unwrap().reply;
    let pending = PendingAnswer::new(&message, reply);
    let identity = LocalIdentity {
        origin_host: SCEF.into(),
        origin_realm: "example".into(),
    };
    let mut out = BytesMut::new();
    pending.write(
        &mut out,
        verdict.unwrap_or_else(|| pending.verdict(None)),
        &identity,
    );
    let answer = Message::decode(&out).unwrap();
    assert!(answer.defects().is_empty());
    let avps = answer.avps().map(|avp| (avp.code, avp.data.to_vec())).collect();
    (answer.header().flags.0, avps)
}

fn word(value: u32) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

fn routing(result: (u32, Vec<u8>)) -> Avps {
    vec![
        (263, b"some.example;1;2".to_vec()),
        result,
        (277, word(1)),
        (264, SCEF.into()),
        (296, b"example".to_vec()),
    ]
}

/// The members of a group, written by hand.
fn members(members: &[(u32, Option<u32>, u32)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (code, vendor, value) in members {
        out.extend(code.to_be_bytes());
        match vendor {
            Some(vendor) => {
                out.extend(0xc000_0010u32.to_be_bytes());
                out.extend(vendor.to_be_bytes());
            }
            None => out.extend(0x4000_000cu32.to_be_bytes()),
        }
        out.extend(value.to_be_bytes());
    }
    out
}

/// "All references known → success"
#[test]
fn known_references_are_answered_with_success() {
    let octets = request(From::Node(MME), |message| {
        report(message, DATA, |_| {});
        report(message, ENDED, |_| {});
    });
    assert_eq!(answer(&octets, None), (0x40, routing((268, word(2001)))));
}

/// "Any reference unknown → 5515; with several reports list the bad ones in Monitoring-Event-Report-Status (good ones may
/// be left out)."
#[test]
fn unknown_references_are_named_and_the_others_count() {
    let octets = request(From::Node(MME), |message| {
        report(message, 998, |_| {});
        report(message, DATA, |_| {});
        report(message, 999, |_| {});
    });
    assert_eq!(read(&octets).unwrap().events.len(), 1);
    let result = members(&[(266, None, 10415), (298, None, 5515)]);
    let mut expected = routing((297, result));
    for reference in [998, 999] {
        expected.push((
            3171,
            members(&[(3124, Some(10415), reference), (298, None, 5515)]),
        ));
    }
    assert_eq!(answer(&octets, None), (0x40, expected));
}

#[test]
fn features_of_both_are_named_if_the_hss_names_its_own() {
    let octets = request(From::Hss, |message| {
        message.group(&tgpp::SUPPORTED_FEATURES, |group| {
            group
                .avp_u32(&base::VENDOR_ID, 10415)
                .avp_u32(&tgpp::FEATURE_LIST_ID, 1)
                .avp_u32(&tgpp::FEATURE_LIST, 0b1010_0011);
        });
    });
    let (_, avps) = answer(&octets, None);
    let mut out = BytesMut::new();
    let mut expected = MessageBuilder::request(&mut out, CommandFlags::default(), 0, 0, 0, 0);
    super::super::reply::supported_features(&mut expected, 0b0010_0001);
    expected.finish();
    let expected = Message::decode(&out).unwrap();
    let expected = expected.find(&tgpp::SUPPORTED_FEATURES).unwrap();
    assert_eq!(avps.last(), Some(&(628, expected.data.to_vec())));
}

/// "when the event cannot be stored: 3004 or 5012, never 5515"
#[test]
fn what_cannot_be_stored_is_answered_without_a_word_about_references() {
    let octets = request(From::Node(MME), |message| {
        report(message, DATA, |_| {});
        report(message, 999, |_| {});
    });
    let (flags, avps) = answer(&octets, Some(Verdict::of(ResultCode::TOO_BUSY)));
    assert_eq!(flags, 0x60);
    let codes: Vec<_> = avps.iter().map(|(code, _)| *code).collect();
    assert_eq!((codes, avps[1].1.clone()), (vec![263, 268, 264, 296], word(3004)));
    let (flags, avps) = answer(&octets, Some(Verdict::of(ResultCode::UNABLE_TO_COMPLY)));
    assert_eq!((flags, avps), (0x40, routing((268, word(5012)))));
}
