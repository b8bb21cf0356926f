//! kill -9 at any moment loses nothing that was answered with success or acknowledged.

use std::sync::Arc;
use std::time::Duration;

use crate::support::daemon::{Daemon, Home};
use crate::support::promises::{Progress, Promised, attach, attach_and_purge, publish};
use crate::support::publisher::Publisher;
use crate::support::wire::{DRA, OTHER_DRA, Peer};
use crate::support::{eventually, on_each_engine};

const ROUNDS: usize = 20;
/// More subscribers than one round can use up.
const PER_ROUND: usize = 30_000;

on_each_engine! {
    async fn twenty_kills_lose_nothing_acknowledged(engine) {
        let home = Home::new(engine).await;
        let mut promised = Promised::default();
        let mut moments = Moments(0x5eed);
        let mut last = Promised::default();
        for round in 0..ROUNDS {
            let daemon = home.start().await;
            last.assert_kept(&daemon).await;
            promised.extend(last);
            last = traffic_until_killed(daemon, round * PER_ROUND, moments.next()).await;
        }
        promised.extend(last);
        // Of all rounds: what was kept once is not lost by a later kill.
        let daemon = home.start().await;
        promised.assert_kept(&daemon).await;
        assert!(promised.len() > 100 * ROUNDS, "only {} promises were made", promised.len());
        daemon.stop().await;
    }
}

/// Moments from a small generator of fixed seed (Knuth's MMIX multiplier), so that a failing round can be repeated.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> Duration {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((self.0 >> 33) % 300_000)
    }
}

/// Three feeds send as fast as answers come back. `moment` after each of them got an answer the daemon is killed.
/// Comes back with what was promised until then.
async fn traffic_until_killed(daemon: Daemon, base: usize, moment: Duration) -> Promised {
    let third = PER_ROUND / 3;
    let progress: [Arc<Progress>; 3] = Default::default();
    let [attaching, purging, publishing] = progress.clone();
    let dra = Peer::connect(daemon.diameter(), DRA).await;
    let other_dra = Peer::connect(daemon.diameter(), OTHER_DRA).await;
    let publisher = Publisher::open(&daemon).await;
    let range = move |nth: usize| base + nth * third..base + (nth + 1) * third;
    let feeds = [
        tokio::spawn(async move { attach(dra, range(0), &attaching).await }),
        tokio::spawn(async move { attach_and_purge(other_dra, range(1), &purging).await }),
        tokio::spawn(async move { publish(publisher, range(2), &publishing).await }),
    ];
    eventually("every feed is served", async || {
        let served = |progress: &Arc<Progress>| progress.acknowledged() > 0;
        progress.iter().all(served).then_some(())
    })
    .await;
    tokio::time::sleep(moment).await;
    daemon.kill();
    let mut promised = Promised::default();
    for feed in feeds {
        promised.extend(feed.await.unwrap());
    }
    promised
}
