//! What is reported, what is answered to it, and what whoever asks about the device is told.

use std::time::{Duration, SystemTime};

use reachd::proto::v1::{Connectivity, ReachabilityStatus as Status};

use super::*;
use crate::support::on_each_engine;

const DIGITS: &str = "999123456789";
const PHONE: &str = "+999123456789";

on_each_engine! {
    async fn reports_change_what_is_answered_about_the_device(engine) {
        let home = home(engine, "").await;
        let daemon = home.start().await;
        let mut hss = hss(&daemon).await;
        let (mut first, mut second) = (mme(&daemon, MME).await, mme(&daemon, OTHER_MME).await);
        let mut lookups = daemon.lookups();
        let [loss, data, sms] = watched(&daemon, &mut hss, &number(PHONE)).await;
        let from = |mme: &str, report| Request::reporting(T6A, mme).with(report);

        first.ask(&from(MME, reachable(data, true))).await.assert_result(SUCCESS);
        lookups.phone(PHONE).await.assert_is(Status::ConnectedData, &[Connectivity::Data]);

        // Reachable by SMS, as the HSS says.
        hss.ask(&Request::reporting(S6T, HSS).with(reachable(sms, false))).await.assert_result(SUCCESS);
        lookups.phone(PHONE).await.assert_is(Status::ConnectedData, &[Connectivity::Data, Connectivity::Sms]);
        // Which it says once: it is asked again, and only for that.
        let again = hss.receive_request().await;
        let asked = configurations(&again);
        assert_eq!((asked.len(), asked[0].reports, asked[0].replaces.clone()), (1, Some(1), vec![]));
        assert!(asked[0].reference.is_some_and(|reference| ![loss, data, sms].contains(&reference)));
        hss.answer_with(&again, result_code(SUCCESS), &[]).await;

        // Lost at the second MME, where it is not.
        second.ask(&from(OTHER_MME, lost(loss, 0))).await.assert_result(SUCCESS);
        lookups.phone(PHONE).await.assert_is(Status::ConnectedData, &[Connectivity::Data, Connectivity::Sms]);
        // Lost where it is.
        first.ask(&from(MME, lost(loss, 2))).await.assert_result(SUCCESS);
        lookups.phone(PHONE).await.assert_is(Status::NotConnected, &[]);
        // And back, an hour ago by the clock of the network.
        let then = SystemTime::now() + Duration::from_secs(20);
        let stamp = encode_avp(code::REPORTING_TIME_STAMP, 0x80, Some(VENDOR_3GPP), &ntp(then).to_be_bytes());
        let back = report(data, &[word(code::MONITORING_TYPE, 1), word(code::REACHABILITY_INFORMATION, 1), stamp]);
        second.ask(&from(OTHER_MME, back)).await.assert_result(SUCCESS);
        let answer = lookups.phone(PHONE).await;
        answer.assert_is(Status::ConnectedData, &[Connectivity::Data]);
        let told = answer.last_status_time.expect("a time").seconds;
        let stamped = then.duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(u64::try_from(told).unwrap(), stamped, "the network's time, not the query's");
        let metrics = daemon.metrics().await;
        for series in [
            "reachd_monitoring_reports_total{kind=\"data\"} 2",
            "reachd_monitoring_reports_total{kind=\"loss\"} 2",
            "reachd_monitoring_reports_total{kind=\"sms\"} 1",
        ] {
            assert!(metrics.contains(series), "{series} in\n{metrics}");
        }
        daemon.stop().await;
    }

    async fn a_reference_that_is_not_in_use_is_refused_by_name_and_the_others_count(engine) {
        let home = home(engine, "").await;
        let daemon = home.start().await;
        let mut hss = hss(&daemon).await;
        let mut mme = mme(&daemon, MME).await;
        let [_, data, _] = watched(&daemon, &mut hss, &number(PHONE)).await;
        let mixed = Request::reporting(T6A, MME)
            .with(reachable(4242, true))
            .with(reachable(data, true));
        let answer = mme.ask(&mixed).await;
        assert_eq!(answer.experimental_result(), Some((VENDOR_3GPP, 5515)));
        assert!(!answer.is_error(), "{answer:?}");
        let statuses = of_3gpp(&answer.avps, code::MONITORING_EVENT_REPORT_STATUS);
        assert_eq!(statuses.len(), 1);
        let members = statuses[0].members();
        let values: Vec<_> = members.iter().map(|member| (member.code, member.u32())).collect();
        assert_eq!(values, [(code::SCEF_REFERENCE_ID, 4242), (code::EXPERIMENTAL_RESULT_CODE, 5515)]);
        daemon.lookups().phone(PHONE).await.assert_is(Status::ConnectedData, &[Connectivity::Data]);
        daemon.stop().await;
    }

    async fn members_of_a_group_are_told_apart(engine) {
        let home = home(engine, "").await;
        let daemon = home.start().await;
        let mut hss = hss(&daemon).await;
        let mut mme = mme(&daemon, MME).await;
        let group = MonitoringTarget {
            external_group_identifier: "meters@iot.example".into(),
            ..MonitoringTarget::default()
        };
        let [loss, data, sms] = watched(&daemon, &mut hss, &group).await;
        let mut lookups = daemon.lookups();

        let item = |digits: &str| {
            let members = [user(digits), word(code::REACHABILITY_INFORMATION, 0)];
            encode_avp(code::GROUP_REPORT_ITEM, 0x80, Some(VENDOR_3GPP), &members.concat())
        };
        let members = [word(code::SCEF_REFERENCE_ID, sms), item("99900000001"), item("99900000002")];
        let group_report = encode_avp(code::GROUP_REPORT, 0x80, Some(VENDOR_3GPP), &members.concat());
        hss.ask(&Request::reporting(S6T, HSS).with(group_report)).await.assert_result(SUCCESS);
        for phone in ["+99900000001", "+99900000002"] {
            lookups.phone(phone).await.assert_is(Status::ConnectedSms, &[Connectivity::Sms]);
        }
        for (report, status) in [(reachable(data, true), Status::ConnectedData), (lost(loss, 4), Status::NotConnected)] {
            let request = Request::reporting(T6A, MME).with(user("99900000001")).with(report);
            mme.ask(&request).await.assert_result(SUCCESS);
            assert_eq!(lookups.phone("+99900000001").await.status, status);
        }
        lookups.phone("+99900000002").await.assert_is(Status::ConnectedSms, &[Connectivity::Sms]);
        daemon.stop().await;
    }

    async fn a_report_in_the_answer_counts_at_once(engine) {
        let home = home(engine, "").await;
        let daemon = home.start().await;
        let mut hss = hss(&daemon).await;
        let target = number(PHONE);
        change(&daemon, vec![target.clone()], Vec::new()).await;
        let request = hss.receive_request().await;
        let [_, data, _] = references(&request).try_into().expect("three references");
        hss.answer_with(&request, result_code(SUCCESS), &[user(DIGITS), reachable(data, true)]).await;
        all_are(&daemon, &target, MonitoringState::Active).await;
        daemon.lookups().phone(PHONE).await.assert_is(Status::ConnectedData, &[Connectivity::Data]);
        daemon.stop().await;
    }

    async fn a_suspended_configuration_is_shown_and_a_cancelled_one_is_asked_for_again(engine) {
        let home = home(engine, "").await;
        let daemon = home.start().await;
        let mut hss = hss(&daemon).await;
        let target = number(PHONE);
        let [loss, data, _] = watched(&daemon, &mut hss, &target).await;
        let handling = |reference, value| {
            let members = [word(code::MONITORING_TYPE, 0), word(code::EVENT_HANDLING, value)];
            Request::reporting(S6T, HSS).with(report(reference, &members))
        };
        hss.ask(&handling(loss, 0)).await.assert_result(SUCCESS);
        let state = async |place: usize| status(&daemon, &target).await.unwrap()[place].0;
        assert_eq!(state(0).await, MonitoringState::Suspended, "durable and visible before it is answered");
        hss.ask(&handling(loss, 1)).await.assert_result(SUCCESS);
        assert_eq!(state(0).await, MonitoringState::Active);
        hss.ask(&handling(data, 2)).await.assert_result(SUCCESS);
        let again = hss.receive_request().await;
        let asked = configurations(&again);
        assert_eq!((asked.len(), asked[0].reachability), (1, Some(2)));
        hss.answer_with(&again, result_code(SUCCESS), &[]).await;
        all_are(&daemon, &target, MonitoringState::Active).await;
        // None of it says anything of the device.
        assert!(daemon.lookups().try_phone(PHONE).await.is_err());
        daemon.stop().await;
    }
}
