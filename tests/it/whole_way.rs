//! The whole way: an event goes in over Diameter or gRPC, and a lookup tells what the network said, when it said it.

use std::slice::from_ref;
use std::time::SystemTime;

use humantime_serde::re::humantime::format_rfc3339_micros;
use reachd::proto::v1::{Connectivity, Device, DeviceIpv4Address, Freshness, UnknownReason};
use reachd::proto::v1::{ReachabilityStatus as Status, RegistrationChange as Change, Slot};
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::daemon::{Engine, Home, phone};
use crate::support::publisher::{Publisher, event, event_with_number, registration};
use crate::support::wire::{DRA, OTHER_DRA, Peer, Request, SUCCESS};
use crate::support::{Subscriber, ago, eventually, on_each_engine};

const DATA: &[Connectivity] = &[Connectivity::Data];
const SMS: &[Connectivity] = &[Connectivity::Sms];
const DATA_AND_SMS: &[Connectivity] = &[Connectivity::Data, Connectivity::Sms];
const NOTHING: &[Connectivity] = &[];

on_each_engine! {
    async fn an_attach_makes_a_device_reachable_by_data_since_the_attach(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;

        let begun = SystemTime::now();
        let answer = dra.ask(&Request::update_location(&subscriber.imsi, "mme1.visited.example")).await;
        let ended = SystemTime::now();
        answer.assert_result(SUCCESS);

        // Visible as soon as it is answered.
        let answer = daemon.lookups().phone(&subscriber.number()).await;
        answer.assert_is(Status::ConnectedData, DATA);
        answer.assert_time_within(begun, ended);
        assert_eq!(answer.freshness, Freshness::Fresh);
        assert!(answer.last_confirmed_time.is_some());
    }

    async fn a_late_purge_by_the_node_a_device_left_changes_nothing(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        let mut other_dra = Peer::connect(daemon.diameter(), OTHER_DRA).await;
        let mut lookups = daemon.lookups();

        for mme in ["mme1.visited.example", "mme2.visited.example"] {
            dra.ask(&Request::update_location(&subscriber.imsi, mme)).await.assert_result(SUCCESS);
        }
        let moved = lookups.phone(&subscriber.number()).await;
        moved.assert_is(Status::ConnectedData, DATA);

        // The old node's purge comes by another way, which is why it is late.
        other_dra.ask(&Request::purge(&subscriber.imsi, "mme1.visited.example")).await.assert_result(SUCCESS);
        assert_eq!(lookups.phone(&subscriber.number()).await, moved);

        // So does the cancel that the HSS sent to the old node.
        other_dra.ask(&Request::cancel(&subscriber.imsi, "mme1.visited.example", 0)).await.assert_result(SUCCESS);
        assert_eq!(lookups.phone(&subscriber.number()).await, moved);

        // The current node is believed.
        let begun = SystemTime::now();
        dra.ask(&Request::purge(&subscriber.imsi, "mme2.visited.example")).await.assert_result(SUCCESS);
        let ended = SystemTime::now();
        let purged = lookups.phone(&subscriber.number()).await;
        purged.assert_is(Status::NotConnected, NOTHING);
        purged.assert_time_within(begun, ended);
    }

    async fn a_withdrawn_subscription_is_not_connected_until_the_next_attach(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        let mut lookups = daemon.lookups();
        let mme = "mme1.visited.example";

        dra.ask(&Request::update_location(&subscriber.imsi, mme)).await.assert_result(SUCCESS);
        dra.ask(&Request::cancel(&subscriber.imsi, mme, 2)).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::NotConnected, NOTHING);
        dra.ask(&Request::update_location(&subscriber.imsi, mme)).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::ConnectedData, DATA);
    }

    async fn the_two_packet_domains_are_independent(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        let mut lookups = daemon.lookups();

        // An SGSN (ULR-Flags without the S6a bit), then an MME that does not end it.
        let sgsn = Request::update_location_flags(&subscriber.imsi, "sgsn1.visited.example", 0);
        dra.ask(&sgsn).await.assert_result(SUCCESS);
        dra.ask(&Request::update_location(&subscriber.imsi, "mme1.visited.example")).await.assert_result(SUCCESS);
        dra.ask(&Request::purge(&subscriber.imsi, "sgsn1.visited.example")).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::ConnectedData, DATA);

        // With the single registration bit the MME takes the subscriber from the SGSN.
        dra.ask(&sgsn).await.assert_result(SUCCESS);
        let alone = Request::update_location_flags(&subscriber.imsi, "mme1.visited.example", 0b11);
        dra.ask(&alone).await.assert_result(SUCCESS);
        dra.ask(&Request::purge(&subscriber.imsi, "mme1.visited.example")).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::NotConnected, NOTHING);
    }

    async fn an_msc_registration_alone_makes_a_device_reachable_by_sms(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let mut lookups = daemon.lookups();
        let mut publisher = Publisher::open(&daemon).await;

        let at = ago(90);
        publisher.publish(event(&subscriber, Slot::Msc, "99910001", Change::Registered, at)).await;
        let answer = lookups.phone(&subscriber.number()).await;
        answer.assert_is(Status::ConnectedSms, SMS);
        assert_eq!(answer.last_status_time, Some(at));

        // While an MME registration stands as well, both kinds are there and data names the status.
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        let begun = SystemTime::now();
        let mme = "mme1.visited.example";
        dra.ask(&Request::update_location(&subscriber.imsi, mme)).await.assert_result(SUCCESS);
        let both = lookups.phone(&subscriber.number()).await;
        both.assert_is(Status::ConnectedData, DATA_AND_SMS);
        both.assert_time_within(begun, SystemTime::now());

        // And when data goes, SMS is left.
        dra.ask(&Request::purge(&subscriber.imsi, mme)).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::ConnectedSms, SMS);
    }

    async fn events_count_by_their_own_time_whenever_they_arrive(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let mut lookups = daemon.lookups();
        let mut publisher = Publisher::open(&daemon).await;
        let amf = "amf1.home.example";

        let (attached, lost) = (ago(60), ago(120));
        publisher.publish(event(&subscriber, Slot::Amf3gpp, amf, Change::Registered, attached)).await;
        publisher.publish(event(&subscriber, Slot::Amf3gpp, amf, Change::Unreachable, lost)).await;
        let answer = lookups.phone(&subscriber.number()).await;
        answer.assert_is(Status::ConnectedData, DATA);
        assert_eq!(answer.last_status_time, Some(attached));

        let lost = ago(30);
        for _ in 0..2 {
            publisher.publish(event(&subscriber, Slot::Amf3gpp, amf, Change::Unreachable, lost)).await;
            let answer = lookups.phone(&subscriber.number()).await;
            answer.assert_is(Status::NotConnected, NOTHING);
            assert_eq!(answer.last_status_time, Some(lost));
        }

        let found = ago(10);
        publisher.publish(event(&subscriber, Slot::Amf3gpp, amf, Change::Reachable, found)).await;
        let answer = lookups.phone(&subscriber.number()).await;
        answer.assert_is(Status::ConnectedData, DATA);
        assert_eq!(answer.last_status_time, Some(found));
    }

    async fn a_refused_event_is_named_and_the_stream_goes_on(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let mut publisher = Publisher::open(&daemon).await;
        let good = |seconds| event(&subscriber, Slot::Msc, "99910001", Change::Registered, ago(seconds));
        let mut bad = good(50);
        bad.subscriber.as_mut().unwrap().imsi = "00101x".to_owned();
        let mut nobody = good(50);
        nobody.subscriber = None;
        let mut timeless = good(50);
        timeless.event_time = None;
        let mut nowhere = good(50);
        registration(&mut nowhere).slot = 0;

        let mut last = publisher.send(good(60)).await.unwrap();
        let mut refused = Vec::new();
        for event in [bad, nobody, timeless, nowhere] {
            refused.push(publisher.send(event).await.unwrap());
            last = publisher.send(good(40)).await.unwrap();
        }
        publisher.acked_up_to(last).await;

        assert_eq!(publisher.refused.keys().copied().collect::<Vec<_>>(), refused);
        let reasons: Vec<_> = publisher.refused.values().map(|refused| refused.reason.as_str()).collect();
        assert_eq!(
            reasons,
            ["INVALID_ARGUMENT", "MISSING_IDENTIFIER", "INVALID_ARGUMENT", "INVALID_ARGUMENT"]
        );
        for refused in publisher.refused.values() {
            assert!(!refused.message.is_empty());
            assert!(!refused.message.contains("00101x"), "no identifier in {refused:?}");
        }
        daemon.lookups().phone(&subscriber.number()).await.assert_is(Status::ConnectedSms, SMS);

        // A sequence that does not rise is refused too.
        assert!(publisher.send_as(1, Some(good(30))).await);
        eventually("the sequence is refused", async || {
            publisher.receive().await;
            let reason = &publisher.refused.get(&1)?.reason;
            assert_eq!(reason, "OUT_OF_ORDER_SEQUENCE");
            Some(())
        })
        .await;
        publisher.publish(good(20)).await;
    }

    async fn a_device_never_seen_is_unknown_and_never_not_connected(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let answer = daemon.lookups().phone(&subscriber.number()).await;
        answer.assert_is(Status::Unknown, NOTHING);
        assert_eq!(answer.reachable, None);
        assert_eq!(answer.unknown_reason, UnknownReason::NoHistory);
        assert_eq!(answer.last_status_time, None);
        assert_eq!(answer.freshness, Freshness::Unknown);
    }

    async fn a_number_is_learnt_from_the_subscription_data_of_an_idr(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        // Odd and even counts of digits, since they are packed two to an octet.
        for subscriber in [
            Subscriber { imsi: "001010000000001".to_owned(), digits: "99912345678".to_owned() },
            Subscriber { imsi: "001010000000002".to_owned(), digits: "999123456789".to_owned() },
        ] {
            let mme = "mme1.visited.example";
            dra.ask(&Request::update_location(&subscriber.imsi, mme)).await.assert_result(SUCCESS);
            let unknown = daemon.lookups().try_phone(&subscriber.number()).await.unwrap_err();
            assert_eq!(unknown.code(), Code::NotFound);

            let idr = Request::insert_subscriber_data(&subscriber.imsi, mme, &subscriber.digits);
            dra.ask(&idr).await.assert_result(SUCCESS);
            let answer = daemon.lookups().phone(&subscriber.number()).await;
            answer.assert_is(Status::ConnectedData, DATA);
        }
    }

    async fn numbers_and_external_identifiers_are_learnt_from_ingest_events(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        let mut publisher = Publisher::open(&daemon).await;
        let at = ago(5);
        let mut event = event_with_number(&subscriber, Slot::Amf3gpp, "amf1", Change::Registered, at);
        event.subscriber.as_mut().unwrap().external_identifier = "meter-7@things.example".to_owned();
        publisher.publish(event).await;
        let mut lookups = daemon.lookups();
        let by_number = lookups.phone(&subscriber.number()).await;
        by_number.assert_is(Status::ConnectedData, DATA);
        assert_eq!(by_number.last_status_time, Some(at));

        let device = Device {
            network_access_identifier: "meter-7@things.example".to_owned(),
            ..Device::default()
        };
        let response = lookups.try_device(Some(device.clone())).await.unwrap();
        assert_eq!(response.device, Some(device));
        assert_eq!(response.reachability.unwrap().status(), Status::ConnectedData);
    }

    async fn a_recycled_number_follows_its_newest_subscriber(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let (old, new) = (Subscriber::nth(1), Subscriber::nth(2));
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        let mme = "mme1.visited.example";
        dra.ask(&Request::update_location(&old.imsi, mme)).await.assert_result(SUCCESS);
        dra.ask(&Request::insert_subscriber_data(&old.imsi, mme, &old.digits)).await.assert_result(SUCCESS);
        let mut lookups = daemon.lookups();
        lookups.phone(&old.number()).await.assert_is(Status::ConnectedData, DATA);

        dra.ask(&Request::insert_subscriber_data(&new.imsi, mme, &old.digits)).await.assert_result(SUCCESS);
        lookups.phone(&old.number()).await.assert_is(Status::Unknown, NOTHING);
    }

    async fn a_restart_keeps_every_answer(engine) {
        let home = Home::new(engine).await;
        let subscribers: Vec<_> = (0..6).map(Subscriber::nth).collect();
        let numbers: Vec<_> = subscribers.iter().map(Subscriber::number).collect();
        let daemon = home.start().await;
        daemon.import_rows(&subscribers[..5]).await;
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        let mut publisher = Publisher::open(&daemon).await;
        let (mme, sms) = ("mme1.visited.example", "99910001");
        for subscriber in &subscribers[..3] {
            dra.ask(&Request::update_location(&subscriber.imsi, mme)).await.assert_result(SUCCESS);
        }
        dra.ask(&Request::purge(&subscribers[1].imsi, mme)).await.assert_result(SUCCESS);
        for subscriber in &subscribers[2..4] {
            publisher.publish(event(subscriber, Slot::Msc, sms, Change::Registered, ago(77))).await;
        }
        // What a feed told long after it happened is confirmed by when it told it, as soon as the daemon has looked at the feed.
        let before = eventually("feeds have been looked at", async || {
            let answers = daemon.lookups().phones(&numbers).await;
            let late = answers[3].as_ref()?;
            (late.last_confirmed_time != late.last_status_time).then_some(answers)
        })
        .await;
        let expected = [
            Some((Status::ConnectedData, DATA)),
            Some((Status::NotConnected, NOTHING)),
            Some((Status::ConnectedData, DATA_AND_SMS)),
            Some((Status::ConnectedSms, SMS)),
            Some((Status::Unknown, NOTHING)),
            None,
        ];
        for (answer, expected) in before.iter().zip(expected) {
            match expected {
                Some((status, connectivity)) => answer.as_ref().unwrap().assert_is(status, connectivity),
                None => assert_eq!(*answer, None),
            }
        }
        drop((dra, publisher));
        daemon.stop().await;

        let daemon = home.start().await;
        assert_eq!(daemon.lookups().phones(&numbers).await, before);
    }

    async fn a_question_that_cannot_be_answered_says_why_in_words_for_machines(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let mut lookups = daemon.lookups();

        let unknown = lookups.try_phone("+999000000404").await.unwrap_err();
        assert_eq!(unknown.code(), Code::NotFound);
        assert_eq!(reason(&unknown), ("reachd".to_owned(), "IDENTIFIER_NOT_FOUND".to_owned()));
        assert!(!unknown.message().contains("999000000404"), "{}", unknown.message());

        for malformed in ["999123", "+0", "+12345678901234567", "+99 9123", "+99912x", " ", "tel:+99912345"] {
            let status = lookups.try_phone(malformed).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument, "{malformed:?}");
            assert_eq!(reason(&status).1, "INVALID_ARGUMENT", "{malformed:?}");
            assert_eq!(violations(&status), ["device.phone_number"], "{malformed:?}");
        }

        let nai = Device { network_access_identifier: "nobody".to_owned(), ..Device::default() };
        let status = lookups.try_device(Some(nai)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(violations(&status), ["device.network_access_identifier"]);

        for nobody in [None, Some(Device::default())] {
            let status = lookups.try_device(nobody).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert_eq!(reason(&status).1, "MISSING_IDENTIFIER");
        }

        let by_address = |public_port| Device {
            ipv4_address: Some(DeviceIpv4Address {
                public_address: "203.0.113.7".to_owned(),
                public_port,
                ..DeviceIpv4Address::default()
            }),
            ..Device::default()
        };
        let nobodys = lookups.try_device(Some(by_address(4711))).await.unwrap_err();
        assert_eq!(nobodys.code(), Code::NotFound);
        assert_eq!(reason(&nobodys).1, "IDENTIFIER_NOT_FOUND");
        assert!(!nobodys.message().contains("203.0.113.7"), "{}", nobodys.message());
        let incomplete = lookups.try_device(Some(by_address(0))).await.unwrap_err();
        assert_eq!(incomplete.code(), Code::InvalidArgument);
        assert_eq!(reason(&incomplete).1, "INVALID_ARGUMENT");

        // One device of a batch that cannot be answered does not spoil the others.
        let known = Subscriber::nth(1);
        daemon.import_rows(from_ref(&known)).await;
        let answers = lookups.phones(&["nonsense".to_owned(), known.number()]).await;
        assert_eq!(answers[0], None);
        assert_eq!(answers[1].as_ref().unwrap().status, Status::Unknown);

        // Of several identifiers the phone number is used.
        let mut device = phone(&known.number());
        device.network_access_identifier = "somebody@else.example".to_owned();
        let response = lookups.try_device(Some(device)).await.unwrap();
        assert_eq!(response.device, Some(phone(&known.number())));
    }

    async fn sql_users_see_status_and_time_in_a_view(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        let mut publisher = Publisher::open(&daemon).await;
        let at = ago(30);
        let event = event_with_number(&subscriber, Slot::Msc, "99910001", Change::Registered, at);
        publisher.publish(event).await;
        daemon.stop().await;

        let text = match engine {
            Engine::Sqlite => "last_status_time",
            Engine::Postgres => "to_char(last_status_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
        };
        let sql = sqlx::AssertSqlSafe(format!("SELECT CAST(status AS TEXT), {text} FROM device_reachability"));
        let rows: Vec<(String, Option<String>)> = match engine {
            Engine::Sqlite => {
                let pool = sqlx::SqlitePool::connect(home.store_url()).await.unwrap();
                sqlx::query_as(sql).fetch_all(&pool).await.unwrap()
            }
            Engine::Postgres => {
                let pool = sqlx::PgPool::connect(home.store_url()).await.unwrap();
                sqlx::query_as(sql).fetch_all(&pool).await.unwrap()
            }
        };
        let at = format_rfc3339_micros(at.try_into().unwrap()).to_string();
        assert_eq!(rows, [("CONNECTED_SMS".to_owned(), Some(at))]);
    }
}

/// Domain and reason of ErrorInfo.
fn reason(status: &tonic::Status) -> (String, String) {
    let info = status.get_details_error_info().expect("ErrorInfo");
    (info.domain, info.reason)
}

/// The fields that BadRequest names.
fn violations(status: &tonic::Status) -> Vec<String> {
    let details = status.get_details_bad_request().expect("BadRequest");
    details
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deployed_grpc_tools_find_health_and_both_reflections() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;

    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    for service in ["", "reachability.v1.ReachabilityService"] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let response = HealthClient::new(daemon.channel()).check(request).await.unwrap();
        assert_eq!(response.into_inner().status, 1, "{service:?} is SERVING");
    }

    macro_rules! services {
        ($version:ident) => {{
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;

            let request = ServerReflectionRequest {
                host: String::new(),
                message_request: Some(MessageRequest::ListServices(String::new())),
            };
            let mut responses = ServerReflectionClient::new(daemon.channel())
                .server_reflection_info(tokio_stream::once(request))
                .await
                .unwrap()
                .into_inner();
            match responses.message().await.unwrap().unwrap().message_response {
                Some(MessageResponse::ListServicesResponse(list)) => list
                    .service
                    .into_iter()
                    .map(|service| service.name)
                    .collect::<Vec<_>>(),
                other => panic!("{other:?}"),
            }
        }};
    }
    for services in [services!(v1), services!(v1alpha)] {
        for service in ["ReachabilityService", "IngestService", "AdminService"] {
            let name = format!("reachability.v1.{service}");
            assert!(services.contains(&name), "{name} in {services:?}");
        }
    }
}
