//! TLS connections that peers make to a node (RFC 6733 §13.1).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use rcgen::date_time_ymd;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, ClientConfig, HandshakeKind};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::diameter::config::{DiameterConfig, PeerConfig, Transport};
use crate::diameter::dict::base;
use crate::diameter::dict::s6a::APPLICATION as S6A;
use crate::diameter::transport::carrier::Carrier;
use crate::diameter::transport::tls::Tls;
use crate::diameter::transport::tls::reload::Source;

use super::authority::{Authority, Folder, Pair, handshake, nameless_client};
use super::far_end::*;

/// A node that two TLS peers may connect to, and one over plain TCP.
struct Setting {
    authority: Authority,
    _folder: Folder,
    fixture: Fixture,
}

impl Setting {
    fn new(change: impl FnOnce(&mut DiameterConfig)) -> Self {
        let authority = Authority::new("authority");
        let folder = Folder::new(&authority, &authority.issue(&["reachd.example"]));
        let tls = |identity: &str| PeerConfig {
            transport: Transport::Tls,
            ..PeerConfig::new(identity)
        };
        let mut config = DiameterConfig {
            tls: folder.config(),
            tls_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            peers: vec![
                tls("dra1.example"),
                tls("hss1.example"),
                PeerConfig::new("plain.example"),
            ],
            ..config()
        };
        change(&mut config);
        Self {
            authority,
            _folder: folder,
            fixture: Fixture::start(Over::Tcp, config),
        }
    }

    async fn socket(&self) -> TcpStream {
        TcpStream::connect(self.fixture.tls.unwrap()).await.unwrap()
    }

    async fn dial(&self, client: ClientConfig) -> std::io::Result<Wire> {
        Ok(Wire::on(handshake(self.socket().await, client).await?))
    }

    async fn dial_as(&self, pair: &Pair) -> Wire {
        let client = pair.client(&self.authority, ALL_VERSIONS);
        self.dial(client).await.unwrap()
    }

    /// A connection past the capabilities exchange, with a certificate of the same name.
    async fn open(&self, identity: &str) -> Wire {
        let mut wire = self.dial_as(&self.authority.issue(&[identity])).await;
        wire.send(&cer(identity, S6A)).await;
        assert_eq!(result(&wire.receive().await.expect("a CEA")), 2001);
        wire
    }

    /// With TLS 1.3 a client learns of its refusal when it reads.
    async fn expect_refusal(&self, client: ClientConfig) {
        if let Ok(mut wire) = self.dial(client).await {
            let _ = wire.stream.write_all(&cer("dra1.example", S6A)).await;
            let _ = wire.stream.flush().await;
            wire.expect_end().await;
        }
    }

    async fn counted(&self, page: &PrometheusHandle, cause: &str, count: u32) {
        let line = format!("reachd_diameter_connections_refused_total{{cause=\"{cause}\"}} {count}\n");
        self.fixture.until(&line, |_| page.render().contains(&line)).await;
    }
}

/// Counts what the tasks of this test's runtime count: they all run on this thread.
macro_rules! counting {
    ($page:ident) => {
        let recorder = PrometheusBuilder::new().build_recorder();
        let $page = recorder.handle();
        let _guard = metrics::set_default_local_recorder(&recorder);
    };
}

async fn serves(wire: &mut Wire) {
    wire.send(&ulr()).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_served_alike() {
    let setting = Setting::new(|_| {});
    let pair = setting.authority.issue(&["DRA1.example"]);
    for version in [&TLS12, &TLS13] {
        let client = pair.client(&setting.authority, &[version]);
        let stream = handshake(setting.socket().await, client).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let mut wire = Wire::on(stream);
        wire.send(&cer("dra1.example", S6A)).await;
        assert_eq!(result(&wire.receive().await.unwrap()), 2001);
        serves(&mut wire).await;
        wire.send(&dpr("dra1.example", 0)).await;
        wire.expect(base::COMMAND_DISCONNECT_PEER, false).await;
        drop(wire);
        setting
            .fixture
            .until("the connection is gone", |seen| {
                seen.open.load(Ordering::SeqCst) == 0
            })
            .await;
    }
}

#[tokio::test]
async fn every_connection_shows_its_certificate_anew() {
    let setting = Setting::new(|_| {});
    let pair = setting.authority.issue(&["dra1.example"]);
    for version in [&TLS12, &TLS13] {
        let client = Arc::new(pair.client(&setting.authority, &[version]));
        for _ in 0..2 {
            let name = ServerName::try_from("reachd.example").unwrap();
            let connector = TlsConnector::from(Arc::clone(&client));
            let stream = connector.connect(name, setting.socket().await).await.unwrap();
            let kind = stream.get_ref().1.handshake_kind();
            assert_eq!(kind, Some(HandshakeKind::Full));
            // Whatever there is to resume has come with the answer.
            let mut wire = Wire::on(stream);
            wire.send(&cer("stranger.example", S6A)).await;
            assert_eq!(result(&wire.receive().await.unwrap()), 3010);
        }
    }
}

#[tokio::test]
async fn a_sound_certificate_of_another_name_is_refused_with_3010_and_counted() {
    counting!(page);
    let setting = Setting::new(|config| config.accept_unknown_peers = true);
    let mut other = setting.open("hss1.example").await;
    let pair = setting.authority.issue(&["hss1.example", "*.dra1.example"]);
    // Whoever is accepted unknown has to be who it says all the same.
    for identity in ["dra1.example", "stranger.example"] {
        let mut wire = setting.dial_as(&pair).await;
        wire.send(&cer(identity, S6A)).await;
        assert_eq!(result(&wire.receive().await.unwrap()), 3010);
        wire.expect_end().await;
    }
    setting.counted(&page, "certificate_mismatch", 2).await;
    serves(&mut other).await;
    assert_eq!(setting.fixture.seen.peers.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn no_certificate_and_one_of_another_authority_are_refused_and_counted() {
    counting!(page);
    let setting = Setting::new(|_| {});
    let other = Authority::new("other").issue(&["dra1.example"]);
    for version in [&TLS12, &TLS13] {
        let nameless = nameless_client(&setting.authority, &[version]);
        setting.expect_refusal(nameless).await;
        let stranger = other.client(&setting.authority, &[version]);
        setting.expect_refusal(stranger).await;
    }
    setting.counted(&page, "certificate_refused", 4).await;
    serves(&mut setting.open("dra1.example").await).await;
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_refused_and_counted() {
    counting!(page);
    let setting = Setting::new(|_| {});
    let expired = setting.authority.issue_as(&["dra1.example"], |params| {
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let early = setting.authority.issue_as(&["dra1.example"], |params| {
        params.not_before = date_time_ymd(3000, 1, 1);
    });
    for pair in [expired, early] {
        let client = pair.client(&setting.authority, ALL_VERSIONS);
        setting.expect_refusal(client).await;
    }
    setting.counted(&page, "certificate_expired", 2).await;
}

#[tokio::test]
async fn plain_text_on_the_tls_port_is_refused_and_harms_nobody() {
    counting!(page);
    let setting = Setting::new(|_| {});
    let mut other = setting.open("hss1.example").await;
    for first in [
        cer("dra1.example", S6A).to_vec(),
        vec![0; 600],
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        let mut wire = Wire::on(setting.socket().await);
        wire.send(&first).await;
        // Nothing but an alert comes, which is no Diameter message.
        wire.expect_end().await;
    }
    setting.counted(&page, "tls", 3).await;
    serves(&mut other).await;
}

#[tokio::test]
async fn a_handshake_that_is_not_done_in_time_is_closed() {
    counting!(page);
    let setting = Setting::new(|config| config.cer_timeout = Duration::from_millis(200));
    // Nothing at all, half a ClientHello's header, and a whole handshake without a CER.
    Wire::on(setting.socket().await).expect_end().await;
    let mut half = Wire::on(setting.socket().await);
    half.send(&[0x16, 0x03, 0x01, 0x01]).await;
    half.expect_end().await;
    let mut silent = setting.dial_as(&setting.authority.issue(&["dra1.example"])).await;
    silent.expect_end().await;
    setting.counted(&page, "timeout", 3).await;
}

#[tokio::test]
async fn a_peer_is_refused_on_the_port_of_another_transport() {
    counting!(page);
    let setting = Setting::new(|_| {});
    let mut bare = setting.fixture.connect().await;
    bare.send(&cer("dra1.example", S6A)).await;
    assert_eq!(result(&bare.receive().await.unwrap()), 3010);
    bare.expect_end().await;
    let mut dressed = setting
        .dial_as(&setting.authority.issue(&["plain.example"]))
        .await;
    dressed.send(&cer("plain.example", S6A)).await;
    assert_eq!(result(&dressed.receive().await.unwrap()), 3010);
    dressed.expect_end().await;
    setting.counted(&page, "wrong_transport", 2).await;
}

#[tokio::test]
async fn half_open_connections_of_all_listeners_share_one_limit() {
    counting!(page);
    let setting = Setting::new(|config| config.max_connections = 4);
    let _half = [Wire::on(setting.socket().await), setting.fixture.connect().await];
    // Half of all places is what one source may hold without a word, whichever way it comes.
    Wire::on(setting.socket().await).expect_end().await;
    setting.fixture.connect().await.expect_end().await;
    setting.counted(&page, "too_many", 2).await;
}

#[tokio::test]
async fn connections_of_all_listeners_share_one_limit_and_stop_together() {
    let mut setting = Setting::new(|config| config.max_connections = 2);
    let mut secured = setting.open("dra1.example").await;
    let mut plain = setting.fixture.open("plain.example").await;
    Wire::on(setting.socket().await).expect_end().await;
    setting.fixture.connect().await.expect_end().await;
    let stopping = tokio::spawn(async move {
        setting.fixture.stop().await;
        setting
    });
    for (wire, identity) in [(&mut secured, "dra1.example"), (&mut plain, "plain.example")] {
        let asked = wire.expect(base::COMMAND_DISCONNECT_PEER, true).await;
        wire.send(&answer(&asked, identity)).await;
        wire.expect_end().await;
    }
    let setting = stopping.await.unwrap();
    assert!(TcpStream::connect(setting.fixture.tls.unwrap()).await.is_err());
}

/// No flush follows the driver's last write of a burst, and no other write may come for half a minute.
#[tokio::test]
async fn what_was_written_arrives_although_nobody_flushes() {
    let authority = Authority::new("authority");
    let folder = Folder::new(&authority, &authority.issue(&["reachd.example"]));
    let source = Source::open(&folder.config(), "reachd.example").unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let client = authority
        .issue(&["dra1.example"])
        .client(&authority, ALL_VERSIONS);
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (socket, remote) = listener.accept().await.unwrap();
    // Far less than what is written, so that much has to wait in the TLS stream's own buffer.
    SockRef::from(&socket).set_send_buffer_size(4096).unwrap();
    SockRef::from(&stream).set_recv_buffer_size(4096).unwrap();
    let tls = Tls(Arc::new(source));
    let (near, far) = tokio::join!(tls.accept(socket, remote), handshake(stream, client));
    let mut near = near.unwrap_or_else(|cause| panic!("{}", cause.label()));
    let written = tokio::spawn(async move {
        near.writer.write_all(&[7; 60_000]).await.unwrap();
        near
    });
    let mut octets = vec![0; 60_000];
    tokio::time::timeout(PATIENCE, far.unwrap().read_exact(&mut octets))
        .await
        .expect("all of it arrives")
        .unwrap();
    written.await.unwrap();
}
