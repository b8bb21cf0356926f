//! Lookups that have an HSS asked first, because an answer is less fresh than it should be: how long they wait, how often
//! that happens, and what becomes of what is told.

mod batches;
mod over_s6t;
mod over_sh;

use std::task::Poll;
use std::time::{Duration, Instant};

use reachd::proto::v1::GetReachabilityRequest;
use reachd::proto::v1::reachability_service_client::ReachabilityServiceClient;

use crate::support::daemon::{Daemon, phone};
use crate::support::wire::{DRA, Peer, Request, SUCCESS};
use crate::support::{Answer, Subscriber};

const MME: &str = "mme1.visited.example";

/// Longer than any deadline that is set here, and shorter than what would not be waited for if it were kept.
const LATER: Duration = Duration::from_secs(20);

/// Attaches subscribers, as copies of S6a tell it.
async fn attached(daemon: &Daemon, subscribers: &[Subscriber]) -> Peer {
    let mut dra = Peer::connect(daemon.diameter(), DRA).await;
    for someone in subscribers {
        for request in [
            Request::insert_subscriber_data(&someone.imsi, MME, &someone.digits),
            Request::update_location(&someone.imsi, MME),
        ] {
            dra.ask(&request).await.assert_result(SUCCESS);
        }
    }
    dra
}

/// Asks for an answer that nothing is fresh enough for. Also how long that took.
async fn now_please(daemon: &Daemon, someone: &Subscriber) -> (Answer, Duration) {
    let mut client = ReachabilityServiceClient::new(daemon.channel());
    let request = GetReachabilityRequest {
        device: Some(phone(&someone.number())),
        max_age: Some(prost_types::Duration::default()),
    };
    let begun = Instant::now();
    let response = client.get_reachability(request).await.unwrap().into_inner();
    (Answer::of(response.reachability.unwrap()), begun.elapsed())
}

/// What became of the wishes to ask.
async fn wishes(daemon: &Daemon, result: &str) -> u64 {
    let metrics = daemon.metrics().await;
    let series = format!("reachd_lookup_queries_total{{result=\"{result}\"}} ");
    metrics
        .lines()
        .find_map(|line| line.strip_prefix(&series))
        .unwrap_or_else(|| panic!("{series}in\n{metrics}"))
        .parse()
        .unwrap()
}

/// Lets all of them happen at once, and gives what came of each.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut all = Poll::Ready(());
        for (future, output) in waiting.iter_mut().filter(|(_, output)| output.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(ready) => *output = Some(ready),
                Poll::Pending => all = Poll::Pending,
            }
        }
        all
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}
