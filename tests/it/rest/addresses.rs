//! Devices named by the addresses of their sessions: what is found, and what the answer tells of it.

use prost_types::Timestamp;
use reachd::proto::v1::event::Kind;
use reachd::proto::v1::{Event, IpSessionChange, IpSessionEvent, NatMapping, Subscriber as Told};
use reachd::rest::Contract::{self, V0, V1, V06};
use serde_json::{Value, json};

use super::client::{Ask, by_number};
use super::lab::{DATA, NOBODY, SMS, number, populate};
use crate::support::daemon::{Engine, Home};
use crate::support::publisher::Publisher;
use crate::support::{Subscriber, ago};

fn session(place: usize, at: Timestamp, session: IpSessionEvent) -> Event {
    let subscriber = Subscriber::nth(place);
    Event {
        subscriber: Some(Told {
            imsi: subscriber.imsi.clone(),
            msisdn: subscriber.number(),
            ..Told::default()
        }),
        event_time: Some(at),
        kind: Some(Kind::IpSession(IpSessionEvent {
            change: IpSessionChange::Started.into(),
            session_id: format!("session-{place}"),
            gateway: "pgw1.home.example".to_owned(),
            ..session
        })),
    }
}

fn behind(public: &str, more: &str, value: Value) -> Value {
    json!({"ipv4Address": {"publicAddress": public, more: value}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_leads_to_the_device_that_holds_it_and_v1_repeats_it_as_it_was_sent() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure("\n[rest]\nlisten = \"127.0.0.1:0\"\nauth.mode = \"none\"\n");
    let daemon = home.start().await;
    populate(&daemon).await;
    let mut publisher = Publisher::open(&daemon).await;
    let ports = NatMapping {
        public_address: "192.0.2.1".into(),
        first_port: 1024,
        last_port: 2047,
    };
    let first = IpSessionEvent {
        ipv4_address: "100.64.0.1".into(),
        ipv6_prefixes: vec!["2001:db8:1:2::/64".into()],
        nat_mappings: vec![ports],
        ..IpSessionEvent::default()
    };
    publisher.publish(session(DATA, ago(30), first)).await;

    let ask = async |contract, device: &Value| {
        Ask::about(contract, &json!({"device": device}))
            .send(daemon.rest())
            .await
    };
    for device in [
        json!({"ipv6Address": "2001:db8:1:2::42"}),
        behind("192.0.2.1", "publicPort", json!(1024)),
        behind("192.0.2.1", "privateAddress", json!("100.64.0.1")),
    ] {
        let said = ask(V1, &device).await.fine();
        assert_eq!(
            (&said["device"], &said["reachable"]),
            (&device, &json!(true)),
            "{said}"
        );
        for contract in [V0, V06] {
            let said = ask(contract, &device).await.fine();
            assert_eq!(said["reachabilityStatus"], "CONNECTED_DATA");
        }
    }
    for device in [
        json!({"ipv6Address": "2001:db8:1:3::42"}),
        behind("192.0.2.1", "publicPort", json!(2048)),
        behind("192.0.2.1", "privateAddress", json!("100.64.0.2")),
    ] {
        ask(V1, &device).await.failed(404, "IDENTIFIER_NOT_FOUND");
        ask(V06, &device).await.failed(404, "DEVICE_NOT_FOUND");
        ask(V0, &device).await.failed_as(404, 60);
    }
    // Beside a number it has to be the number's, and in v1 it is not looked at.
    let with = |place: usize| json!({"phoneNumber": number(place), "ipv6Address": "2001:db8:1:2::42"});
    ask(V06, &with(DATA)).await.fine();
    ask(V06, &with(SMS))
        .await
        .failed(422, "DEVICE_IDENTIFIERS_MISMATCH");
    ask(V0, &with(SMS)).await.failed_as(409, 69);
    let said = ask(V1, &with(SMS)).await.fine();
    assert_eq!(said["device"], by_number(&number(SMS))["device"]);
    for contract in Contract::ALL {
        assert_eq!(ask(contract, &with(NOBODY)).await.status, 404);
    }
}
