//! Requests of our own, seen from the far end of the connection that they take.

use std::time::Duration;

use crate::diameter::client::{ClientConfig, LONGEST, OwnRequest, RequestError};
use crate::diameter::codec::{Answered, ExperimentalResult, Message, MessageBuilder, ResultCode};
use crate::diameter::config::DiameterConfig;
use crate::diameter::dict::{AvpDef, AvpType, base, s6a, tgpp};

use super::asking::*;
use super::far_end::*;

over_all! {
    a_request_of_ours_is_answered;
    an_answer_may_come_as_an_experimental_result_or_in_the_error_form;
    an_unusable_answer_fails_the_request_and_is_not_answered;
    a_request_ends_at_its_deadline_and_its_late_answer_is_dropped;
    a_request_that_the_peer_ignored_is_sent_again_with_t;
    a_request_without_a_peer_waits_for_one;
    no_more_than_the_window_is_under_way_and_the_peer_is_served_all_the_same;
    what_nobody_waits_for_any_more_is_not_sent;
    pending_requests_are_given_the_grace_of_an_orderly_stop;
    an_answer_to_nobody_harms_nothing;
}

async fn a_request_of_ours_is_answered(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut hss = fixture.open("hss1.example").await;
    let asking = ask(&fixture, request());
    let asked = hss.expect(NOR, true).await;
    let message = Message::decode(&asked).unwrap();
    let header = *message.header();
    assert!(header.flags.is_proxiable() && !header.flags.is_retransmitted());
    assert_eq!(header.application, s6a::APPLICATION);
    let codes: Vec<u32> = message.avps().map(|avp| avp.code).collect();
    assert_eq!(codes, [263, 277, 264, 296, 283, 1]);
    let text = |def| message.find(def).unwrap().as_utf8().unwrap();
    assert!(text(&base::SESSION_ID).starts_with("reachd.example;"));
    assert_eq!(text(&base::ORIGIN_HOST), "reachd.example");
    assert_eq!(text(&base::ORIGIN_REALM), "example");
    assert_eq!(text(&base::DESTINATION_REALM), "Example");
    hss.send(&answer(&asked, "hss1.example")).await;
    let answer = asking.await.unwrap().unwrap();
    assert_eq!(answer.result, Answered::Base(ResultCode::SUCCESS));
    assert_eq!(
        (&*answer.origin_host, &*answer.peer),
        ("hss1.example", "hss1.example")
    );
    assert!(!answer.is_error);
    assert_eq!(answer.message().unwrap().header().end_to_end, header.end_to_end);
}

async fn an_answer_may_come_as_an_experimental_result_or_in_the_error_form(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut hss = fixture.open("hss1.example").await;
    let asking = ask(&fixture, request());
    let asked = hss.expect(NOR, true).await;
    hss.send(&answered(&asked, false, |answer| {
        origin(answer, "hss1.example");
        answer.group(&base::EXPERIMENTAL_RESULT, |group| {
            group
                .avp_u32(&base::VENDOR_ID, tgpp::VENDOR_ID)
                .avp_u32(&base::EXPERIMENTAL_RESULT_CODE, 5001);
        });
    }))
    .await;
    let unknown_user = ExperimentalResult {
        vendor: tgpp::VENDOR_ID,
        code: 5001,
    };
    assert_eq!(
        asking.await.unwrap().unwrap().result,
        Answered::Experimental(unknown_user)
    );

    let asking = ask(&fixture, request());
    let asked = hss.expect(NOR, true).await;
    // By an agent on the way, without Session-Id, both results.
    hss.send(&answered(&asked, true, |answer| {
        answer.avp_u32(&base::RESULT_CODE, 3003);
        origin(answer, "Agent.example");
        answer.group(&base::EXPERIMENTAL_RESULT, |_| {});
    }))
    .await;
    let error = asking.await.unwrap().unwrap();
    assert_eq!(error.result, Answered::Base(ResultCode::REALM_NOT_SERVED));
    assert!(error.is_error);
    assert_eq!(
        (&*error.origin_host, &*error.peer),
        ("Agent.example", "hss1.example")
    );
}

async fn an_unusable_answer_fails_the_request_and_is_not_answered(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut hss = fixture.open("hss1.example").await;
    let unknown = AvpDef {
        code: 9999,
        vendor: 0,
        name: "",
        kind: AvpType::OctetString,
        mandatory: true,
    };
    let host = |answer: &mut MessageBuilder<'_>| origin(answer, "hss1.example");
    type Write<'w> = &'w dyn Fn(&mut MessageBuilder<'_>);
    let cases: [(u32, bool, Write<'_>); 7] = [
        (5001, false, &|answer| {
            answer.avp_u32(&base::RESULT_CODE, 2001);
            host(answer);
            answer.avp_octets(&unknown, b"x");
        }),
        // No result at all.
        (5005, false, &|answer| host(answer)),
        // No originator.
        (5005, false, &|answer| {
            answer.avp_u32(&base::RESULT_CODE, 2001);
        }),
        // Another session.
        (5002, false, &|answer| {
            answer
                .avp_utf8(&base::SESSION_ID, "hss1.example;1;1")
                .avp_u32(&base::RESULT_CODE, 2001);
            host(answer);
        }),
        // A number of the wrong size.
        (5014, false, &|answer| {
            answer.avp_octets(&base::RESULT_CODE, &[0; 3]);
            host(answer);
        }),
        // Octets left over.
        (5014, false, &|answer| {
            answer.avp_u32(&base::RESULT_CODE, 2001);
            host(answer);
            answer.encoded(&[0; 4]);
        }),
        // An error that succeeded.
        (3008, true, &|answer| {
            answer.avp_u32(&base::RESULT_CODE, 2001);
            host(answer);
        }),
    ];
    for (code, error, write) in cases {
        let asking = ask(&fixture, request());
        let asked = hss.expect(NOR, true).await;
        hss.send(&answered(&asked, error, |answer| write(answer))).await;
        match asking.await.unwrap() {
            Err(RequestError::Unusable(defect)) => assert_eq!(defect.result_code.0, code),
            other => panic!("{code}: {other:?}"),
        }
    }
    // Nothing came back for any of them.
    hss.send(&ulr()).await;
    hss.expect(ULR, false).await;
}

async fn a_request_ends_at_its_deadline_and_its_late_answer_is_dropped(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut hss = fixture.open("hss1.example").await;
    let asking = ask(&fixture, request_within(Duration::from_millis(50)));
    let asked = hss.expect(NOR, true).await;
    assert_eq!(asking.await.unwrap(), Err(RequestError::Unanswered));
    hss.send(&answer(&asked, "hss1.example")).await;
    answer_next(&fixture, &mut hss).await;
}

async fn a_request_that_the_peer_ignored_is_sent_again_with_t(over: Over) {
    let fixture = Fixture::start(
        over,
        config_with(|client| client.retransmit = Duration::from_millis(100)),
    );
    let mut hss = fixture.open("hss1.example").await;
    // Mature stacks drop what arrives right behind their CEA.
    let asking = ask(&fixture, request());
    let ignored = hss.expect(NOR, true).await;
    let again = hss.expect(NOR, true).await;
    let (first, second) = (header(&ignored), header(&again));
    assert!(!first.flags.is_retransmitted() && second.flags.is_retransmitted());
    assert_eq!(first.end_to_end, second.end_to_end);
    assert_ne!(first.hop_by_hop, second.hop_by_hop);
    assert_eq!(ignored[20..], again[20..], "the same Session-Id and all else");
    hss.send(&answer(&again, "hss1.example")).await;
    assert_eq!(result_of(asking).await, 2001);
}

async fn a_request_without_a_peer_waits_for_one(over: Over) {
    let fixture = Fixture::start(over, config_with(|client| client.waiting = 2));
    // Of another realm, or without the application, a peer is none.
    let mut elsewhere = fixture.open("dra1.example").await;
    let nobody = OwnRequest::new(&s6a::NOTIFY, "elsewhere.example", SHORT, |_| {});
    assert_eq!(
        fixture.client.request(nobody.clone()).await,
        Err(RequestError::NoPeer)
    );
    let giant = OwnRequest::new(&s6a::NOTIFY, "example", SHORT, |avps| {
        avps.avp_octets(&base::USER_NAME, &[0; LONGEST]);
    });
    assert_eq!(fixture.client.request(giant).await, Err(RequestError::TooLong));
    elsewhere.send(&dpr("dra1.example", 0)).await;
    elsewhere.expect(base::COMMAND_DISCONNECT_PEER, false).await;
    drop(elsewhere);

    let asking = [ask(&fixture, request()), ask(&fixture, request())];
    tokio::task::yield_now().await;
    // There is room for two who wait.
    assert_eq!(fixture.client.request(nobody).await, Err(RequestError::Congested));
    let mut hss = fixture.open("hss1.example").await;
    for asking in asking {
        let asked = hss.expect(NOR, true).await;
        assert!(!header(&asked).flags.is_retransmitted());
        hss.send(&answer(&asked, "hss1.example")).await;
        assert_eq!(result_of(asking).await, 2001);
    }
}

async fn no_more_than_the_window_is_under_way_and_the_peer_is_served_all_the_same(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            max_pending: 1,
            ..config_with(|client| client.window = 3)
        },
    );
    let mut hss = fixture.open("hss1.example").await;
    let asking: Vec<_> = (0..8).map(|_| ask(&fixture, request())).collect();
    let mut under_way = Vec::new();
    for _ in 0..3 {
        under_way.push(hss.expect(NOR, true).await);
    }
    // The fourth does not come before there is room, and requests of the peer are answered meanwhile.
    for _ in 0..5 {
        hss.send(&ulr()).await;
        hss.expect(ULR, false).await;
    }
    let mut answered = 0;
    while let Some(asked) = under_way.pop() {
        hss.send(&answer(&asked, "hss1.example")).await;
        answered += 1;
        if answered + under_way.len() < asking.len() {
            under_way.push(hss.expect(NOR, true).await);
        }
    }
    for asking in asking {
        assert_eq!(result_of(asking).await, 2001);
    }

    // Those that wait for room alone end at their deadline as well.
    let taken: Vec<_> = (0..3).map(|_| ask(&fixture, request())).collect();
    for _ in &taken {
        hss.expect(NOR, true).await;
    }
    assert_eq!(
        fixture.client.request(request_within(SHORT)).await,
        Err(RequestError::Congested)
    );
}

async fn what_nobody_waits_for_any_more_is_not_sent(over: Over) {
    let fixture = Fixture::start(over, config());
    let dropped = ask(&fixture, request());
    let kept = ask(&fixture, request_within(WITHIN));
    tokio::task::yield_now().await;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    let mut hss = fixture.open("hss1.example").await;
    answer_one(&mut hss).await;
    assert_eq!(result_of(kept).await, 2001);
    answer_next(&fixture, &mut hss).await;
}

async fn pending_requests_are_given_the_grace_of_an_orderly_stop(over: Over) {
    // So long that nothing goes on if the answer is not read before it is over.
    let config = DiameterConfig {
        grace: 3 * PATIENCE,
        ..config()
    };
    let mut fixture = Fixture::start(over, config);
    let mut hss = fixture.open("hss1.example").await;
    let answered_in_time = ask(&fixture, request());
    let asked = hss.expect(NOR, true).await;
    fixture.client.stop();
    fixture.shutdown.cancel();
    assert_eq!(
        fixture.client.request(request()).await,
        Err(RequestError::Stopped)
    );
    hss.send(&answer(&asked, "hss1.example")).await;
    assert_eq!(result_of(answered_in_time).await, 2001);
    let dpr = hss.expect(base::COMMAND_DISCONNECT_PEER, true).await;
    hss.send(&answer(&dpr, "hss1.example")).await;
    hss.expect_end().await;
    fixture.stop().await;
}

async fn an_answer_to_nobody_harms_nothing(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut hss = fixture.open("hss1.example").await;
    hss.send(&answer(&ulr(), "hss1.example")).await;
    let asking = ask(&fixture, request());
    let asked = hss.expect(NOR, true).await;
    // The right identifier under the wrong command.
    let mut wrong = answer(&asked, "hss1.example");
    wrong[7] += 1;
    hss.send(&wrong).await;
    hss.send(&answer(&asked, "hss1.example")).await;
    assert_eq!(result_of(asking).await, 2001);
    hss.send(&answer(&asked, "hss1.example")).await;
    answer_next(&fixture, &mut hss).await;
}

#[tokio::test]
async fn requests_of_our_own_are_counted_by_how_they_ended() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    // Tasks of this test's runtime run on this thread.
    let _guard = metrics::set_default_local_recorder(&recorder);
    let fixture = Fixture::start(
        Over::Memory,
        DiameterConfig {
            client: ClientConfig {
                retransmit: Duration::from_millis(100),
                ..ClientConfig::default()
            },
            ..config()
        },
    );
    assert_eq!(
        fixture.client.request(request_within(SHORT)).await,
        Err(RequestError::NoPeer)
    );
    let mut hss = fixture.open("hss1.example").await;
    let asking = ask(&fixture, request());
    let ignored = hss.expect(NOR, true).await;
    let again = hss.expect(NOR, true).await;
    let open = page.render();
    assert!(open.contains("reachd_diameter_client_in_flight 1"), "{open}");
    for copy in [&again, &ignored, &ulr().to_vec()] {
        hss.send(&answer(copy, "hss1.example")).await;
    }
    assert_eq!(result_of(asking).await, 2001);
    answer_next(&fixture, &mut hss).await;
    let page = page.render();
    let requests = |result: &str, value: u32| {
        format!("requests_total{{application=\"s6a\",command=\"Notify\",result=\"{result}\"}} {value}")
    };
    for line in [
        requests("success", 2),
        requests("no_peer", 1),
        "request_seconds_count{application=\"s6a\",command=\"Notify\"} 2".to_owned(),
        "retransmissions_total 1".to_owned(),
        "stray_answers_total{cause=\"late\"} 1".to_owned(),
        "stray_answers_total{cause=\"unknown\"} 1".to_owned(),
        "stray_answers_total{cause=\"mismatch\"} 0".to_owned(),
        "failovers_total{cause=\"lost\"} 0".to_owned(),
        "in_flight 0".to_owned(),
        "waiting 0".to_owned(),
    ] {
        let line = format!("reachd_diameter_client_{line}");
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
}
