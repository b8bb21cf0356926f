//! Everything that an event can say, by a client that learned it by reflection.

use serde_json::{Value, json};

use super::{ago, registration};
use crate::support::daemon::Home;
use crate::support::reflection::ReflectionClient;
use crate::support::{Subscriber, on_each_engine};

fn phone(subscriber: &Subscriber) -> Value {
    json!({"phoneNumber": subscriber.number()})
}

/// The status of a subscriber that is known.
async fn status(client: &mut ReflectionClient, subscriber: &Subscriber) -> String {
    let answer = client.look_up(phone(subscriber)).await.unwrap();
    answer["status"]
        .as_str()
        .unwrap()
        .trim_start_matches("REACHABILITY_STATUS_")
        .to_owned()
}

on_each_engine! {
    async fn every_slot_and_change_is_taken_and_told_by_a_lookup(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let mut client = ReflectionClient::of(&daemon).await;
        let slots = [
            ("MME", "CONNECTED_DATA"), ("SGSN", "CONNECTED_DATA"), ("AMF_3GPP", "CONNECTED_DATA"),
            ("AMF_NON_3GPP", "CONNECTED_DATA"), ("SESSION", "CONNECTED_DATA"), ("MSC", "CONNECTED_SMS"),
            ("MME_SMS", "CONNECTED_SMS"), ("SGSN_SMS", "CONNECTED_SMS"), ("SMSF_3GPP", "CONNECTED_SMS"),
            ("SMSF_NON_3GPP", "CONNECTED_SMS"), ("IP_SM_GW", "CONNECTED_SMS"), ("ANY_SMS", "CONNECTED_SMS"),
        ];
        for (n, (slot, connected)) in slots.into_iter().enumerate() {
            let subscriber = Subscriber::nth(n);
            for (change, seconds, expected) in [
                ("REGISTERED", 60, connected),
                ("UNREACHABLE", 50, "NOT_CONNECTED"),
                ("REACHABLE", 40, connected),
                ("DEREGISTERED", 30, "NOT_CONNECTED"),
                ("REGISTERED", 20, connected),
            ] {
                client.publish_events(&[registration(&subscriber, slot, "node-1", change, seconds)]).await;
                assert_eq!(status(&mut client, &subscriber).await, expected, "{slot} {change}");
            }
            client.publish_events(&[registration(&subscriber, slot, "", "CLEARED", 10)]).await;
            assert_eq!(status(&mut client, &subscriber).await, "NOT_CONNECTED", "{slot} cleared");
            // What comes late says nothing about now.
            client.publish_events(&[registration(&subscriber, slot, "node-1", "REGISTERED", 15)]).await;
            assert_eq!(status(&mut client, &subscriber).await, "NOT_CONNECTED", "{slot} late");
        }
        daemon.stop().await;
    }

    async fn a_binding_moves_a_number_and_an_older_one_does_not(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let mut client = ReflectionClient::of(&daemon).await;
        let (old, new) = (Subscriber::nth(1), Subscriber::nth(2));
        let bind = |imsi: &str, seconds| json!({
            "subscriber": {"imsi": imsi, "msisdn": old.number(), "externalIdentifier": "meter-1@iot.example"},
            "eventTime": ago(seconds),
            "binding": {},
        });
        client.publish_events(&[
            registration(&old, "MSC", "99910001", "REGISTERED", 100),
            bind(&old.imsi, 90),
            registration(&new, "MME", "mme1", "REGISTERED", 80),
        ]).await;
        assert_eq!(status(&mut client, &old).await, "CONNECTED_SMS");
        // A SIM swap: the number is the other card's now.
        client.publish_events(&[bind(&new.imsi, 50)]).await;
        assert_eq!(status(&mut client, &old).await, "CONNECTED_DATA");
        client.publish_events(&[bind(&old.imsi, 60)]).await;
        assert_eq!(status(&mut client, &old).await, "CONNECTED_DATA");
        let meter = json!({"networkAccessIdentifier": "meter-1@iot.example"});
        assert_eq!(client.look_up(meter).await.unwrap()["status"], "REACHABILITY_STATUS_CONNECTED_DATA");
        daemon.stop().await;
    }

    async fn heartbeats_and_wrong_events_go_along_with_right_ones_under_the_clients_name(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let mut client = ReflectionClient::of(&daemon).await;
        let subscriber = Subscriber::nth(1);
        let fine = json!({"event": registration(&subscriber, "MME", "mme1", "REGISTERED", 60)});
        let nameless = json!({"event": {"eventTime": ago(60), "binding": {}}});
        let alone = json!({"event": {
            "subscriber": {"imsi": subscriber.imsi}, "eventTime": ago(60), "binding": {},
        }});
        let messages = [json!({"heartbeat": {}}), fine, nameless, json!({}), alone, json!({"heartbeat": {}})];
        let published = client.publish("mediation.north", &messages).await;
        assert_eq!(published.acked, 6);
        let refused: Vec<_> = published.refused.iter().map(|(n, reason)| (*n, reason.as_str())).collect();
        assert_eq!(refused, [(3, "MISSING_IDENTIFIER"), (4, "INVALID_ARGUMENT"), (5, "INVALID_ARGUMENT")]);
        assert_eq!(status(&mut client, &subscriber).await, "CONNECTED_DATA");

        let feeds = client.call("reachability.v1.AdminService/ListFeeds", json!({})).await.unwrap();
        let named = |feed: &&Value| feed["name"] == "mediation.north";
        let feed = feeds["feeds"].as_array().unwrap().iter().find(named).expect("it is listed").clone();
        assert_eq!((&feed["eventsAccepted"], &feed["eventsRefused"]), (&json!("1"), &json!("3")));
        let metrics = daemon.metrics().await;
        assert!(metrics.contains("reachd_feed_heartbeats_total{feed=\"mediation.north\"} 2"), "{metrics}");
        daemon.stop().await;
    }

    async fn a_client_that_has_told_all_it_has_says_so(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let mut client = ReflectionClient::of(&daemon).await;
        let fine = json!({"event": registration(&Subscriber::nth(1), "MME", "mme1", "REGISTERED", 60)});
        let begin = json!({"resynchronisationBegin": {}});
        let of_then = json!({"resynchronisationBegin": {"asOf": ago(30)}});
        let end = json!({"resynchronisationEnd": {}});
        let messages = [begin.clone(), fine.clone(), end.clone(), of_then, fine, end.clone(), end.clone()];
        let published = client.publish("mediation.north", &messages).await;
        assert_eq!(published.acked, 7);
        let refused: Vec<_> = published.refused.iter().map(|(n, reason)| (*n, reason.as_str())).collect();
        assert_eq!(refused, [(7, "NOT_RESYNCHRONISED")]);
        let nameless = client.publish("", &[begin, end]).await;
        let refused: Vec<_> = nameless.refused.iter().map(|(n, reason)| (*n, reason.as_str())).collect();
        assert_eq!(refused, [(1, "INVALID_ARGUMENT"), (2, "NOT_RESYNCHRONISED")]);

        let feeds = client.call("reachability.v1.AdminService/ListFeeds", json!({})).await.unwrap();
        let named = |feed: &&Value| feed["name"] == "mediation.north";
        let feed = feeds["feeds"].as_array().unwrap().iter().find(named).expect("it is listed");
        assert!(feed["life"]["resynchronisedAsOf"].is_string(), "{feed}");
        daemon.stop().await;
    }
}
