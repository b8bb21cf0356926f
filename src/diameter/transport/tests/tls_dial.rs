//! TLS connections that a node makes to its peers.

use std::net::Ipv4Addr;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use rcgen::date_time_ymd;
use tokio::net::TcpListener;

use crate::certificate::Certificate;
use crate::diameter::config::{DiameterConfig, PeerConfig, Transport};
use crate::diameter::dict::base;

use super::authority::{Authority, Folder, Pair, welcome};
use super::far_end::*;

/// A node that dials `hss1.example`, and where it does.
async fn node(folder: &Folder) -> (Fixture, TcpListener) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let fixture = Fixture::start(
        Over::Tcp,
        DiameterConfig {
            tls: folder.config(),
            tls_listen: (Ipv4Addr::LOCALHOST, 0).into(),
            peers: vec![PeerConfig {
                address: Some(listener.local_addr().unwrap().to_string()),
                transport: Transport::Tls,
                reconnect: Some(Duration::from_millis(20)),
                ..PeerConfig::new("HSS1.example")
            }],
            ..config()
        },
    );
    (fixture, listener)
}

/// The far end of the next attempt, as a server with that certificate.
async fn accept(
    listener: &TcpListener,
    authority: &Authority,
    pair: &Pair,
) -> std::io::Result<(Wire, Certificate)> {
    let (stream, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap()?;
    let stream = welcome(stream, pair.server(authority)).await?;
    let shown = Certificate::new(&stream.get_ref().1.peer_certificates().unwrap()[0]).unwrap();
    Ok((Wire::on(stream), shown))
}

#[tokio::test]
async fn a_node_dials_shows_its_certificate_and_comes_back() {
    let authority = Authority::new("authority");
    let folder = Folder::new(&authority, &authority.issue(&["reachd.example"]));
    let (mut fixture, listener) = node(&folder).await;
    let pair = authority.issue(&["hss1.EXAMPLE"]);
    for _ in 0..2 {
        let (mut wire, shown) = accept(&listener, &authority, &pair).await.unwrap();
        assert!(shown.names("reachd.example"));
        let cer = wire.expect(base::COMMAND_CAPABILITIES_EXCHANGE, true).await;
        wire.send(&cea(&cer, "hss1.example")).await;
        wire.send(&ulr()).await;
        // After a failure it proves itself with a watchdog first.
        while header(&wire.receive().await.unwrap()).command != ULR {}
    }
    drop(listener);
    fixture.stop().await;
}

#[tokio::test]
async fn a_peer_whose_certificate_does_not_hold_is_not_talked_to_until_it_does() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    // Tasks of this test's runtime run on this thread.
    let _guard = metrics::set_default_local_recorder(&recorder);
    let authority = Authority::new("authority");
    let folder = Folder::new(&authority, &authority.issue(&["reachd.example"]));
    let (mut fixture, listener) = node(&folder).await;
    let other = authority.issue(&["hss2.example"]);
    let expired = authority.issue_as(&["hss1.example"], |params| {
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let stranger = Authority::new("stranger").issue(&["hss1.example"]);
    for pair in [other, expired, stranger] {
        assert!(accept(&listener, &authority, &pair).await.is_err());
    }
    for cause in ["mismatch", "expired", "refused"] {
        let line = format!("reachd_diameter_connections_refused_total{{cause=\"certificate_{cause}\"}} 1\n");
        fixture.until(&line, |_| page.render().contains(&line)).await;
        let line = format!(
            "reachd_diameter_connect_failures_total{{peer=\"hss1.example\",cause=\"certificate_{cause}\"}} 1\n"
        );
        fixture.until(&line, |_| page.render().contains(&line)).await;
    }
    let right = authority.issue(&["hss1.example"]);
    // A sound certificate does not help whoever then answers in another name.
    let (mut wire, _) = accept(&listener, &authority, &right).await.unwrap();
    let cer = wire.expect(base::COMMAND_CAPABILITIES_EXCHANGE, true).await;
    wire.send(&cea(&cer, "hss2.example")).await;
    wire.expect_end().await;
    let (mut wire, _) = accept(&listener, &authority, &right).await.unwrap();
    let cer = wire.expect(base::COMMAND_CAPABILITIES_EXCHANGE, true).await;
    wire.send(&cea(&cer, "hss1.example")).await;
    wire.send(&ulr()).await;
    wire.expect(ULR, false).await;
    drop((wire, listener));
    fixture.stop().await;
}

#[tokio::test]
async fn a_peer_that_refuses_our_certificate_shows_as_a_failure_of_tls() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    // Tasks of this test's runtime run on this thread.
    let _guard = metrics::set_default_local_recorder(&recorder);
    let authority = Authority::new("authority");
    let folder = Folder::new(&authority, &authority.issue(&["reachd.example"]));
    let (mut fixture, listener) = node(&folder).await;
    let pair = authority.issue(&["hss1.example"]);
    assert!(accept(&listener, &Authority::new("other"), &pair).await.is_err());
    let line = "reachd_diameter_connections_refused_total{cause=\"tls\"} 1\n";
    fixture.until(line, |_| page.render().contains(line)).await;
    drop(listener);
    fixture.stop().await;
}

#[tokio::test]
async fn a_peer_that_never_ends_its_handshake_is_given_up_and_tried_again() {
    let authority = Authority::new("authority");
    let folder = Folder::new(&authority, &authority.issue(&["reachd.example"]));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut fixture = Fixture::start(
        Over::Tcp,
        DiameterConfig {
            tls: folder.config(),
            tls_listen: (Ipv4Addr::LOCALHOST, 0).into(),
            connect_timeout: Duration::from_millis(100),
            reconnect: Duration::from_millis(20),
            peers: vec![PeerConfig {
                address: Some(listener.local_addr().unwrap().to_string()),
                transport: Transport::Tls,
                ..PeerConfig::new("hss1.example")
            }],
            ..config()
        },
    );
    let (_first, _) = listener.accept().await.unwrap();
    tokio::time::timeout(PATIENCE, listener.accept())
        .await
        .expect("a second attempt")
        .unwrap();
    drop(listener);
    fixture.stop().await;
}
