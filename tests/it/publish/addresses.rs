//! Devices named by address, by a client that learned everything by reflection.

use serde_json::{Value, json};

use super::ago;
use crate::support::daemon::Home;
use crate::support::reflection::ReflectionClient;
use crate::support::{Subscriber, on_each_engine};

const ROUTING: &str = "\n[[lookup.routing_domains]]\nname = \"north\"\npublic = [\"192.0.2.0/25\"]\n";

/// A session event of a subscriber, with whatever it tells beside its name.
fn session(
    subscriber: &Subscriber,
    change: &str,
    id: &str,
    gateway: &str,
    seconds: u64,
    more: Value,
) -> Value {
    let mut told = json!({
        "change": format!("IP_SESSION_CHANGE_{change}"),
        "sessionId": id,
        "gateway": gateway,
    });
    let more = more.as_object().unwrap().clone();
    told.as_object_mut().unwrap().extend(more);
    json!({
        "subscriber": {"imsi": subscriber.imsi, "msisdn": subscriber.number()},
        "eventTime": ago(seconds),
        "ipSession": told,
    })
}

fn ports(first: u32, last: u32) -> Value {
    json!({"natMappings": [{"publicAddress": "192.0.2.200", "firstPort": first, "lastPort": last}]})
}

fn outside(public: &str, port: u32) -> Value {
    json!({"ipv4Address": {"publicAddress": public, "publicPort": port}})
}

fn inside(public: &str, private: &str) -> Value {
    json!({"ipv4Address": {"publicAddress": public, "privateAddress": private}})
}

fn v6(address: &str) -> Value {
    json!({"ipv6Address": address})
}

/// Asserts who is found: by an answer that is the very one of the number.
async fn assert_leads_to(client: &mut ReflectionClient, device: Value, subscriber: Option<&Subscriber>) {
    let found = client.look_up(device.clone()).await;
    match subscriber {
        None => assert_eq!(found, Err("NOT_FOUND".to_owned()), "{device}"),
        Some(subscriber) => {
            let known = client.look_up(json!({"phoneNumber": subscriber.number()})).await;
            assert!(found.is_ok(), "{device}: {found:?}");
            // Whose sessions began at different times, differ in this.
            let time = |answer: Result<Value, String>| answer.unwrap()["lastStatusTime"].clone();
            assert_eq!(time(found), time(known), "{device}");
        }
    }
}

on_each_engine! {
    async fn ports_of_a_public_address_lead_to_whose_they_are_up_to_their_edges(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let mut client = ReflectionClient::of(&daemon).await;
        let (one, two, three) = (Subscriber::nth(1), Subscriber::nth(2), Subscriber::nth(3));
        client.publish_events(&[
            session(&one, "STARTED", "1", "cgn1", 100, ports(1024, 2047)),
            session(&two, "STARTED", "2", "cgn1", 90, ports(2048, 3071)),
            session(&three, "STARTED", "3", "cgn1", 80, ports(65535, 65535)),
        ]).await;
        let check = async |client: &mut ReflectionClient| {
            for (port, whose) in [
                (1, None), (1023, None), (1024, Some(&one)), (2047, Some(&one)), (2048, Some(&two)), (3071, Some(&two)),
                (3072, None), (65534, None), (65535, Some(&three)),
            ] {
                assert_leads_to(client, outside("192.0.2.200", port), whose).await;
                assert_leads_to(client, outside("192.0.2.201", port), None).await;
            }
        };
        check(&mut client).await;
        daemon.stop().await;
        let daemon = home.start().await;
        let mut client = ReflectionClient::of(&daemon).await;
        check(&mut client).await;
        // A block goes to somebody else, and its former holder's end comes late.
        client.publish_events(&[
            session(&three, "UPDATED", "3", "cgn1", 70, ports(1024, 2047)),
            session(&one, "ENDED", "1", "cgn1", 75, json!({})),
        ]).await;
        assert_leads_to(&mut client, outside("192.0.2.200", 1024), Some(&three)).await;
        // Without its public address a port names nobody, and a public address alone too many.
        for (incomplete, field) in [
            (json!({"ipv4Address": {"publicAddress": "192.0.2.200"}}), "INVALID_ARGUMENT"),
            (json!({"ipv4Address": {"publicPort": 1024}}), "INVALID_ARGUMENT"),
            (json!({"ipv4Address": {"privateAddress": "10.0.0.1"}}), "INVALID_ARGUMENT"),
            (outside("192.0.2.200", 65536), "INVALID_ARGUMENT"),
            (v6("2001:db8::/64"), "INVALID_ARGUMENT"),
        ] {
            assert_eq!(client.look_up(incomplete.clone()).await, Err(field.to_owned()), "{incomplete}");
        }
        daemon.stop().await;
    }

    async fn private_addresses_repeat_and_lead_to_the_device_behind_the_public_one(engine) {
        let mut home = Home::new(engine).await;
        home.configure(ROUTING);
        let daemon = home.start().await;
        let mut client = ReflectionClient::of(&daemon).await;
        let (one, two) = (Subscriber::nth(1), Subscriber::nth(2));
        let private = |domain: &str| json!({"ipv4Address": "10.0.0.1", "routingDomain": domain});
        client.publish_events(&[
            session(&one, "STARTED", "1", "pgw1", 100, private("")),
            session(&two, "STARTED", "2", "pgw1", 90, private("north")),
        ]).await;
        for (public, whose) in [("192.0.2.0", &two), ("192.0.2.127", &two), ("192.0.2.128", &one), ("10.0.0.1", &one)] {
            assert_leads_to(&mut client, inside(public, "10.0.0.1"), Some(whose)).await;
        }
        assert_leads_to(&mut client, inside("192.0.2.1", "10.0.0.2"), None).await;
        // Of several identifiers the first of the documented order is used, and alone named.
        let all = json!({
            "ipv4Address": {"publicAddress": "192.0.2.1", "privateAddress": "10.0.0.1"},
            "ipv6Address": "2001:db8::1",
        });
        let response = client.call("reachability.v1.ReachabilityService/GetReachability", json!({"device": all})).await;
        assert_eq!(response.unwrap()["device"], inside("192.0.2.1", "10.0.0.1"));
        daemon.stop().await;
    }

    async fn a_gateway_that_restarts_has_lost_all_its_sessions_at_once(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let mut client = ReflectionClient::of(&daemon).await;
        let subscribers: Vec<_> = (0..6).map(Subscriber::nth).collect();
        let prefix = |n: usize| json!({"ipv6Prefixes": [format!("2001:db8:0:{n}::/64")]});
        let gateway = |n: usize| if n < 4 { "PGW1.core.example" } else { "pgw2.core.example" };
        let mut events: Vec<_> = (0..6)
            .map(|n| session(&subscribers[n], "STARTED", &n.to_string(), gateway(n), 100, prefix(n)))
            .collect();
        // Of the first one the gateway tells again after it came back.
        events.push(session(&subscribers[0], "UPDATED", "0", gateway(0), 40, prefix(0)));
        client.publish_events(&events).await;
        client.publish_events(&[json!({"eventTime": ago(50), "gatewayRestart": {"gateway": "pgw1.CORE.example"}})]).await;
        let check = async |client: &mut ReflectionClient| {
            for (n, subscriber) in subscribers.iter().enumerate() {
                let stands = n == 0 || n >= 4;
                let found = client.look_up(v6(&format!("2001:db8:0:{n}::1"))).await;
                assert_eq!(found.is_ok(), stands, "{n}");
                let status = client.look_up(json!({"phoneNumber": subscriber.number()})).await.unwrap()["status"].clone();
                let expected = if stands { "CONNECTED_DATA" } else { "NOT_CONNECTED" };
                assert_eq!(status, format!("REACHABILITY_STATUS_{expected}"), "{n}");
            }
        };
        check(&mut client).await;
        // What comes late of a lost session does not bring it back; and the restart is durable.
        client.publish_events(&[session(&subscribers[1], "UPDATED", "1", gateway(1), 60, prefix(1))]).await;
        check(&mut client).await;
        daemon.stop().await;
        let daemon = home.start().await;
        check(&mut ReflectionClient::of(&daemon).await).await;
        daemon.stop().await;
    }

    async fn a_session_known_by_number_alone_is_its_sim_s_once_that_is_known(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let mut client = ReflectionClient::of(&daemon).await;
        let one = Subscriber::nth(1);
        let prefix = json!({"ipv6Prefixes": ["2001:db8:0:1::/64"]});
        let mut by_number = session(&one, "STARTED", "1", "pgw1", 100, prefix.clone());
        by_number["subscriber"] = json!({"msisdn": one.number()});
        let mut by_name = session(&one, "STARTED", "2", "pgw1", 90, json!({"ipv6Prefixes": ["2001:db8:0:2::/64"]}));
        by_name["subscriber"] = json!({"externalIdentifier": "meter-1@iot.example"});
        client.publish_events(&[by_number, by_name]).await;
        assert_leads_to(&mut client, v6("2001:db8:0:1::1"), Some(&one)).await;
        let name = json!({
            "subscriber": {"msisdn": one.number(), "externalIdentifier": "meter-1@iot.example"},
            "eventTime": ago(80), "binding": {},
        });
        let sim = json!({
            "subscriber": {"imsi": one.imsi, "msisdn": one.number()}, "eventTime": ago(70), "binding": {},
        });
        for binding in [name, sim] {
            client.publish_events(&[binding]).await;
            for address in ["2001:db8:0:1::1", "2001:db8:0:2::1"] {
                let found = client.look_up(v6(address)).await.unwrap();
                assert_eq!(found["status"], "REACHABILITY_STATUS_CONNECTED_DATA", "{address}");
            }
        }
        // Both are one subscriber's now, and end under any of its names.
        for (id, subscriber) in [("1", json!({"imsi": one.imsi})), ("2", json!({"msisdn": one.number()}))] {
            let mut end = session(&one, "ENDED", id, "pgw1", 60, json!({}));
            end["subscriber"] = subscriber;
            client.publish_events(&[end]).await;
        }
        let gone = client.look_up(json!({"phoneNumber": one.number()})).await.unwrap();
        assert_eq!(gone["status"], "REACHABILITY_STATUS_NOT_CONNECTED");
        for address in ["2001:db8:0:1::1", "2001:db8:0:2::1"] {
            assert_leads_to(&mut client, v6(address), None).await;
        }
        daemon.stop().await;
    }
}
