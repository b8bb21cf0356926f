//! What is answered once the event is durable (TS 29.272 §7.2), and when it cannot be.

use super::*;
use crate::diameter::apps::{PendingAnswer, Reply, Verdict};
use crate::diameter::codec::{LocalIdentity, ResultCode};
use crate::domain::{Effect, Ends, Event, Outcome, Registrations};

fn identity() -> LocalIdentity {
    LocalIdentity {
        origin_host: "reachd.example".into(),
        origin_realm: "example".into(),
    }
}

/// The answer to a request, as its AVPs: (code, data).
fn answer(octets: &[u8], write: impl FnOnce(&PendingAnswer, &mut BytesMut)) -> (u8, Vec<(u32, Vec<u8>)>) {
    let message = Message::decode(octets).unwrap();
    let reply = decode(&message, now()).unwrap().reply;
    let pending = PendingAnswer::new(&message, reply);
    let mut out = BytesMut::new();
    write(&pending, &mut out);
    let answer = Message::decode(&out).unwrap();
    assert!(answer.defects().is_empty());
    let header = answer.header();
    assert_eq!(
        (header.command, header.application),
        (message.header().command, s6a::APPLICATION)
    );
    assert_eq!((header.hop_by_hop, header.end_to_end), (7, 9));
    let avps = answer.avps().map(|avp| (avp.code, avp.data.to_vec())).collect();
    (header.flags.0, avps)
}

fn success(octets: &[u8], outcome: Option<Outcome>) -> Vec<(u32, Vec<u8>)> {
    let (flags, avps) = answer(octets, |pending, out| {
        pending.write(out, pending.verdict(outcome.map(Effect::from)), &identity());
    });
    assert_eq!(flags, 0x40);
    avps
}

fn number(value: u32) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

/// What every answer has: Session-Id first, the result, Auth-Session-State, Origin-Host, Origin-Realm.
fn common(result: u32) -> Vec<(u32, Vec<u8>)> {
    vec![
        (263, b"some.example;1;2".to_vec()),
        (268, number(result)),
        (277, number(1)),
        (264, b"reachd.example".to_vec()),
        (296, b"example".to_vec()),
    ]
}

fn with(mut avps: Vec<(u32, Vec<u8>)>, code: u32, value: u32) -> Vec<(u32, Vec<u8>)> {
    avps.push((code, number(value)));
    avps
}

/// "CLA 2001", "NOA 2001", "IDA 2001", "DSA, RSA 2001", and AIA.
#[test]
fn most_answers_are_the_result_alone() {
    type Write = fn(&mut MessageBuilder<'_>);
    let cases: [(&CommandDef, Write); 6] = [
        (&s6a::CANCEL_LOCATION, |request| {
            request.avp_i32(&tgpp::CANCELLATION_TYPE, 0);
        }),
        (&s6a::AUTHENTICATION_INFORMATION, |request| {
            request.avp_octets(&tgpp::VISITED_PLMN_ID, &[0x00, 0xf1, 0x10]);
        }),
        (&s6a::INSERT_SUBSCRIBER_DATA, |request| {
            request.group(&tgpp::SUBSCRIPTION_DATA, |_| {});
        }),
        (&s6a::DELETE_SUBSCRIBER_DATA, |request| {
            request.avp_u32(&tgpp::DSR_FLAGS, 0);
        }),
        (&s6a::RESET, |_| {}),
        (&s6a::NOTIFY, |_| {}),
    ];
    for (command, write) in cases {
        assert_eq!(
            success(&request(command, write), None),
            common(2001),
            "{}",
            command.answer
        );
    }
}

/// "ULA: 2001, ULA-Flags (bit 0 set; bit 1 only if SMS registered)"
#[test]
fn an_update_is_answered_with_the_separation_indication() {
    let octets = request(&s6a::UPDATE_LOCATION, ulr(2));
    for outcome in [Outcome::Applied, Outcome::Stale, Outcome::Duplicate] {
        assert_eq!(success(&octets, Some(outcome)), with(common(2001), 1406, 1));
    }
}

/// "equals MME only: MME, bit 0"
#[test]
fn a_purge_without_flags_freezes_the_half_that_its_node_held() {
    let octets = request(&s6a::PURGE_UE, |_| {});
    let decoded = decode(&Message::decode(&octets).unwrap(), now()).unwrap();
    let purge = decoded.events[0].clone();
    let Some(Change::Deregistered { node, .. }) = purge.changes.first() else {
        panic!("a purge")
    };
    let attach = Change::Registered {
        slot: Slot::Mme,
        node: node.clone(),
        ends: Ends::default(),
    };
    let earlier = Timestamp::from_micros(1).unwrap();
    let mut known = Registrations::default();
    known.apply(&Event::new(purge.subscriber.clone(), earlier, earlier, [attach]));
    let effect = known.apply(&purge);
    let (_, avps) = answer(&octets, |pending, out| {
        pending.write(out, pending.verdict(Some(effect)), &identity());
    });
    assert_eq!(avps, with(common(2001), 1442, 1));
}

/// "PUA: 2001 + PUA-Flags (bits clear for stale)"
#[test]
fn a_purge_freezes_what_was_purged_and_a_stale_one_nothing() {
    for (flags, purged) in [(1, 1), (2, 2), (3, 3), (0, 3)] {
        let octets = request(&s6a::PURGE_UE, |request| {
            request.avp_u32(&tgpp::PUR_FLAGS, flags);
        });
        for (outcome, expected) in [
            (Outcome::Applied, purged),
            (Outcome::Duplicate, purged),
            (Outcome::NotHolder, 0),
            (Outcome::Stale, 0),
        ] {
            let pua = success(&octets, Some(outcome));
            assert_eq!(pua, with(common(2001), 1442, expected), "{flags} {outcome:?}");
        }
    }
}

/// "NOA: 2001; 5423 if Origin-Host is not the registered node"
#[test]
fn a_report_by_another_node_than_the_registered_one_is_refused() {
    let noa = |flags: u32, outcome| {
        let octets = request(&s6a::NOTIFY, |request| {
            request.avp_u32(&tgpp::NOR_FLAGS, flags);
        });
        success(&octets, Some(outcome))
    };
    assert_eq!(noa(1 << 3, Outcome::Applied), common(2001));
    let refused = noa(1 << 3, Outcome::NotHolder);
    let experimental = [
        [0, 0, 1, 10, 0x40, 0, 0, 12].to_vec(), // Vendor-Id
        number(10415),
        [0, 0, 1, 42, 0x40, 0, 0, 12].to_vec(), // Experimental-Result-Code
        number(5423),
    ]
    .concat();
    let mut expected = common(0);
    expected[1] = (297, experimental);
    assert_eq!(refused, expected);
    // A registration for SMS is never seen here, so that it is not known proves nothing.
    assert_eq!(noa(1 << 9, Outcome::NotHolder), common(2001));
}

#[test]
fn what_agents_added_is_returned_in_order() {
    let proxy_info = |request: &mut MessageBuilder<'_>, host: &str| {
        request.group(&base::PROXY_INFO, |group| {
            group
                .avp_utf8(&base::PROXY_HOST, host)
                .avp_octets(&base::PROXY_STATE, b"odd");
        });
    };
    let octets = request(&s6a::PURGE_UE, |request| {
        proxy_info(request, "dra-1");
        request.avp_utf8(&base::ROUTE_RECORD, "dra-1");
        request.group(&base::VENDOR_SPECIFIC_APPLICATION_ID, |group| {
            group
                .avp_u32(&base::VENDOR_ID, 10415)
                .avp_u32(&base::AUTH_APPLICATION_ID, s6a::APPLICATION);
        });
        proxy_info(request, "dra-22");
    });
    let message = Message::decode(&octets).unwrap();
    let received = |code: u32| {
        let avps = message.avps().filter(move |avp| avp.code == code);
        avps.map(|avp| (avp.code, avp.data.to_vec())).collect::<Vec<_>>()
    };
    let mut expected = common(2001);
    expected.splice(1..1, received(260));
    expected.push((1442, number(3)));
    expected.extend(received(284));
    assert_eq!(expected.len(), 9);
    assert_eq!(success(&octets, Some(Outcome::Applied)), expected);
}

/// "when the event cannot be stored: 3004 or 5012"
#[test]
fn errors_take_the_error_form_only_if_they_are_protocol_errors() {
    let octets = request(&s6a::UPDATE_LOCATION, ulr(2));
    let error = |code| {
        answer(&octets, |pending, out| {
            pending.write(out, Verdict::of(code), &identity())
        })
    };
    let mut busy = common(3004);
    busy.remove(2);
    assert_eq!(error(ResultCode::TOO_BUSY), (0x60, busy));
    assert_eq!(error(ResultCode::UNABLE_TO_COMPLY), (0x40, common(5012)));
}

#[test]
fn a_request_without_session_id_or_proxies_keeps_nothing() {
    let mut out = BytesMut::new();
    MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, 321, s6a::APPLICATION, 7, 9).finish();
    let pending = PendingAnswer::new(&Message::decode(&out).unwrap(), Reply::Plain);
    let mut answer = BytesMut::new();
    let verdict = pending.verdict(None);
    pending.write(&mut answer, verdict, &identity());
    let answered = verdict.answered;
    assert_eq!(answered.code(), 2001);
    assert_eq!(Message::decode(&answer).unwrap().avps().next().unwrap().code, 268);
}
