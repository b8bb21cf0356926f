//! Durable S6a events a second into Postgres, over what the same batched upsert reaches on the same server when nothing
//! else happens: no Diameter, no index, batches of 1000 made beforehand, four at a time.
//!
//! Both work on a filled table of their own, so that rows are updated in place. The daemon runs in this process; the
//! simulated network speaks to it over TCP, and an event counts when its answer has come back. Client, daemon, server
//! and bench share the cores.
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
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use postgres::Cluster;
use reachd::app::App;
use reachd::config::Config;
use reachd::domain::{Facts, Imsi, Node, Slot, SubscriberId, Timestamp};
use reachd::ops::lifecycle::Stop;
use reachd::sim::load::Plan as LoadPlan;
use reachd::sim::mix::{Kind, Mix};
use reachd::sim::population::Device;
use reachd::sim::run::{Setup, Simulation};
use reachd::store::{AnyStore, Batch, RegistrationRow, Store, StoreConfig};
use support::{Plan, report};

const BATCH: usize = 1000;
const AT_A_TIME: usize = 4;

/// Rows of consecutive devices, all with a new time.
fn batch(first: u32, population: u32, at: i64) -> Batch {
    let node = Node::parse("mme01.epc.mnc001.mcc999.3gppnetwork.org").unwrap();
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
        bindings: Vec::new(),
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
            let mut made: Vec<Batch> = (0..16)
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
                let place = (time % 16) as usize;
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

/// Answered events a second through the whole daemon.
async fn whole(diameter: &str, population: u32, mix: Mix, round: Duration, seed: u64) -> f64 {
    let plan = LoadPlan {
        rate: 0,
        window: 4096,
        events: None,
        duration: Some(round),
    };
    let mut simulation = Simulation::start(&Setup {
        address: diameter.to_owned(),
        identity: "dra1.sim.example".to_owned(),
        realm: "sim.example".to_owned(),
        population,
        mix,
        seed,
        connections: 2,
        plan,
    });
    simulation.connected().await.unwrap();
    let begun = Instant::now();
    simulation.done().await;
    let stats = simulation.stats();
    let rate = stats.succeeded() as f64 / begun.elapsed().as_secs_f64();
    assert_eq!(stats.refused(), 0, "every event is answered with success");
    println!(
        "    {:.0} events/s, p50 {:?}, p99 {:?}, busy {}",
        rate,
        stats.latency.quantile(500),
        stats.latency.quantile(990),
        stats.busy()
    );
    simulation.finish().await;
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
        let stop = Stop::default();
        let mut ready = app.readiness().watch();
        let running = tokio::spawn(app.run(stop.clone()));
        ready.wait_for(|ready| *ready).await.unwrap();

        println!("ingest: {population} devices, rounds of {:?}", plan.round);
        let mix = Mix::of(&[(Kind::Attach, 1), (Kind::Update, 8), (Kind::Move, 1)]);
        whole(&diameter, population, mix.clone(), plan.round / 2, 0).await;
        raw(&bare, population, plan.round / 2, 0).await;
        let (mut durable, mut ceiling) = (vec![], vec![]);
        for number in 1..=plan.rounds {
            durable.push(whole(&diameter, population, mix.clone(), plan.round, number as u64).await);
            ceiling.push(raw(&bare, population, plan.round, number as i64).await);
        }
        report(
            "durable S6a events",
            "events/s",
            &durable,
            "the same upsert alone",
            &ceiling,
        );
        stop.orderly.cancel();
        running.await.unwrap().unwrap();
    });
}
