//! Batches.

use reachd::proto::v1::BatchGetReachabilityRequest;
use reachd::proto::v1::Connectivity::{Data, Sms};
use reachd::proto::v1::ReachabilityStatus::{ConnectedData, NotConnected};
use reachd::proto::v1::batch_get_reachability_result::Result as One;

use super::*;
use crate::monitoring::{home, hss, reachable, references, result_code, word};
use crate::support::daemon::{Engine, Home};
use crate::support::wire::{Message, code, tbcd};

async fn home_that_asks(freshness: &str) -> Home {
    let mut home = home(Engine::Sqlite, "answer_within = \"60s\"").await;
    home.configure(&format!("\n[freshness]\nquery = \"s6t\"\n{freshness}\n"));
    home
}

/// The answers about these, `None` where there is none, and how long they took. Nothing is fresh enough if `now`.
async fn batch(daemon: &Daemon, someones: &[Subscriber], now: bool) -> (Vec<Option<Answer>>, Duration) {
    let mut client = ReachabilityServiceClient::new(daemon.channel());
    let request = BatchGetReachabilityRequest {
        devices: someones.iter().map(|someone| phone(&someone.number())).collect(),
        max_age: now.then(prost_types::Duration::default),
    };
    let begun = Instant::now();
    let response = client.batch_get_reachability(request).await.unwrap().into_inner();
    let answers = someones.iter().zip(response.results).map(|(someone, result)| {
        let One::Response(response) = result.result.expect("a result") else {
            return None;
        };
        assert_eq!(response.device, Some(phone(&someone.number())));
        Some(Answer::of(response.reachability.unwrap()))
    });
    (answers.collect(), begun.elapsed())
}

fn number(request: &Message) -> Vec<u8> {
    let user = request.find(code::USER_IDENTIFIER).expect("User-Identifier");
    user.members()[0].data.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_stale_in_a_batch_is_asked_at_once_and_answered_with_what_is_told() {
    let home = home_that_asks("query_within = \"30s\"").await;
    let daemon = home.start().await;
    let mut hss = hss(&daemon).await;
    let everybody: Vec<_> = (1..=6).map(Subscriber::nth).collect();
    let _dra = attached(&daemon, &everybody[..5]).await;
    // The sixth is nobody, and the first comes twice.
    let asked_for: Vec<_> = everybody.iter().chain(&everybody[..1]).cloned().collect();

    let (answers, _) = batch(&daemon, &asked_for, false).await;
    assert!(
        answers[..5]
            .iter()
            .flatten()
            .all(|answer| answer.status == ConnectedData)
    );
    assert_eq!(wishes(&daemon, "asked").await, 0, "all of that is fresh");

    let tell = async {
        let mut requests = Vec::new();
        for _ in 0..5 {
            // None is answered before all are there.
            requests.push(hss.receive_request().await);
        }
        for request in &requests {
            let told = if number(request) == tbcd(&everybody[0].digits) {
                word(3154, 1)
            } else {
                reachable(references(request)[1], false)
            };
            hss.answer_with(request, result_code(SUCCESS), &[told]).await;
        }
    };
    let ((answers, took), ()) = tokio::join!(batch(&daemon, &asked_for, true), tell);
    assert!(took < LATER, "{took:?}");
    for place in [0, 6] {
        answers[place].as_ref().unwrap().assert_is(NotConnected, &[]);
    }
    for answer in &answers[1..5] {
        answer.as_ref().unwrap().assert_is(ConnectedData, &[Data, Sms]);
    }
    assert_eq!(answers[5], None);
    assert_eq!(wishes(&daemon, "asked").await, 5);
    assert_eq!(wishes(&daemon, "joined").await, 1);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_waits_once_however_many_are_silent_and_not_for_those_beyond_the_budget() {
    let home = home_that_asks("query_within = \"1s\"\nquery_rate = 20").await;
    let daemon = home.start().await;
    let _hss = hss(&daemon).await;
    let everybody: Vec<_> = (1..=50).map(Subscriber::nth).collect();
    let _dra = attached(&daemon, &everybody).await;
    let (answers, took) = batch(&daemon, &everybody, true).await;
    assert!(took >= Duration::from_secs(1) && took < LATER, "{took:?}");
    assert_eq!(answers.len(), 50);
    for answer in answers.iter().flatten() {
        answer.assert_is(ConnectedData, &[Data]);
    }
    assert_eq!(wishes(&daemon, "asked").await, 20);
    assert_eq!(wishes(&daemon, "over_budget").await, 30);
    assert_eq!(wishes(&daemon, "timed_out").await, 20);
    daemon.stop().await;
}
