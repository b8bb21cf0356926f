//! Restarts, crashes, renewal.

use reachd::proto::v1::{Connectivity, ReachabilityStatus as Status};

use super::*;
use crate::support::on_each_engine;

const PHONE: &str = "+999123456789";

on_each_engine! {
    async fn a_restart_keeps_references_and_asks_nothing_again(engine) {
        let home = home(engine, "").await;
        let daemon = home.start().await;
        let mut peer = hss(&daemon).await;
        let target = number(PHONE);
        let before = watched(&daemon, &mut peer, &target).await;
        daemon.stop().await;

        let daemon = home.start().await;
        let mut peer = hss(&daemon).await;
        let mut mme = mme(&daemon, MME).await;
        all_are(&daemon, &target, MonitoringState::Active).await;
        let references: Vec<_> = status(&daemon, &target).await.unwrap().iter().map(|(_, reference)| *reference).collect();
        assert_eq!(references, before);
        assert!(peer.is_left_alone().await);
        let [loss, data, _] = before;
        mme.ask(&Request::reporting(T6A, MME).with(reachable(data, true))).await.assert_result(SUCCESS);
        let mut lookups = daemon.lookups();
        lookups.phone(PHONE).await.assert_is(Status::ConnectedData, &[Connectivity::Data]);
        mme.ask(&Request::reporting(T6A, MME).with(lost(loss, 0))).await.assert_result(SUCCESS);
        lookups.phone(PHONE).await.assert_is(Status::NotConnected, &[]);
        daemon.stop().await;
    }

    async fn a_crash_between_question_and_answer_is_harmless(engine) {
        let home = home(engine, "").await;
        let daemon = home.start().await;
        let mut peer = hss(&daemon).await;
        let target = number(PHONE);
        change(&daemon, vec![target.clone()], Vec::new()).await;
        let first = peer.receive_request().await;
        daemon.kill();

        let daemon = home.start().await;
        let mut peer = hss(&daemon).await;
        let mut mme = mme(&daemon, MME).await;
        // The HSS has taken it: what it has reported meanwhile is understood, before it is asked again and after.
        let [_, data, _] = references(&first).try_into().expect("three references");
        eventually("what is watched is loaded", async || status(&daemon, &target).await.map(|_| ())).await;
        mme.ask(&Request::reporting(T6A, MME).with(reachable(data, true))).await.assert_result(SUCCESS);
        daemon.lookups().phone(PHONE).await.assert_is(Status::ConnectedData, &[Connectivity::Data]);
        let second = peer.receive_request().await;
        assert_eq!(references(&second), references(&first), "the same once more, not another beside it");
        peer.answer_with(&second, result_code(SUCCESS), &[]).await;
        all_are(&daemon, &target, MonitoringState::Active).await;
        // No number is given twice.
        let other = number("999000000002");
        change(&daemon, vec![other], Vec::new()).await;
        let third = peer.receive_request().await;
        assert!(references(&third).iter().all(|reference| !references(&first).contains(reference)));
        daemon.stop().await;
    }

    async fn a_renewal_names_what_it_replaces_and_late_reports_under_it_count(engine) {
        let home = home(engine, "duration = \"20s\"\nrenew_before = \"16s\"").await;
        let daemon = home.start().await;
        let mut hss = hss(&daemon).await;
        let mut mme = mme(&daemon, MME).await;
        let target = number(PHONE);
        let before = watched(&daemon, &mut hss, &target).await;
        let renewal = hss.receive_request().await;
        let asked = configurations(&renewal);
        let replaced: Vec<_> = asked.iter().flat_map(|one| one.replaces.clone()).collect();
        assert_eq!(replaced, before);
        assert!(asked.iter().all(|one| one.reference.is_some_and(|reference| !before.contains(&reference))));
        all_are(&daemon, &target, MonitoringState::Renewing).await;
        hss.answer_with(&renewal, result_code(SUCCESS), &[]).await;
        eventually("the new references stand", async || {
            let now: Vec<_> = status(&daemon, &target).await?.iter().map(|(_, reference)| *reference).collect();
            (now != before).then_some(())
        }).await;
        let [loss, data, _] = before;
        mme.ask(&Request::reporting(T6A, MME).with(reachable(data, true))).await.assert_result(SUCCESS);
        daemon.lookups().phone(PHONE).await.assert_is(Status::ConnectedData, &[Connectivity::Data]);
        mme.ask(&Request::reporting(T6A, MME).with(lost(loss, 1))).await.assert_result(SUCCESS);
        daemon.stop().await;
    }
}

/// References mean something under the identity they were given under.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_another_identity_everything_is_asked_for_anew() {
    let mut home = home(Engine::Sqlite, "").await;
    let daemon = home.start().await;
    let mut peer = hss(&daemon).await;
    let target = number(PHONE);
    let before = watched(&daemon, &mut peer, &target).await;
    daemon.stop().await;

    home.rename("reachd2.home.example");
    let daemon = home.start().await;
    let mut peer = hss(&daemon).await;
    let request = peer.receive_request().await;
    let asked = configurations(&request);
    assert_eq!(asked.len(), 3);
    for one in asked {
        assert_eq!(
            (one.scef.as_str(), one.replaces),
            ("reachd2.home.example", vec![])
        );
        assert!(
            one.reference
                .is_some_and(|reference| !before.contains(&reference))
        );
    }
    daemon.stop().await;
}
