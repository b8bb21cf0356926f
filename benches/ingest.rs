//! Durable events a second into Postgres, by S6a and by gRPC, over what the same batched upsert reaches on the same server
//! when nothing else happens: no protocol, no index, batches of 1000 made beforehand, four at a time.
//!
//! The daemon and the upsert work on a filled table of their own, so that every event is a row updated in place. The daemon
//! runs in this process; two connections keep 4096 Update-Location-Requests each in flight over TCP, and an event counts
//! when its answer has come back with success. Over gRPC two streams send as fast as they are read, and an event counts
//! when it is acknowledged. Client, daemon, server and bench share the cores.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "../tests/it/support/postgres.rs"]
#[allow(dead_code)]
mod postgres;
#[path = "../tests/it/support/process.rs"]
mod process;
#[path = "support/publish.rs"]
mod publish;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use postgres::Cluster;
use publish::streamed;
use reachd::app::App;
use reachd::config::Config;
use reachd::diameter::codec::Message;
use reachd::diameter::config::DiameterConfig;
use reachd::diameter::dict::base;
use reachd::diameter::node::connect;
use reachd::diameter::service::{Completions, ConnectedPeer, Service, ServiceFactory};
use reachd::domain::{Facts, Imsi, Node, Slot, SubscriberId, Timestamp};
use reachd::ops::lifecycle::Stop;
use reachd::sim::mix::Kind;
use reachd::sim::population::{Device, Mme};
use reachd::sim::request::Requests;
use reachd::sim::scenario::Event;
use reachd::store::{AnyStore, Batch, RegistrationRow, Store, StoreConfig};
use support::{Plan, report};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const BATCH: usize = 1000;
const AT_A_TIME: usize = 4;
const CONNECTIONS: u32 = 2;
const WINDOW: usize = 4096;

/// Rows of consecutive devices, all with a new time.
fn batch(first: u32, population: u32, at: i64) -> Batch {
    let node = Node::parse(&Mme(0).identity()).unwrap();
    let at = Timestamp::from_micros(at).unwrap();
    let row = |device: u32| RegistrationRow {
        subscriber: SubscriberId::from(Imsi::parse(&Device(device % population).imsi()).unwrap()),
        slot: Slot::Mme,
        node: Some(node.clone()),
        facts: Facts {
            registered_at: Some(at),
            ended_amf_at: Some(at),
            ..Facts::default()
        },
        received_at: at,
    };
    // Strewn over the table as real events are, not neighbours on one page.
    let stride = 7919;
    let mut registrations: Vec<_> = (0..BATCH as u32)
        .map(|n| row((first + n).wrapping_mul(stride) % population))
        .collect();
    registrations.sort_by_key(|row| row.subscriber);
    registrations.dedup_by_key(|row| row.subscriber);
    Batch {
        registrations,
        ..Batch::default()
    }
}

/// Rows a second of the upsert alone.
async fn raw(store: &AnyStore, population: u32, round: Duration, number: i64) -> f64 {
    let begun = Instant::now();
    let rows = Arc::new(AtomicU64::new(0));
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..AT_A_TIME {
        let (store, rows) = (store.clone(), Arc::clone(&rows));
        lanes.spawn(async move {
            // Lanes never meet in a row, as in the daemon: each has its own quarter of the devices.
            let quarter = population / AT_A_TIME as u32;
            let batches = quarter / BATCH as u32;
            let mut made: Vec<Batch> = (0..batches)
                .map(|n| {
                    let mut batch = batch(n * BATCH as u32, quarter, 1);
                    for row in &mut batch.registrations {
                        let shifted = row.subscriber.as_i64() + i64::from(quarter) * lane as i64;
                        row.subscriber = SubscriberId::from_i64(shifted).unwrap();
                    }
                    batch
                })
                .collect();
            let mut time = 1_800_000_000_000_000 + number * 1_000_000_000;
            while begun.elapsed() < round {
                let place = (time % i64::from(batches)) as usize;
                time += 1;
                let at = Timestamp::from_micros(time);
                for row in &mut made[place].registrations {
                    row.facts.registered_at = at;
                    row.facts.ended_amf_at = at;
                    row.received_at = at.unwrap();
                }
                store.commit(&made[place]).await.unwrap();
                rows.fetch_add(made[place].registrations.len() as u64, Ordering::Relaxed);
            }
        });
    }
    lanes.join_all().await;
    rows.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}

/// A client that keeps its window full with periodic updates, the devices strewn as above.
struct Flood {
    requests: Requests,
    next: u32,
    population: u32,
    until: Instant,
    counts: Arc<Counts>,
}

/// What came back.
#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    durable: AtomicU64,
    refused: AtomicU64,
}

impl Flood {
    fn send(&mut self, out: &mut BytesMut) {
        let device = Device(self.next.wrapping_mul(7919) % self.population);
        self.next = self.next.wrapping_add(1);
        let event = Event {
            device,
            kind: Kind::Update,
            node: Mme(0),
        };
        self.requests.write(out, self.next, &event);
        self.counts.sent.fetch_add(1, Ordering::Relaxed);
    }
}

impl Service for Flood {
    type Completion = ();

    fn request(&mut self, _: Instant, _: &Message<'_>, _: &mut BytesMut) {}

    fn answer(&mut self, now: Instant, answer: &Message<'_>, out: &mut BytesMut) {
        let code = answer.find(&base::RESULT_CODE).and_then(|avp| avp.as_u32().ok());
        let count = if code == Some(2001) {
            &self.counts.durable
        } else {
            &self.counts.refused
        };
        count.fetch_add(1, Ordering::Relaxed);
        if now < self.until {
            self.send(out);
        }
    }

    fn complete(&mut self, _: Instant, (): (), out: &mut BytesMut) {
        for _ in 0..WINDOW {
            self.send(out);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn expire(&mut self, _: Instant, _: &mut BytesMut) {}

    fn pending(&self) -> usize {
        0
    }
}

struct Flooding {
    /// No two rounds share an End-to-End Identifier, or the daemon would take the second's requests for duplicates.
    boot: u32,
    connection: u32,
    population: u32,
    until: Instant,
    counts: Arc<Counts>,
}

impl ServiceFactory for Flooding {
    type Service = Flood;

    fn open(&self, _: &ConnectedPeer) -> (Flood, Completions<Flood>) {
        let (begin, completions) = mpsc::unbounded_channel();
        begin.send(()).unwrap();
        let flood = Flood {
            requests: Requests::new("dra1.sim.example".into(), self.boot, self.connection, CONNECTIONS),
            next: self.population / CONNECTIONS * self.connection,
            population: self.population,
            until: self.until,
            counts: Arc::clone(&self.counts),
        };
        (flood, completions)
    }
}

/// Events a second that came back durable through the whole daemon.
async fn whole(address: &str, population: u32, round: Duration, number: usize) -> f64 {
    let counts = Arc::new(Counts::default());
    let begun = Instant::now();
    let until = begun + round;
    let stop = CancellationToken::new();
    let mut connections = tokio::task::JoinSet::new();
    for connection in 0..CONNECTIONS {
        let config = DiameterConfig {
            identity: format!("dra{connection}.sim.example"),
            realm: "sim.example".to_owned(),
            accept_unknown_peers: true,
            ..DiameterConfig::default()
        };
        let flooding = Flooding {
            boot: 64 * number as u32,
            connection,
            population,
            until,
            counts: Arc::clone(&counts),
        };
        let (address, stop) = (address.to_owned(), stop.clone());
        connections.spawn(async move {
            connect(&address, config.into(), None, flooding, stop)
                .await
                .unwrap()
        });
    }
    let back = || counts.durable.load(Ordering::Relaxed) + counts.refused.load(Ordering::Relaxed);
    while Instant::now() < until || back() < counts.sent.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let rate = counts.durable.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    assert_eq!(
        counts.refused.load(Ordering::Relaxed),
        0,
        "every event becomes durable"
    );
    stop.cancel();
    connections.join_all().await;
    rate
}

fn main() {
    let plan = Plan::new(5, Duration::from_secs(8));
    let population: u32 = if plan.quick { 20_000 } else { 1_000_000 };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let cluster = Cluster::private().await;
        let open = |url: String| async move {
            let store = AnyStore::open(&StoreConfig {
                url,
                ..StoreConfig::default()
            })
            .await
            .unwrap();
            store.migrate().await.unwrap();
            store
        };
        let bare = open(cluster.fresh_database().await).await;
        let url = cluster.fresh_database().await;
        let used = open(url.clone()).await;
        for store in [&bare, &used] {
            for first in (0..population).step_by(BATCH) {
                store.commit(&batch(first, population, 1)).await.unwrap();
            }
        }

        let mut config = Config::default();
        config.store.url = url;
        config.grpc.listen.set_port(0);
        config.admin.listen.set_port(0);
        config.diameter.listen.set_port(0);
        config.diameter.accept_unknown_peers = true;
        let app = App::build(config).await.unwrap();
        let diameter = app.addresses().diameter.to_string();
        let grpc = app.addresses().grpc.to_string();
        let stop = Stop::default();
        let mut ready = app.readiness().watch();
        let running = tokio::spawn(app.run(stop.clone()));
        ready.wait_for(|ready| *ready).await.unwrap();

        println!("ingest: {population} devices, rounds of {:?}", plan.round);
        whole(&diameter, population, plan.round / 2, 0).await;
        streamed(&grpc, population, plan.round / 2).await;
        raw(&bare, population, plan.round / 2, 0).await;
        let (mut durable, mut published, mut ceiling) = (vec![], vec![], vec![]);
        for number in 1..=plan.rounds {
            durable.push(whole(&diameter, population, plan.round, number).await);
            published.push(streamed(&grpc, population, plan.round).await);
            ceiling.push(raw(&bare, population, plan.round, number as i64).await);
        }
        report(
            "durable S6a events",
            "events/s",
            &durable,
            "the same upsert alone",
            &ceiling,
        );
        report(
            "durable events over gRPC",
            "events/s",
            &published,
            "durable S6a events",
            &durable,
        );
        report(
            "durable events over gRPC",
            "events/s",
            &published,
            "the same upsert alone",
            &ceiling,
        );
        stop.orderly.cancel();
        running.await.unwrap().unwrap();
    });
}
