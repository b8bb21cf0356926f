//! Over Sh.

use reachd::proto::v1::Connectivity::Data;
use reachd::proto::v1::Freshness;
use reachd::proto::v1::ReachabilityStatus::{ConnectedData, NotConnected};

use super::*;
use crate::sh::{Hss, USER_DATA_PULL, answer_query, home_waiting};
use crate::support::daemon::{Engine, Home};
use crate::support::eventually;
use crate::support::wire::command::DISCONNECT_PEER;
use crate::support::wire::{avp, code};

const DETACHED: &str = "<PSUserState>0</PSUserState><Extension><EPSUserState>0</EPSUserState></Extension>";
const NO_CALLS: &str = "<CSUserState>1</CSUserState>";

async fn home_that_asks(answer_within: &str, freshness: &str) -> Home {
    let mut home = home_waiting(Engine::Sqlite, answer_within).await;
    home.configure(&format!("\n[freshness]\nquery = \"sh\"\n{freshness}\n"));
    home
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_hss_costs_a_lookup_its_deadline_and_what_it_says_late_is_kept() {
    let home = home_that_asks("60s", "query_within = \"300ms\"").await;
    let daemon = home.start().await;
    let mut hss = Hss::connect(&daemon).await;
    let someone = Subscriber::nth(1);
    let _dra = attached(&daemon, std::slice::from_ref(&someone)).await;

    let (answer, took) = now_please(&daemon, &someone).await;
    answer.assert_is(ConnectedData, &[Data]);
    assert_eq!(answer.freshness, Freshness::Stale);
    assert!(took >= Duration::from_millis(300) && took < LATER, "{took:?}");
    assert_eq!(wishes(&daemon, "asked").await, 1);
    assert_eq!(wishes(&daemon, "timed_out").await, 1);

    answer_query(&mut hss, DETACHED, NO_CALLS).await;
    // Fresh enough by itself: nobody is asked again.
    eventually("what came late is seen", async || {
        let answer = daemon.lookups().phone(&someone.number()).await;
        (answer.status == NotConnected && answer.freshness == Freshness::Fresh).then_some(())
    })
    .await;
    assert_eq!(wishes(&daemon, "asked").await, 1);
    assert!(hss.0.is_left_alone().await);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_budget_lookups_are_answered_at_once_with_what_is_known() {
    let home = home_that_asks("60s", "query_rate = 1\nquery_within = \"1s\"").await;
    let daemon = home.start().await;
    let _hss = Hss::connect(&daemon).await;
    let everybody: Vec<_> = (1..=20).map(Subscriber::nth).collect();
    let _dra = attached(&daemon, &everybody).await;

    let begun = Instant::now();
    let asks = everybody.iter().map(|someone| now_please(&daemon, someone));
    let answers = all(asks).await;
    for (answer, _) in &answers {
        answer.assert_is(ConnectedData, &[Data]);
        assert_eq!(answer.freshness, Freshness::Stale);
    }
    let seconds = begun.elapsed().as_secs();
    let (asked, refused) = (
        wishes(&daemon, "asked").await,
        wishes(&daemon, "over_budget").await,
    );
    assert_eq!(asked + refused, 20);
    assert!((1..=seconds + 1).contains(&asked), "{asked} in {seconds} s");
    let waited = |(_, took): &&(Answer, Duration)| *took >= Duration::from_secs(1);
    assert!(answers.iter().filter(waited).count() as u64 >= asked);
    assert_eq!(wishes(&daemon, "timed_out").await, asked);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_fails_leaves_the_answer_as_it_was() {
    let home = home_that_asks("2s", "query_within = \"30s\"").await;
    let daemon = home.start().await;
    let mut hss = Hss::connect(&daemon).await;
    let someone = Subscriber::nth(1);
    let _dra = attached(&daemon, std::slice::from_ref(&someone)).await;
    let before = daemon.lookups().phone(&someone.number()).await;
    let unchanged = |answer: &Answer| {
        answer.assert_is(ConnectedData, &[Data]);
        assert_eq!(answer.last_status_time, before.last_status_time);
        assert_eq!(answer.last_confirmed_time, before.last_confirmed_time);
        assert_eq!(answer.freshness, Freshness::Stale);
    };

    // The HSS does not know the user.
    let refuse = async {
        for _ in 0..2 {
            let request = hss.asked(USER_DATA_PULL).await;
            hss.refuse(&request, 5001).await;
        }
    };
    let ((answer, took), ()) = tokio::join!(now_please(&daemon, &someone), refuse);
    unchanged(&answer);
    assert!(took < LATER, "{took:?}");

    // It says nothing of how the user is.
    let ((answer, took), ()) = tokio::join!(now_please(&daemon, &someone), answer_query(&mut hss, "", ""));
    unchanged(&answer);
    assert!(took < LATER, "{took:?}");

    // It is away.
    let goodbye = hss
        .0
        .origin(Request::base(DISCONNECT_PEER))
        .with(avp(code::DISCONNECT_CAUSE, &0u32.to_be_bytes()));
    hss.0.ask(&goodbye).await.assert_result(SUCCESS);
    drop(hss);
    let (answer, took) = now_please(&daemon, &someone).await;
    unchanged(&answer);
    assert!(took < LATER, "{took:?}");
    assert_eq!(wishes(&daemon, "asked").await, 3);
    assert_eq!(wishes(&daemon, "timed_out").await, 0);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_about_whom_nobody_knows() {
    let home = home_that_asks("2s", "").await;
    let daemon = home.start().await;
    let mut hss = Hss::connect(&daemon).await;
    let nobody = Subscriber::nth(1);
    let refused = daemon.lookups().try_phone(&nobody.number()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
    assert_eq!(wishes(&daemon, "asked").await, 0);
    assert!(hss.0.is_left_alone().await);
    daemon.stop().await;
}
