//! CAMARA's scenarios for this API, for 0.6.1 and 1.1.0, each against the real binary. Those of the device are in `c01.rs`,
//! and what the versions say to everything else that can be wrong is walked through in `table.rs`.
//!
//! | scenario | test |
//! |---|---|
//! | reachable by data, by SMS, by both; not reachable | `each_status_is_told_in_the_words_of_each_version` |
//! | the same, with the device from the access token | `each_status_is_told_to_whoever_has_a_token_of_the_device` |
//! | 401 no token, expired, malformed, of others | `without_a_good_token_nobody_is_let_in_and_it_is_noted` |
//! | 403 no scope, a client that is not served | `without_a_good_token_nobody_is_let_in_and_it_is_noted` |
//! | 403 INVALID_TOKEN_CONTEXT (0.6.1) | `c01_04_a_device_beside_a_token_…` |
//! | 404 no such resource | `what_is_no_resource_or_no_method_of_one_…` |
//! | 404 no such device | `c01_03_a_device_that_nobody_knows_is_not_found` |
//! | 422 of the device | `c01_04` to `c01_07` |
//! | 422 UNABLE_TO_PROVIDE_REACHABILITY_STATUS (0.6.1), 503 UNAVAILABLE | `what_cannot_be_told_is_never_not_connected` |
//! | 503 while starting, and over capacity | `table::every_row_that_a_request_can_lead_to_…` |
//! | x-correlator comes back, or is made up | `the_correlator_comes_back_or_is_made_up` |

use reachd::rest::Contract::{self, V0, V1, V06};
use serde_json::{Value, json};

use super::client::{Ask, by_number};
use super::lab::{BOTH, DATA, DATA_AND_SMS, Lab, NEVER_SEEN, NOBODY, NOT_CONNECTED, SMS, STALE, number};
use super::tokens::{Issuer, claims, now};
use super::validated::Answers;
use crate::support::Subscriber;

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
async fn each_status_is_told_to_whoever_has_a_token_of_the_device() {
    let lab = Lab::open().await;
    for contract in Contract::ALL {
        let mut answers = Answers::of(contract, lab.at()).await;
        for (place, word, connectivity) in [
            (DATA, "CONNECTED_DATA", json!(["DATA"])),
            (SMS, "CONNECTED_SMS", json!(["SMS"])),
            (DATA_AND_SMS, "CONNECTED_DATA", json!(["DATA", "SMS"])),
            (NOT_CONNECTED, "NOT_CONNECTED", Value::Null),
        ] {
            let reply = lab.send_about(contract, &number(place), &json!({})).await;
            let said = reply.fine();
            match contract {
                V0 | V06 => assert_eq!(said["reachabilityStatus"], word),
                V1 => {
                    assert_eq!(said["connectivity"], connectivity);
                    // Whoever knows the device by the token learns no identifier of it.
                    assert_eq!(said.get("device"), None);
                }
            }
            answers.add(&reply);
        }
        answers.assert_valid().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_is_never_not_connected() {
    let lab = Lab::open().await;
    let (device, nothing) = (number(NEVER_SEEN), json!({}));
    let about = |contract| lab.send_about(contract, &device, &nothing);
    about(V06)
        .await
        .failed(422, "UNABLE_TO_PROVIDE_REACHABILITY_STATUS");
    about(V1).await.failed(503, "UNAVAILABLE");
    about(V0).await.failed_as(503, 5);
    let body = by_number(&number(NEVER_SEEN));
    lab.send(V06, &body)
        .await
        .failed(422, "UNABLE_TO_PROVIDE_REACHABILITY_STATUS");
    lab.send(V1, &body).await.failed(503, "UNAVAILABLE");
    lab.send(V0, &body).await.failed_as(503, 5);
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
