//! Lookups of the demonstration: a few examples for the eye, and a steady trickle beside the events.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tonic::transport::Channel;

use super::verify::named;
use super::view::Example;
use crate::domain::Timestamp;
use crate::proto::v1::reachability_service_client::ReachabilityServiceClient;
use crate::proto::v1::{GetReachabilityRequest, Reachability};
use crate::sim::load::Load;
use crate::sim::mix::Kind;
use crate::sim::population::Device;
use crate::sim::rng::Rng;
use crate::sim::run::Simulation;
use crate::sim::scenario::Event;
use crate::sim::stats::Stats;

/// Between two lookups of the trickle: some hundred a second, which takes next to nothing from the events.
const EVERY: Duration = Duration::from_millis(4);

/// Looks random devices up, one at a time. Ends when dropped.
#[derive(Debug)]
pub struct Prober {
    stats: Arc<Mutex<Stats>>,
    task: JoinHandle<()>,
}

impl Prober {
    /// Begins.
    pub fn start(channel: Channel, population: u32, seed: u64) -> Self {
        let stats = Arc::new(Mutex::new(Stats::default()));
        let task = tokio::spawn(ask(channel, population, Rng::new(seed), Arc::clone(&stats)));
        Self { stats, task }
    }

    /// Latencies so far.
    pub fn stats(&self) -> Stats {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn ask(channel: Channel, population: u32, mut rng: Rng, stats: Arc<Mutex<Stats>>) {
    let mut client = ReachabilityServiceClient::new(channel);
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        let request = get(Device(rng.below(population)));
        let asked = Instant::now();
        if client.get_reachability(request).await.is_ok() {
            let mut stats = stats.lock().unwrap_or_else(PoisonError::into_inner);
            stats.latency.record(asked.elapsed());
        }
    }
}

fn get(device: Device) -> GetReachabilityRequest {
    GetReachabilityRequest {
        device: Some(named(device)),
        max_age: None,
    }
}

/// A few devices to whom something worth seeing happened, looked up now.
pub async fn examples(channel: &Channel, simulation: &Simulation, population: u32) -> Vec<Example> {
    let Some(peer) = simulation.peers().first() else {
        return Vec::new();
    };
    let chosen = peer.with_load(|load| choose(load, population));
    let mut client = ReachabilityServiceClient::new(channel.clone());
    let mut examples = Vec::with_capacity(chosen.len());
    for (device, story) in chosen {
        let answer = client
            .get_reachability(get(device))
            .await
            .map(|answer| answer.into_inner().reachability.unwrap_or_default())
            .map_err(|status| status.code());
        let now = Timestamp::from_system_time(SystemTime::now());
        examples.push(match answer {
            Ok(reachability) => example(device, &reachability, story, now),
            Err(code) => Example {
                number: device.phone_number(),
                status: format!("{code:?}"),
                since: String::new(),
                age: None,
                story,
            },
        });
    }
    examples
}

/// One device that the commands to try name as well, and the latest of each kind of event that tells a story.
fn choose(load: &Load, population: u32) -> Vec<(Device, String)> {
    let mut chosen = vec![(
        Device(7.min(population.saturating_sub(1))),
        "the one to look up".to_owned(),
    )];
    let node = |event: &Event| format!("mme{:02}", event.node.0 + 1);
    for kind in [Kind::Attach, Kind::Move, Kind::LatePurge, Kind::Purge] {
        let Some(event) = load.latest(kind) else { continue };
        let story = match kind {
            Kind::Attach => format!("attached at {}", node(&event)),
            Kind::Move => format!("moved to {}", node(&event)),
            Kind::LatePurge => format!("late purge by {}", node(&event)),
            _ => format!("purged by {}", node(&event)),
        };
        chosen.push((event.device, story));
    }
    chosen
}

fn example(device: Device, reachability: &Reachability, story: String, now: Option<Timestamp>) -> Example {
    let since = reachability.last_status_time.and_then(|time| {
        let micros = time.seconds.checked_mul(1_000_000)? + i64::from(time.nanos) / 1000;
        Timestamp::from_micros(micros)
    });
    let status = reachability.status().as_str_name();
    Example {
        number: device.phone_number(),
        status: status
            .strip_prefix("REACHABILITY_STATUS_")
            .unwrap_or(status)
            .to_owned(),
        since: since.map(time_of_day).unwrap_or_default(),
        age: since.and_then(|since| Some(now?.since(since))),
        story,
    }
}

/// `12:00:00` of `2026-01-31T12:00:00.000000Z`.
fn time_of_day(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('T')
        .and_then(|(_, time)| time.get(..8))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::ReachabilityStatus;

    #[test]
    fn an_example_shows_status_time_of_day_and_age() {
        let reachability = Reachability {
            status: ReachabilityStatus::NotConnected.into(),
            last_status_time: Some(prost_types::Timestamp {
                seconds: 1_800_000_000,
                nanos: 5000,
            }),
            ..Reachability::default()
        };
        let now = Timestamp::from_micros(1_800_000_042_000_005);
        assert_eq!(
            example(Device(9), &reachability, "purged by mme01".into(), now),
            Example {
                number: "+999000000009".into(),
                status: "NOT_CONNECTED".into(),
                since: "08:00:00".into(),
                age: Some(Duration::from_secs(42)),
                story: "purged by mme01".into(),
            }
        );
    }

    #[test]
    fn an_unknown_device_has_no_time() {
        let reachability = Reachability {
            status: ReachabilityStatus::Unknown.into(),
            ..Reachability::default()
        };
        let shown = example(Device(9), &reachability, String::new(), None);
        assert_eq!(
            (shown.status.as_str(), shown.since.as_str(), shown.age),
            ("UNKNOWN", "", None)
        );
    }
}
