//! What does not belong on a Diameter connection gets the error its protocol defines, and harms nobody else.

use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::wire::{
    DRA, OTHER_DRA, Peer, Request, S6A, SUCCESS, VENDOR_3GPP, avp, avp_3gpp, code, command, encode_avp,
};

const IMSI: &str = "001010000000001";
const MME: &str = "mme1.visited.example";

const COMMAND_UNSUPPORTED: u32 = 3001;
const APPLICATION_UNSUPPORTED: u32 = 3007;
const INVALID_HDR_BITS: u32 = 3008;
const UNKNOWN_PEER: u32 = 3010;
const AVP_UNSUPPORTED: u32 = 5001;
const INVALID_AVP_VALUE: u32 = 5004;
const MISSING_AVP: u32 = 5005;
const NO_COMMON_APPLICATION: u32 = 5010;
const INVALID_AVP_LENGTH: u32 = 5014;

async fn daemon() -> (Home, Daemon) {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    (home, daemon)
}

/// The connection still serves.
async fn works(peer: &mut Peer) {
    peer.ask(&Request::update_location(IMSI, MME))
        .await
        .assert_result(SUCCESS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_carries_what_s6a_asks_of_it() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    let proxy_info = avp(
        code::PROXY_INFO,
        &[
            avp(code::PROXY_HOST, b"dra9.home.example"),
            avp(code::PROXY_STATE, b"state"),
        ]
        .concat(),
    );
    for request in [
        Request::update_location(IMSI, MME),
        Request::notify(IMSI, MME, 1 << 3),
        Request::insert_subscriber_data(IMSI, MME, "99912345678"),
        Request::purge(IMSI, MME),
        Request::cancel(IMSI, MME, 2),
    ] {
        let request = request.with(proxy_info.clone());
        let answer = peer.ask(&request).await;
        answer.assert_result(SUCCESS);
        assert!(!answer.is_error());
        assert_eq!(answer.experimental_result(), None);
        assert_eq!(
            answer.avps[0].code,
            code::SESSION_ID,
            "Session-Id follows the header"
        );
        assert_eq!(
            encode_avp(code::SESSION_ID, 0x40, None, &answer.avps[0].data),
            request.avps[0],
            "the same Session-Id"
        );
        assert_eq!(
            answer.find(code::ORIGIN_HOST).unwrap().text(),
            "reachd.home.example"
        );
        assert_eq!(answer.find(code::ORIGIN_REALM).unwrap().text(), "home.example");
        assert_eq!(answer.find(code::AUTH_SESSION_STATE).unwrap().u32(), 1);
        assert!(answer.find(code::DESTINATION_REALM).is_none());
        let echoed = answer.find(code::PROXY_INFO).expect("Proxy-Info is copied");
        assert_eq!(encode_avp(code::PROXY_INFO, 0x40, None, &echoed.data), proxy_info);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_application_is_unsupported() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    for application in [16_777_999, 16_777_308, 4] {
        let mut request = Request::update_location(IMSI, MME);
        request.application = application;
        let answer = peer.ask(&request).await;
        answer.assert_result(APPLICATION_UNSUPPORTED);
        assert!(answer.is_error());
    }
    works(&mut peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_command_is_unsupported() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    for unknown in [999, 0x00ff_fffe, 324] {
        let mut request = Request::update_location(IMSI, MME);
        request.command = unknown;
        let answer = peer.ask(&request).await;
        answer.assert_result(COMMAND_UNSUPPORTED);
        assert!(answer.is_error());
    }
    let answer = peer.ask(&peer.origin(Request::base(283))).await;
    answer.assert_result(COMMAND_UNSUPPORTED);
    assert!(answer.is_error());
    works(&mut peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_avp_is_named_with_an_example() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    for (request, missing, vendor) in [
        (Request::update_location(IMSI, MME), code::USER_NAME, 0),
        (Request::update_location(IMSI, MME), code::ORIGIN_HOST, 0),
        (Request::update_location(IMSI, MME), code::ULR_FLAGS, VENDOR_3GPP),
        (Request::update_location(IMSI, MME), code::SESSION_ID, 0),
        (Request::purge(IMSI, MME), code::USER_NAME, 0),
        (Request::notify(IMSI, MME, 8), code::USER_NAME, 0),
        (
            Request::cancel(IMSI, MME, 0),
            code::CANCELLATION_TYPE,
            VENDOR_3GPP,
        ),
        (Request::cancel(IMSI, MME, 0), code::DESTINATION_HOST, 0),
        (
            Request::insert_subscriber_data(IMSI, MME, "99912345678"),
            code::SUBSCRIPTION_DATA,
            VENDOR_3GPP,
        ),
    ] {
        let answer = peer.ask(&request.without(missing)).await;
        assert_eq!(
            answer.result_code(),
            Some(MISSING_AVP),
            "without {missing}: {answer:#?}"
        );
        assert!(!answer.is_error(), "a 5xxx answer does not set the E bit");
        let failed = answer.failed_avp();
        assert_eq!((failed.code, failed.vendor), (missing, vendor));
    }
    works(&mut peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_avp_length_that_cannot_be_is_answered_5014() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;

    // ULR-Flags of three octets.
    let request = Request::update_location(IMSI, MME).without(code::ULR_FLAGS);
    let answer = peer
        .ask(&request.with(avp_3gpp(code::ULR_FLAGS, &[0, 0, 2])))
        .await;
    answer.assert_result(INVALID_AVP_LENGTH);
    assert_eq!(answer.failed_avp().code, code::ULR_FLAGS);

    // A length below the AVP's own header, and one far beyond the message.
    for length in [0u32, 4, 7, 0x00ff_ffff] {
        let mut broken = avp(code::USER_NAME, IMSI.as_bytes());
        broken[5..8].copy_from_slice(&length.to_be_bytes()[1..]);
        let request = Request::update_location(IMSI, MME)
            .without(code::USER_NAME)
            .with(broken);
        let answer = peer.ask(&request).await;
        answer.assert_result(INVALID_AVP_LENGTH);
        assert_eq!(answer.failed_avp().code, code::USER_NAME, "length {length:#x}");
    }

    // A member that reaches beyond its group.
    let mut member = avp_3gpp(code::MSISDN, &[0x99, 0x19, 0x32]);
    member[5..8].copy_from_slice(&200u32.to_be_bytes()[1..]);
    let request = Request::insert_subscriber_data(IMSI, MME, "1")
        .without(code::SUBSCRIPTION_DATA)
        .with(avp_3gpp(code::SUBSCRIPTION_DATA, &member));
    peer.ask(&request).await.assert_result(INVALID_AVP_LENGTH);
    works(&mut peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imsi_that_cannot_be_is_an_invalid_value() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    for imsi in [
        "",
        "00101",
        "0010100000000011",
        "00101abc0000001",
        "001 01",
        "\u{0661}00101",
    ] {
        let answer = peer.ask(&Request::update_location(imsi, MME)).await;
        assert_eq!(
            answer.result_code(),
            Some(INVALID_AVP_VALUE),
            "{imsi:?}: {answer:#?}"
        );
        assert_eq!(answer.failed_avp().code, code::USER_NAME);
    }
    works(&mut peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_avp_matters_only_if_it_is_mandatory() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    let optional = Request::update_location(IMSI, MME)
        .with(encode_avp(7777, 0x80, Some(VENDOR_3GPP), b"later"))
        .with(encode_avp(9, 0, None, b"x"));
    peer.ask(&optional).await.assert_result(SUCCESS);
    let mandatory =
        Request::update_location(IMSI, MME).with(encode_avp(7777, 0xc0, Some(VENDOR_3GPP), b"later"));
    let answer = peer.ask(&mandatory).await;
    answer.assert_result(AVP_UNSUPPORTED);
    let failed = answer.failed_avp();
    assert_eq!((failed.code, failed.vendor), (7777, VENDOR_3GPP));
    assert_eq!(failed.data, b"later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contradicting_header_bits_are_refused() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    let mut request = Request::update_location(IMSI, MME);
    request.flags |= 0x20;
    let answer = peer.ask(&request).await;
    answer.assert_result(INVALID_HDR_BITS);
    assert!(answer.is_error());
    works(&mut peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_peer_is_refused() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::dial(daemon.diameter(), "stranger.example").await;
    let request = peer.capabilities_exchange();
    let answer = peer.ask(&request).await;
    answer.assert_result(UNKNOWN_PEER);
    assert!(answer.is_error());
    peer.closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_peer_is_welcome_where_the_configuration_says_so() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.diameter("accept_unknown_peers = true");
    let daemon = home.start().await;
    let mut peer = Peer::connect(daemon.diameter(), "stranger.example").await;
    works(&mut peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_without_a_common_application_is_refused() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::dial(daemon.diameter(), DRA).await;
    let request = peer
        .capabilities_exchange()
        .without(code::VENDOR_SPECIFIC_APPLICATION_ID)
        .with(avp(code::AUTH_APPLICATION_ID, &16_777_252u32.to_be_bytes()));
    peer.ask(&request).await.assert_result(NO_COMMON_APPLICATION);
    peer.closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_has_every_application_in_common() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::dial(daemon.diameter(), DRA).await;
    let request = peer
        .capabilities_exchange()
        .without(code::VENDOR_SPECIFIC_APPLICATION_ID)
        .with(avp(code::AUTH_APPLICATION_ID, &u32::MAX.to_be_bytes()));
    let answer = peer.ask(&request).await;
    answer.assert_result(SUCCESS);
    let offered = answer
        .avps
        .iter()
        .filter(|avp| avp.code == code::VENDOR_SPECIFIC_APPLICATION_ID)
        .flat_map(|avp| avp.members())
        .any(|member| member.code == code::AUTH_APPLICATION_ID && member.u32() == S6A);
    assert!(offered, "the CEA lists S6a: {answer:#?}");
    works(&mut peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_begin_with_capabilities_is_cut_off() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::dial(daemon.diameter(), DRA).await;
    peer.send(&Request::update_location(IMSI, MME)).await;
    peer.closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_framing_error_closes_that_connection_alone() {
    let (_home, daemon) = daemon().await;
    let mut bystander = Peer::connect(daemon.diameter(), OTHER_DRA).await;
    let length = |length: u32| {
        let mut bytes = Request::update_location(IMSI, MME).encode(1);
        bytes[1..4].copy_from_slice(&length.to_be_bytes()[1..]);
        bytes
    };
    let mut other_version = Request::update_location(IMSI, MME).encode(1);
    other_version[0] = 2;
    for broken in [
        length(16),
        length(0),
        length(201),
        length(0x00ff_fffc),
        other_version,
        b"GET / HTTP/1.1\r\nHost: reachd\r\n\r\n".to_vec(),
        vec![0xff; 400],
    ] {
        let mut peer = Peer::connect(daemon.diameter(), DRA).await;
        works(&mut peer).await;
        let _ = peer.try_send_bytes(&broken).await;
        peer.closed().await;
        works(&mut bystander).await;
    }
    // The peer itself may come back.
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    works(&mut peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn octets_may_arrive_one_by_one() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    let (hop_by_hop, bytes) = peer.prepare(&Request::update_location(IMSI, MME));
    for octet in &bytes {
        peer.send_bytes(std::slice::from_ref(octet)).await;
        tokio::task::yield_now().await;
    }
    let answer = peer.receive_answer().await.unwrap();
    assert_eq!(answer.hop_by_hop, hop_by_hop);
    answer.assert_result(SUCCESS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_in_one_write_are_all_answered() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    for n in 0..200 {
        let (hop_by_hop, request) = peer.prepare(&Request::update_location(&format!("00101{n:010}"), MME));
        bytes.extend(request);
        expected.push(hop_by_hop);
    }
    peer.send_bytes(&bytes).await;
    let mut answered = Vec::new();
    for _ in 0..expected.len() {
        let answer = peer.receive_answer().await.unwrap();
        answer.assert_result(SUCCESS);
        answered.push(answer.hop_by_hop);
    }
    answered.sort_unstable();
    assert_eq!(answered, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_request_is_answered_again_and_changes_nothing() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    let mut request = Request::update_location(IMSI, MME);
    let (first, bytes) = peer.prepare(&request);
    peer.send_bytes(&bytes).await;
    peer.receive_answer().await.unwrap().assert_result(SUCCESS);
    // The same once more, marked as potentially re-transmitted.
    request.flags |= 0x10;
    let mut again = request.encode(first + 5000);
    again[16..20].copy_from_slice(&bytes[16..20]);
    peer.send_bytes(&again).await;
    let answer = peer.receive_answer().await.unwrap();
    assert_eq!(answer.hop_by_hop, first + 5000);
    answer.assert_result(SUCCESS);
    assert_eq!(answer.flags & 0x10, 0, "an answer never has the T bit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watchdog_request_is_answered() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    let answer = peer
        .ask(&peer.origin(Request::base(command::DEVICE_WATCHDOG)))
        .await;
    answer.assert_result(SUCCESS);
    assert_eq!(
        answer.find(code::ORIGIN_HOST).unwrap().text(),
        "reachd.home.example"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disconnect_is_answered_and_the_connection_closed() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    works(&mut peer).await;
    let request = peer
        .origin(Request::base(command::DISCONNECT_PEER))
        .with(avp(code::DISCONNECT_CAUSE, &0u32.to_be_bytes()));
    peer.ask(&request).await.assert_result(SUCCESS);
    peer.closed().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    works(&mut peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_nobody_asked_for_is_passed_over() {
    let (_home, daemon) = daemon().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    let mut answer = Request::update_location(IMSI, MME);
    answer.flags = 0x40;
    peer.send(&answer).await;
    works(&mut peer).await;
}
