//! Requests of our own, between two nodes of this kind with agents in between: one loses a path, the other recognises what
//! it has had before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use reachd::diameter::client::{Client, Line, OwnRequest};
use reachd::diameter::codec::{Answered, Message as Decoded, ResultCode};
use reachd::diameter::config::{DiameterConfig, PeerConfig};
use reachd::diameter::dict::{base, s6a, tgpp};
use reachd::diameter::node::{BoundNode, NodeConfig};
use reachd::diameter::service::{Completions, ConnectedPeer, Service, ServiceFactory};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::capture::assert_dissects;
use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::wire::{DRA, OTHER_DRA, Peer, command};
use crate::support::{Subscriber, eventually};

const T: u8 = 0x10;

/// A node that asks and is asked nothing.
struct Asker {
    client: Client,
    open: Arc<AtomicUsize>,
}

struct Connection(Line);

impl ServiceFactory for Asker {
    type Service = Connection;

    fn open(&self, peer: &ConnectedPeer) -> (Connection, Completions<Connection>) {
        let (wake, woken) = mpsc::unbounded_channel();
        let line = self.client.open(peer, move || {
            let _ = wake.send(());
        });
        self.open.fetch_add(1, Ordering::SeqCst);
        (Connection(line), woken)
    }
}

impl Service for Connection {
    type Completion = ();

    fn request(&mut self, _: Instant, _: &Decoded<'_>, _: &mut BytesMut) {
        panic!("nobody asks");
    }

    fn answer(&mut self, now: Instant, answer: &Decoded<'_>, out: &mut BytesMut) {
        self.0.answer(now, answer, out);
    }

    fn complete(&mut self, now: Instant, (): (), out: &mut BytesMut) {
        self.0.fill(now, out);
    }

    fn trusted(&mut self, _: Instant, trusted: bool) {
        self.0.trusted(trusted);
    }

    fn leaving(&mut self, _: Instant) {
        self.0.leaving();
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    fn expire(&mut self, now: Instant, out: &mut BytesMut) {
        self.0.expire(now, out);
    }

    fn pending(&self) -> usize {
        0
    }

    fn asked(&self) -> usize {
        self.0.in_flight()
    }
}

/// An agent between the asker and the daemon: one connection to each.
struct Agent {
    asker: Peer,
    daemon: Peer,
}

impl Agent {
    async fn between(listener: &TcpListener, daemon: &Daemon, identity: &str) -> Self {
        let (stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        Self {
            asker: Peer::accepted(stream, identity).await,
            daemon: Peer::connect_recorded(daemon.diameter(), identity).await,
        }
    }

    /// The asker's next request.
    async fn request(&mut self) -> Vec<u8> {
        let request = self.asker.receive().await.expect("a request");
        assert_eq!(request.command, command::UPDATE_LOCATION);
        self.asker.recorded.last().unwrap().1.clone()
    }

    /// Hands a request on. It needs no change: the asker's Hop-by-Hop Identifiers differ on all its connections.
    async fn forward(&mut self, request: &[u8]) {
        self.daemon.send_bytes(request).await;
    }

    /// The daemon's next answer.
    async fn answer(&mut self) -> Vec<u8> {
        self.daemon.receive_answer().await.expect("an answer");
        self.daemon.recorded.last().unwrap().1.clone()
    }
}

fn update_location(subscriber: &Subscriber) -> OwnRequest {
    OwnRequest::new(
        &s6a::UPDATE_LOCATION,
        "home.example",
        Duration::from_secs(60),
        |avps| {
            avps.avp_utf8(&base::USER_NAME, &subscriber.imsi)
                .avp_i32(&tgpp::RAT_TYPE, 1004)
                .avp_u32(&tgpp::ULR_FLAGS, 0b10)
                .avp_octets(&tgpp::VISITED_PLMN_ID, &[0x99, 0xf9, 0x10]);
        },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_agent_had_handed_on_is_asked_again_by_another_way_and_done_once() {
    const REQUESTS: usize = 40;
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let agents = [DRA, OTHER_DRA];
    let mut listeners = Vec::new();
    for _ in agents {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let config = NodeConfig::from(DiameterConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        identity: "mme1.visited.example".to_owned(),
        realm: "visited.example".to_owned(),
        peers: agents
            .iter()
            .zip(&listeners)
            .map(|(identity, listener)| PeerConfig {
                address: Some(listener.local_addr().unwrap().to_string()),
                ..PeerConfig::new(identity)
            })
            .collect(),
        ..DiameterConfig::default()
    });
    let client = config.client();
    let shutdown = CancellationToken::new();
    let open = Arc::<AtomicUsize>::default();
    let asker = Asker {
        client: client.clone(),
        open: Arc::clone(&open),
    };
    let node = BoundNode::bind(config, asker).unwrap();
    let node = tokio::spawn(node.run(shutdown.clone()));
    let mut lost = Agent::between(&listeners[0], &daemon, DRA).await;
    let mut other = Agent::between(&listeners[1], &daemon, OTHER_DRA).await;

    eventually("both agents can be asked", async || {
        (open.load(Ordering::SeqCst) == 2).then_some(())
    })
    .await;
    let asking: Vec<_> = (0..REQUESTS)
        .map(|nth| {
            let client = client.clone();
            tokio::spawn(async move { client.request(update_location(&Subscriber::nth(nth))).await })
        })
        .collect();
    // The agents are asked in turns. The daemon acts on everything; the answers by the first way never arrive.
    let mut by_the_lost = Vec::new();
    for _ in 0..REQUESTS / 2 {
        let request = lost.request().await;
        lost.forward(&request).await;
        lost.answer().await;
        by_the_lost.push(request);
        let request = other.request().await;
        other.forward(&request).await;
        let answer = other.answer().await;
        other.asker.send_bytes(&answer).await;
    }
    let mut connections = vec![std::mem::take(&mut lost.asker.recorded)];
    drop(lost);
    for _ in &by_the_lost {
        let again = other.request().await;
        other.forward(&again).await;
        assert_eq!(again[4] & T, T, "sent again");
        assert!(
            by_the_lost.iter().any(|first| first[16..] == again[16..]),
            "the same End-to-End Identifier, Session-Id and all else"
        );
        let answer = other.answer().await;
        other.asker.send_bytes(&answer).await;
    }
    for asking in asking {
        let answer = asking.await.unwrap().unwrap();
        assert_eq!(answer.result, Answered::Base(ResultCode::SUCCESS));
        assert_eq!(&*answer.origin_host, "reachd.home.example");
    }
    let metrics = daemon.metrics().await;
    let duplicates = format!("reachd_diameter_duplicate_requests_total {}", by_the_lost.len());
    assert!(metrics.contains(&duplicates), "{duplicates} in\n{metrics}");

    shutdown.cancel();
    let dpr = other.asker.receive().await.expect("a DPR");
    other.asker.answer(&dpr).await;
    other.asker.closed().await;
    node.await.unwrap();
    connections.push(other.asker.recorded);
    assert_dissects(&home.path("asked.pcap"), &connections).await;
}
