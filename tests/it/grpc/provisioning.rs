//! Identifiers in bulk.

use reachd::proto::v1;
use tonic::Code;
use tonic_types::StatusExt;

use super::daemon::{Daemon, ask, phone, phone_number};

fn row(line: u64) -> v1::SubscriberRow {
    v1::SubscriberRow {
        line,
        imsi: format!("00101{line:010}"),
        msisdn: phone_number(line),
        external_identifier: format!("device-{line}@iot.example"),
    }
}

#[tokio::test]
async fn imported_rows_are_known_and_refused_rows_are_named_by_their_lines() {
    let daemon = Daemon::start().await;
    let mut first: Vec<_> = (1..=9000).map(row).collect();
    first.get_mut(1).unwrap().imsi = "12".into();
    first.get_mut(2).unwrap().msisdn = String::new();
    first.get_mut(2).unwrap().external_identifier = String::new();
    let chunks = [
        v1::ImportSubscribersRequest {
            rows: first,
            ..Default::default()
        },
        v1::ImportSubscribersRequest {
            rows: (9001..=12_000).map(row).collect(),
            ..Default::default()
        },
    ];
    let report = daemon
        .admin()
        .await
        .import_subscribers(tokio_stream::iter(chunks))
        .await;
    let report = report.unwrap().into_inner();
    assert_eq!((report.imported, report.refused_total), (11_998, 2));
    let lines: Vec<_> = report.refused.iter().map(|refused| refused.line).collect();
    assert_eq!(lines, [2, 3]);
    assert!(
        report
            .refused
            .iter()
            .all(|refused| !refused.reason.contains("12"))
    );

    let mut lookups = daemon.lookups().await;
    let by_name = v1::Device {
        network_access_identifier: "device-12000@iot.example".into(),
        ..v1::Device::default()
    };
    for device in [phone(&phone_number(1)), by_name] {
        let answer = lookups.get_reachability(ask(device)).await.unwrap().into_inner();
        assert_eq!(
            answer.reachability.unwrap().status(),
            v1::ReachabilityStatus::Unknown
        );
    }
    let status = lookups
        .get_reachability(ask(phone(&phone_number(2))))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn a_message_with_too_many_rows_fails_the_import() {
    let daemon = Daemon::start().await;
    let request = v1::ImportSubscribersRequest {
        rows: vec![v1::SubscriberRow::default(); 10_001],
        ..Default::default()
    };
    let mut admin = daemon.admin().await;
    let status = admin
        .import_subscribers(tokio_stream::once(request))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_error_details();
    let violation = details.bad_request().unwrap().field_violations.first().unwrap();
    assert_eq!(violation.field, "rows");
}

#[tokio::test]
async fn an_import_without_rows_imports_none() {
    let daemon = Daemon::start().await;
    let report = daemon
        .admin()
        .await
        .import_subscribers(tokio_stream::empty())
        .await;
    assert_eq!(
        report.unwrap().into_inner(),
        v1::ImportSubscribersResponse::default()
    );
}
