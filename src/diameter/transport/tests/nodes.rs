//! Whole nodes: dialling, limits, metrics.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use tokio_util::sync::CancellationToken;

use crate::diameter::codec::{CommandFlags, MessageBuilder};
use crate::diameter::config::{DiameterConfig, PeerConfig};
use crate::diameter::dict::base;
use crate::diameter::dict::s6a::APPLICATION as S6A;
use crate::diameter::node::{CloseReason, ConnectError, NodeConfig, connect};

use super::far_end::*;

fn named(identity: &str) -> DiameterConfig {
    DiameterConfig {
        identity: identity.to_owned(),
        peers: Vec::new(),
        ..config()
    }
}

#[tokio::test]
async fn a_node_connects_to_a_configured_peer_and_comes_back_after_a_failure() {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let mut peer = PeerConfig::new("hss1.example");
    peer.address = Some(listener.local_addr().unwrap().to_string());
    let config = DiameterConfig {
        peers: vec![peer],
        reconnect: Duration::from_millis(50),
        ..named("reachd.example")
    };
    let mut fixture = Fixture::start(Over::Tcp, config);
    for refusal in [true, false, false] {
        let (stream, _) = listener.accept().await.unwrap();
        let mut wire = Wire::on(stream);
        let cer = wire.expect(base::COMMAND_CAPABILITIES_EXCHANGE, true).await;
        let mut cea = BytesMut::new();
        let mut builder = MessageBuilder::answer(&mut cea, &header(&cer), false);
        builder.avp_u32(&base::RESULT_CODE, if refusal { 5010 } else { 2001 });
        origin(&mut builder, "hss1.example");
        builder.avp_u32(&base::AUTH_APPLICATION_ID, S6A).finish();
        wire.send(&cea).await;
        if refusal {
            wire.expect_end().await;
        } else {
            wire.send(&ulr()).await;
            // After a failure it proves itself with a watchdog first.
            loop {
                let message = wire.receive().await.unwrap();
                if header(&message).command == ULR {
                    break;
                }
            }
        }
    }
    // The peer is gone now; the node stops all the same.
    drop(listener);
    fixture.stop().await;
}

#[tokio::test]
async fn a_cea_from_another_peer_than_dialled_is_not_adopted() {
    let server = Fixture::start(
        Over::Tcp,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let refused = connect(
        &server.address.to_string(),
        named("mme1.example").into(),
        Some("hss9.example"),
        Factory::default(),
        CancellationToken::new(),
    )
    .await;
    assert!(
        matches!(refused, Err(ConnectError::Refused("unknown_peer"))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_dialled_connection_ends_in_order_from_either_side() {
    for from_client in [true, false] {
        let mut server = Fixture::start(
            Over::Tcp,
            DiameterConfig {
                accept_unknown_peers: true,
                ..config()
            },
        );
        let stop = CancellationToken::new();
        let factory = Factory::default();
        let seen = Arc::clone(&factory.0);
        let config = NodeConfig::from(named("mme1.example"));
        let address = server.address.to_string();
        let token = stop.clone();
        let client =
            tokio::spawn(
                async move { connect(&address, config, Some("Reachd.example"), factory, token).await },
            );
        server
            .until("the connection is open", |server| {
                server.open.load(Ordering::SeqCst) == 1 && seen.open.load(Ordering::SeqCst) == 1
            })
            .await;
        if from_client {
            stop.cancel();
        } else {
            server.stop().await;
        }
        let reason = tokio::time::timeout(PATIENCE, client)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        if from_client {
            assert_eq!(reason, CloseReason::Stopped);
        } else {
            assert!(matches!(reason, CloseReason::PeerLeft(_)), "{reason:?}");
        }
        server
            .until("the server's side is gone", |server| {
                server.open.load(Ordering::SeqCst) == 0
            })
            .await;
    }
}

#[tokio::test]
async fn two_nodes_that_dial_each_other_end_up_with_one_connection() {
    // Each has to know the other's port before either listens.
    let (a, b) = {
        let reserve = || std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (a, b) = (reserve(), reserve());
        (a.local_addr().unwrap(), b.local_addr().unwrap())
    };
    let node = |identity: &str, listen: SocketAddr, other: &str, address: SocketAddr| {
        let mut peer = PeerConfig::new(other);
        peer.address = Some(address.to_string());
        let config = DiameterConfig {
            listen,
            peers: vec![peer],
            reconnect: Duration::from_millis(80),
            ..named(identity)
        };
        Fixture::start(Over::Tcp, config)
    };
    let mut one = node("a.example", a, "b.example", b);
    let mut other = node("b.example", b, "a.example", a);
    let settled = |seen: &Seen| seen.open.load(Ordering::SeqCst) == 1;
    one.until("one connection here", settled).await;
    other.until("one connection there", settled).await;
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn more_connections_than_allowed_are_closed_at_once() {
    let fixture = Fixture::start(
        Over::Tcp,
        DiameterConfig {
            max_connections: 1,
            ..config()
        },
    );
    let mut first = fixture.open("dra1.example").await;
    let mut second = fixture.connect().await;
    second.expect_end().await;
    first.send(&ulr()).await;
    assert_eq!(result(&first.expect(ULR, false).await), 2001);
}

#[tokio::test]
async fn messages_states_and_refusals_are_counted_under_bounded_labels() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    // Tasks of this test's runtime run on this thread.
    let _guard = metrics::set_default_local_recorder(&recorder);
    let fixture = Fixture::start(
        Over::Memory,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let mut known = fixture.open("dra1.example").await;
    let mut stranger = fixture.open("stranger.example").await;
    for wire in [&mut known, &mut stranger] {
        wire.send(&[&ulr()[..], &request_to(16_777_217, "a", "b"), &ulr()].concat())
            .await;
        for _ in 0..3 {
            wire.expect(ULR, false).await;
        }
    }
    let mut refused = fixture.connect().await;
    refused.send(&cer("reachd.example", S6A)).await;
    refused.expect(base::COMMAND_CAPABILITIES_EXCHANGE, false).await;
    refused.expect_end().await;
    let page = page.render();
    for (name, labels, value) in [
        (
            "messages_total",
            r#"peer="dra1.example",command="Update-Location",direction="in",result="request""#,
            3,
        ),
        (
            "messages_total",
            r#"peer="dra1.example",command="Update-Location",direction="out",result="success""#,
            2,
        ),
        (
            "messages_total",
            r#"peer="unknown",command="Update-Location",direction="out",result="protocol_error""#,
            1,
        ),
        (
            "messages_total",
            r#"peer="dra1.example",command="Capabilities-Exchange",direction="out",result="success""#,
            1,
        ),
        ("defects_total", r#"peer="dra1.example",result_code="3007""#, 1),
        ("peer_state", r#"peer="dra1.example",state="open""#, 1),
        ("peer_state", r#"peer="hss1.example",state="closed""#, 1),
        ("peer_state", r#"peer="unknown",state="open""#, 1),
    ] {
        let line = format!("reachd_diameter_{name}{{{labels}}} {value}");
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
    assert!(!page.contains("stranger"));
}

#[tokio::test]
async fn the_end_of_an_open_connection_is_counted_by_peer_and_reason() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    // Tasks of this test's runtime run on this thread.
    let _guard = metrics::set_default_local_recorder(&recorder);
    let fixture = Fixture::start(
        Over::Memory,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let all_gone = || {
        fixture.until("all connections are gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
    };

    // A version that does not exist.
    let mut garbled = fixture.open("dra1.example").await;
    garbled.send(&[9; 20]).await;
    while garbled.receive().await.is_some() {}
    all_gone().await;
    for _ in 0..2 {
        drop(fixture.open("stranger.example").await);
        all_gone().await;
    }
    let mut left = fixture.open("hss1.example").await;
    left.send(&dpr("hss1.example", 0)).await;
    left.expect(base::COMMAND_DISCONNECT_PEER, false).await;
    drop(left);
    all_gone().await;
    // What ends a connection's task out of turn is a reason of its own.
    let mut deadly = fixture.open("dra1.example").await;
    deadly
        .send(&write(CommandFlags::default(), PANIC, S6A, |message| {
            origin(message, "dra1.example");
        }))
        .await;
    // Its predecessor failed, so that a watchdog request may come first.
    while deadly.receive().await.is_some() {}

    let page = page.render();
    for (labels, value) in [
        (r#"peer="dra1.example",reason="framing""#, 1),
        (r#"peer="unknown",reason="disconnected""#, 2),
        (r#"peer="hss1.example",reason="peer_left""#, 1),
        (r#"peer="dra1.example",reason="aborted""#, 1),
    ] {
        let line = format!("reachd_diameter_connections_closed_total{{{labels}}} {value}");
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
    assert!(!page.contains("stranger"));
}
