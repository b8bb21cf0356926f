//! A node under test, a service that answers everything, and the far end of a connection.

use std::collections::VecDeque;
use std::io::Result;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::diameter::client::{Client, Line};
use crate::diameter::codec::{CommandFlags, Header, Message, MessageBuilder};
use crate::diameter::config::{DiameterConfig, PeerConfig, PeerMode, Transport};
use crate::diameter::dict::s6a::APPLICATION as S6A;
use crate::diameter::dict::{base, tgpp};
use crate::diameter::node::{BoundNode, Node, NodeConfig};
use crate::diameter::service::{Completions, ConnectedPeer, Service, ServiceFactory};
use crate::diameter::status::{PeerStatus, Peers};
use crate::diameter::transport::carrier::{Connection, Ends};
use crate::diameter::transport::memory;
use crate::diameter::transport::messages::Messages;
use crate::files::Reload;

use super::authority::{Authority, Folder, Pair, handshake};

/// A command that the service does not survive.
pub(super) const PANIC: u32 = 16_000_000;
pub(super) const ULR: u32 = 316;
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Answers every request with success, at once or when told to, and keeps count.
pub(super) struct Echo {
    held: VecDeque<Header>,
    shared: Arc<Seen>,
    line: Line,
}

/// What wakes the service.
pub(super) enum News {
    /// Held requests may be answered.
    Release,
    /// The client has handed requests to this connection.
    Handed,
}

#[derive(Default)]
pub(super) struct Seen {
    pub(super) hold: std::sync::atomic::AtomicBool,
    pub(super) requests: AtomicUsize,
    pub(super) open: AtomicUsize,
    pub(super) trusted: Mutex<Vec<bool>>,
    pub(super) peers: Mutex<Vec<ConnectedPeer>>,
    pub(super) release: Mutex<Vec<mpsc::UnboundedSender<News>>>,
    client: OnceLock<Client>,
}

impl Seen {
    /// Lets every held request be answered.
    pub(super) fn release(&self) {
        for sender in self.release.lock().unwrap().iter() {
            let _ = sender.send(News::Release);
        }
    }
}

pub(super) fn success(request: &Header, out: &mut BytesMut) {
    MessageBuilder::answer(out, request, false)
        .avp_u32(&base::RESULT_CODE, 2001)
        .finish();
}

impl Service for Echo {
    type Completion = News;

    fn request(&mut self, _: Instant, request: &Message<'_>, out: &mut BytesMut) {
        assert_ne!(request.header().command, PANIC, "as the test wanted");
        self.shared.requests.fetch_add(1, Ordering::SeqCst);
        if self.shared.hold.load(Ordering::SeqCst) {
            self.held.push_back(*request.header());
        } else {
            success(request.header(), out);
        }
    }

    fn answer(&mut self, now: Instant, answer: &Message<'_>, out: &mut BytesMut) {
        self.line.answer(now, answer, out);
    }

    fn complete(&mut self, now: Instant, news: News, out: &mut BytesMut) {
        match news {
            News::Release => self.held.drain(..).for_each(|header| success(&header, out)),
            News::Handed => self.line.fill(now, out),
        }
    }

    fn trusted(&mut self, _: Instant, trusted: bool) {
        self.shared.trusted.lock().unwrap().push(trusted);
        self.line.trusted(trusted);
    }

    fn leaving(&mut self, _: Instant) {
        self.line.leaving();
    }

    fn deadline(&self) -> Option<Instant> {
        self.line.deadline()
    }

    fn expire(&mut self, now: Instant, out: &mut BytesMut) {
        self.line.expire(now, out);
    }

    fn pending(&self) -> usize {
        self.held.len()
    }

    fn asked(&self) -> usize {
        self.line.in_flight()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Default)]
pub(super) struct Factory(pub(super) Arc<Seen>);

impl ServiceFactory for Factory {
    type Service = Echo;

    fn open(&self, peer: &ConnectedPeer) -> (Echo, Completions<Echo>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.open.fetch_add(1, Ordering::SeqCst);
        self.0.peers.lock().unwrap().push(peer.clone());
        self.0.release.lock().unwrap().push(sender.clone());
        let client = self.0.client.get_or_init(|| NodeConfig::default().client());
        let line = client.open(peer, move || {
            let _ = sender.send(News::Handed);
        });
        let echo = Echo {
            held: VecDeque::new(),
            shared: Arc::clone(&self.0),
            line,
        };
        (echo, receiver)
    }
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// The far end of one connection.
pub(super) struct Wire {
    pub(super) stream: Box<dyn Stream>,
    pub(super) buffer: BytesMut,
    /// Whether whole messages are sent one by one.
    pub(super) by_message: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Over {
    Memory,
    /// Memory that keeps messages apart, as SCTP does.
    Messages,
    Tcp,
    Tls,
}

/// A writer that the node must give one whole message at a time.
struct Whole<W>(W);

impl<W: AsyncWrite + Unpin> AsyncWrite for Whole<W> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<Result<usize>> {
        assert_eq!(header(octets).length as usize, octets.len());
        Pin::new(&mut self.0).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// A node under test.
pub(super) struct Fixture {
    pub(super) over: Over,
    pub(super) seen: Arc<Seen>,
    pub(super) shutdown: CancellationToken,
    pub(super) address: SocketAddr,
    pub(super) memory: Node<Factory>,
    /// The TLS listener, where TLS is configured.
    pub(super) tls: Option<SocketAddr>,
    pub(super) sctp: Option<SocketAddr>,
    pub(super) reload: Reload,
    /// Who vouches for both ends, and the certificate of the far one; kept while the node may read its files.
    certified: Option<(Authority, Pair, Folder)>,
    pub(super) client: Client,
    pub(super) peers: Peers,
    pub(super) running: Option<tokio::task::JoinHandle<()>>,
}

/// Every identity that the far end comes by.
fn everybody() -> Vec<String> {
    let numbered = (0..100).chain([1 << 23]).map(|number| format!("mme{number}"));
    let others = [
        "dra1", "dra2", "hss1", "hss2", "hss3", "hss4", "stranger", "reachd",
    ];
    others
        .map(str::to_owned)
        .into_iter()
        .chain(numbered)
        .map(|name| format!("{name}.example"))
        .collect()
}

pub(super) fn config() -> DiameterConfig {
    DiameterConfig {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        identity: "reachd.example".to_owned(),
        realm: "example".to_owned(),
        peers: vec![
            PeerConfig::new("dra1.example"),
            PeerConfig {
                mode: PeerMode::Endpoint,
                // What no configuration allows; which application it is matters to nobody here.
                applications: vec!["s6a".to_owned()],
                ..PeerConfig::new("hss1.example")
            },
        ],
        ..DiameterConfig::default()
    }
}

impl Fixture {
    pub(super) fn start(over: Over, mut config: DiameterConfig) -> Self {
        let certified = (over == Over::Tls).then(|| {
            let authority = Authority::new("authority");
            let folder = Folder::new(&authority, &authority.issue(&["reachd.example"]));
            config.tls = folder.config();
            config.tls_listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            for peer in &mut config.peers {
                peer.transport = Transport::Tls;
            }
            let pair = authority.issue(&everybody());
            (authority, pair, folder)
        });
        let factory = Factory::default();
        let seen = Arc::clone(&factory.0);
        let shutdown = CancellationToken::new();
        let listen = config.listen;
        let config = NodeConfig::from(config);
        let client = config.client();
        assert!(seen.client.set(client.clone()).is_ok());
        let memory = Node::new(config.clone(), factory.clone(), shutdown.clone(), None);
        let mut peers = Peers(Arc::clone(&memory.0.table));
        let (mut address, mut tls, mut sctp, mut reload, mut running) =
            (listen, None, None, Reload::default(), None);
        if matches!(over, Over::Tcp | Over::Tls) {
            let node = BoundNode::bind(config, factory).unwrap();
            peers = node.peers();
            [tls, sctp] =
                [Transport::Tls, Transport::Sctp].map(|other| node.address(other).transpose().unwrap());
            address = node.local_addr().unwrap();
            reload = node.reload();
            running = Some(tokio::spawn(node.run(shutdown.clone())));
        }
        Self {
            over,
            seen,
            shutdown,
            address,
            memory,
            tls,
            sctp,
            reload,
            certified,
            client,
            peers,
            running,
        }
    }

    pub(super) async fn connect(&self) -> Wire {
        let stream: Box<dyn Stream> = match self.over {
            Over::Tcp => Box::new(TcpStream::connect(self.address).await.unwrap()),
            Over::Tls => {
                let (authority, pair, _) = self.certified.as_ref().unwrap();
                let client = pair.client(authority, rustls::ALL_VERSIONS);
                let stream = TcpStream::connect(self.tls.unwrap()).await.unwrap();
                Box::new(handshake(stream, client).await.unwrap())
            }
            Over::Memory => {
                let (near, far) = tokio::io::duplex(64 * 1024);
                let (reader, writer) = tokio::io::split(near);
                self.serve(reader, writer);
                Box::new(far)
            }
            Over::Messages => {
                let [(reader, writer), (far_reader, far_writer)] = memory::ends();
                self.serve(reader, Messages(Whole(writer)));
                Box::new(tokio::io::join(far_reader, far_writer))
            }
        };
        Wire {
            by_message: self.over == Over::Messages,
            ..Wire::on(stream)
        }
    }

    /// Has the node serve the near end of a connection without sockets.
    pub(super) fn serve(
        &self,
        reader: impl AsyncRead + Unpin + Send + 'static,
        writer: impl AsyncWrite + Unpin + Send + 'static,
    ) {
        let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let ends = Ends {
            transport: Transport::Tcp,
            local: remote.ip(),
            remote,
            certificate: None,
        };
        let connection = Connection { reader, writer, ends };
        let node = self.memory.clone();
        tokio::spawn(async move { node.serve(remote, std::future::ready(Ok(connection))).await });
    }

    pub(super) async fn open(&self, identity: &str) -> Wire {
        let mut wire = self.connect().await;
        wire.send(&cer(identity, S6A)).await;
        let cea = wire.receive().await.expect("a CEA");
        assert_eq!(result(&cea), 2001);
        wire
    }

    pub(super) async fn stop(&mut self) {
        self.shutdown.cancel();
        if let Some(running) = self.running.take() {
            tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
        }
    }

    /// What is told of a peer.
    pub(super) fn status(&self, name: &str) -> PeerStatus {
        let all = self.peers.status();
        let found = all.iter().find(|status| &*status.name == name);
        found.expect("a peer of that name").clone()
    }

    pub(super) async fn until(&self, what: &str, condition: impl Fn(&Seen) -> bool) {
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
    pub(super) fn on(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            buffer: BytesMut::new(),
            by_message: false,
        }
    }

    pub(super) async fn send(&mut self, mut octets: &[u8]) {
        while self.by_message
            && let Some(header) = Header::read(octets)
            && let Some((message, rest)) = octets.split_at_checked(header.length as usize)
            && !message.is_empty()
        {
            self.stream.write_all(message).await.unwrap();
            octets = rest;
        }
        self.stream.write_all(octets).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// The next message, or `None` once the connection has been closed.
    pub(super) async fn receive(&mut self) -> Option<Vec<u8>> {
        let next = async {
            loop {
                if let Some(header) = Header::read(&self.buffer)
                    && self.buffer.len() >= header.length as usize
                {
                    return Some(self.buffer.split_to(header.length as usize).to_vec());
                }
                self.buffer.reserve(16 * 1024);
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

    pub(super) async fn expect(&mut self, command: u32, request: bool) -> Vec<u8> {
        let message = self.receive().await.expect("a message, not the end");
        let header = Header::read(&message).unwrap();
        assert_eq!((header.command, header.flags.is_request()), (command, request));
        message
    }

    pub(super) async fn expect_end(&mut self) {
        assert_eq!(self.receive().await, None);
    }
}

pub(super) fn result(message: &[u8]) -> u32 {
    Message::decode(message)
        .unwrap()
        .find(&base::RESULT_CODE)
        .unwrap()
        .as_u32()
        .unwrap()
}

pub(super) fn header(message: &[u8]) -> Header {
    Header::read(message).unwrap()
}

pub(super) fn write(
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

pub(super) fn origin(message: &mut MessageBuilder<'_>, identity: &str) {
    message
        .avp_utf8(&base::ORIGIN_HOST, identity)
        .avp_utf8(&base::ORIGIN_REALM, "example");
}

pub(super) fn cer(identity: &str, application: u32) -> BytesMut {
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

pub(super) fn dwr(identity: &str) -> BytesMut {
    write(CommandFlags::default(), base::COMMAND_DEVICE_WATCHDOG, 0, |dwr| {
        origin(dwr, identity)
    })
}

pub(super) fn dpr(identity: &str, cause: i32) -> BytesMut {
    write(CommandFlags::default(), base::COMMAND_DISCONNECT_PEER, 0, |dpr| {
        origin(dpr, identity);
        dpr.avp_i32(&base::DISCONNECT_CAUSE, cause);
    })
}

pub(super) fn ulr() -> BytesMut {
    request_to(S6A, "reachd.example", "example")
}

pub(super) fn request_to(application: u32, host: &str, realm: &str) -> BytesMut {
    write(CommandFlags::PROXIABLE, ULR, application, |ulr| {
        ulr.avp_utf8(&base::SESSION_ID, "mme1.example;1;1");
        origin(ulr, "mme1.example");
        ulr.avp_utf8(&base::DESTINATION_HOST, host)
            .avp_utf8(&base::DESTINATION_REALM, realm);
    })
}

/// A CEA of success.
pub(super) fn cea(cer: &[u8], identity: &str) -> BytesMut {
    let mut out = BytesMut::new();
    let mut cea = MessageBuilder::answer(&mut out, &header(cer), false);
    cea.avp_u32(&base::RESULT_CODE, 2001);
    origin(&mut cea, identity);
    cea.avp_u32(&base::AUTH_APPLICATION_ID, S6A).finish();
    out
}

/// The success answer to one of our requests, as the peer writes it.
pub(super) fn answer(request: &[u8], identity: &str) -> BytesMut {
    let mut out = BytesMut::new();
    let mut answer = MessageBuilder::answer(&mut out, &header(request), false);
    answer.avp_u32(&base::RESULT_CODE, 2001);
    origin(&mut answer, identity);
    answer.finish();
    out
}
