//! How sure answers are, through real Diameter peers and streams: a feed that is cut, falls silent, restarts or is reset, tells
//! all again, or is gone for good; with the times and the freshness in the answers before, during and after. The whole daemon
//! runs in this process, by a clock of which the test has hold.

mod again;
mod decay;
mod gaps;
mod promises;
mod resynchronised;
mod silence;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reachd::app::{Addresses, App};
use reachd::config::Config;
use reachd::diameter::config::PeerConfig;
use reachd::domain::{FeedHealth, Gap, Identifier, Msisdn, Registrations, Timestamp};
use reachd::index::Index;
use reachd::ingest::ReceiptClock;
use reachd::ops::lifecycle::Stop;
use reachd::proto::v1::admin_service_client::AdminServiceClient;
use reachd::proto::v1::ingest_service_client::IngestServiceClient;
use reachd::proto::v1::publish_events_request::Content;
use reachd::proto::v1::reachability_service_client::ReachabilityServiceClient;
use reachd::proto::v1::{
    Event, ExplainSubscriberRequest, Freshness, GetReachabilityRequest, Heartbeat, PublishEventsRequest,
    PublishEventsResponse, ReachabilityStatus, RefusedEvent, RegistrationChange, Slot,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

use crate::support::daemon::{Engine, phone};
use crate::support::postgres::Database;
use crate::support::publisher::event_with_number;
use crate::support::wire::{DRA, OTHER_DRA, Peer, Request, SUCCESS, avp, command};
use crate::support::{Answer, Subscriber, eventually};

const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const PATIENCE: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);
const MME: &str = "mme1.visited.example";
const ORIGIN_STATE_ID: u32 = 278;

/// Where the store is, over restarts of the daemon.
struct Place {
    url: String,
    _dir: TempDir,
    _database: Option<Database>,
}

impl Place {
    async fn new(engine: Engine) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (url, database) = match engine {
            Engine::Sqlite => (
                format!("sqlite://{}", dir.path().join("reachd.db").display()),
                None,
            ),
            Engine::Postgres => {
                let database = Database::fresh().await;
                (database.url().to_owned(), Some(database))
            }
        };
        Self {
            url,
            _dir: dir,
            _database: database,
        }
    }

    async fn embedded() -> Self {
        Self::new(Engine::Sqlite).await
    }
}

/// The whole daemon in this process. [`DRA`] is trusted to tell of everything, [`OTHER_DRA`] is an ordinary copy.
struct Daemon {
    addresses: Addresses,
    clock: Arc<ReceiptClock>,
    index: Arc<Index>,
    stop: Stop,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Daemon {
    async fn start(place: &Place, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_ahead(place, Duration::ZERO, change).await
    }

    async fn start_ahead(place: &Place, ahead: Duration, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.store.url.clone_from(&place.url);
        config.grpc.listen = FREE;
        config.diameter.listen = FREE;
        config.diameter.identity = "reachd.home.example".into();
        config.diameter.realm = "home.example".into();
        config.diameter.disconnect_timeout = Duration::from_millis(50);
        config.diameter.peers = [DRA, OTHER_DRA].map(PeerConfig::new).into();
        config.admin.listen = FREE;
        config.freshness.max_age = 5 * MINUTE;
        let everything = ["registrations", "losses", "returns"].map(str::to_owned).into();
        config.freshness.coverage.insert(DRA.to_owned(), everything);
        change(&mut config);
        let app = App::build(config).await.unwrap();
        let (addresses, mut ready) = (app.addresses(), app.readiness().watch());
        let (clock, index) = (app.clock(), app.index());
        clock.advance(ahead);
        let stop = Stop::default();
        let running = tokio::spawn(app.run(stop.clone()));
        timeout(PATIENCE, ready.wait_for(|ready| *ready))
            .await
            .unwrap()
            .unwrap();
        Self {
            addresses,
            clock,
            index,
            stop,
            running,
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.present().unwrap()
    }

    async fn connect(&self, identity: &str) -> Peer {
        Peer::connect(self.addresses.diameter, identity).await
    }

    /// A new connection of a peer whose former one the daemon may not have seen the end of: until then it refuses others.
    async fn connect_again(&self, identity: &str) -> Peer {
        eventually("the former connection is gone", async || {
            let mut peer = Peer::dial(self.addresses.diameter, identity).await;
            let request = peer.capabilities_exchange();
            peer.send(&request).await;
            peer.receive_answer().await?.assert_result(SUCCESS);
            Some(peer)
        })
        .await
    }

    async fn connect_with_state(&self, identity: &str, state: u32) -> Peer {
        let mut peer = Peer::dial(self.addresses.diameter, identity).await;
        let request = peer.capabilities_exchange().with(origin_state(state));
        peer.ask(&request).await.assert_result(SUCCESS);
        peer
    }

    /// Binds the number of a subscriber, as HSSs do.
    async fn introduce(&self, peer: &mut Peer, subscriber: &Subscriber) {
        let data = Request::insert_subscriber_data(&subscriber.imsi, MME, &subscriber.digits);
        peer.ask(&data).await.assert_result(SUCCESS);
    }

    async fn channel(&self) -> Channel {
        let url = format!("http://{}", self.addresses.grpc);
        Endpoint::from_shared(url).unwrap().connect().await.unwrap()
    }

    async fn answer(&self, subscriber: &Subscriber) -> Answer {
        let request = GetReachabilityRequest {
            device: Some(phone(&subscriber.number())),
            max_age: None,
        };
        let response = ReachabilityServiceClient::new(self.channel().await)
            .get_reachability(request)
            .await;
        Answer::of(response.unwrap().into_inner().reachability.unwrap())
    }

    /// What last_confirmed_time rests on, as it is explained.
    async fn why(&self, subscriber: &Subscriber) -> String {
        let request = ExplainSubscriberRequest {
            device: Some(phone(&subscriber.number())),
            max_age: None,
        };
        let explained = AdminServiceClient::new(self.channel().await)
            .explain_subscriber(request)
            .await;
        explained.unwrap().into_inner().confirmed_by
    }

    /// Fails unless this is answered of a subscriber, for that reason.
    #[track_caller]
    fn assert_told<'a>(
        &'a self,
        subscriber: &'a Subscriber,
        confirmed_at: i64,
        freshness: Freshness,
        why: &'a str,
    ) -> impl Future<Output = Answer> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let answer = self.answer(subscriber).await;
            let told = (confirmed(&answer), answer.freshness);
            assert_eq!(told, (confirmed_at, freshness), "{place}: {answer:?}");
            assert_eq!(self.why(subscriber).await, why, "{place}");
            answer
        }
    }

    /// Fails unless a subscriber is confirmed up to the last sign of life of a feed.
    #[track_caller]
    fn assert_alive<'a>(
        &'a self,
        subscriber: &'a Subscriber,
        feed: &'a str,
    ) -> impl Future<Output = Answer> + 'a {
        let place = std::panic::Location::caller();
        async move {
            // A sign of life may be seen between the two.
            let answer = eventually("both are of the same look", async || {
                let answer = self.answer(subscriber).await;
                let alive = self.feed(feed).alive_until.map(Timestamp::as_micros);
                (Some(confirmed(&answer)) == alive).then_some(answer)
            })
            .await;
            assert_eq!(answer.freshness, Freshness::Fresh, "{place}: {answer:?}");
            let why = format!("{feed} lives, and would have told of a change");
            assert_eq!(self.why(subscriber).await, why, "{place}");
            answer
        }
    }

    fn registrations(&self, subscriber: &Subscriber) -> Registrations {
        let number = Msisdn::parse(&subscriber.digits).unwrap();
        self.index.registrations(&Identifier::Msisdn(number))
    }

    /// What is known of a feed, once it has its number.
    fn known(&self, name: &str) -> Option<FeedHealth> {
        let feeds = self.index.feeds();
        let found = feeds.iter().find(|(_, feed)| *feed.name == *name);
        found.map(|(_, feed)| feed.clone())
    }

    fn feed(&self, name: &str) -> FeedHealth {
        self.known(name).expect("it is known")
    }

    /// A sign of life of the peer, which the daemon has seen when this returns.
    async fn sign_of_life(&self, peer: &mut Peer, identity: &str) {
        let begun = self.now();
        eventually("the feed was seen to live", async || {
            let watchdog = peer.origin(Request::base(command::DEVICE_WATCHDOG));
            peer.ask(&watchdog).await.assert_result(SUCCESS);
            let feed = self.feed(identity);
            (feed.alive_until >= Some(begun) && feed.open_gap().is_none()).then_some(())
        })
        .await;
    }

    /// Lets time pass for a peer that lives before it and after it.
    async fn lives_for(&self, peer: &mut Peer, identity: &str, time: Duration) {
        self.sign_of_life(peer, identity).await;
        self.clock.advance(time);
        self.sign_of_life(peer, identity).await;
    }

    /// Waits until a feed is away, and says since when, in microseconds.
    async fn is_away(&self, identity: &str) -> i64 {
        let gap = eventually("the feed is away", async || {
            self.feed(identity).open_gap().cloned()
        });
        gap.await.begin.as_micros()
    }

    /// The gap that begins there and is over.
    fn gap(&self, identity: &str, begin: i64) -> Gap {
        let feed = self.feed(identity);
        let found = feed.gaps().iter().find(|gap| gap.begin.as_micros() == begin);
        let gap = found.unwrap_or_else(|| panic!("{begin} in {feed:?}")).clone();
        assert!(gap.end.is_some(), "{gap:?}");
        gap
    }

    async fn stop(self) {
        self.stop.orderly.cancel();
        timeout(PATIENCE, self.running).await.unwrap().unwrap().unwrap();
    }
}

fn origin_state(id: u32) -> Vec<u8> {
    avp(ORIGIN_STATE_ID, &id.to_be_bytes())
}

fn micros(time: Option<prost_types::Timestamp>) -> i64 {
    let time = time.expect("a time");
    time.seconds * 1_000_000 + i64::from(time.nanos / 1000)
}

fn confirmed(answer: &Answer) -> i64 {
    micros(answer.last_confirmed_time)
}

/// As it is explained while a feed is away.
fn away(feed: &str, begin: i64) -> String {
    let begin = Timestamp::from_micros(begin).unwrap();
    format!("{feed} is away since {begin}")
}

/// And as it is once the feed is back.
fn was_away(feed: &str, gap: &Gap) -> String {
    let (begin, end) = (gap.begin, gap.end.unwrap());
    format!("{feed} could not be relied on from {begin} to {end}")
}

async fn attach(peer: &mut Peer, subscriber: &Subscriber) {
    let attach = Request::update_location(&subscriber.imsi, MME);
    peer.ask(&attach).await.assert_result(SUCCESS);
}

fn proto(time: Timestamp) -> prost_types::Timestamp {
    std::time::SystemTime::from(time).into()
}

/// A stream of an ingest client with a name of its own.
struct Stream {
    requests: tokio::sync::mpsc::Sender<PublishEventsRequest>,
    responses: tonic::Streaming<PublishEventsResponse>,
    sequence: u64,
    acked: u64,
    refused: Vec<RefusedEvent>,
}

impl Stream {
    async fn open(daemon: &Daemon, name: &'static str) -> Self {
        let (requests, outgoing) = tokio::sync::mpsc::channel(16);
        let mut request = tonic::Request::new(tokio_stream::wrappers::ReceiverStream::new(outgoing));
        request
            .metadata_mut()
            .insert("reachd-feed", name.parse().unwrap());
        let responses = IngestServiceClient::new(daemon.channel().await)
            .publish_events(request)
            .await;
        Self {
            requests,
            responses: responses.unwrap().into_inner(),
            sequence: 0,
            acked: 0,
            refused: Vec::new(),
        }
    }

    /// Sends something, and waits until it is acknowledged; or says why it was refused.
    async fn tell(&mut self, content: Content) -> Result<(), (String, String)> {
        self.send(content).await;
        while self.acked < self.sequence {
            let response = timeout(PATIENCE, self.responses.message()).await.unwrap();
            let response = response.unwrap().expect("the stream is open");
            self.acked = response.acked_sequence;
            self.refused.extend(response.refused);
        }
        let refused = self
            .refused
            .iter()
            .find(|refused| refused.sequence == self.sequence);
        match refused.cloned() {
            None => Ok(()),
            Some(refused) => Err((refused.reason, refused.message)),
        }
    }

    async fn send(&mut self, content: Content) {
        self.sequence += 1;
        let request = PublishEventsRequest {
            sequence: self.sequence,
            content: Some(content),
        };
        self.requests.send(request).await.unwrap();
    }

    /// Tells that something happens now, and with which event.
    async fn report(
        &mut self,
        daemon: &Daemon,
        subscriber: &Subscriber,
        change: RegistrationChange,
    ) -> Event {
        let event = event_with_number(subscriber, Slot::Amf3gpp, "amf1", change, proto(daemon.now()));
        self.tell(Content::Event(event.clone())).await.unwrap();
        event
    }

    async fn heartbeat(&mut self, daemon: &Daemon, name: &str) {
        let begun = daemon.now();
        self.send(Content::Heartbeat(Heartbeat {})).await;
        eventually("the heartbeat was seen", async || {
            (daemon.known(name)?.alive_until >= Some(begun)).then_some(())
        })
        .await;
    }
}
