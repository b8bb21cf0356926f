//! Certificates that change while a node runs.

use std::net::Ipv4Addr;

use metrics_exporter_prometheus::PrometheusBuilder;
use rustls::ALL_VERSIONS;
use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;

use crate::diameter::config::{DiameterConfig, PeerConfig, Transport};
use crate::diameter::dict::s6a::APPLICATION as S6A;

use super::authority::{Authority, Folder, Pair, handshake};
use super::far_end::*;

/// A fresh connection, and the certificate that the node shows on it.
async fn connect(fixture: &Fixture, authority: &Authority, pair: &Pair) -> (Wire, CertificateDer<'static>) {
    let stream = TcpStream::connect(fixture.tls.unwrap()).await.unwrap();
    let stream = handshake(stream, pair.client(authority, ALL_VERSIONS))
        .await
        .unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    (Wire::on(stream), shown)
}

#[tokio::test]
async fn new_connections_see_new_certificates_and_old_ones_live_on() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    // Tasks of this test's runtime run on this thread.
    let _guard = metrics::set_default_local_recorder(&recorder);
    let authority = Authority::new("authority");
    let pairs: Vec<_> = (0..3).map(|_| authority.issue(&["reachd.example"])).collect();
    let folder = Folder::new(&authority, &pairs[0]);
    let fixture = Fixture::start(
        Over::Tcp,
        DiameterConfig {
            tls: folder.config(),
            tls_listen: (Ipv4Addr::LOCALHOST, 0).into(),
            peers: vec![PeerConfig {
                transport: Transport::Tls,
                ..PeerConfig::new("dra1.example")
            }],
            ..config()
        },
    );
    let reloads = async |outcome: &str, count: u32| {
        let line = format!("reachd_diameter_certificate_reloads_total{{outcome=\"{outcome}\"}} {count}\n");
        fixture.until(&line, |_| page.render().contains(&line)).await;
    };
    let far = authority.issue(&["dra1.example"]);
    let (mut old, shown) = connect(&fixture, &authority, &far).await;
    assert_eq!(shown, pairs[0].chain()[0]);
    old.send(&cer("dra1.example", S6A)).await;
    assert_eq!(result(&old.receive().await.unwrap()), 2001);

    // Asked for, a change is read at once.
    folder.replace(&pairs[1]);
    fixture.reload.ask();
    reloads("success", 1).await;
    let (_, shown) = connect(&fixture, &authority, &far).await;
    assert_eq!(shown, pairs[1].chain()[0]);

    // Broken files are counted once, and change nothing.
    folder.put("key.pem", &pairs[0].key);
    reloads("failure", 1).await;
    let (_, shown) = connect(&fixture, &authority, &far).await;
    assert_eq!(shown, pairs[1].chain()[0]);

    // Without a word, a change is noticed.
    folder.replace(&pairs[2]);
    reloads("success", 2).await;
    let (_, shown) = connect(&fixture, &authority, &far).await;
    assert_eq!(shown, pairs[2].chain()[0]);
    assert!(page.render().contains("reloads_total{outcome=\"failure\"} 1\n"));

    // A new authority counts as well: the far end's certificate is not from it.
    folder.put("authorities.pem", &Authority::new("other").pem());
    fixture.reload.ask();
    reloads("success", 3).await;
    let (mut refused, _) = connect(&fixture, &authority, &far).await;
    refused.expect_end().await;
    old.send(&ulr()).await;
    assert_eq!(result(&old.expect(ULR, false).await), 2001);
}
