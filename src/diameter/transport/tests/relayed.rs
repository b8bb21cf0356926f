//! Requests that agents forward: answered on the hop on which they came, with what the agents need (RFC 6733 §6.1, §6.2).

use bytes::BytesMut;

use crate::diameter::codec::{CommandFlags, Message, MessageBuilder};
use crate::diameter::dict::base;
use crate::diameter::dict::s6a::APPLICATION as S6A;

use super::far_end::*;

over_all! {
    a_refused_request_takes_its_proxy_info_back_on_its_own_hop;
    a_request_that_has_been_here_before_gets_3005_from_a_copying_peer_too;
}

/// A request as the second of two agents forwards it.
fn forwarded(flags: u8, application: u32, hop_by_hop: u32, to: (&str, &str), through: &[&str]) -> BytesMut {
    let mut out = BytesMut::new();
    let mut request = MessageBuilder::request(&mut out, CommandFlags(flags), ULR, application, hop_by_hop, 9);
    request.avp_utf8(&base::SESSION_ID, "mme1.example;1;1");
    origin(&mut request, "mme1.example");
    request
        .avp_utf8(&base::DESTINATION_HOST, to.0)
        .avp_utf8(&base::DESTINATION_REALM, to.1);
    for (number, agent) in (0u32..).zip(["edge.example", "core.example"]) {
        request.group(&base::PROXY_INFO, |group| {
            group
                .avp_utf8(&base::PROXY_HOST, agent)
                // Of a length that needs padding.
                .avp_octets(&base::PROXY_STATE, &vec![7; 5 + number as usize]);
        });
    }
    for host in through {
        request.avp_utf8(&base::ROUTE_RECORD, host);
    }
    request.finish();
    out
}

/// That an answer belongs to a forwarded request, and gives the agents back what they put into it.
fn assert_returned(answer: &[u8], request: &[u8], code: u32) {
    let (answer, request) = (
        Message::decode(answer).unwrap(),
        Message::decode(request).unwrap(),
    );
    let (to, from) = (answer.header(), request.header());
    assert_eq!(answer.defects(), []);
    assert_eq!(
        (to.hop_by_hop, to.end_to_end, to.command, to.application),
        (from.hop_by_hop, from.end_to_end, from.command, from.application)
    );
    assert_eq!(to.flags.is_error(), code / 1000 == 3, "{code}");
    assert_eq!(result(answer.bytes()), code);
    let returned: Vec<_> = answer
        .find_all(&base::PROXY_INFO)
        .map(|avp| avp.bytes())
        .collect();
    let sent: Vec<_> = request
        .find_all(&base::PROXY_INFO)
        .map(|avp| avp.bytes())
        .collect();
    assert_eq!(returned, sent, "{code}");
    for absent in [
        &base::ROUTE_RECORD,
        &base::DESTINATION_HOST,
        &base::ERROR_REPORTING_HOST,
    ] {
        assert!(answer.find(absent).is_none(), "{code}");
    }
    assert_eq!(answer.session_id(), request.session_id());
    assert_eq!(answer.find(&base::ORIGIN_HOST).unwrap().data, b"reachd.example");
}

async fn a_refused_request_takes_its_proxy_info_back_on_its_own_hop(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut one = fixture.open("hss1.example").await;
    let mut other = fixture.open("dra1.example").await;
    let through = ["mme1.example", "edge.example"];
    let ours = ("reachd.example", "example");
    for (code, flags, application, to) in [
        (3002, 0xc0, S6A, ("hss9.example", "example")),
        (3003, 0xc0, S6A, ("reachd.example", "elsewhere")),
        (3007, 0xc0, 16_777_217, ours),
        (3008, 0xe0, S6A, ours),
    ] {
        // The same request on two hops: each answer takes its own way back.
        let here = forwarded(flags, application, 100, to, &through);
        let there = forwarded(flags, 16_777_217, 200, to, &through);
        one.send(&here).await;
        other.send(&there).await;
        assert_returned(&one.expect(ULR, false).await, &here, code);
        let code = if flags == 0xe0 { 3008 } else { 3007 };
        assert_returned(&other.expect(ULR, false).await, &there, code);
    }
    // Nothing has strayed to the other hop.
    for wire in [&mut one, &mut other] {
        wire.send(&ulr()).await;
        assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    }
}

async fn a_request_that_has_been_here_before_gets_3005_from_a_copying_peer_too(over: Over) {
    let fixture = Fixture::start(over, config());
    for peer in ["hss1.example", "dra1.example"] {
        let mut wire = fixture.open(peer).await;
        let through = ["mme1.example", "REACHD.example", "edge.example"];
        let looped = forwarded(0xc0, S6A, 100, ("reachd.example", "example"), &through);
        wire.send(&looped).await;
        assert_returned(&wire.expect(ULR, false).await, &looped, 3005);
        wire.send(&ulr()).await;
        assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    }
}
