//! One node and one or more far ends.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;

use crate::diameter::codec::{CommandFlags, Message, MessageBuilder};
use crate::diameter::config::DiameterConfig;
use crate::diameter::dict::base;
use crate::diameter::dict::s6a::APPLICATION as S6A;

use super::far_end::*;
use crate::diameter::peer::timer::Random;

/// Runs each body over memory and over TCP.
macro_rules! over_both {
    ($($body:ident;)*) => {
        mod memory {
            $(#[tokio::test] async fn $body() { super::$body(super::Over::Memory).await; })*
        }
        mod tcp {
            $(#[tokio::test] async fn $body() { super::$body(super::Over::Tcp).await; })*
        }
    };
}

over_both! {
    capabilities_are_exchanged_and_requests_answered;
    a_relay_has_our_applications_in_common;
    messages_right_behind_the_cer_are_served;
    an_unknown_peer_is_refused_with_3010;
    an_unknown_peer_is_accepted_where_that_is_configured;
    a_peer_in_another_realm_than_configured_is_refused;
    a_peer_without_a_common_application_gets_5010;
    a_cer_without_product_name_gets_5005_with_the_missing_avp;
    anything_but_a_cer_first_ends_the_connection;
    a_connection_without_a_cer_is_closed_in_time;
    an_application_that_was_not_negotiated_gets_3007;
    an_unknown_base_command_gets_3001;
    a_request_with_the_error_bit_gets_3008;
    an_endpoint_peer_must_address_this_node;
    a_copying_peer_may_address_anyone;
    a_burst_is_answered_in_order;
    a_message_in_pieces_is_served_once_whole;
    a_bad_length_closes_that_connection_alone;
    a_bad_version_gets_5011_and_ends_the_connection;
    a_message_that_never_completes_ends_the_connection;
    a_dwr_is_answered_and_a_bad_one_gets_its_defect;
    a_silent_peer_is_asked_and_then_dropped;
    an_answered_watchdog_keeps_the_connection;
    a_peer_that_failed_is_trusted_after_three_watchdogs;
    a_second_connection_of_one_identity_is_rejected_and_the_first_probed;
    several_peers_are_served_at_once;
    the_peer_disconnects_in_order;
    this_node_disconnects_in_order_after_pending_requests;
    a_peer_that_never_answers_the_dpr_does_not_hold_up_the_stop;
    too_many_pending_requests_stop_the_reading;
    a_peer_that_does_not_read_is_dropped;
    a_cer_on_an_open_connection_gets_5012;
    a_service_that_panics_takes_only_its_own_connection_along;
    random_octets_harm_no_other_connection;
}

async fn capabilities_are_exchanged_and_requests_answered(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    wire.send(&cer("DRA1.example", S6A)).await;
    let cea = wire.expect(base::COMMAND_CAPABILITIES_EXCHANGE, false).await;
    assert_eq!((header(&cea).hop_by_hop, header(&cea).end_to_end), (7, 9));
    let cea = Message::decode(&cea).unwrap();
    assert_eq!(
        cea.find(&base::ORIGIN_HOST).unwrap().as_identity().unwrap(),
        "reachd.example"
    );
    assert_eq!(
        cea.find(&base::PRODUCT_NAME).unwrap().as_utf8().unwrap(),
        "reachd"
    );
    assert_eq!(
        cea.find(&base::SUPPORTED_VENDOR_ID).unwrap().as_u32().unwrap(),
        10_415
    );
    assert!(
        cea.find(&base::HOST_IP_ADDRESS)
            .unwrap()
            .as_address()
            .unwrap()
            .is_loopback()
    );
    let group = cea
        .find(&base::VENDOR_SPECIFIC_APPLICATION_ID)
        .unwrap()
        .grouped()
        .unwrap();
    assert_eq!(
        group.find(&base::AUTH_APPLICATION_ID).unwrap().as_u32().unwrap(),
        S6A
    );

    wire.send(&ulr()).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    let peers = fixture.seen.peers.lock().unwrap().clone();
    assert_eq!(
        (&*peers[0].origin_host, &*peers[0].origin_realm),
        ("dra1.example", "example")
    );
    assert_eq!(*peers[0].applications, [S6A]);
}

async fn a_relay_has_our_applications_in_common(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    wire.send(&cer("dra1.example", base::APPLICATION_RELAY)).await;
    assert_eq!(result(&wire.receive().await.unwrap()), 2001);
    wire.send(&ulr()).await;
    assert_eq!(result(&wire.receive().await.unwrap()), 2001);
}

async fn messages_right_behind_the_cer_are_served(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    wire.send(&[&cer("dra1.example", S6A)[..], &ulr(), &dwr("dra1.example")].concat())
        .await;
    wire.expect(base::COMMAND_CAPABILITIES_EXCHANGE, false).await;
    wire.expect(ULR, false).await;
    wire.expect(base::COMMAND_DEVICE_WATCHDOG, false).await;
}

async fn an_unknown_peer_is_refused_with_3010(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    wire.send(&cer("stranger.example", S6A)).await;
    let cea = wire.receive().await.unwrap();
    assert_eq!(result(&cea), 3010);
    assert!(header(&cea).flags.is_error());
    wire.expect_end().await;
    assert!(fixture.seen.peers.lock().unwrap().is_empty());
}

async fn an_unknown_peer_is_accepted_where_that_is_configured(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let mut wire = fixture.open("stranger.example").await;
    wire.send(&ulr()).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    // It is forgotten when it goes, and may come again.
    drop(wire);
    fixture
        .until("the stranger is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
    fixture.open("stranger.example").await;
    // Nobody may come in our own name.
    let mut wire = fixture.connect().await;
    wire.send(&cer("reachd.example", S6A)).await;
    assert_eq!(result(&wire.receive().await.unwrap()), 3010);
}

async fn a_peer_in_another_realm_than_configured_is_refused(over: Over) {
    let mut config = config();
    config.peers[0].realm = Some("elsewhere".to_owned());
    let fixture = Fixture::start(over, config);
    let mut wire = fixture.connect().await;
    wire.send(&cer("dra1.example", S6A)).await;
    assert_eq!(result(&wire.receive().await.unwrap()), 3010);
    wire.expect_end().await;
}

async fn a_peer_without_a_common_application_gets_5010(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    wire.send(&cer("dra1.example", 16_777_238)).await;
    let cea = wire.receive().await.unwrap();
    assert_eq!(result(&cea), 5010);
    assert!(!header(&cea).flags.is_error());
    wire.expect_end().await;
}

async fn a_cer_without_product_name_gets_5005_with_the_missing_avp(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    let cer = write(
        CommandFlags::default(),
        base::COMMAND_CAPABILITIES_EXCHANGE,
        0,
        |cer| {
            origin(cer, "dra1.example");
            cer.avp_address(&base::HOST_IP_ADDRESS, IpAddr::V4(Ipv4Addr::LOCALHOST))
                .avp_u32(&base::VENDOR_ID, 0)
                .avp_u32(&base::AUTH_APPLICATION_ID, S6A);
        },
    );
    wire.send(&cer).await;
    let cea = wire.receive().await.unwrap();
    assert_eq!(result(&cea), 5005);
    let cea = Message::decode(&cea).unwrap();
    let failed = cea.find(&base::FAILED_AVP).unwrap().grouped().unwrap();
    assert!(failed.find(&base::PRODUCT_NAME).is_some());
    wire.expect_end().await;
}

async fn anything_but_a_cer_first_ends_the_connection(over: Over) {
    let fixture = Fixture::start(over, config());
    for first in [dwr("dra1.example"), ulr()] {
        let mut wire = fixture.connect().await;
        wire.send(&first).await;
        wire.expect_end().await;
    }
}

async fn a_connection_without_a_cer_is_closed_in_time(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            cer_timeout: Duration::from_millis(100),
            ..config()
        },
    );
    let mut wire = fixture.connect().await;
    wire.expect_end().await;
    let mut half = fixture.connect().await;
    half.send(&cer("dra1.example", S6A)[..30]).await;
    half.expect_end().await;
}

async fn an_application_that_was_not_negotiated_gets_3007(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&request_to(16_777_217, "reachd.example", "example"))
        .await;
    let answer = wire.expect(ULR, false).await;
    assert_eq!(result(&answer), 3007);
    assert!(header(&answer).flags.is_error() && header(&answer).flags.is_proxiable());
    let answer = Message::decode(&answer).unwrap();
    assert_eq!(answer.session_id(), Some(&b"mme1.example;1;1"[..]));
    assert_eq!(fixture.seen.requests.load(Ordering::SeqCst), 0);
}

async fn an_unknown_base_command_gets_3001(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&write(CommandFlags::default(), 999, 0, |message| {
        origin(message, "dra1.example")
    }))
    .await;
    let answer = wire.expect(999, false).await;
    assert_eq!(result(&answer), 3001);
    assert!(header(&answer).flags.is_error());
}

async fn a_request_with_the_error_bit_gets_3008(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    for (command, application) in [(ULR, S6A), (base::COMMAND_DEVICE_WATCHDOG, 0)] {
        wire.send(&write(CommandFlags::ERROR, command, application, |message| {
            origin(message, "dra1.example")
        }))
        .await;
        assert_eq!(result(&wire.expect(command, false).await), 3008);
    }
}

async fn an_endpoint_peer_must_address_this_node(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("hss1.example").await;
    for (host, realm, expected) in [
        ("Reachd.Example", "EXAMPLE", 2001),
        ("hss9.example", "example", 3002),
        ("reachd.example", "elsewhere", 3003),
    ] {
        wire.send(&request_to(S6A, host, realm)).await;
        assert_eq!(result(&wire.expect(ULR, false).await), expected, "{host} {realm}");
    }
}

async fn a_copying_peer_may_address_anyone(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&request_to(S6A, "hss9.elsewhere", "elsewhere")).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
}

async fn a_burst_is_answered_in_order(over: Over) {
    let fixture = Fixture::start(over, config());
    let wire = fixture.open("dra1.example").await;
    let mut burst = BytesMut::new();
    for hop_by_hop in 0..500u32 {
        MessageBuilder::request(&mut burst, CommandFlags::PROXIABLE, ULR, S6A, hop_by_hop, 1).finish();
    }
    // In pieces that never end at a message's end.
    let (mut far, buffer) = (wire.stream, wire.buffer);
    let mut wire = {
        for piece in burst.chunks(1009) {
            far.write_all(piece).await.unwrap();
        }
        Wire { stream: far, buffer }
    };
    for hop_by_hop in 0..500u32 {
        assert_eq!(header(&wire.receive().await.unwrap()).hop_by_hop, hop_by_hop);
    }
}

async fn a_message_in_pieces_is_served_once_whole(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    let message = ulr();
    for octet in message.iter() {
        wire.send(&[*octet]).await;
    }
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    assert_eq!(fixture.seen.requests.load(Ordering::SeqCst), 1);
}

async fn a_bad_length_closes_that_connection_alone(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let mut other = fixture.open("hss1.example").await;
    for length in [0u32, 19, 22, 1 << 23] {
        let mut wire = fixture.open(&format!("mme{length}.example")).await;
        let mut message = ulr();
        message[1..4].copy_from_slice(&length.to_be_bytes()[1..]);
        // What was sound before it is still served.
        wire.send(&[&ulr()[..], &message].concat()).await;
        assert_eq!(result(&wire.expect(ULR, false).await), 2001);
        assert_eq!(result(&wire.expect(ULR, false).await), 5015);
        wire.expect_end().await;
    }
    other.send(&ulr()).await;
    assert_eq!(result(&other.expect(ULR, false).await), 2001);
}

async fn a_bad_version_gets_5011_and_ends_the_connection(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    let mut message = ulr();
    message[0] = 2;
    wire.send(&message).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 5011);
    wire.expect_end().await;
}

async fn a_message_that_never_completes_ends_the_connection(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            message_timeout: Duration::from_millis(100),
            ..config()
        },
    );
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&[&ulr()[..], &ulr()[..40]].concat()).await;
    wire.expect(ULR, false).await;
    wire.expect_end().await;
}

async fn a_dwr_is_answered_and_a_bad_one_gets_its_defect(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&dwr("dra1.example")).await;
    let dwa = wire.expect(base::COMMAND_DEVICE_WATCHDOG, false).await;
    assert_eq!(result(&dwa), 2001);
    assert!(
        Message::decode(&dwa)
            .unwrap()
            .find(&base::ORIGIN_STATE_ID)
            .is_some()
    );
    wire.send(&write(
        CommandFlags::default(),
        base::COMMAND_DEVICE_WATCHDOG,
        0,
        |dwr| {
            dwr.avp_utf8(&base::ORIGIN_HOST, "dra1.example");
        },
    ))
    .await;
    assert_eq!(
        result(&wire.expect(base::COMMAND_DEVICE_WATCHDOG, false).await),
        5005
    );
    wire.send(&dwr("another.example")).await;
    assert_eq!(
        result(&wire.expect(base::COMMAND_DEVICE_WATCHDOG, false).await),
        5004
    );
    wire.send(&dpr("dra1.example", 77)).await;
    assert_eq!(
        result(&wire.expect(base::COMMAND_DISCONNECT_PEER, false).await),
        5004
    );
    wire.send(&ulr()).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
}

async fn a_silent_peer_is_asked_and_then_dropped(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            watchdog: Duration::from_millis(100),
            ..config()
        },
    );
    let mut wire = fixture.open("dra1.example").await;
    let asked = wire.expect(base::COMMAND_DEVICE_WATCHDOG, true).await;
    let asked = Message::decode(&asked).unwrap();
    assert_eq!(
        asked.find(&base::ORIGIN_HOST).unwrap().as_identity().unwrap(),
        "reachd.example"
    );
    // One DWR is outstanding; there is no second one.
    wire.expect_end().await;
    assert_eq!(fixture.seen.trusted.lock().unwrap().first(), Some(&false));
}

async fn an_answered_watchdog_keeps_the_connection(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            watchdog: Duration::from_millis(300),
            ..config()
        },
    );
    let mut wire = fixture.open("dra1.example").await;
    for _ in 0..5 {
        let asked = wire.expect(base::COMMAND_DEVICE_WATCHDOG, true).await;
        wire.send(&answer(&asked, "dra1.example")).await;
    }
    assert!(fixture.seen.trusted.lock().unwrap().is_empty());
}

async fn a_peer_that_failed_is_trusted_after_three_watchdogs(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            watchdog: Duration::from_millis(300),
            ..config()
        },
    );
    drop(fixture.open("dra1.example").await);
    fixture
        .until("the first connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
    fixture.seen.trusted.lock().unwrap().clear();

    let mut wire = fixture.open("dra1.example").await;
    for round in 0..3 {
        let asked = wire.expect(base::COMMAND_DEVICE_WATCHDOG, true).await;
        if round == 0 {
            // Requests of the peer are answered all the same.
            wire.send(&ulr()).await;
            wire.expect(ULR, false).await;
            assert_eq!(*fixture.seen.trusted.lock().unwrap(), [false]);
        }
        wire.send(&answer(&asked, "dra1.example")).await;
    }
    fixture
        .until("the peer is trusted", |seen| {
            *seen.trusted.lock().unwrap() == [false, true]
        })
        .await;
}

async fn a_second_connection_of_one_identity_is_rejected_and_the_first_probed(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut first = fixture.open("dra1.example").await;
    let mut second = fixture.connect().await;
    second.send(&cer("dra1.example", S6A)).await;
    second.expect_end().await;
    let asked = first.expect(base::COMMAND_DEVICE_WATCHDOG, true).await;
    first.send(&answer(&asked, "dra1.example")).await;
    first.send(&ulr()).await;
    assert_eq!(result(&first.expect(ULR, false).await), 2001);
    // Once the first is gone, the peer may come again.
    drop(first);
    fixture
        .until("the first connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
    fixture.open("dra1.example").await;
}

async fn several_peers_are_served_at_once(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let mut wires = Vec::new();
    for number in 0..16 {
        wires.push(fixture.open(&format!("mme{number}.example")).await);
    }
    for wire in &mut wires {
        wire.send(&ulr()).await;
    }
    for wire in &mut wires {
        assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    }
    assert_eq!(fixture.seen.open.load(Ordering::SeqCst), 16);
}

async fn the_peer_disconnects_in_order(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&[&ulr()[..], &dpr("dra1.example", 0), &ulr()].concat())
        .await;
    wire.expect(ULR, false).await;
    assert_eq!(
        result(&wire.expect(base::COMMAND_DISCONNECT_PEER, false).await),
        2001
    );
    // What was on its way is answered; then it is for the peer to close.
    wire.expect(ULR, false).await;
    drop(wire);
    fixture
        .until("the connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
    // No failure: the next connection is trusted from the start.
    fixture.seen.trusted.lock().unwrap().clear();
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&ulr()).await;
    wire.expect(ULR, false).await;
    assert!(fixture.seen.trusted.lock().unwrap().is_empty());
}

async fn this_node_disconnects_in_order_after_pending_requests(over: Over) {
    let mut fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    fixture.seen.hold.store(true, Ordering::SeqCst);
    wire.send(&ulr()).await;
    fixture
        .until("the request is held", |seen| {
            seen.requests.load(Ordering::SeqCst) == 1
        })
        .await;
    fixture.shutdown.cancel();
    tokio::task::yield_now().await;
    fixture.seen.release();
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    let dpr = wire.expect(base::COMMAND_DISCONNECT_PEER, true).await;
    let cause = Message::decode(&dpr)
        .unwrap()
        .find(&base::DISCONNECT_CAUSE)
        .unwrap()
        .as_i32()
        .unwrap();
    assert_eq!(cause, base::disconnect_cause::REBOOTING);
    wire.send(&answer(&dpr, "dra1.example")).await;
    // Whoever receives the DPA closes.
    wire.expect_end().await;
    fixture.stop().await;
    fixture
        .until("the connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
}

async fn a_peer_that_never_answers_the_dpr_does_not_hold_up_the_stop(over: Over) {
    let config = DiameterConfig {
        grace: Duration::from_millis(50),
        disconnect_timeout: Duration::from_millis(50),
        ..config()
    };
    let mut fixture = Fixture::start(over, config);
    let mut wire = fixture.open("dra1.example").await;
    fixture.seen.hold.store(true, Ordering::SeqCst);
    wire.send(&ulr()).await;
    fixture
        .until("the request is held", |seen| {
            seen.requests.load(Ordering::SeqCst) == 1
        })
        .await;
    fixture.stop().await;
    wire.expect(base::COMMAND_DISCONNECT_PEER, true).await;
    wire.expect_end().await;
}

async fn too_many_pending_requests_stop_the_reading(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            max_pending: 4,
            ..config()
        },
    );
    let mut wire = fixture.open("dra1.example").await;
    fixture.seen.hold.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        wire.send(&ulr()).await;
    }
    fixture
        .until("four requests are held", |seen| {
            seen.requests.load(Ordering::SeqCst) == 4
        })
        .await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.seen.requests.load(Ordering::SeqCst), 4);
    fixture.seen.hold.store(false, Ordering::SeqCst);
    fixture.seen.release();
    for _ in 0..10 {
        wire.expect(ULR, false).await;
    }
    assert_eq!(fixture.seen.requests.load(Ordering::SeqCst), 10);
}

async fn a_peer_that_does_not_read_is_dropped(over: Over) {
    let config = DiameterConfig {
        write_timeout: Duration::from_millis(200),
        ..config()
    };
    let fixture = Fixture::start(over, config);
    let mut wire = fixture.open("dra1.example").await;
    let burst: Vec<u8> = (0..1000).flat_map(|_| ulr().to_vec()).collect();
    let flood = async { while wire.stream.write_all(&burst).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, flood)
        .await
        .expect("the connection is dropped");
    fixture
        .until("the connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
}

async fn a_cer_on_an_open_connection_gets_5012(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&cer("dra1.example", S6A)).await;
    assert_eq!(
        result(&wire.expect(base::COMMAND_CAPABILITIES_EXCHANGE, false).await),
        5012
    );
    wire.send(&ulr()).await;
    wire.expect(ULR, false).await;
}

async fn a_service_that_panics_takes_only_its_own_connection_along(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let mut other = fixture.open("hss1.example").await;
    for identity in ["dra1.example", "stranger.example"] {
        for _ in 0..2 {
            let mut wire = fixture.open(identity).await;
            wire.send(&write(CommandFlags::default(), PANIC, S6A, |_| {}))
                .await;
            wire.expect_end().await;
        }
    }
    other.send(&ulr()).await;
    assert_eq!(result(&other.expect(ULR, false).await), 2001);
}

async fn random_octets_harm_no_other_connection(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let mut other = fixture.open("hss1.example").await;
    let mut random = Random::new(11);
    for round in 0..100 {
        let mut wire = fixture.open(&format!("mme{round}.example")).await;
        // Sound messages with octets changed here and there, behind the length.
        let mut octets = [&ulr()[..], &dwr("x"), &dpr("x", 0), &cer("x", S6A), &ulr()].concat();
        for _ in 0..8 {
            let place = 4 + random.below(octets.len() as u64 - 4) as usize;
            octets[place] = random.next() as u8;
        }
        wire.send(&octets).await;
        // Whatever comes of it.
        let _ = wire.receive().await;
    }
    other.send(&ulr()).await;
    assert_eq!(result(&other.expect(ULR, false).await), 2001);
}
