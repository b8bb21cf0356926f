//! Wireshark's dissector reads what is asked and answered without finding fault.

use super::*;
use crate::support::capture::assert_dissects;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wireshark_finds_no_fault_with_questions_and_answers() {
    let home = home(Engine::Sqlite, "duration = \"20s\"\nrenew_before = \"16s\"").await;
    let daemon = home.start().await;
    let mut hss = hss(&daemon).await;
    let mut mme = mme(&daemon, MME).await;
    let target = number("999123456789");
    let [_, data, sms] = watched(&daemon, &mut hss, &target).await;
    let renewal = hss.receive_request().await;
    hss.answer_with(&renewal, result_code(SUCCESS), &[]).await;
    mme.ask(&Request::reporting(T6A, MME).with(reachable(data, true)))
        .await
        .assert_result(SUCCESS);
    let unknown = Request::reporting(T6A, MME).with(reachable(4242, true));
    assert!(mme.ask(&unknown).await.experimental_result().is_some());
    // Features are negotiated.
    let features = [
        avp(code::VENDOR_ID, &VENDOR_3GPP.to_be_bytes()),
        encode_avp(629, 0x80, Some(VENDOR_3GPP), &1u32.to_be_bytes()),
        encode_avp(630, 0x80, Some(VENDOR_3GPP), &0x63u32.to_be_bytes()),
    ];
    let with_features = Request::reporting(S6T, HSS)
        .with(encode_avp(628, 0x80, Some(VENDOR_3GPP), &features.concat()))
        .with(reachable(sms, false));
    hss.ask(&with_features).await.assert_result(SUCCESS);
    for target in ["a@iot.example", "b@iot.example"] {
        let target = MonitoringTarget {
            external_group_identifier: target.into(),
            ..MonitoringTarget::default()
        };
        change(&daemon, vec![target.clone()], Vec::new()).await;
        let request = hss.receive_request().await;
        hss.answer_with(&request, result_code(SUCCESS), &[]).await;
    }
    change(&daemon, Vec::new(), vec![target]).await;
    let mut ended = hss.receive_request().await;
    while configurations(&ended).iter().any(|one| one.reference.is_some()) {
        hss.answer_with(&ended, result_code(SUCCESS), &[]).await;
        ended = hss.receive_request().await;
    }
    hss.answer_with(&ended, result_code(SUCCESS), &[]).await;
    drop(daemon);
    assert_dissects(&home.path("monitoring.pcap"), &[hss.recorded, mme.recorded]).await;
}
