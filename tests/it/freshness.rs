//! How sure answers are, through real Diameter peers: a feed that is cut, falls silent, restarts or is reset; with the times
//! and the freshness in the answers before, during and after. The whole daemon runs in this process, by a clock of which the
//! test has hold.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reachd::app::{Addresses, App};
use reachd::config::Config;
use reachd::diameter::config::PeerConfig;
use reachd::domain::{FeedHealth, Identifier, Msisdn, Registrations, Timestamp};
use reachd::index::Index;
use reachd::ingest::ReceiptClock;
use reachd::ops::lifecycle::Stop;
use reachd::proto::v1::ingest_service_client::IngestServiceClient;
use reachd::proto::v1::publish_events_request::Content;
use reachd::proto::v1::reachability_service_client::ReachabilityServiceClient;
use reachd::proto::v1::{
    Freshness, GetReachabilityRequest, Heartbeat, PublishEventsRequest, ReachabilityStatus,
    RegistrationChange, Slot,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

use crate::support::daemon::phone;
use crate::support::publisher::{event_with_number, registration};
use crate::support::wire::{DRA, OTHER_DRA, Peer, Request, SUCCESS, avp, avp_3gpp, code, command};
use crate::support::{Answer, Subscriber, eventually};

const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const PATIENCE: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);
const MME: &str = "mme1.visited.example";
const ORIGIN_STATE_ID: u32 = 278;
const RESET: u32 = 322;
const USER_ID: u32 = 1444;

/// The whole daemon in this process. [`DRA`] is trusted to tell of everything, [`OTHER_DRA`] is an ordinary copy.
struct Daemon {
    addresses: Addresses,
    clock: Arc<ReceiptClock>,
    index: Arc<Index>,
    stop: Stop,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Daemon {
    async fn start(dir: &TempDir, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_ahead(dir, Duration::ZERO, change).await
    }

    async fn start_ahead(dir: &TempDir, ahead: Duration, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.store.url = format!("sqlite://{}", dir.path().join("reachd.db").display());
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

    async fn answer(&self, subscriber: &Subscriber) -> Answer {
        let url = format!("http://{}", self.addresses.grpc);
        let channel: Channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
        let request = GetReachabilityRequest {
            device: Some(phone(&subscriber.number())),
            max_age: None,
        };
        let response = ReachabilityServiceClient::new(channel)
            .get_reachability(request)
            .await;
        Answer::of(response.unwrap().into_inner().reachability.unwrap())
    }

    fn registrations(&self, subscriber: &Subscriber) -> Registrations {
        let number = Msisdn::parse(&subscriber.digits).unwrap();
        self.index.registrations(&Identifier::Msisdn(number))
    }

    fn feed(&self, name: &str) -> FeedHealth {
        let feeds = self.index.feeds();
        let found = feeds.iter().find(|(_, feed)| *feed.name == *name);
        found.unwrap().1.clone()
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

    async fn is_away(&self, identity: &str) {
        eventually("the feed is away", async || {
            self.feed(identity).open_gap().map(|_| ())
        })
        .await;
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

async fn attach(peer: &mut Peer, subscriber: &Subscriber) {
    let attach = Request::update_location(&subscriber.imsi, MME);
    peer.ask(&attach).await.assert_result(SUCCESS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_feed_lives_its_silence_confirms_and_after_a_cut_only_what_is_heard_again_is() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&dir, |_| ()).await;
    let (heard_again, not_heard) = (Subscriber::nth(1), Subscriber::nth(2));
    let mut dra = daemon.connect(DRA).await;
    for subscriber in [&heard_again, &not_heard] {
        daemon.introduce(&mut dra, subscriber).await;
        attach(&mut dra, subscriber).await;
    }
    let attached = daemon.answer(&not_heard).await;
    assert_eq!(attached.freshness, Freshness::Fresh);

    // Before: an hour of silence, and the feed lives.
    daemon.lives_for(&mut dra, DRA, 60 * MINUTE).await;
    let alive = daemon.answer(&not_heard).await;
    assert_eq!(alive.freshness, Freshness::Fresh, "{alive:?}");
    assert_eq!(alive.last_status_time, attached.last_status_time);
    assert!(
        confirmed(&alive) - confirmed(&attached) >= 3_500_000_000,
        "{alive:?}"
    );

    // During: the confirmed time stays where the gap began.
    drop(dra);
    daemon.is_away(DRA).await;
    let cut = confirmed(&daemon.answer(&not_heard).await);
    assert!(cut >= confirmed(&alive));
    daemon.clock.advance(10 * MINUTE);
    let during = daemon.answer(&not_heard).await;
    assert_eq!((confirmed(&during), during.freshness), (cut, Freshness::Stale));
    assert_eq!(during.status, ReachabilityStatus::ConnectedData);

    // After: only who is heard of again.
    let mut dra = daemon.connect(DRA).await;
    attach(&mut dra, &heard_again).await;
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    let after = daemon.answer(&not_heard).await;
    assert_eq!((confirmed(&after), after.freshness), (cut, Freshness::Stale));
    let again = daemon.answer(&heard_again).await;
    assert_eq!(again.freshness, Freshness::Fresh, "{again:?}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_answer_the_watchdog_is_away_since_it_was_last_heard() {
    let dir = tempfile::tempdir().unwrap();
    let silent = |config: &mut Config| {
        config.diameter.peers[0].watchdog = Some(Duration::from_millis(300));
    };
    let daemon = Daemon::start(&dir, silent).await;
    let subscriber = Subscriber::nth(1);
    let mut dra = daemon.connect(DRA).await;
    daemon.introduce(&mut dra, &subscriber).await;
    attach(&mut dra, &subscriber).await;
    let heard = daemon.now();
    // The connection stays, and nothing comes from it.
    daemon.is_away(DRA).await;
    daemon.clock.advance(10 * MINUTE);
    let answer = daemon.answer(&subscriber).await;
    assert_eq!(answer.freshness, Freshness::Stale);
    assert!(confirmed(&answer) <= heard.as_micros());
    let gap = daemon.feed(DRA).open_gap().cloned().unwrap();
    assert!(gap.begin <= heard);
    drop(dra);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_lost_its_state_is_no_longer_believed_about_before() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&dir, |_| ()).await;
    let (before, after) = (Subscriber::nth(1), Subscriber::nth(2));
    let mut dra = daemon.connect_with_state(DRA, 7).await;
    for subscriber in [&before, &after] {
        daemon.introduce(&mut dra, subscriber).await;
    }
    attach(&mut dra, &before).await;
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    assert_eq!(daemon.answer(&before).await.freshness, Freshness::Fresh);

    // The same connection goes on, and tells that the state behind it is a new one.
    let restarted = dra
        .origin(Request::base(command::DEVICE_WATCHDOG))
        .with(origin_state(8));
    dra.ask(&restarted).await.assert_result(SUCCESS);
    eventually("the doubt was seen", async || {
        (daemon.feed(DRA).gaps().len() > 1).then_some(())
    })
    .await;
    let doubted = confirmed(&daemon.answer(&before).await);
    attach(&mut dra, &after).await;
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    let answer = daemon.answer(&before).await;
    assert_eq!(
        (confirmed(&answer), answer.freshness),
        (doubted, Freshness::Stale)
    );
    assert_eq!(daemon.answer(&after).await.freshness, Freshness::Fresh);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_puts_in_doubt_the_subscribers_it_names_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&dir, |_| ()).await;
    let (named, other) = (Subscriber::nth(9_000_000_001), Subscriber::nth(1));
    let mut dra = daemon.connect(DRA).await;
    for subscriber in [&named, &other] {
        daemon.introduce(&mut dra, subscriber).await;
        attach(&mut dra, subscriber).await;
    }
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    let reset = Request::s6a(RESET, "hss1.home.example")
        .with(avp(code::DESTINATION_HOST, MME.as_bytes()))
        .with(avp_3gpp(USER_ID, b"001019"));
    dra.ask(&reset).await.assert_result(SUCCESS);
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    let answer = daemon.answer(&named).await;
    assert_eq!(answer.freshness, Freshness::Stale, "{answer:?}");
    assert_eq!(answer.status, ReachabilityStatus::ConnectedData);
    assert_eq!(daemon.answer(&other).await.freshness, Freshness::Fresh);
    attach(&mut dra, &named).await;
    assert_eq!(daemon.answer(&named).await.freshness, Freshness::Fresh);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_in_which_no_daemon_ran_is_a_gap_of_every_feed() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&dir, |_| ()).await;
    let subscriber = Subscriber::nth(1);
    let mut dra = daemon.connect(DRA).await;
    daemon.introduce(&mut dra, &subscriber).await;
    attach(&mut dra, &subscriber).await;
    daemon.lives_for(&mut dra, DRA, MINUTE).await;
    let before = confirmed(&daemon.answer(&subscriber).await);
    drop(dra);
    daemon.stop().await;

    let daemon = Daemon::start_ahead(&dir, 20 * MINUTE, |_| ()).await;
    let started = daemon.answer(&subscriber).await;
    assert!(confirmed(&started) >= before, "kept: {started:?}");
    assert_eq!(started.freshness, Freshness::Stale);
    let mut dra = daemon.connect(DRA).await;
    daemon.sign_of_life(&mut dra, DRA).await;
    let again = daemon.answer(&subscriber).await;
    assert_eq!(confirmed(&again), confirmed(&started));
    let gaps = daemon.feed(DRA).gaps().to_vec();
    assert!(
        gaps.iter()
            .any(|gap| gap.begin.as_micros() == confirmed(&started) && gap.end.is_some()),
        "{gaps:?}"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_s6a_confirm_a_purge_by_silence_and_an_attach_not() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&dir, |config| config.freshness.coverage.clear()).await;
    let (attached, purged) = (Subscriber::nth(1), Subscriber::nth(2));
    let (mut dra, mut other) = (daemon.connect(DRA).await, daemon.connect(OTHER_DRA).await);
    for subscriber in [&attached, &purged] {
        daemon.introduce(&mut dra, subscriber).await;
        attach(&mut dra, subscriber).await;
    }
    dra.ask(&Request::purge(&purged.imsi, MME))
        .await
        .assert_result(SUCCESS);
    daemon.sign_of_life(&mut other, OTHER_DRA).await;
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    daemon.sign_of_life(&mut other, OTHER_DRA).await;
    let answer = daemon.answer(&attached).await;
    assert_eq!(
        answer.freshness,
        Freshness::Stale,
        "a detach would not have shown"
    );
    assert_eq!(answer.last_confirmed_time, answer.last_status_time);
    let answer = daemon.answer(&purged).await;
    assert_eq!(answer.status, ReachabilityStatus::NotConnected);
    assert_eq!(answer.freshness, Freshness::Fresh, "a return would have shown");

    // The other agent could have shown it too: while it is away, nobody knows.
    drop(other);
    daemon.is_away(OTHER_DRA).await;
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    let answer = daemon.answer(&purged).await;
    assert_eq!(answer.freshness, Freshness::Stale, "{answer:?}");
    daemon.stop().await;
}

/// A stream of an ingest client with a name of its own.
struct Stream {
    requests: tokio::sync::mpsc::Sender<PublishEventsRequest>,
    _responses: tonic::Streaming<reachd::proto::v1::PublishEventsResponse>,
    sequence: u64,
}

impl Stream {
    async fn open(daemon: &Daemon, name: &'static str) -> Self {
        let (requests, outgoing) = tokio::sync::mpsc::channel(16);
        let mut request = tonic::Request::new(tokio_stream::wrappers::ReceiverStream::new(outgoing));
        request
            .metadata_mut()
            .insert("reachd-feed", name.parse().unwrap());
        let url = format!("http://{}", daemon.addresses.grpc);
        let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
        let responses = IngestServiceClient::new(channel).publish_events(request).await;
        Self {
            requests,
            _responses: responses.unwrap().into_inner(),
            sequence: 0,
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

    async fn report(
        &mut self,
        daemon: &Daemon,
        subscriber: &Subscriber,
        change: RegistrationChange,
        until: Option<Duration>,
    ) {
        let now = daemon.now();
        let time = |at: Timestamp| prost_types::Timestamp::from(std::time::SystemTime::from(at));
        let mut event = event_with_number(subscriber, Slot::Amf3gpp, "amf1", change, time(now));
        registration(&mut event).until = until.map(|until| time(now.plus(until)));
        self.send(Content::Event(event)).await;
        eventually("the report is visible", async || {
            let known = daemon.registrations(subscriber);
            let newest = known.iter().filter_map(|held| held.facts.newest()).max();
            (newest >= Some(now)).then_some(())
        })
        .await;
    }

    async fn heartbeat(&mut self, daemon: &Daemon, name: &str) {
        let begun = daemon.now();
        self.send(Content::Heartbeat(Heartbeat {})).await;
        eventually("the heartbeat was seen", async || {
            (daemon.feed(name).alive_until >= Some(begun)).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_of_a_stream_confirm_what_it_told_until_they_cease() {
    let dir = tempfile::tempdir().unwrap();
    let short = |config: &mut Config| config.freshness.max_age = Duration::from_secs(15);
    let daemon = Daemon::start(&dir, short).await;
    let subscriber = Subscriber::nth(1);
    let name = "mediation-1";
    let mut stream = Stream::open(&daemon, name).await;
    stream
        .report(&daemon, &subscriber, RegistrationChange::Registered, None)
        .await;
    let told = daemon.answer(&subscriber).await;
    for _ in 0..3 {
        daemon.clock.advance(Duration::from_secs(20));
        stream.heartbeat(&daemon, name).await;
    }
    let alive = daemon.answer(&subscriber).await;
    let known = || (daemon.feed(name), daemon.registrations(&subscriber));
    assert_eq!(alive.freshness, Freshness::Fresh, "{alive:?} {:?}", known());
    assert_eq!(alive.last_status_time, told.last_status_time);
    assert!(confirmed(&alive) - confirmed(&told) >= 59_000_000, "{alive:?}");

    // Silent for too long, and back: what was told before is not confirmed any more.
    daemon.clock.advance(Duration::from_secs(60));
    daemon.is_away(name).await;
    let silent = daemon.answer(&subscriber).await;
    assert_eq!(
        (confirmed(&silent), silent.freshness),
        (confirmed(&alive), Freshness::Stale)
    );
    stream.heartbeat(&daemon, name).await;
    let back = daemon.answer(&subscriber).await;
    assert_eq!(
        (confirmed(&back), back.freshness),
        (confirmed(&alive), Freshness::Stale)
    );
    assert_eq!(daemon.feed(name).open_gap(), None);
    stream
        .report(&daemon, &subscriber, RegistrationChange::Registered, None)
        .await;
    assert_eq!(daemon.answer(&subscriber).await.freshness, Freshness::Fresh);
    drop(stream);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_availability_and_an_absence_end_when_their_time_has_passed() {
    use ReachabilityStatus::{ConnectedData, NotConnected};
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&dir, |_| ()).await;
    let (available, absent) = (Subscriber::nth(1), Subscriber::nth(2));
    let mut stream = Stream::open(&daemon, "mediation-1").await;
    for subscriber in [&available, &absent] {
        stream
            .report(&daemon, subscriber, RegistrationChange::Registered, None)
            .await;
    }
    stream
        .report(
            &daemon,
            &available,
            RegistrationChange::Reachable,
            Some(10 * MINUTE),
        )
        .await;
    stream
        .report(
            &daemon,
            &absent,
            RegistrationChange::Unreachable,
            Some(10 * MINUTE),
        )
        .await;
    let times = (daemon.answer(&available).await, daemon.answer(&absent).await);
    assert_eq!((times.0.status, times.1.status), (ConnectedData, NotConnected));

    daemon.clock.advance(11 * MINUTE);
    for (subscriber, before, status) in [
        (&available, &times.0, NotConnected),
        (&absent, &times.1, ConnectedData),
    ] {
        let after = daemon.answer(subscriber).await;
        assert_eq!(after.status, status, "{after:?}");
        let passed = micros(after.last_status_time) - micros(before.last_status_time);
        assert_eq!(passed, 600_000_000, "since the time that was told");
        assert!(confirmed(&after) >= micros(after.last_status_time));
    }
    drop(stream);
    daemon.stop().await;
}
