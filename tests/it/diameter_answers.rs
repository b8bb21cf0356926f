//! What a sound peer gets to its messages. What a broken one gets: [`malformed`](super::malformed).

use reachd::proto::v1::{Connectivity, ReachabilityStatus};

use crate::support::Subscriber;
use crate::support::daemon::{Daemon, Engine, Home, UNANSWERED_GOODBYES};
use crate::support::wire::{DRA, Peer, Request, S6A, SUCCESS, avp, code, command, encode_avp};

const IMSI: &str = "001010000000001";
const MME: &str = "mme1.visited.example";

async fn daemon() -> (Home, Daemon) {
    let mut home = Home::new(Engine::Sqlite).await;
    home.diameter(UNANSWERED_GOODBYES);
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
async fn an_unknown_peer_is_welcome_where_the_configuration_says_so() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.diameter("accept_unknown_peers = true");
    let daemon = home.start().await;
    let mut peer = Peer::connect(daemon.diameter(), "stranger.example").await;
    works(&mut peer).await;
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
async fn a_purge_that_another_network_forged_is_refused_and_changes_nothing() {
    const ROAMING: &str = "dra.roaming.example";
    const AUTHORIZATION_REJECTED: u32 = 5003;
    let mut home = Home::new(Engine::Sqlite).await;
    home.diameter(UNANSWERED_GOODBYES).configure(&format!(
        "\n[[diameter.peers]]\nidentity = \"{ROAMING}\"\norigin_realms = [\"roaming.example\"]\n"
    ));
    let daemon = home.start().await;
    let someone = Subscriber::nth(1);
    daemon.import_rows(std::slice::from_ref(&someone)).await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    let mut roaming = Peer::connect(daemon.diameter(), ROAMING).await;
    let in_its_realm = |request: Request| {
        request
            .without(code::ORIGIN_REALM)
            .with(avp(code::ORIGIN_REALM, b"roaming.example"))
    };
    let attach = Request::update_location(&someone.imsi, MME);
    peer.ask(&attach).await.assert_result(SUCCESS);
    let purge = Request::purge(&someone.imsi, MME);
    for forged in [purge.clone(), in_its_realm(purge)] {
        let answer = roaming.ask(&forged).await;
        answer.assert_result(AUTHORIZATION_REJECTED);
        assert!(!answer.is_error());
    }
    let mut lookups = daemon.lookups();
    lookups
        .phone(&someone.number())
        .await
        .assert_is(ReachabilityStatus::ConnectedData, &[Connectivity::Data]);
    // Of its own nodes it may tell whatever it likes.
    let moved = in_its_realm(Request::update_location(&someone.imsi, "mme1.roaming.example"));
    roaming.ask(&moved).await.assert_result(SUCCESS);
    let gone = in_its_realm(Request::purge(&someone.imsi, "mme1.roaming.example"));
    roaming.ask(&gone).await.assert_result(SUCCESS);
    lookups
        .phone(&someone.number())
        .await
        .assert_is(ReachabilityStatus::NotConnected, &[]);
    daemon.stop().await;
}
