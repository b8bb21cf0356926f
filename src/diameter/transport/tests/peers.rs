//! What is configured for one peer alone: its transport, who connects, its timers.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::diameter::config::{DiameterConfig, Initiate, PeerConfig, Transport};
use crate::diameter::dict::base;
use crate::diameter::dict::s6a::APPLICATION as S6A;

use super::far_end::*;

async fn listener() -> (TcpListener, Option<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, Some(address))
}

#[tokio::test]
async fn a_peer_that_comes_in_another_way_than_configured_is_refused_and_its_cause_counted() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    // Tasks of this test's runtime run on this thread.
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (_listener, address) = listener().await;
    let fixture = Fixture::start(
        Over::Memory,
        DiameterConfig {
            peers: vec![
                PeerConfig {
                    transport: Transport::Tls,
                    ..PeerConfig::new("tls.example")
                },
                PeerConfig {
                    transport: Transport::Sctp,
                    ..PeerConfig::new("sctp.example")
                },
                PeerConfig {
                    address,
                    initiate: Some(Initiate::Us),
                    ..PeerConfig::new("ours.example")
                },
            ],
            // Whoever is configured is no unknown peer.
            accept_unknown_peers: true,
            ..config()
        },
    );
    for identity in ["tls.example", "SCTP.example", "ours.example"] {
        let mut wire = fixture.connect().await;
        wire.send(&cer(identity, S6A)).await;
        assert_eq!(result(&wire.receive().await.unwrap()), 3010, "{identity}");
        wire.expect_end().await;
    }
    for (cause, count) in [("wrong_transport", 2), ("wrong_initiator", 1)] {
        let line = format!("reachd_diameter_connections_refused_total{{cause=\"{cause}\"}} {count}");
        fixture.until(&line, |_| page.render().contains(&line)).await;
    }
    assert!(fixture.seen.peers.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_peer_that_initiates_is_never_dialled() {
    let (silent, its_address) = listener().await;
    let (control, address) = listener().await;
    let mut fixture = Fixture::start(
        Over::Tcp,
        DiameterConfig {
            peers: vec![
                PeerConfig {
                    address: its_address,
                    initiate: Some(Initiate::Peer),
                    ..PeerConfig::new("dra1.example")
                },
                PeerConfig {
                    address,
                    reconnect: Some(Duration::from_millis(10)),
                    ..PeerConfig::new("dra2.example")
                },
            ],
            ..config()
        },
    );
    // By the third attempt at the other one there would have been a first at this one.
    for _ in 0..3 {
        drop(control.accept().await.unwrap());
    }
    let silent = silent.into_std().unwrap();
    assert_eq!(
        silent.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&ulr()).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    drop((wire, control));
    fixture.stop().await;
}

#[tokio::test]
async fn a_peer_has_timers_of_its_own() {
    let (listener, address) = listener().await;
    let long = Duration::from_secs(3600);
    let mut fixture = Fixture::start(
        Over::Tcp,
        DiameterConfig {
            watchdog: long,
            reconnect: long,
            peers: vec![
                PeerConfig {
                    watchdog: Some(Duration::from_millis(100)),
                    ..PeerConfig::new("dra1.example")
                },
                PeerConfig {
                    address,
                    reconnect: Some(Duration::from_millis(20)),
                    ..PeerConfig::new("dra2.example")
                },
            ],
            ..config()
        },
    );
    let mut wire = fixture.open("dra1.example").await;
    wire.expect(base::COMMAND_DEVICE_WATCHDOG, true).await;
    // With the node's own Tc the second attempt would come after minutes.
    for _ in 0..3 {
        let (stream, _) = tokio::time::timeout(PATIENCE, listener.accept())
            .await
            .unwrap()
            .unwrap();
        let mut wire = Wire::on(stream);
        wire.expect(base::COMMAND_CAPABILITIES_EXCHANGE, true).await;
    }
    drop((wire, listener));
    fixture.stop().await;
}
