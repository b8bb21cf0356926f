//! The driver, seen from the far end of a connection: the same bodies over memory and over TCP.
//!
//! The far end is a plain stream of octets that writes its own messages with the codec and knows nothing of the peer
//! machine, so that a mistake there cannot hide behind the same mistake here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::diameter::codec::{CommandFlags, Header, Message, MessageBuilder};
use crate::diameter::config::{DiameterConfig, PeerConfig, PeerMode, S6A};
use crate::diameter::dict::{base, tgpp};
use crate::diameter::node::{BoundNode, CloseReason, ConnectError, Node, NodeConfig, connect};
use crate::diameter::service::{Completions, ConnectedPeer, Service, ServiceFactory};

const ULR: u32 = 316;
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers every request with success, at once or when told to, and keeps count.
struct Echo {
    held: VecDeque<Header>,
    shared: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    hold: std::sync::atomic::AtomicBool,
    requests: AtomicUsize,
    open: AtomicUsize,
    trusted: Mutex<Vec<bool>>,
    peers: Mutex<Vec<ConnectedPeer>>,
    release: Mutex<Vec<mpsc::UnboundedSender<()>>>,
}

impl Seen {
    /// Lets every held request be answered.
    fn release(&self) {
        for sender in self.release.lock().unwrap().iter() {
            let _ = sender.send(());
        }
    }
}

fn success(request: &Header, out: &mut BytesMut) {
    MessageBuilder::answer(out, request, false)
        .avp_u32(&base::RESULT_CODE, 2001)
        .finish();
}

impl Service for Echo {
    type Completion = ();

    fn request(&mut self, _: Instant, request: &Message<'_>, out: &mut BytesMut) {
        self.shared.requests.fetch_add(1, Ordering::SeqCst);
        if self.shared.hold.load(Ordering::SeqCst) {
            self.held.push_back(*request.header());
        } else {
            success(request.header(), out);
        }
    }

    fn answer(&mut self, _: Instant, _: &Message<'_>, _: &mut BytesMut) {}

    fn complete(&mut self, _: Instant, (): (), out: &mut BytesMut) {
        for header in self.held.drain(..) {
            success(&header, out);
        }
    }

    fn trusted(&mut self, _: Instant, trusted: bool) {
        self.shared.trusted.lock().unwrap().push(trusted);
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn expire(&mut self, _: Instant, _: &mut BytesMut) {}

    fn pending(&self) -> usize {
        self.held.len()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Default)]
struct Factory(Arc<Seen>);

impl ServiceFactory for Factory {
    type Service = Echo;

    fn open(&self, peer: &ConnectedPeer) -> (Echo, Completions<Echo>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.open.fetch_add(1, Ordering::SeqCst);
        self.0.peers.lock().unwrap().push(peer.clone());
        self.0.release.lock().unwrap().push(sender);
        (
            Echo {
                held: VecDeque::new(),
                shared: Arc::clone(&self.0),
            },
            receiver,
        )
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// The far end of one connection.
struct Wire {
    stream: Box<dyn Stream>,
    buffer: BytesMut,
}

#[derive(Clone, Copy, PartialEq)]
enum Over {
    Memory,
    Tcp,
}

/// A node under test.
struct Fixture {
    over: Over,
    seen: Arc<Seen>,
    shutdown: CancellationToken,
    address: SocketAddr,
    memory: Node<Factory>,
    running: Option<tokio::task::JoinHandle<()>>,
}

fn config() -> DiameterConfig {
    DiameterConfig {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        identity: "reachd.example".to_owned(),
        realm: "example".to_owned(),
        peers: vec![
            PeerConfig::new("dra1.example"),
            PeerConfig {
                mode: PeerMode::Endpoint,
                ..PeerConfig::new("hss1.example")
            },
        ],
        ..DiameterConfig::default()
    }
}

impl Fixture {
    fn start(over: Over, config: DiameterConfig) -> Self {
        let factory = Factory::default();
        let seen = Arc::clone(&factory.0);
        let shutdown = CancellationToken::new();
        let memory = Node::new(config.clone().into(), factory.clone(), shutdown.clone());
        let (address, running) = match over {
            Over::Memory => (config.listen, None),
            Over::Tcp => {
                let node = BoundNode::bind(config.into(), factory).unwrap();
                (
                    node.local_addr().unwrap(),
                    Some(tokio::spawn(node.run(shutdown.clone()))),
                )
            }
        };
        Self {
            over,
            seen,
            shutdown,
            address,
            memory,
            running,
        }
    }

    async fn connect(&self) -> Wire {
        let stream: Box<dyn Stream> = match self.over {
            Over::Tcp => Box::new(TcpStream::connect(self.address).await.unwrap()),
            Over::Memory => {
                let (near, far) = tokio::io::duplex(64 * 1024);
                let node = self.memory.clone();
                let (reader, writer) = tokio::io::split(near);
                let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
                let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
                tokio::spawn(async move { node.serve(reader, writer, local, remote).await });
                Box::new(far)
            }
        };
        Wire {
            stream,
            buffer: BytesMut::new(),
        }
    }

    async fn open(&self, identity: &str) -> Wire {
        let mut wire = self.connect().await;
        wire.send(&cer(identity, S6A)).await;
        let cea = wire.receive().await.expect("a CEA");
        assert_eq!(result(&cea), 2001);
        wire
    }

    async fn stop(&mut self) {
        self.shutdown.cancel();
        if let Some(running) = self.running.take() {
            tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
        }
    }

    async fn until(&self, what: &str, condition: impl Fn(&Seen) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !condition(&self.seen) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "waited in vain for: {what}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Wire {
    async fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// The next message, or `None` once the connection has been closed.
    async fn receive(&mut self) -> Option<Vec<u8>> {
        let next = async {
            loop {
                if let Some(header) = Header::read(&self.buffer)
                    && self.buffer.len() >= header.length as usize
                {
                    return Some(self.buffer.split_to(header.length as usize).to_vec());
                }
                match self.stream.read_buf(&mut self.buffer).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, next)
            .await
            .expect("neither a message nor the end in time")
    }

    async fn expect(&mut self, command: u32, request: bool) -> Vec<u8> {
        let message = self.receive().await.expect("a message, not the end");
        let header = Header::read(&message).unwrap();
        assert_eq!((header.command, header.flags.is_request()), (command, request));
        message
    }

    async fn expect_end(&mut self) {
        assert_eq!(self.receive().await, None);
    }
}

fn result(message: &[u8]) -> u32 {
    Message::decode(message)
        .unwrap()
        .find(&base::RESULT_CODE)
        .unwrap()
        .as_u32()
        .unwrap()
}

fn header(message: &[u8]) -> Header {
    Header::read(message).unwrap()
}

fn write(
    flags: CommandFlags,
    command: u32,
    application: u32,
    members: impl FnOnce(&mut MessageBuilder<'_>),
) -> BytesMut {
    let mut out = BytesMut::new();
    let mut builder = MessageBuilder::request(&mut out, flags, command, application, 7, 9);
    members(&mut builder);
    builder.finish();
    out
}

fn origin(message: &mut MessageBuilder<'_>, identity: &str) {
    message
        .avp_utf8(&base::ORIGIN_HOST, identity)
        .avp_utf8(&base::ORIGIN_REALM, "example");
}

fn cer(identity: &str, application: u32) -> BytesMut {
    write(
        CommandFlags::default(),
        base::COMMAND_CAPABILITIES_EXCHANGE,
        0,
        |cer| {
            origin(cer, identity);
            cer.avp_address(&base::HOST_IP_ADDRESS, IpAddr::V4(Ipv4Addr::LOCALHOST))
                .avp_u32(&base::VENDOR_ID, 0)
                .avp_utf8(&base::PRODUCT_NAME, "test")
                .group(&base::VENDOR_SPECIFIC_APPLICATION_ID, |group| {
                    group
                        .avp_u32(&base::VENDOR_ID, tgpp::VENDOR_ID)
                        .avp_u32(&base::AUTH_APPLICATION_ID, application);
                });
        },
    )
}

fn dwr(identity: &str) -> BytesMut {
    write(CommandFlags::default(), base::COMMAND_DEVICE_WATCHDOG, 0, |dwr| {
        origin(dwr, identity)
    })
}

fn dpr(identity: &str, cause: i32) -> BytesMut {
    write(CommandFlags::default(), base::COMMAND_DISCONNECT_PEER, 0, |dpr| {
        origin(dpr, identity);
        dpr.avp_i32(&base::DISCONNECT_CAUSE, cause);
    })
}

fn ulr() -> BytesMut {
    request_to(S6A, "reachd.example", "example")
}

fn request_to(application: u32, host: &str, realm: &str) -> BytesMut {
    write(CommandFlags::PROXIABLE, ULR, application, |ulr| {
        ulr.avp_utf8(&base::SESSION_ID, "mme1.example;1;1");
        origin(ulr, "mme1.example");
        ulr.avp_utf8(&base::DESTINATION_HOST, host)
            .avp_utf8(&base::DESTINATION_REALM, realm);
    })
}

/// The success answer to one of our requests, as the peer writes it.
fn answer(request: &[u8], identity: &str) -> BytesMut {
    let mut out = BytesMut::new();
    let mut answer = MessageBuilder::answer(&mut out, &header(request), false);
    answer.avp_u32(&base::RESULT_CODE, 2001);
    origin(&mut answer, identity);
    answer.finish();
    out
}

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
            watchdog: Duration::from_millis(100),
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
            watchdog: Duration::from_millis(100),
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

// Nodes of ours against each other, over TCP.

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
        let mut wire = Wire {
            stream: Box::new(stream),
            buffer: BytesMut::new(),
        };
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
