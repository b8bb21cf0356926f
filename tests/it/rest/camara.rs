//! CAMARA's scenarios for this API, for 0.6.1 and 1.1.0: each status, the device (C01.01 to C01.07), and what is generic.

use std::net::SocketAddr;

use reachd::proto::v1::{RegistrationChange as Change, Slot};
use reachd::rest::Contract::{self, V0, V1, V06};
use serde_json::{Value, json};

use super::client::{Ask, Reply, by_number};
use super::tokens::{Issuer, claims, now};
use super::validated::Answers;
use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::publisher::{Publisher, event_with_number};
use crate::support::{Subscriber, ago};

const BOTH: [Contract; 2] = [V06, V1];

/// What the subscribers of a laboratory are in, by their places.
pub(super) const DATA: usize = 1;
pub(super) const SMS: usize = 2;
pub(super) const DATA_AND_SMS: usize = 3;
pub(super) const NOT_CONNECTED: usize = 4;
pub(super) const NEVER_SEEN: usize = 5;
pub(super) const STALE: usize = 6;
pub(super) const NOBODY: usize = 999;

pub(super) fn number(place: usize) -> String {
    Subscriber::nth(place).number()
}

/// Has one subscriber in each state, through the daemon's front door.
pub(super) async fn populate(daemon: &Daemon) {
    let everyone: Vec<_> = (DATA..=STALE).map(Subscriber::nth).collect();
    daemon.import_rows(&everyone).await;
    let mut publisher = Publisher::open(daemon).await;
    let day = 24 * 3600;
    for (place, slot, change, seconds) in [
        (DATA, Slot::Mme, Change::Registered, 60),
        (SMS, Slot::Msc, Change::Registered, 50),
        (DATA_AND_SMS, Slot::Amf3gpp, Change::Registered, 40),
        (DATA_AND_SMS, Slot::Smsf3gpp, Change::Registered, 39),
        (NOT_CONNECTED, Slot::Mme, Change::Registered, 30),
        (NOT_CONNECTED, Slot::Mme, Change::Deregistered, 20),
        (STALE, Slot::Mme, Change::Registered, 2 * day),
    ] {
        let subscriber = Subscriber::nth(place);
        publisher
            .publish(event_with_number(
                &subscriber,
                slot,
                "node1.home.example",
                change,
                ago(seconds),
            ))
            .await;
    }
}

/// A daemon that trusts an issuer and serves phone numbers of its own subscribers.
struct Lab {
    _home: Home,
    daemon: Daemon,
    issuer: Issuer,
}

impl Lab {
    async fn open() -> Self {
        let mut home = Home::new(Engine::Sqlite).await;
        home.configure(
            "\n[rest]\nlisten = \"127.0.0.1:0\"\nidentifiers = [\"phoneNumber\"]\nserved_numbers = [\"+99900\"]\n",
        );
        let issuer = Issuer::new();
        issuer.trusted_by(&mut home, "clients = [\"gateway\"]");
        let daemon = home.start().await;
        populate(&daemon).await;
        Self {
            _home: home,
            daemon,
            issuer,
        }
    }

    fn at(&self) -> SocketAddr {
        self.daemon.rest()
    }

    /// With a two-legged token.
    fn ask(&self, contract: Contract, body: &Value) -> Ask {
        Ask::about(contract, body).token(&self.issuer.of_client("gateway"))
    }

    async fn send(&self, contract: Contract, body: &Value) -> Reply {
        self.ask(contract, body).send(self.at()).await
    }

    /// With a three-legged token about a device.
    async fn send_about(&self, contract: Contract, number: &str, body: &Value) -> Reply {
        Ask::about(contract, body)
            .token(&self.issuer.about(number))
            .send(self.at())
            .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_status_is_told_in_the_words_of_each_version() {
    let lab = Lab::open().await;
    let (mut v0, mut v06, mut v1) = (
        Answers::of(V0, lab.at()).await,
        Answers::of(V06, lab.at()).await,
        Answers::of(V1, lab.at()).await,
    );
    for (place, word, connectivity) in [
        (DATA, "CONNECTED_DATA", json!(["DATA"])),
        (SMS, "CONNECTED_SMS", json!(["SMS"])),
        (DATA_AND_SMS, "CONNECTED_DATA", json!(["DATA", "SMS"])),
        (NOT_CONNECTED, "NOT_CONNECTED", Value::Null),
        (STALE, "CONNECTED_DATA", json!(["DATA"])),
    ] {
        let body = by_number(&number(place));
        for (contract, answers) in [(V0, &mut v0), (V06, &mut v06)] {
            let reply = lab.send(contract, &body).await;
            let said = reply.fine();
            assert_eq!(said["reachabilityStatus"], word);
            assert_eq!(said.get("lastStatusTime").is_some(), place != STALE, "{said}");
            answers.add(&reply);
        }
        let reply = lab.send(V1, &body).await;
        let said = reply.fine();
        assert_eq!(said["reachable"], !connectivity.is_null(), "{said}");
        assert_eq!(
            said.get("connectivity").cloned().unwrap_or_default(),
            connectivity
        );
        assert!(said["lastStatusTime"].is_string(), "{said}");
        assert_eq!(said["device"], body["device"], "the one identifier that was used");
        v1.add(&reply);
    }
    for (contract, answers) in [(V0, &mut v0), (V06, &mut v06), (V1, &mut v1)] {
        // What cannot be told, and what nobody is known by.
        for place in [NEVER_SEEN, NOBODY] {
            let reply = lab.send(contract, &by_number(&number(place))).await;
            assert_ne!(reply.status, 200);
            answers.add(&reply);
        }
    }
    for answers in [v0, v06, v1] {
        answers.assert_valid().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_is_never_not_connected() {
    let lab = Lab::open().await;
    let body = by_number(&number(NEVER_SEEN));
    lab.send(V06, &body)
        .await
        .failed(422, "UNABLE_TO_PROVIDE_REACHABILITY_STATUS");
    lab.send(V1, &body).await.failed(503, "UNAVAILABLE");
    lab.send(V0, &body).await.failed_as(503, 5);
}

/// C01.01 and C01.02: the device is an empty object, or one of its identifiers is not of its schema.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c01_01_and_02_a_device_that_is_not_of_its_schema_is_an_invalid_argument_and_the_member_is_named() {
    let lab = Lab::open().await;
    for contract in BOTH {
        let mut answers = Answers::of(contract, lab.at()).await;
        for (device, member) in [
            (json!({}), "device"),
            (json!("+99900000001"), "device"),
            (json!(null), "device"),
            (json!({"phoneNumber": "99900000001"}), "device.phoneNumber"),
            (json!({"phoneNumber": "+0123456"}), "device.phoneNumber"),
            (json!({"phoneNumber": "+999 000"}), "device.phoneNumber"),
            (json!({"phoneNumber": 999_000}), "device.phoneNumber"),
            (
                json!({"networkAccessIdentifier": "nobody"}),
                "device.networkAccessIdentifier",
            ),
            (json!({"ipv4Address": "192.0.2.1"}), "device.ipv4Address"),
            (
                json!({"ipv4Address": {"publicPort": 1}}),
                "device.ipv4Address.publicAddress",
            ),
            (
                json!({"ipv4Address": {"publicAddress": "192.0.2.1"}}),
                "device.ipv4Address",
            ),
            (json!({"ipv6Address": 6}), "device.ipv6Address"),
            (
                json!({"phoneNumber": "+99900000001", "ipv6Address": []}),
                "device.ipv6Address",
            ),
        ] {
            let reply = lab.send(contract, &json!({"device": device})).await;
            reply.failed(400, "INVALID_ARGUMENT");
            let message = reply.json()["message"].as_str().unwrap().to_owned();
            assert!(message.starts_with(&format!("{member}: ")), "{device}: {message}");
            answers.add(&reply);
        }
        answers.assert_valid().await;
    }
}

/// C01.03: the device cannot be found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c01_03_a_device_that_nobody_knows_is_not_found() {
    let lab = Lab::open().await;
    let body = by_number(&number(NOBODY));
    lab.send(V06, &body).await.failed(404, "DEVICE_NOT_FOUND");
    lab.send(V1, &body).await.failed(404, "IDENTIFIER_NOT_FOUND");
    let body = json!({});
    lab.send_about(V06, &number(NOBODY), &body)
        .await
        .failed(404, "DEVICE_NOT_FOUND");
    lab.send_about(V1, &number(NOBODY), &body)
        .await
        .failed(404, "IDENTIFIER_NOT_FOUND");
}

/// C01.04: a device beside a token that names one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c01_04_a_device_beside_a_token_that_names_one_is_unnecessary_in_v1_and_has_to_be_the_same_before() {
    let lab = Lab::open().await;
    let (own, other) = (number(DATA), number(SMS));
    lab.send_about(V1, &own, &by_number(&own))
        .await
        .failed(422, "UNNECESSARY_IDENTIFIER");
    let said = lab.send_about(V06, &own, &by_number(&own)).await.fine();
    assert_eq!(said["reachabilityStatus"], "CONNECTED_DATA");
    // Whether the other is known makes no difference.
    for stranger in [other, number(NOBODY)] {
        lab.send_about(V06, &own, &by_number(&stranger))
            .await
            .failed(403, "INVALID_TOKEN_CONTEXT");
    }
    // The token alone is enough, and its device is not told.
    let said = lab.send_about(V1, &own, &json!({})).await.fine();
    assert_eq!((said.get("device"), &said["reachable"]), (None, &json!(true)));
    let said = lab.send_about(V06, &own, &json!({})).await.fine();
    assert_eq!(said["reachabilityStatus"], "CONNECTED_DATA");
}

/// C01.05: no device, neither in the token nor in the body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c01_05_without_a_device_it_is_missing() {
    let lab = Lab::open().await;
    lab.send(V06, &json!({}))
        .await
        .failed(422, "UNIDENTIFIABLE_DEVICE");
    lab.send(V1, &json!({})).await.failed(422, "MISSING_IDENTIFIER");
    // A claim that cannot be read names nobody, and lets nobody else be asked for.
    let unreadable = "tel:0";
    lab.send_about(V1, unreadable, &json!({}))
        .await
        .failed(422, "MISSING_IDENTIFIER");
    lab.send_about(V1, unreadable, &by_number(&number(DATA)))
        .await
        .failed(422, "UNNECESSARY_IDENTIFIER");
    lab.send_about(V06, unreadable, &by_number(&number(DATA)))
        .await
        .failed(403, "INVALID_TOKEN_CONTEXT");
}

/// C01.06: none of the identifiers is of a supported kind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c01_06_identifiers_of_other_kinds_are_unsupported_and_passed_over_beside_a_supported_one() {
    let lab = Lab::open().await;
    let others = json!({"networkAccessIdentifier": "meter-7@iot.example"});
    let body = json!({"device": others});
    lab.send(V06, &body)
        .await
        .failed(422, "UNSUPPORTED_DEVICE_IDENTIFIERS");
    lab.send(V1, &body).await.failed(422, "UNSUPPORTED_IDENTIFIER");

    let mut all = others;
    all["phoneNumber"] = json!(number(DATA));
    let body = json!({"device": all, "colour": "green"});
    let said = lab.send(V1, &body).await.fine();
    assert_eq!(said["device"], json!({"phoneNumber": number(DATA)}));
    lab.send(V06, &body).await.fine();
}

/// C01.07: the service is not for this device.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c01_07_numbers_of_others_are_not_applicable() {
    let lab = Lab::open().await;
    let body = by_number("+99912345678");
    lab.send(V06, &body).await.failed(422, "DEVICE_NOT_APPLICABLE");
    lab.send(V1, &body).await.failed(422, "SERVICE_NOT_APPLICABLE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_good_token_nobody_is_let_in_and_it_is_noted() {
    let lab = Lab::open().await;
    let body = by_number(&number(DATA));
    let (stranger, issuer) = (Issuer::new(), &lab.issuer);
    let with = |name: &str, value: Value| {
        let mut claims = claims("gateway");
        claims[name] = value;
        issuer.signed(&claims)
    };
    for contract in BOTH {
        let mut answers = Answers::of(contract, lab.at()).await;
        let without = Ask::about(contract, &body);
        for ask in [
            without.clone(),
            without.clone().with("Authorization", "Basic eDp5"),
            without.clone().token("not-a-token"),
            without.clone().token(&stranger.of_client("gateway")),
            without
                .clone()
                .token(&with("iss", json!("https://other.example"))),
            without
                .clone()
                .token(&with("aud", json!("https://other.example"))),
            without.clone().token(&with("exp", json!(now() - 60))),
            without.clone().token(&with("nbf", json!(now() + 600))),
            // Whatever else is wrong: who is not let in learns nothing of it.
            without.clone().body("{").without("Content-Type"),
        ] {
            let reply = ask.send(lab.at()).await;
            reply.failed(401, "UNAUTHENTICATED");
            assert!(
                reply.headers["www-authenticate"].starts_with("Bearer"),
                "{reply:?}"
            );
            answers.add(&reply);
        }
        for token in [
            with("scope", json!("openid")),
            with("scope", json!("")),
            with("client_id", json!("another")),
        ] {
            let reply = without.clone().token(&token).send(lab.at()).await;
            reply.failed(403, "PERMISSION_DENIED");
            answers.add(&reply);
        }
        answers.assert_valid().await;
    }
    let log = lab.daemon.log();
    for cause in [
        "missing_credentials",
        "invalid_credentials",
        "expired_credentials",
        "insufficient_scope",
        "forbidden_client",
    ] {
        let noted = log
            .lines()
            .any(|line| line.contains("\"audit\"") && line.contains(cause));
        assert!(noted, "{cause} in {log}");
    }
    let subscriber = Subscriber::nth(DATA);
    assert!(!log.contains(&subscriber.digits) && !log.contains(&subscriber.imsi));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_correlator_comes_back_or_is_made_up() {
    let lab = Lab::open().await;
    let body = by_number(&number(DATA));
    for contract in Contract::ALL {
        let correlator = "b4333c46-49c0-4f62-80d7-f0ef930f1c46";
        for ask in [lab.ask(contract, &body), Ask::about(contract, &body)] {
            let reply = ask.clone().with("X-Correlator", correlator).send(lab.at()).await;
            assert_eq!(reply.headers["x-correlator"], correlator);
            let (one, another) = (ask.send(lab.at()).await, ask.send(lab.at()).await);
            assert_eq!(one.headers["x-correlator"].len(), 36);
            assert_ne!(one.headers["x-correlator"], another.headers["x-correlator"]);
        }
    }
    let reply = lab
        .ask(V1, &body)
        .with("X-Correlator", "two words")
        .send(lab.at())
        .await;
    reply.failed(400, "INVALID_ARGUMENT");
    let reply = lab
        .ask(V06, &body)
        .with("X-Correlator", "two words")
        .send(lab.at())
        .await;
    reply.fine();
    assert_eq!(reply.headers["x-correlator"], "two words");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_resource_or_no_method_of_one_is_said_in_the_words_of_its_version() {
    let lab = Lab::open().await;
    for (target, contract) in [
        ("/device-reachability-status/v0.6/", V06),
        ("/device-reachability-status/v0.6/nowhere", V06),
        ("/device-reachability-status/v1/retrieve/", V1),
        ("/device-reachability-status/v2/retrieve", V1),
        ("/", V1),
    ] {
        let reply = lab.ask(contract, &json!({})).target(target).send(lab.at()).await;
        reply.failed(404, "NOT_FOUND");
    }
    let v0 = Ask::get("/device-reachability-status/v0/nowhere")
        .send(lab.at())
        .await;
    v0.failed_as(404, 60);
    for contract in BOTH {
        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "NONSENSE"] {
            let reply = lab.ask(contract, &json!({})).method(method).send(lab.at()).await;
            reply.failed(405, "METHOD_NOT_ALLOWED");
            assert_eq!(reply.headers["allow"], "POST");
        }
        let document = Ask::get(contract.document_path()).method("POST").bare();
        let reply = document.send(lab.at()).await;
        reply.failed(405, "METHOD_NOT_ALLOWED");
        assert_eq!(reply.headers["allow"], "GET, HEAD");
    }
}
