//! Over S6t: one-time requests for reachability, and what an HSS makes of them.

use std::time::SystemTime;

use reachd::proto::v1::Connectivity::{Data, Sms};
use reachd::proto::v1::ReachabilityStatus::{ConnectedData, NotConnected};
use reachd::proto::v1::admin_service_client::AdminServiceClient;
use reachd::proto::v1::{EraseSubscriberRequest, Freshness};

use super::*;
use crate::monitoring::{
    Configuration, HSS, MME as SERVING, SCEF, configurations, experimental_result, home, hss, mme, ntp,
    reachable, references, result_code, word,
};
use crate::sh;
use crate::support::daemon::{Engine, Home, reachd, run};
use crate::support::wire::{Message, S6T, T6A, VENDOR_3GPP, code, tbcd};
use crate::support::{eventually, on_each_engine};

const SH: u32 = 16_777_217;
const S6T_HSS_CAUSE: u32 = 3154;

async fn home_that_asks(engine: Engine, freshness: &str) -> Home {
    let mut home = home(engine, "answer_within = \"60s\"").await;
    home.configure(&format!("\n[freshness]\n{freshness}\n"));
    home
}

/// The question about somebody; its references for data and for SMS.
fn asked_about(request: &Message, someone: &Subscriber) -> [u32; 2] {
    let user = request
        .find(code::USER_IDENTIFIER)
        .expect("User-Identifier")
        .members();
    assert_eq!(user.len(), 1);
    assert_eq!(
        (user[0].code, user[0].data.clone()),
        (code::MSISDN, tbcd(&someone.digits))
    );
    references(request).try_into().expect("two references")
}

/// No serving node is known to the HSS.
fn absent() -> Vec<u8> {
    word(S6T_HSS_CAUSE, 1)
}

async fn succeed(hss: &mut Peer, request: &Message, more: &[Vec<u8>]) {
    hss.answer_with(request, result_code(SUCCESS), more).await;
}

on_each_engine! {
    async fn a_lookup_that_wants_it_fresher_has_the_hss_asked_once_for_all_who_wait(engine) {
        let home = home_that_asks(engine, "query = \"s6t\"\nquery_within = \"30s\"").await;
        let daemon = home.start().await;
        let mut hss = hss(&daemon).await;
        let someone = Subscriber::nth(1);
        let _dra = attached(&daemon, std::slice::from_ref(&someone)).await;
        let before = daemon.lookups().phone(&someone.number()).await;

        let answers = all((0..10).map(|_| now_please(&daemon, &someone)));
        let tell = async {
            let begun = SystemTime::now();
            let request = hss.receive_request().await;
            eventually("all of them wait", async || (wishes(&daemon, "joined").await == 9).then_some(())).await;
            let [data, sms] = asked_about(&request, &someone);
            let asked = configurations(&request);
            let until = asked[0].until.expect("Monitoring-Duration");
            let life = |time: SystemTime| ntp(time + Duration::from_secs(300));
            assert!((life(begun - Duration::from_secs(60))..=life(SystemTime::now())).contains(&until));
            let common = |reference, reachability| Configuration {
                reference: Some(reference),
                scef: SCEF.to_owned(),
                kind: 1,
                reports: Some(1),
                until: Some(until),
                reachability: Some(reachability),
                ..Configuration::default()
            };
            assert_eq!(asked, [common(data, 2), common(sms, 1)]);
            let reports = [reachable(data, true), reachable(sms, false)];
            succeed(&mut hss, &request, &reports).await;
        };
        let (answers, ()) = tokio::join!(answers, tell);
        let nanos = |time: Option<prost_types::Timestamp>| time.map(|time| (time.seconds, time.nanos));
        for (answer, took) in &answers {
            answer.assert_is(ConnectedData, &[Data, Sms]);
            assert!(nanos(answer.last_confirmed_time) > nanos(before.last_confirmed_time));
            assert!(*took < LATER, "{took:?}");
        }
        // One who is nowhere is told to be nowhere, at the time of the question.
        let begun = SystemTime::now();
        let tell = async {
            let request = hss.receive_request().await;
            succeed(&mut hss, &request, &[absent()]).await;
        };
        let ((answer, _), ()) = tokio::join!(now_please(&daemon, &someone), tell);
        answer.assert_is(NotConnected, &[]);
        answer.assert_time_within(begun, SystemTime::now());
        assert_eq!(wishes(&daemon, "asked").await, 2);
        assert!(hss.is_left_alone().await);
        let metrics = daemon.metrics().await;
        assert!(metrics.contains("reachd_monitoring_questions_total{result=\"2001\"} 2"), "{metrics}");
        assert!(metrics.contains("reachd_monitoring_targets 0"), "{metrics}");
        assert!(!daemon.log().contains(&someone.digits));
        daemon.stop().await;
    }

    async fn what_was_not_told_is_not_taken_for_unreachable_and_what_comes_late_is_kept(engine) {
        let home = home_that_asks(engine, "query = \"s6t\"\nquery_within = \"500ms\"").await;
        let daemon = home.start().await;
        let mut hss = hss(&daemon).await;
        let mut serving = mme(&daemon, SERVING).await;
        let someone = Subscriber::nth(1);
        let _dra = attached(&daemon, std::slice::from_ref(&someone)).await;

        // Nothing is told: the answer stands as it was.
        let told = async {
            let request = hss.receive_request().await;
            succeed(&mut hss, &request, &[]).await;
            asked_about(&request, &someone)
        };
        let ((answer, _), [data, _]) = tokio::join!(now_please(&daemon, &someone), told);
        answer.assert_is(ConnectedData, &[Data]);
        assert_eq!(answer.freshness, Freshness::Stale);

        // Silence: the lookup waits no longer than it may, and the answer that comes then is kept.
        let (answer, took) = now_please(&daemon, &someone).await;
        answer.assert_is(ConnectedData, &[Data]);
        assert!(took >= Duration::from_millis(500) && took < LATER, "{took:?}");
        assert_eq!(wishes(&daemon, "timed_out").await, 1);
        let request = hss.receive_request().await;
        let [_, sms] = asked_about(&request, &someone);
        succeed(&mut hss, &request, &[absent()]).await;
        eventually("the late answer is seen", async || {
            let answer = daemon.lookups().phone(&someone.number()).await;
            (answer.status == NotConnected).then_some(())
        })
        .await;

        // Both questions are still open at the network. Each is reported on once, by the MME and by the HSS.
        let by_mme = Request::reporting(T6A, SERVING).with(reachable(data, true));
        serving.ask(&by_mme).await.assert_result(SUCCESS);
        daemon.lookups().phone(&someone.number()).await.assert_is(ConnectedData, &[Data]);
        let by_hss = Request::reporting(S6T, HSS).with(reachable(sms, false));
        hss.ask(&by_hss).await.assert_result(SUCCESS);
        daemon.lookups().phone(&someone.number()).await.assert_is(ConnectedData, &[Data, Sms]);
        // A second report is of nobody.
        let events = |metrics: &str| {
            let series = "reachd_events_total{feed=\"hss1.home.example\",kind=\"reachable\"";
            metrics.lines().filter(|line| line.starts_with(series)).map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
        };
        let before = events(&daemon.metrics().await);
        hss.ask(&Request::reporting(S6T, HSS).with(reachable(sms, false))).await.assert_result(SUCCESS);
        assert_eq!(events(&daemon.metrics().await), before);

        // After a restart they belong to nobody, and no number is used again.
        let (_, request) = tokio::join!(now_please(&daemon, &someone), hss.receive_request());
        let newest = asked_about(&request, &someone);
        drop((hss, serving));
        daemon.stop().await;
        let daemon = home.start().await;
        let mut hss = crate::monitoring::hss(&daemon).await;
        let answer = hss.ask(&Request::reporting(S6T, HSS).with(reachable(newest[1], false))).await;
        assert_eq!(answer.experimental_result(), Some((VENDOR_3GPP, 5515)));
        let (_, request) = tokio::join!(now_please(&daemon, &someone), hss.receive_request());
        let [data, sms] = asked_about(&request, &someone);
        assert!(data > newest[1] && sms > newest[1], "{data} and {sms} after {newest:?}");
        daemon.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_late_of_a_question_about_whoever_was_erased_brings_nobody_back() {
    let home = home_that_asks(Engine::Sqlite, "query = \"s6t\"\nquery_within = \"200ms\"").await;
    let daemon = home.start().await;
    let mut hss = hss(&daemon).await;
    let someone = Subscriber::nth(1);
    let _dra = attached(&daemon, std::slice::from_ref(&someone)).await;
    let mut requests = Vec::new();
    for _ in 0..2 {
        let (_, request) = tokio::join!(now_please(&daemon, &someone), hss.receive_request());
        requests.push(request);
        if requests.len() == 1 {
            // Its references stay open.
            succeed(&mut hss, &requests[0], &[]).await;
            eventually("it is asked no more", async || {
                let answered = "reachd_monitoring_questions_total{result=\"2001\"} 1";
                daemon.metrics().await.contains(answered).then_some(())
            })
            .await;
        }
    }
    let erase = EraseSubscriberRequest {
        msisdn: someone.number(),
        ..EraseSubscriberRequest::default()
    };
    AdminServiceClient::new(daemon.channel())
        .erase_subscriber(erase)
        .await
        .unwrap();
    let gone = async || {
        let refused = daemon.lookups().try_phone(&someone.number()).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::NotFound);
    };
    gone().await;
    let [_, sms] = asked_about(&requests[0], &someone);
    let late = Request::reporting(S6T, HSS).with(reachable(sms, false));
    hss.ask(&late).await.assert_result(SUCCESS);
    let [data, _] = asked_about(&requests[1], &someone);
    succeed(&mut hss, &requests[1], &[reachable(data, true)]).await;
    eventually("the late answer is there", async || {
        let answered = "reachd_monitoring_questions_total{result=\"2001\"} 2";
        daemon.metrics().await.contains(answered).then_some(())
    })
    .await;
    gone().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_shows_that_an_answer_rests_on_what_was_asked() {
    let home = home_that_asks(Engine::Sqlite, "query = \"s6t\"\nquery_within = \"30s\"").await;
    let daemon = home.start().await;
    let mut hss = hss(&daemon).await;
    let someone = Subscriber::nth(1);
    daemon.import_rows(std::slice::from_ref(&someone)).await;
    let tell = async {
        let request = hss.receive_request().await;
        let [data, _] = asked_about(&request, &someone);
        succeed(&mut hss, &request, &[reachable(data, true)]).await;
    };
    let ((answer, _), ()) = tokio::join!(now_please(&daemon, &someone), tell);
    answer.assert_is(ConnectedData, &[Data]);

    let mut explain = reachd();
    explain.args(["explain", &someone.number(), "--json", "--server"]);
    explain.arg(format!("http://{}", daemon.grpc()));
    let told: serde_json::Value = serde_json::from_slice(&run(explain).await.stdout).unwrap();
    assert_eq!(told["status"], "CONNECTED_DATA");
    assert_eq!(
        told["slots"][0]["registrations"][0]["feed"], "monitoring",
        "{told}"
    );
    assert_eq!(
        told["confirmed_by"],
        "the report itself: monitoring does not tell of losses"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_first_way_tells_nothing_the_next_is_tried_within_the_same_time() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.diameter(crate::support::daemon::UNANSWERED_GOODBYES);
    home.configure(&format!(
        "[[diameter.peers]]\nidentity = \"{HSS}\"\nmode = \"endpoint\"\napplications = [\"sh\", \"s6t\"]\n\
         [diameter.sh]\nrealm = \"home.example\"\n[diameter.s6t]\nrealm = \"home.example\"\n\
         [freshness]\nquery = [\"s6t\", \"sh\"]\nquery_within = \"30s\"\n"
    ));
    let daemon = home.start().await;
    let peer = Peer::connect_for(daemon.diameter(), HSS, &[S6T, SH]).await;
    let mut hss = sh::Hss(peer);
    let someone = Subscriber::nth(1);
    let _dra = attached(&daemon, std::slice::from_ref(&someone)).await;

    let tell = async {
        let request = hss.0.receive_request().await;
        asked_about(&request, &someone);
        hss.0.answer_with(&request, experimental_result(5001), &[]).await;
        let detached = "<PSUserState>0</PSUserState><Extension><EPSUserState>0</EPSUserState></Extension>";
        sh::answer_query(&mut hss, detached, "<CSUserState>1</CSUserState>").await;
    };
    let ((answer, _), ()) = tokio::join!(now_please(&daemon, &someone), tell);
    answer.assert_is(NotConnected, &[]);

    // What the first tells is enough.
    let tell = async {
        let request = hss.0.receive_request().await;
        let [data, _] = asked_about(&request, &someone);
        succeed(&mut hss.0, &request, &[reachable(data, true)]).await;
    };
    let ((answer, _), ()) = tokio::join!(now_please(&daemon, &someone), tell);
    answer.assert_is(ConnectedData, &[Data]);
    assert!(hss.0.is_left_alone().await);
    assert_eq!(wishes(&daemon, "asked").await, 2);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_over_an_interface_that_names_nobody_is_refused_before_anything_starts() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure("[freshness]\nquery = [\"s6t\", \"sh\"]\n");
    let mut check = reachd();
    check.arg("check").arg("--config").arg(home.config());
    let output = run(check).await;
    assert_eq!(output.status.code(), Some(78));
    let told = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
    for sentence in [
        "there is no HSS to ask over S6t; name its realm in diameter.s6t.realm, or leave \"s6t\" out",
        "there is no HSS to ask over Sh; name its realm in diameter.sh.realm, or leave \"sh\" out",
    ] {
        assert!(told.contains(sentence), "{sentence} in\n{told}");
    }
}
