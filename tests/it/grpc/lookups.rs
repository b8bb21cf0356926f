//! Lookups: every status, every error, batches.

use reachd::grpc::GrpcConfig;
use reachd::grpc::error::ERROR_DOMAIN;
use reachd::ingest::IngestConfig;
use reachd::northbound::error::{LookupError, MAX_BATCH};
use reachd::proto::v1;
use reachd::proto::v1::batch_get_reachability_result::Result as BatchResult;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::daemon::{Daemon, ask, phone, phone_number, registered};
use crate::support::publisher::registration;

#[tokio::test]
async fn what_is_acknowledged_is_what_a_lookup_tells() {
    let daemon = Daemon::start().await;
    let mut stream = daemon.publish().await;
    let data = registered(1, v1::Slot::Mme, "mme1.epc.example");
    stream.send(1, data.clone()).await;
    stream.send(2, registered(2, v1::Slot::Msc, "99900001")).await;
    stream.send(3, registered(3, v1::Slot::Amf3gpp, "amf-1")).await;
    stream.send(4, registered(3, v1::Slot::Smsf3gpp, "smsf-1")).await;
    let mut gone = registered(4, v1::Slot::Mme, "mme1.epc.example");
    stream.send(5, gone.clone()).await;
    registration(&mut gone).change = v1::RegistrationChange::Deregistered.into();
    stream.send(6, gone).await;
    let mut imported = registered(5, v1::Slot::Mme, "mme1.epc.example");
    imported.kind = None;
    stream.send(7, imported).await;
    stream.acked(7).await;

    use v1::Connectivity::{Data, Sms};
    use v1::ReachabilityStatus::{ConnectedData, ConnectedSms, NotConnected, Unknown};
    let table = [
        (1, ConnectedData, vec![Data], Some(true)),
        (2, ConnectedSms, vec![Sms], Some(true)),
        (3, ConnectedData, vec![Data, Sms], Some(true)),
        (4, NotConnected, vec![], Some(false)),
        (5, Unknown, vec![], None),
    ];
    let mut lookups = daemon.lookups().await;
    for (number, status, connectivity, reachable) in table {
        let response = lookups.get_reachability(ask(phone(&phone_number(number)))).await;
        let response = response.unwrap().into_inner();
        let answer = response.reachability.unwrap();
        assert_eq!(answer.status(), status, "{number}");
        assert_eq!(answer.connectivity().collect::<Vec<_>>(), connectivity);
        assert_eq!(answer.reachable, reachable);
        assert_eq!(response.device, Some(phone(&phone_number(number))));
    }
    let answer = lookups
        .get_reachability(ask(phone(&phone_number(1))))
        .await
        .unwrap();
    let answer = answer.into_inner().reachability.unwrap();
    assert_eq!(
        answer.last_status_time, data.event_time,
        "the network's time, not ours"
    );
    assert_eq!(answer.freshness(), v1::Freshness::Fresh);

    let strict = v1::GetReachabilityRequest {
        max_age: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        ..ask(phone(&phone_number(1)))
    };
    let answer = lookups.get_reachability(strict).await.unwrap().into_inner();
    assert_eq!(answer.reachability.unwrap().freshness(), v1::Freshness::Stale);
}

#[tokio::test]
async fn a_device_named_twice_is_looked_up_and_echoed_by_the_first_name() {
    let daemon = Daemon::start().await;
    let mut event = registered(1, v1::Slot::Mme, "mme1.epc.example");
    event.subscriber.as_mut().unwrap().external_identifier = "Meter-7@iot.example".into();
    let mut stream = daemon.publish().await;
    stream.send(1, event).await;
    stream.acked(1).await;

    let mut lookups = daemon.lookups().await;
    let by_name = v1::Device {
        network_access_identifier: "Meter-7@IoT.Example".into(),
        ..v1::Device::default()
    };
    let both = v1::Device {
        ipv6_address: "2001:db8::1".into(),
        ..by_name.clone()
    };
    let response = lookups.get_reachability(ask(both)).await.unwrap().into_inner();
    assert_eq!(response.device, Some(by_name));
}

fn error_of(status: &Status) -> (Code, String, String, Option<String>) {
    let details = status.get_error_details();
    let info = details.error_info().expect("every error carries ErrorInfo");
    let field = details.bad_request().map(|bad| {
        let [violation] = bad.field_violations.as_slice() else {
            panic!("one field is at fault: {bad:?}")
        };
        assert!(!violation.description.is_empty());
        violation.field.clone()
    });
    (status.code(), info.domain.clone(), info.reason.clone(), field)
}

fn behind(public_address: &str, private_address: &str, public_port: u32) -> v1::Device {
    v1::Device {
        ipv4_address: Some(v1::DeviceIpv4Address {
            public_address: public_address.into(),
            private_address: private_address.into(),
            public_port,
        }),
        ..v1::Device::default()
    }
}

/// A lookup that fails with this error, over the wire.
async fn provoke(error: LookupError, ready: &Daemon, loading: &Daemon) -> Status {
    let mut lookups = ready.lookups().await;
    let device = match error {
        LookupError::NotReady => {
            let mut lookups = loading.lookups().await;
            return lookups
                .get_reachability(ask(phone("+99912345678")))
                .await
                .unwrap_err();
        }
        LookupError::TooManyDevices => {
            let request = v1::BatchGetReachabilityRequest {
                devices: vec![v1::Device::default(); MAX_BATCH + 1],
                max_age: None,
            };
            return lookups.batch_get_reachability(request).await.unwrap_err();
        }
        LookupError::MaxAge => {
            let request = v1::GetReachabilityRequest {
                max_age: Some(prost_types::Duration {
                    seconds: -1,
                    nanos: 0,
                }),
                ..ask(phone("+99912345678"))
            };
            return lookups.get_reachability(request).await.unwrap_err();
        }
        LookupError::MissingIdentifier => v1::Device::default(),
        LookupError::MissingPublicAddress => behind("", "203.0.113.7", 0),
        LookupError::IncompleteIpv4Address => behind("203.0.113.7", "", 0),
        LookupError::PublicAddress => behind("203.0.113.7.1", "", 1),
        LookupError::PrivateAddress => behind("203.0.113.7", "203.0.113.7.1", 0),
        LookupError::PublicPort => behind("203.0.113.7", "", 65536),
        LookupError::Ipv6Address => v1::Device {
            ipv6_address: "2001:db8::7/64".into(),
            ..v1::Device::default()
        },
        LookupError::PhoneNumber => phone("99912345678"),
        LookupError::NetworkAccessIdentifier => v1::Device {
            network_access_identifier: "99912345678".into(),
            ..v1::Device::default()
        },
        LookupError::IdentifierNotFound => phone("+99912345678"),
    };
    lookups.get_reachability(ask(device)).await.unwrap_err()
}

#[tokio::test]
async fn every_error_is_told_with_its_code_reason_and_field_and_nothing_that_was_sent() {
    let ready = Daemon::start().await;
    let loading = Daemon::start_with(GrpcConfig::default(), IngestConfig::default()).await;
    for error in LookupError::ALL {
        let status = provoke(error, &ready, &loading).await;
        let expected = error.describe();
        assert_eq!(
            error_of(&status),
            (
                expected.code,
                ERROR_DOMAIN.to_owned(),
                expected.reason.to_owned(),
                expected.field.map(str::to_owned)
            ),
            "{error:?}"
        );
        let told = format!("{status:?}");
        for secret in ["99912345678", "203.0.113.7", "2001:db8::7"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[tokio::test]
async fn a_request_without_a_device_misses_its_identifier() {
    let daemon = Daemon::start().await;
    let request = v1::GetReachabilityRequest::default();
    let status = daemon
        .lookups()
        .await
        .get_reachability(request)
        .await
        .unwrap_err();
    let (code, _, reason, field) = error_of(&status);
    assert_eq!(
        (code, reason.as_str()),
        (Code::InvalidArgument, "MISSING_IDENTIFIER")
    );
    assert_eq!(field.as_deref(), Some("device"));
}

#[tokio::test]
async fn a_batch_answers_in_its_order_with_errors_in_their_places() {
    let daemon = Daemon::start().await;
    let mut stream = daemon.publish().await;
    stream
        .send(1, registered(1, v1::Slot::Mme, "mme1.epc.example"))
        .await;
    stream.acked(1).await;

    let mut devices = vec![phone(&phone_number(2)); MAX_BATCH];
    *devices.first_mut().unwrap() = phone(&phone_number(1));
    *devices.get_mut(1).unwrap() = phone("12");
    let request = v1::BatchGetReachabilityRequest {
        devices,
        max_age: None,
    };
    let response = daemon.lookups().await.batch_get_reachability(request).await;
    let results = response.unwrap().into_inner().results;
    assert_eq!(results.len(), MAX_BATCH);
    let mut results = results.into_iter().map(|result| result.result.unwrap());

    let BatchResult::Response(first) = results.next().unwrap() else {
        panic!("the first is known")
    };
    assert_eq!(first.device, Some(phone(&phone_number(1))));
    assert_eq!(
        first.reachability.unwrap().status(),
        v1::ReachabilityStatus::ConnectedData
    );
    let errors: Vec<_> = results.collect();
    let malformed = LookupError::PhoneNumber.in_batch();
    assert_eq!(malformed.code, i32::from(Code::InvalidArgument));
    assert_eq!(errors.first(), Some(&BatchResult::Error(malformed)));
    let unknown = LookupError::IdentifierNotFound.in_batch();
    assert_eq!(errors.last(), Some(&BatchResult::Error(unknown)));
}
