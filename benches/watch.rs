//! A watch of all devices during a storm: how late changes arrive, what watching costs whoever applies events, and what
//! clients that do not read cost those that do.
//!
//! An index of a million devices, a client that reads, some that do not, over gRPC in one process. A thread applies events,
//! each of which alters an answer, at a steady rate; each carries its time, from which the client tells its lag.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "support/devices.rs"]
mod devices;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use reachd::domain::{Change, Ends, Event, Node, Slot};
use reachd::index::Index;
use reachd::northbound::Lookup;
use reachd::northbound::watch::Watching;
use reachd::proto::v1;
use reachd::proto::v1::device_reachability::Result as Of;
use reachd::proto::v1::reachability_service_client::ReachabilityServiceClient;
use reachd::proto::v1::reachability_service_server::ReachabilityServiceServer;
use reachd::proto::v1::watch_reachability_response::Message;
use reachd::watch::{Watch, WatchConfig};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use tonic::transport::{Endpoint, Server};

use devices::{DEVICES, filled, imsi, node, now};
use support::{Plan, median};

/// Changes a second, of a network of this size on a bad day.
const RATE: u64 = 20_000;
const TICK: Duration = Duration::from_millis(5);

/// Events that each alter the answer about another device.
struct Storm {
    index: Arc<Index>,
    node: Node,
    turn: u64,
}

impl Storm {
    fn next(&mut self) -> Event {
        // Steps of a large prime: neighbours in time are none in the tables.
        let device = self.turn.wrapping_mul(7_368_787) % DEVICES;
        let change = if (self.turn / DEVICES).is_multiple_of(2) {
            Change::Deregistered {
                slot: Slot::Mme,
                node: self.node.clone(),
            }
        } else {
            Change::Registered {
                slot: Slot::Mme,
                node: self.node.clone(),
                ends: Ends::default(),
            }
        };
        self.turn += 1;
        let now = now();
        Event::new(imsi(device).into(), now, now, [change])
    }

    /// What applying an event takes, in nanoseconds, its making left out.
    fn cost(&mut self, events: u64) -> f64 {
        let events: Vec<_> = (0..events).map(|_| self.next()).collect();
        let begun = Instant::now();
        for event in &events {
            self.index.apply(event);
        }
        begun.elapsed().as_secs_f64() * 1e9 / events.len() as f64
    }

    /// Blows at the rate for so long. Returns how many events there were.
    fn blow(&mut self, length: Duration) -> u64 {
        let (begun, mut applied) = (Instant::now(), 0);
        while begun.elapsed() < length {
            let due = (begun.elapsed().as_secs_f64() * RATE as f64) as u64;
            while applied < due {
                let event = self.next();
                self.index.apply(&event);
                applied += 1;
            }
            std::thread::sleep(TICK);
        }
        applied
    }
}

fn resident_megabytes() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096.0 / 1e6
}

async fn open(
    url: &str,
    window: Option<u32>,
    omit_snapshot: bool,
) -> Streaming<v1::WatchReachabilityResponse> {
    let channel = Endpoint::from_shared(url.to_owned())
        .unwrap()
        .tcp_nodelay(true)
        .initial_stream_window_size(window)
        .initial_connection_window_size(window)
        .connect()
        .await
        .unwrap();
    let request = v1::WatchReachabilityRequest {
        all: true,
        omit_snapshot,
        ..v1::WatchReachabilityRequest::default()
    };
    let response = ReachabilityServiceClient::new(channel)
        .watch_reachability(request)
        .await;
    response.unwrap().into_inner()
}

/// Reads up to the end of the snapshot, and says how many entries it had.
async fn snapshot(stream: &mut Streaming<v1::WatchReachabilityResponse>) -> u64 {
    let mut entries = 0;
    loop {
        match stream.message().await.unwrap().unwrap().message.unwrap() {
            Message::Snapshot(_) => entries += 1,
            Message::SnapshotComplete(_) => return entries,
            _ => {}
        }
    }
}

/// How long ago what a change tells happened, in microseconds.
fn lag(message: Message) -> Option<f64> {
    let Message::Change(v1::DeviceReachability {
        result: Some(Of::Reachability(answer)),
        ..
    }) = message
    else {
        return None;
    };
    let happened = SystemTime::try_from(answer.last_status_time?).ok()?;
    Some(
        SystemTime::now()
            .duration_since(happened)
            .unwrap_or_default()
            .as_secs_f64()
            * 1e6,
    )
}

fn percentile(figures: &mut [f64], share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let place = (figures.len() as f64 * share) as usize;
    figures.get(place).copied().unwrap_or(f64::NAN)
}

fn main() {
    let plan = Plan::new(3, Duration::from_secs(10));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(plan));
}

async fn measure(plan: Plan) {
    let index = filled();
    let mut storm = Storm {
        index: Arc::clone(&index),
        node: node(),
        turn: 0,
    };
    // Fewer than a stream may fall behind.
    let events = if plan.quick { 10_000 } else { 50_000 };
    storm.cost(events);
    let unwatched: Vec<_> = (0..plan.rounds).map(|_| storm.cost(events)).collect();
    println!(
        "an event applied while nobody watches: {:.0} ns",
        median(&unwatched)
    );

    let config = WatchConfig::default();
    let watch = Watch::new(&config, Arc::clone(&index));
    let stop = CancellationToken::new();
    tokio::spawn(watch.clone().run(stop.clone()));
    let lookup = Lookup::new(Arc::clone(&index), Duration::from_secs(3600))
        .with_watching(Watching::new(watch, &config, stop.clone()), config.heartbeat);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder().add_service(ReachabilityServiceServer::new(lookup));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

    let before = resident_megabytes();
    let begun = Instant::now();
    let mut stream = open(&url, None, false).await;
    let entries = snapshot(&mut stream).await;
    println!(
        "first snapshot of {entries} devices: {:.1} s; {:.0} MB more",
        begun.elapsed().as_secs_f64(),
        resident_megabytes() - before
    );
    let begun = Instant::now();
    let mut again = open(&url, None, false).await;
    snapshot(&mut again).await;
    println!("a second one: {:.1} s", begun.elapsed().as_secs_f64());
    drop(again);

    // The client that reads: lags of all changes since they were last asked for.
    let lags = Arc::new(std::sync::Mutex::new(Vec::new()));
    let received = Arc::new(AtomicU64::new(0));
    let failed = Arc::new(AtomicBool::new(false));
    let (into, count, broke) = (Arc::clone(&lags), Arc::clone(&received), Arc::clone(&failed));
    tokio::spawn(async move {
        while let Ok(Some(response)) = stream.message().await {
            if let Some(lag) = response.message.and_then(lag) {
                into.lock().unwrap().push(lag);
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        broke.store(true, Ordering::Relaxed);
    });

    let mut watched = Vec::new();
    for _ in 0..plan.rounds {
        let before = received.load(Ordering::Relaxed);
        watched.push(storm.cost(events));
        arrived(&received, before + events).await;
    }
    println!(
        "an event applied while all is watched: {:.0} ns",
        median(&watched)
    );

    for silent in [0, 1, 4] {
        let (mut p50, mut p99, mut grown) = (vec![], vec![], vec![]);
        for _ in 0..plan.rounds {
            let memory = resident_megabytes();
            let mut not_read = Vec::new();
            for _ in 0..silent {
                let mut stream = open(&url, Some(65_535), true).await;
                snapshot(&mut stream).await;
                not_read.push(stream);
            }
            lags.lock().unwrap().clear();
            let before = received.load(Ordering::Relaxed);
            let length = plan.round;
            let (applied, back) = tokio::task::spawn_blocking(move || (storm.blow(length), storm))
                .await
                .unwrap();
            storm = back;
            arrived(&received, before + applied).await;
            grown.push(resident_megabytes() - memory);
            let mut lags = std::mem::take(&mut *lags.lock().unwrap());
            p50.push(percentile(&mut lags, 0.5));
            p99.push(percentile(&mut lags, 0.99));
            for mut stream in not_read {
                // They are dropped once they are 100,000 changes behind, which a short round does not reach.
                while !plan.quick
                    && let Ok(Some(_)) = stream.message().await
                {}
            }
        }
        println!(
            "{RATE} changes/s, {silent} clients that do not read: lag p50 {:.0} µs, p99 {:.0} µs; {:.1} MB more",
            median(&p50),
            median(&p99),
            median(&grown)
        );
    }
    assert!(
        !failed.load(Ordering::Relaxed),
        "the client that reads is never dropped"
    );
    stop.cancel();
}

async fn arrived(received: &AtomicU64, all: u64) {
    while received.load(Ordering::Relaxed) < all {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
