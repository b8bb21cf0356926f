//! CAMARA's scenarios of the device, C01.01 to C01.07, for 0.6.1 and 1.1.0.
//!
//! | scenario | 0.6.1 | 1.1.0 | test |
//! |---|---|---|---|
//! | C01.01 `device` is an empty object | 400 INVALID_ARGUMENT | the same | `c01_01_and_02_…` |
//! | C01.02 an identifier is not of its schema, each kind | 400 INVALID_ARGUMENT | the same | `c01_01_and_02_…` |
//! | C01.03 nobody is known by it, each kind | 404 DEVICE_NOT_FOUND | 404 IDENTIFIER_NOT_FOUND | `c01_03_…` |
//! | C01.04 a device beside a token that names one | the same: 200; another: 403 INVALID_TOKEN_CONTEXT | 422 UNNECESSARY_IDENTIFIER | `c01_04_…` |
//! | C01.05 no device in token and body | 422 UNIDENTIFIABLE_DEVICE | 422 MISSING_IDENTIFIER | `c01_05_…` |
//! | C01.06 no identifier of a supported kind, each kind | 422 UNSUPPORTED_DEVICE_IDENTIFIERS | 422 UNSUPPORTED_IDENTIFIER | `c01_06_…` |
//! | C01.07 the service is not for this device | 422 DEVICE_NOT_APPLICABLE | 422 SERVICE_NOT_APPLICABLE | `c01_07_…` |
//! | several identifiers of one device | 200 | 200, and which was used | `several_identifiers_…` |
//! | several identifiers of several devices | 422 DEVICE_IDENTIFIERS_MISMATCH | 200, as the first says | `several_identifiers_…` |

use reachd::rest::Contract::{V1, V06};
use serde_json::{Value, json};

use super::client::by_number;
use super::lab::{BOTH, DATA, Lab, NOBODY, SMS, number};
use super::validated::Answers;
use crate::support::Subscriber;

/// Every kind of identifier by the name that the API and the configuration have for it, with one that nobody has.
fn kinds() -> [(&'static str, Value); 4] {
    [
        ("phoneNumber", json!(number(NOBODY))),
        ("networkAccessIdentifier", json!("nobody@iot.example")),
        (
            "ipv4Address",
            json!({"publicAddress": "192.0.2.77", "publicPort": 4000}),
        ),
        ("ipv6Address", json!("2001:db8:77::1")),
    ]
}

fn only(kind: &str, identifier: &Value) -> Value {
    json!({"device": {kind: identifier}})
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
            (json!({"phoneNumber": "+9990"}), "device.phoneNumber"),
            (json!({"phoneNumber": "+9990000000000001"}), "device.phoneNumber"),
            (json!({"phoneNumber": ""}), "device.phoneNumber"),
            (json!({"phoneNumber": null}), "device.phoneNumber"),
            (
                json!({"networkAccessIdentifier": "nobody"}),
                "device.networkAccessIdentifier",
            ),
            (
                json!({"networkAccessIdentifier": 7}),
                "device.networkAccessIdentifier",
            ),
            (json!({"ipv4Address": "192.0.2.1"}), "device.ipv4Address"),
            (
                json!({"ipv4Address": {"publicAddress": "192.0.2.256", "publicPort": 1}}),
                "device.ipv4Address.publicAddress",
            ),
            (
                json!({"ipv4Address": {"publicAddress": "192.0.2.1", "privateAddress": "x"}}),
                "device.ipv4Address.privateAddress",
            ),
            (
                json!({"ipv4Address": {"publicAddress": "192.0.2.1", "publicPort": 65536}}),
                "device.ipv4Address.publicPort",
            ),
            (
                json!({"ipv4Address": {"publicAddress": "192.0.2.1", "publicPort": "1"}}),
                "device.ipv4Address.publicPort",
            ),
            (
                json!({"ipv4Address": {"publicPort": 1}}),
                "device.ipv4Address.publicAddress",
            ),
            (
                json!({"ipv4Address": {"publicAddress": "192.0.2.1"}}),
                "device.ipv4Address",
            ),
            (json!({"ipv6Address": 6}), "device.ipv6Address"),
            (json!({"ipv6Address": "192.0.2.1"}), "device.ipv6Address"),
            (json!({"ipv6Address": "2001:db8::/64"}), "device.ipv6Address"),
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
            // Nor does a token that names a device make it sound, where there may be one beside it.
            if contract == V06 {
                lab.send_about(contract, &number(DATA), &json!({"device": device}))
                    .await
                    .failed(400, "INVALID_ARGUMENT");
            }
        }
        answers.assert_valid().await;
    }
}

/// C01.03: the device cannot be found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c01_03_a_device_that_nobody_knows_is_not_found() {
    let all = kinds().map(|(kind, _)| kind);
    let lab = Lab::supporting(&all).await;
    for (kind, identifier) in kinds() {
        let body = only(kind, &identifier);
        lab.send(V06, &body).await.failed(404, "DEVICE_NOT_FOUND");
        lab.send(V1, &body).await.failed(404, "IDENTIFIER_NOT_FOUND");
    }
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
async fn c01_06_identifiers_of_a_kind_that_is_not_configured_are_unsupported_whichever_it_is() {
    for (unsupported, identifier) in kinds() {
        let others: Vec<_> = kinds()
            .into_iter()
            .filter(|(kind, _)| *kind != unsupported)
            .collect();
        let supported: Vec<_> = others.iter().map(|(kind, _)| *kind).collect();
        let lab = Lab::supporting(&supported).await;
        let body = only(unsupported, &identifier);
        lab.send(V06, &body)
            .await
            .failed(422, "UNSUPPORTED_DEVICE_IDENTIFIERS");
        lab.send(V1, &body).await.failed(422, "UNSUPPORTED_IDENTIFIER");
        // Beside one of another kind it is passed over, which is then looked for.
        for (kind, other) in others {
            let body = json!({"device": {unsupported: identifier, kind: other}});
            lab.send(V06, &body).await.failed(404, "DEVICE_NOT_FOUND");
            lab.send(V1, &body).await.failed(404, "IDENTIFIER_NOT_FOUND");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identifiers_of_unsupported_kinds_are_passed_over_beside_a_supported_one() {
    let lab = Lab::open().await;
    let mut device = json!({"phoneNumber": number(DATA)});
    for (kind, identifier) in kinds() {
        if kind != "phoneNumber" {
            device[kind] = identifier;
        }
    }
    let body = json!({"device": device, "colour": "green"});
    let said = lab.send(V1, &body).await.fine();
    assert_eq!(said["device"], json!({"phoneNumber": number(DATA)}));
    lab.send(V06, &body).await.fine();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_identifiers_have_to_be_one_devices_in_0_6_and_are_not_compared_in_1() {
    let lab = Lab::supporting(&kinds().map(|(kind, _)| kind)).await;
    let (data, sms) = (Subscriber::nth(DATA), Subscriber::nth(SMS));
    let row = |subscriber: &Subscriber, name: &str| {
        format!("{},{},{name}@iot.example\n", subscriber.imsi, subscriber.number())
    };
    let rows = [
        "imsi,msisdn,external_id\n",
        &row(&data, "data"),
        &row(&sms, "sms"),
    ]
    .concat();
    let csv = lab.home.write("names.csv", &rows);
    assert!(lab.daemon.import(&csv).await.status.success());
    let named = |name: &str| json!({"device": {"phoneNumber": number(DATA), "networkAccessIdentifier": format!("{name}@iot.example")}});
    let said = lab.send(V06, &named("data")).await.fine();
    assert_eq!(said["reachabilityStatus"], "CONNECTED_DATA");
    lab.send(V06, &named("sms"))
        .await
        .failed(422, "DEVICE_IDENTIFIERS_MISMATCH");
    lab.send(V06, &named("nobody"))
        .await
        .failed(404, "DEVICE_NOT_FOUND");
    // Whether they belong together, or to anybody, is not told.
    for name in ["data", "sms", "nobody"] {
        let said = lab.send(V1, &named(name)).await.fine();
        assert_eq!(said["device"], json!({"phoneNumber": number(DATA)}));
        assert_eq!(said["connectivity"], json!(["DATA"]));
    }
    // In another order of members as well.
    let text = format!(
        r#"{{"device": {{"networkAccessIdentifier": "sms@iot.example", "phoneNumber": "{}"}}}}"#,
        number(DATA)
    );
    let said = lab.ask(V1, &json!({})).body(&text).send(lab.at()).await.fine();
    assert_eq!(said["device"], json!({"phoneNumber": number(DATA)}));
    // And one alone is used and told, whatever its kind.
    let device = json!({"networkAccessIdentifier": "sms@iot.example"});
    let said = lab.send(V1, &json!({"device": device})).await.fine();
    assert_eq!(
        (&said["device"], &said["connectivity"]),
        (&device, &json!(["SMS"]))
    );
}

/// C01.07: the service is not for this device.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c01_07_numbers_of_others_are_not_applicable() {
    let lab = Lab::open().await;
    let body = by_number("+99912345678");
    lab.send(V06, &body).await.failed(422, "DEVICE_NOT_APPLICABLE");
    lab.send(V1, &body).await.failed(422, "SERVICE_NOT_APPLICABLE");
    let nothing = json!({});
    lab.send_about(V06, "+99912345678", &nothing)
        .await
        .failed(422, "DEVICE_NOT_APPLICABLE");
    lab.send_about(V1, "+99912345678", &nothing)
        .await
        .failed(422, "SERVICE_NOT_APPLICABLE");
}
