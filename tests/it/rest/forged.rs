//! Access tokens that somebody made who must not, and what authorization servers may leave out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reachd::rest::Contract::V1;
use ring::hmac;
use serde_json::{Value, json};

use super::client::{Ask, Reply, by_number};
use super::lab::{DATA, Lab, number};
use super::tokens::{AUDIENCE, SCOPE, claims, now};

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn send(lab: &Lab, token: &str) -> Reply {
    Ask::about(V1, &by_number(&number(DATA)))
        .token(token)
        .send(lab.at())
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsigned_tokens_and_those_signed_with_what_everybody_knows_are_refused() {
    let lab = Lab::open().await;
    let good = lab.issuer.of_client("gateway");
    send(&lab, &good).await.fine();
    let [header, payload, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let published: Value = serde_json::from_str(&lab.issuer.published()).unwrap();
    let public = URL_SAFE_NO_PAD
        .decode(published["keys"][0]["x"].as_str().unwrap())
        .unwrap();
    // The public key as a shared secret, for a server that lets the token say how it is to be checked.
    let shared = |header: &Value| {
        let signed = format!("{}.{payload}", part(header));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &public);
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
        format!("{signed}.{signature}")
    };
    let with = |header: &Value, signature: &str| format!("{}.{payload}.{signature}", part(header));
    let mut raised = claims("gateway");
    raised["exp"] = json!(now() + 999_999);
    for token in [
        with(&json!({"alg": "none"}), ""),
        with(&json!({"alg": "none", "kid": "k1"}), signature),
        with(&json!({"alg": "None"}), ""),
        shared(&json!({"alg": "HS256", "kid": "k1"})),
        shared(&json!({"alg": "EdDSA", "kid": "k1"})),
        // A sound signature of another algorithm's name, of other claims, cut off, and none.
        with(&json!({"alg": "ES256", "kid": "k1"}), signature),
        with(&json!({"alg": "RS256", "kid": "k1"}), signature),
        format!("{header}.{}.{signature}", part(&raised)),
        format!("{header}.{payload}.{}", &signature[..40]),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        // Keys and certificates that the token brings along are not looked at.
        with(
            &json!({"alg": "EdDSA", "jwk": published["keys"][0], "kid": "mine"}),
            signature,
        ),
        with(&json!({"alg": "EdDSA", "kid": "../../etc/passwd"}), signature),
        with(&json!({"alg": "EdDSA", "kid": "k1", "crit": ["exp"]}), signature),
    ] {
        let reply = send(&lab, &token).await;
        reply.failed(401, "UNAUTHENTICATED");
        assert_eq!(
            reply.headers["www-authenticate"], "Bearer error=\"invalid_token\"",
            "{token}"
        );
    }
    // Nor does it help to send it beside a good one, or elsewhere than in the header.
    let twice = Ask::about(V1, &by_number(&number(DATA)));
    let two = String::from_utf8(twice.octets(true)).unwrap().replacen(
        "\r\n\r\n",
        &format!("\r\nAuthorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\n\r\n"),
        1,
    );
    let mut stream = tokio::net::TcpStream::connect(lab.at()).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, two.as_bytes())
        .await
        .unwrap();
    Reply::read_to_end(&mut stream)
        .await
        .failed(401, "UNAUTHENTICATED");
    let target = format!("{}?access_token={good}", V1.retrieve());
    twice
        .target(&target)
        .send(lab.at())
        .await
        .failed(401, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_authorization_servers_differ_in_is_taken() {
    let lab = Lab::open().await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims("gateway");
        change(&mut claims);
        lab.issuer.signed(&claims)
    };
    for token in [
        // Among several audiences, one client named in another claim, a scope among others, or in a list.
        with(&|claims| claims["aud"] = json!(["https://other.example", AUDIENCE])),
        with(&|claims| {
            claims.as_object_mut().unwrap().remove("client_id");
            claims["azp"] = json!("gateway");
        }),
        with(&|claims| claims["scope"] = json!(format!("openid {SCOPE}"))),
        with(&|claims| {
            claims.as_object_mut().unwrap().remove("scope");
            claims["scp"] = json!([SCOPE]);
        }),
        // A clock that is a little ahead, and one that is a little behind.
        with(&|claims| claims["nbf"] = json!(now() + 10)),
        with(&|claims| claims["exp"] = json!(now() - 10)),
        // A key that nobody has named.
        lab.issuer
            .signed_with(&json!({"alg": "EdDSA"}), &claims("gateway")),
        lab.issuer.signed_with(
            &json!({"alg": "EdDSA", "kid": "k1", "typ": "JWT"}),
            &claims("gateway"),
        ),
    ] {
        send(&lab, &token).await.fine();
    }
    for token in [
        with(&|claims| claims["aud"] = json!(["https://other.example"])),
        with(&|claims| claims["aud"] = json!(null)),
        with(&|claims| claims["exp"] = json!(now() - 31)),
        with(&|claims| claims["nbf"] = json!(now() + 60)),
        with(&|claims| {
            claims.as_object_mut().unwrap().remove("exp");
        }),
        lab.issuer.signed_with(
            &json!({"alg": "EdDSA", "kid": "k1", "typ": "logout+jwt"}),
            &claims("gateway"),
        ),
    ] {
        send(&lab, &token).await.failed(401, "UNAUTHENTICATED");
    }
}
