//! The database goes away and comes back under load: lookups go on, events wait and are then refused in words, and
//! everything resumes by itself without a loss.

use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::Subscriber;
use crate::support::daemon::{Daemon, Home};
use crate::support::eventually;
use crate::support::postgres::Cluster;
use crate::support::promises::{Progress, Promised, attach, attach_and_purge, publish};
use crate::support::publisher::Publisher;
use crate::support::wire::{DRA, OTHER_DRA, Peer};

const PER_FEED: usize = 1_000_000;
/// What was there before the load.
const KNOWN: usize = 3 * PER_FEED;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stops_and_starts_under_load_costs_nothing_acknowledged() {
    let mut cluster = Cluster::private().await;
    let database = cluster.fresh_database().await;
    let home = Home::on_store(&database);
    let daemon = home.start().await;
    let known = Subscriber::nth(KNOWN);
    daemon.import_rows(from_ref(&known)).await;
    let asking = Asking::begin(&daemon, known.number());

    let progress: [Arc<Progress>; 3] = Default::default();
    let [attaching, purging, publishing] = progress.clone();
    let dra = Peer::connect(daemon.diameter(), DRA).await;
    let other_dra = Peer::connect(daemon.diameter(), OTHER_DRA).await;
    let publisher = Publisher::open(&daemon).await;
    let feeds = [
        tokio::spawn(async move { attach(dra, 0..PER_FEED, &attaching).await }),
        tokio::spawn(async move { attach_and_purge(other_dra, PER_FEED..2 * PER_FEED, &purging).await }),
        tokio::spawn(async move { publish(publisher, 2 * PER_FEED..KNOWN, &publishing).await }),
    ];
    all_move_on(&progress, 50).await;

    for _ in 0..2 {
        cluster.stop_immediately().await;
        let answered = asking.answered();
        let busy = progress[0].busy();
        eventually("a waiting request is refused as too busy", async || {
            (progress[0].busy() > busy).then_some(())
        })
        .await;
        // Nothing can be acknowledged while nothing can be durable.
        let before: Vec<_> = progress.iter().map(|progress| progress.acknowledged()).collect();
        let busy = progress[0].busy();
        eventually("more requests are refused", async || {
            (progress[0].busy() > busy + 20).then_some(())
        })
        .await;
        let after: Vec<_> = progress.iter().map(|progress| progress.acknowledged()).collect();
        assert_eq!(before, after);
        assert!(asking.answered() > answered, "lookups go on");
        assert_eq!(daemon.admin("/live").await.0, 200);
        assert!(store_retries(&daemon).await > 0.0, "retries are counted");

        cluster.start_again().await;
        all_move_on(&progress, 50).await;
    }

    // Once more, and now the daemon is killed with all that waits in it.
    asking.end().await;
    cluster.stop_immediately().await;
    let busy = progress[0].busy();
    eventually("a waiting request is refused as too busy", async || {
        (progress[0].busy() > busy).then_some(())
    })
    .await;
    daemon.kill();
    let mut promised = Promised::default();
    for feed in feeds {
        promised.extend(feed.await.unwrap());
    }
    cluster.start_again().await;
    let daemon = home.start().await;
    promised.assert_kept(&daemon).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_starts_before_its_database_becomes_ready_when_that_is_there() {
    let mut cluster = Cluster::private().await;
    let database = cluster.fresh_database().await;
    cluster.stop_immediately().await;
    let home = Home::on_store(&database);
    let daemon = home.spawn().await;
    assert_eq!(daemon.admin("/live").await.0, 200);
    assert_eq!(daemon.admin("/ready").await.0, 503);
    cluster.start_again().await;
    eventually("it becomes ready", async || {
        (daemon.admin("/ready").await.0 == 200).then_some(())
    })
    .await;
    let subscriber = Subscriber::nth(1);
    daemon.import_rows(from_ref(&subscriber)).await;
    daemon.lookups().phone(&subscriber.number()).await;
    daemon.stop().await;
}

/// Waits until each feed got that many more acknowledgements.
async fn all_move_on(progress: &[Arc<Progress>; 3], more: usize) {
    let before = progress.each_ref().map(|progress| progress.acknowledged());
    eventually("every feed moves on", async || {
        let moved = progress
            .iter()
            .zip(before)
            .all(|(progress, before)| progress.acknowledged() >= before + more);
        moved.then_some(())
    })
    .await;
}

async fn store_retries(daemon: &Daemon) -> f64 {
    daemon
        .metrics()
        .await
        .lines()
        .filter(|line| line.starts_with("reachd_store_retries_total"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// A client that asks the same question all the time, and must always get an answer soon.
struct Asking {
    answered: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Asking {
    fn begin(daemon: &Daemon, number: String) -> Self {
        let (answered, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, stopped) = (Arc::clone(&answered), Arc::clone(&stop));
        let mut lookups = daemon.lookups();
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                let asked = Instant::now();
                lookups.phone(&number).await;
                // Generous, since other tests share the machine; a lookup that waited for the store took longer.
                assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        Self { answered, stop, task }
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
    }
}
