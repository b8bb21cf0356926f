//! `reachd lookup` and `reachd explain` of a device that is named by an address it has now.

use std::process::Output;

use reachd::proto::v1::event::Kind;
use reachd::proto::v1::{self, Event, IpSessionChange, IpSessionEvent, NatMapping};
use serde_json::Value;

use crate::support::daemon::{Daemon, Engine, Home, reachd, run};
use crate::support::publisher::Publisher;
use crate::support::{Subscriber, ago};

async fn ask(daemon: &Daemon, command: &str, arguments: &[&str]) -> Output {
    let mut asking = reachd();
    let server = format!("http://{}", daemon.grpc());
    asking.arg(command).args(arguments).args(["--server", &server]);
    run(asking).await
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A session with an address of each kind.
fn session(subscriber: &Subscriber) -> Event {
    Event {
        subscriber: Some(v1::Subscriber {
            imsi: subscriber.imsi.clone(),
            msisdn: subscriber.number(),
            ..v1::Subscriber::default()
        }),
        event_time: Some(ago(30)),
        kind: Some(Kind::IpSession(IpSessionEvent {
            change: IpSessionChange::Started.into(),
            session_id: "1".into(),
            gateway: "pgw1.epc.example".into(),
            ipv4_address: "100.64.0.7".into(),
            routing_domain: String::new(),
            ipv6_prefixes: vec!["2001:db8:0:7::/64".into()],
            nat_mappings: vec![NatMapping {
                public_address: "192.0.2.1".into(),
                first_port: 4000,
                last_port: 4999,
            }],
        })),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_found_by_each_address_that_it_has_and_by_no_other() {
    let mut home = Home::new(Engine::Sqlite).await;
    let log = home.path("audit.jsonl");
    home.configure(&format!("\n[audit]\npath = \"{}\"\n", log.display()));
    let daemon = home.start().await;
    let someone = Subscriber::nth(1);
    Publisher::open(&daemon).await.publish(session(&someone)).await;

    let known = json(&ask(&daemon, "lookup", &[&someone.number(), "--json"]).await);
    assert_eq!(known["status"], "CONNECTED_DATA");
    let addresses = [
        "192.0.2.1:4711",
        "192.0.2.1,100.64.0.7",
        "192.0.2.1:1,100.64.0.7",
        "2001:db8:0:7::1",
    ];
    for address in addresses {
        let found = ask(&daemon, "lookup", &[address, "--json"]).await;
        assert_eq!(found.status.code(), Some(0), "{address}: {found:?}");
        assert_eq!(
            json(&found)["last_status_time"],
            known["last_status_time"],
            "{address}"
        );
        let explained = ask(&daemon, "explain", &[address, "--json"]).await;
        assert_eq!(explained.status.code(), Some(0), "{address}: {explained:?}");
        assert_eq!(json(&explained)["rule"], "a data slot is up: session");
        let shown = String::from_utf8(explained.stdout).unwrap();
        assert!(
            !shown.contains(&someone.digits) && !shown.contains(&someone.imsi),
            "{shown}"
        );
    }
    for nobody in ["192.0.2.1:5000", "192.0.2.1,100.64.0.8", "2001:db8:0:8::1"] {
        for command in ["lookup", "explain"] {
            let told = ask(&daemon, command, &[nobody, "--json"]).await;
            assert_eq!(told.status.code(), Some(1), "{nobody}: {told:?}");
            assert_eq!(json(&told)["error"]["reason"], "IDENTIFIER_NOT_FOUND");
        }
    }
    // Whoever was explained by an address stands in the audit log all the same, as one pseudonym.
    let log = std::fs::read_to_string(&log).unwrap();
    let acts: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let done: Vec<_> = acts.iter().filter(|act| act["outcome"] == "done").collect();
    assert_eq!(done.len(), addresses.len());
    for act in &done {
        assert_eq!(act["act"], "explain");
        assert_eq!(act["subscriber"].as_str().map(str::len), Some(32), "{act}");
        assert_eq!(act["subscriber"], done[0]["subscriber"]);
    }
    daemon.stop().await;
}
