//! What is asked of the HSS, and what its answers are taken for.

use std::time::{Duration, SystemTime};

use super::*;
use crate::support::on_each_engine;

on_each_engine! {
    async fn a_target_is_asked_about_with_every_aspect_and_is_watched_once_that_is_taken(engine) {
        let home = home(engine, "maximum_detection_time = \"7m\"").await;
        let daemon = home.start().await;
        let mut hss = hss(&daemon).await;
        let target = number("+999123456789");
        let begun = SystemTime::now();
        assert_eq!(change(&daemon, vec![target.clone()], Vec::new()).await.added, 1);

        let request = hss.receive_request().await;
        assert_eq!(request.flags, 0xc0, "R and P");
        let text = |code| request.find(code).expect("a routing AVP").text().to_owned();
        assert_eq!(request.avps[0].code, code::SESSION_ID);
        assert_eq!((text(code::ORIGIN_HOST), text(code::ORIGIN_REALM)), (SCEF.into(), "home.example".into()));
        assert_eq!(text(code::DESTINATION_REALM), "home.example");
        assert!(request.find(code::DESTINATION_HOST).is_none());
        assert_eq!(request.find(code::AUTH_SESSION_STATE).expect("stateless").u32(), 1);
        let user = request.find(code::USER_IDENTIFIER).expect("User-Identifier").members();
        assert_eq!(user.len(), 1);
        assert_eq!((user[0].code, user[0].data.clone()), (code::MSISDN, tbcd("999123456789")));

        let asked = configurations(&request);
        let until = asked[0].until.expect("Monitoring-Duration");
        let day = Duration::from_secs(24 * 3600);
        assert!((ntp(begun + day)..=ntp(SystemTime::now() + day)).contains(&until));
        let scef = || SCEF.to_owned();
        let common = |reference| Configuration { reference: Some(reference), scef: scef(), until: Some(until), ..Configuration::default() };
        assert_eq!(asked, [
            Configuration { kind: 0, detection: Some(420), ..common(1) },
            Configuration { kind: 1, reachability: Some(2), ..common(2) },
            Configuration { kind: 1, reachability: Some(1), reports: Some(1), ..common(3) },
        ]);
        let states = status(&daemon, &target).await.unwrap();
        assert!(states.iter().all(|(state, _)| *state == MonitoringState::Asking), "{states:?}");
        hss.answer_with(&request, result_code(SUCCESS), &[]).await;
        all_are(&daemon, &target, MonitoringState::Active).await;
        assert!(hss.is_left_alone().await);

        // It is ended before it is forgotten.
        assert_eq!(change(&daemon, Vec::new(), vec![target.clone()]).await.removed, 1);
        let end = hss.receive_request().await;
        let ended = configurations(&end);
        assert_eq!((ended.len(), ended[0].reference, ended[0].replaces.clone()), (1, None, vec![1, 2, 3]));
        hss.answer_with(&end, result_code(SUCCESS), &[]).await;
        eventually("the target is forgotten", async || status(&daemon, &target).await.is_none().then_some(())).await;
        daemon.stop().await;
    }

    async fn what_the_hss_refuses_is_recorded_or_tried_again(engine) {
        let home = home(engine, "").await;
        let daemon = home.start().await;
        let mut hss = hss(&daemon).await;
        let (unknown, busy, mixed) = (number("999000000001"), number("999000000002"), number("999000000003"));

        // For good.
        change(&daemon, vec![unknown.clone()], Vec::new()).await;
        let request = hss.receive_request().await;
        hss.answer_with(&request, experimental_result(5001), &[]).await;
        all_are(&daemon, &unknown, MonitoringState::Failed).await;

        // One of three: 5511 for loss in a success.
        change(&daemon, vec![mixed.clone()], Vec::new()).await;
        let request = hss.receive_request().await;
        let result = [avp(code::VENDOR_ID, &VENDOR_3GPP.to_be_bytes()), word(code::SERVICE_RESULT_CODE, 5511)];
        let service = avp_3gpp(code::SERVICE_REPORT, &avp_3gpp(code::SERVICE_RESULT, &result.concat()));
        let config_status = [service, word(code::SCEF_REFERENCE_ID, references(&request)[0])];
        let refused = avp_3gpp(code::MONITORING_EVENT_CONFIG_STATUS, &config_status.concat());
        hss.answer_with(&request, result_code(SUCCESS), &[refused]).await;
        eventually("one failed and two are active", async || {
            let states: Vec<_> = status(&daemon, &mixed).await?.iter().map(|(state, _)| *state).collect();
            (states == [MonitoringState::Failed, MonitoringState::Active, MonitoringState::Active]).then_some(())
        }).await;

        // For now, and under the same references.
        change(&daemon, vec![busy.clone()], Vec::new()).await;
        let first = hss.receive_request().await;
        hss.answer_with(&first, result_code(3004), &[]).await;
        let second = hss.receive_request().await;
        assert_eq!(references(&second), references(&first));
        hss.answer_with(&second, result_code(SUCCESS), &[]).await;
        all_are(&daemon, &busy, MonitoringState::Active).await;

        let listed = AdminServiceClient::new(daemon.channel())
            .list_monitoring(ListMonitoringRequest::default()).await.unwrap().into_inner();
        assert!(listed.enabled && listed.status.is_empty(), "nobody is named who was not asked for");
        assert_eq!(listed.targets, 3);
        let refusals: Vec<_> = listed.refusals.iter().map(|refusal| {
            let result = refusal.result.unwrap();
            (refusal.aspect, result.vendor, result.code, refusal.count)
        }).collect();
        assert_eq!(refusals, [(1, 10415, 5001, 1), (1, 10415, 5511, 1), (2, 10415, 5001, 1), (3, 10415, 5001, 1)]);
        let metrics = daemon.metrics().await;
        for series in [
            "reachd_monitoring_targets 3",
            "reachd_monitoring_configurations{aspect=\"loss-of-connectivity\",state=\"failed\"} 2",
            "reachd_monitoring_configurations{aspect=\"reachability-for-data\",state=\"active\"} 2",
            "reachd_monitoring_questions_total{result=\"2001\"} 2",
            "reachd_monitoring_questions_total{result=\"10415:5001\"} 1",
            "reachd_monitoring_questions_total{result=\"3004\"} 1",
        ] {
            assert!(metrics.contains(series), "{series} in\n{metrics}");
        }
        daemon.stop().await;
    }
}

/// Requests do not come faster than the rate, and not more at a time than allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_targets_are_asked_about_at_the_rate() {
    let home = home(Engine::Sqlite, "rate = 20\nin_flight = 3").await;
    let daemon = home.start().await;
    let mut hss = hss(&daemon).await;
    let targets = (0..30).map(|n| number(&format!("9991{n:08}"))).collect();
    assert_eq!(change(&daemon, targets, Vec::new()).await.added, 30);
    // Three wait for an answer; nothing more comes.
    let first: Vec<_> = [
        hss.receive_request().await,
        hss.receive_request().await,
        hss.receive_request().await,
    ]
    .into();
    assert!(hss.is_left_alone().await);
    let begun = std::time::Instant::now();
    for request in &first {
        hss.answer_with(request, result_code(SUCCESS), &[]).await;
    }
    for _ in 3..30 {
        let request = hss.receive_request().await;
        hss.answer_with(&request, result_code(SUCCESS), &[]).await;
    }
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(1250),
        "27 at 20 a second in {took:?}"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_hss_may_be_named_and_groups_are_asked_about_as_such() {
    let home = home(Engine::Sqlite, &format!("host = \"{HSS}\"")).await;
    let daemon = home.start().await;
    let mut hss = hss(&daemon).await;
    let meters = MonitoringTarget {
        external_group_identifier: "meters@iot.example".into(),
        ..MonitoringTarget::default()
    };
    let meter = MonitoringTarget {
        external_identifier: "meter-1@iot.example".into(),
        ..MonitoringTarget::default()
    };
    for (target, is_group) in [(meters, true), (meter, false)] {
        change(&daemon, vec![target], Vec::new()).await;
        let request = hss.receive_request().await;
        assert_eq!(request.find(code::DESTINATION_HOST).expect("a host").text(), HSS);
        let user = request
            .find(code::USER_IDENTIFIER)
            .expect("User-Identifier")
            .members();
        assert_eq!(user[0].code, code::EXTERNAL_IDENTIFIER);
        let kind = of_3gpp(&user, code::TYPE_OF_EXTERNAL_IDENTIFIER);
        assert_eq!(kind.first().map(|avp| avp.u32()), is_group.then_some(1));
        hss.answer_with(&request, result_code(SUCCESS), &[]).await;
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_asks_nothing_refuses_targets_and_reports() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.diameter(UNANSWERED_GOODBYES);
    home.configure(&format!(
        "[[diameter.peers]]\nidentity = \"{HSS}\"\nmode = \"endpoint\"\napplications = [\"s6t\"]\n"
    ));
    let daemon = home.start().await;
    let mut hss = hss(&daemon).await;
    let refused = AdminServiceClient::new(daemon.channel())
        .monitor_subscribers(tokio_stream::once(MonitorSubscribersRequest {
            add: vec![number("999000000001")],
            remove: Vec::new(),
        }))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    let answer = hss
        .ask(&Request::reporting(S6T, HSS).with(reachable(7, false)))
        .await;
    assert_eq!(answer.experimental_result(), Some((VENDOR_3GPP, 5515)));
    daemon.stop().await;
}
