//! The table of errors, written down a second time, and walked twice: once as the response of every cell, and once by
//! requests to the real binary that provoke it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::post;
use reachd::rest::Contract::{self, V0, V1, V06};
use reachd::rest::{Cause, Problem};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::client::{Ask, Reply, by_number};
use super::tokens::{AUDIENCE, ISSUER, Issuer, claims, now};
use super::validated::Answers;
use crate::support::Subscriber;
use crate::support::daemon::{Daemon, Engine, Home};

type Row = (Cause, (u16, u16), (u16, &'static str), (u16, &'static str));

const INVALID: (u16, &str) = (400, "INVALID_ARGUMENT");
const UNKNOWN_CALLER: (u16, &str) = (401, "UNAUTHENTICATED");
const DENIED: (u16, &str) = (403, "PERMISSION_DENIED");
const GONE: (u16, &str) = (503, "UNAVAILABLE");
const UPSTREAM: (u16, &str) = (502, "BAD_GATEWAY");

/// Cause, v0, v0.6, v1.
#[rustfmt::skip]
const TABLE: [Row; 39] = [
    (Cause::InvalidPath, (400, 20), INVALID, INVALID),
    (Cause::MissingBody, (400, 21), INVALID, INVALID),
    (Cause::InvalidBody, (400, 22), INVALID, INVALID),
    (Cause::MissingField, (400, 23), INVALID, INVALID),
    (Cause::InvalidField, (400, 24), INVALID, INVALID),
    (Cause::MissingHeader, (400, 25), INVALID, INVALID),
    (Cause::InvalidHeader, (400, 26), INVALID, INVALID),
    (Cause::MissingQueryParameter, (400, 27), INVALID, INVALID),
    (Cause::InvalidQueryParameter, (400, 28), INVALID, INVALID),
    (Cause::MissingCredentials, (401, 40), UNKNOWN_CALLER, UNKNOWN_CALLER),
    (Cause::InvalidCredentials, (401, 41), UNKNOWN_CALLER, UNKNOWN_CALLER),
    (Cause::ExpiredCredentials, (401, 42), UNKNOWN_CALLER, UNKNOWN_CALLER),
    (Cause::InsufficientScope, (403, 50), DENIED, DENIED),
    (Cause::ForbiddenClient, (403, 51), DENIED, DENIED),
    (Cause::TokenContext, (403, 52), (403, "INVALID_TOKEN_CONTEXT"), DENIED),
    (Cause::QuotaExceeded, (403, 53), (429, "QUOTA_EXCEEDED"), (429, "QUOTA_EXCEEDED")),
    (Cause::TooManyRequests, (429, 53), (429, "TOO_MANY_REQUESTS"), (429, "TOO_MANY_REQUESTS")),
    (Cause::NotFound, (404, 60), (404, "NOT_FOUND"), (404, "NOT_FOUND")),
    (Cause::DeviceNotFound, (404, 60), (404, "DEVICE_NOT_FOUND"), (404, "IDENTIFIER_NOT_FOUND")),
    (Cause::MethodNotAllowed, (405, 61), (405, "METHOD_NOT_ALLOWED"), (405, "METHOD_NOT_ALLOWED")),
    (Cause::NotAcceptable, (406, 62), (406, "NOT_ACCEPTABLE"), (406, "NOT_ACCEPTABLE")),
    (Cause::RequestTimeout, (408, 63), (408, "REQUEST_TIMEOUT"), (408, "REQUEST_TIMEOUT")),
    (Cause::IdentifiersMismatch, (409, 69), (422, "DEVICE_IDENTIFIERS_MISMATCH"), (422, "IDENTIFIER_MISMATCH")),
    (Cause::LengthRequired, (411, 64), (411, "LENGTH_REQUIRED"), (411, "LENGTH_REQUIRED")),
    (Cause::PreconditionFailed, (412, 65), (412, "FAILED_PRECONDITION"), (412, "FAILED_PRECONDITION")),
    (Cause::ContentTooLarge, (413, 66), (413, "CONTENT_TOO_LARGE"), (413, "CONTENT_TOO_LARGE")),
    (Cause::UriTooLong, (414, 67), (414, "URI_TOO_LONG"), (414, "URI_TOO_LONG")),
    (Cause::UnsupportedMediaType, (415, 68), (415, "UNSUPPORTED_MEDIA_TYPE"), (415, "UNSUPPORTED_MEDIA_TYPE")),
    (Cause::MissingIdentifier, (400, 23), (422, "UNIDENTIFIABLE_DEVICE"), (422, "MISSING_IDENTIFIER")),
    (Cause::UnsupportedIdentifier, (400, 24), (422, "UNSUPPORTED_DEVICE_IDENTIFIERS"), (422, "UNSUPPORTED_IDENTIFIER")),
    (Cause::UnnecessaryIdentifier, (403, 52), (403, "INVALID_TOKEN_CONTEXT"), (422, "UNNECESSARY_IDENTIFIER")),
    (Cause::NotApplicable, (403, 52), (422, "DEVICE_NOT_APPLICABLE"), (422, "SERVICE_NOT_APPLICABLE")),
    (Cause::CannotTell, (503, 5), (422, "UNABLE_TO_PROVIDE_REACHABILITY_STATUS"), GONE),
    (Cause::NotReady, (503, 5), GONE, GONE),
    (Cause::OverCapacity, (503, 6), GONE, GONE),
    (Cause::Internal, (500, 1), (500, "INTERNAL"), (500, "INTERNAL")),
    (Cause::KeysInvalid, (502, 1), UPSTREAM, GONE),
    (Cause::KeysUnreachable, (502, 3), UPSTREAM, GONE),
    (Cause::KeysTimedOut, (504, 6), (504, "TIMEOUT"), GONE),
];

#[track_caller]
fn assert_told(reply: &Reply, contract: Contract, cause: Cause) {
    let (_, v0, v06, v1) = TABLE.iter().find(|row| row.0 == cause).unwrap();
    let (status, body) = (reply.status, reply.json());
    let code = &body["code"];
    let fits = match contract {
        V0 => (status, code) == (v0.0, &json!(v0.1)),
        V06 => (status, code) == (v06.0, &json!(v06.1)),
        V1 => (status, code) == (v1.0, &json!(v1.1)),
    };
    assert!(fits, "{cause:?} in {contract:?}: {reply:?}");
    let members: BTreeSet<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = match contract {
        V0 => BTreeSet::from(["code", "message", "description"]),
        V06 | V1 => BTreeSet::from(["status", "code", "message"]),
    };
    assert_eq!(members, expected, "{cause:?}");
}

/// Each cell through a server: what stands in the table is what goes out.
#[tokio::test]
async fn every_cell_of_the_table_goes_out_as_it_stands_there() {
    assert_eq!(TABLE.map(|row| row.0), Cause::ALL);
    let mut router = Router::new();
    let path = |contract: Contract, cause: Cause| format!("/{}/{}", contract.name(), cause.name());
    for contract in Contract::ALL {
        for cause in Cause::ALL {
            let answer = move || std::future::ready(Problem::from(cause).response(contract));
            router = router.route(&path(contract, cause), post(answer));
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    for contract in Contract::ALL {
        for cause in Cause::ALL {
            let ask = Ask::about(contract, &json!({})).target(&path(contract, cause));
            assert_told(&ask.send(address).await, contract, cause);
        }
    }
}

/// What was provoked, to see in the end that nothing was left out.
#[derive(Default)]
struct Provoked {
    causes: BTreeSet<&'static str>,
    /// Status and number, in v0.
    numbers: BTreeSet<(u16, u64)>,
    /// Version and code, as text.
    codes: BTreeSet<(&'static str, String)>,
}

/// Every number of v0 with its statuses, as its contract lists them.
const NUMBERS: [(u16, &[u64]); 18] = [
    (400, &[20, 21, 22, 23, 24, 25, 26, 27, 28]),
    (401, &[40, 41, 42]),
    (403, &[50, 51, 52, 53]),
    (404, &[60]),
    (405, &[61]),
    (406, &[62]),
    (408, &[63]),
    (409, &[69]),
    (411, &[64]),
    (412, &[65]),
    (413, &[66]),
    (414, &[67]),
    (415, &[68]),
    (429, &[53]),
    (500, &[1]),
    (502, &[1, 3]),
    (503, &[5, 6]),
    (504, &[6]),
];

impl Provoked {
    #[track_caller]
    fn saw(&mut self, reply: &Reply, contract: Contract, cause: Cause) {
        assert_told(reply, contract, cause);
        self.causes.insert(cause.name());
        let code = reply.json()["code"].to_string();
        self.codes
            .insert((contract.name(), code.trim_matches('"').to_owned()));
        if contract == V0 {
            let number = reply.json()["code"].as_u64().unwrap();
            self.numbers.insert((reply.status, number));
        }
    }
}

fn retrieve(contract: Contract) -> String {
    contract.retrieve().to_owned()
}

/// Requests to the real binary, one for each row that a request can lead to.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_row_that_a_request_can_lead_to_is_reached_in_the_real_binary() {
    let mut provoked = Provoked::default();
    by_what_is_sent(&mut provoked).await;
    by_how_much_is_sent(&mut provoked).await;
    by_what_is_not_there(&mut provoked).await;
    let left_out: Vec<_> = Cause::ALL
        .into_iter()
        .filter(|cause| !provoked.causes.contains(cause.name()))
        .collect();
    // No operation has query parameters, and a fault of ours is nothing that a request leads to.
    assert_eq!(left_out, [Cause::MissingQueryParameter, Cause::Internal]);
    let listed = NUMBERS
        .iter()
        .flat_map(|(status, numbers)| numbers.iter().map(|number| (*status, *number)));
    let listed: BTreeSet<_> = listed.collect();
    let missing: Vec<_> = listed.difference(&provoked.numbers).copied().collect();
    assert_eq!(missing, [(400, 27), (500, 1)]);
    assert!(provoked.numbers.is_subset(&listed), "{:?}", provoked.numbers);
    // Nor does a document promise a code that never comes.
    for contract in Contract::ALL {
        let promised = documented_codes(contract);
        let unseen: Vec<_> = promised
            .iter()
            .filter(|code| !provoked.codes.contains(&(contract.name(), (**code).to_owned())))
            .copied()
            .collect();
        let expected: &[&str] = match contract {
            V0 => &["27"],
            V06 | V1 => &["INTERNAL"],
        };
        assert_eq!(unseen, expected, "{contract:?}");
    }
}

/// The codes of the errors that a document has.
fn documented_codes(contract: Contract) -> BTreeSet<&'static str> {
    let mut lines = contract.document().lines().map(str::trim);
    let mut codes = BTreeSet::new();
    while let Some(line) = lines.next() {
        if line == "code:"
            && let Some(listed) = lines.next().and_then(|line| line.strip_prefix("enum: ["))
        {
            codes.extend(listed.trim_end_matches(']').split(", "));
        }
    }
    assert!(codes.len() > 10, "{codes:?}");
    codes
}

async fn by_what_is_sent(provoked: &mut Provoked) {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure(
        "\n[rest]\nlisten = \"127.0.0.1:0\"\nidentifiers = [\"phoneNumber\", \"networkAccessIdentifier\"]\n\
         served_numbers = [\"+999000\"]\n[rest.limits]\nbody_timeout = \"300ms\"\n",
    );
    let issuer = Issuer::new();
    issuer.trusted_by(&mut home, "clients = [\"gateway\"]");
    let daemon = home.start().await;
    let (known, other) = (Subscriber::nth(1), Subscriber::nth(2));
    let csv = home.write(
        "people.csv",
        &format!(
            "imsi,msisdn,external_id\n{},{},one@iot.example\n{},{},two@iot.example\n",
            known.imsi,
            known.number(),
            other.imsi,
            other.number()
        ),
    );
    assert!(daemon.import(&csv).await.status.success());
    let token = issuer.of_client("gateway");
    let body = by_number(&known.number());
    let with = |name: &str, value: Value| {
        let mut claims = claims("gateway");
        claims[name] = value;
        issuer.signed(&claims)
    };
    for contract in Contract::ALL {
        let mut answers = Answers::of(contract, daemon.rest()).await;
        let fine = Ask::about(contract, &body).token(&token);
        let about = |body: Value| Ask::about(contract, &body).token(&token);
        let beside = |body: Value| Ask::about(contract, &body).token(&issuer.about(&known.number()));
        let mut cases = vec![
            (
                fine.clone().target(&retrieve(contract).replace("retrieve", "%2")),
                Cause::InvalidPath,
            ),
            (fine.clone().body(""), Cause::MissingBody),
            (fine.clone().body("[]"), Cause::InvalidBody),
            (about(json!({"device": {}})), Cause::MissingField),
            (about(by_number("12")), Cause::InvalidField),
            (fine.clone().without("Content-Type"), Cause::MissingHeader),
            (fine.clone().without("Host"), Cause::MissingHeader),
            (
                fine.clone().with("X-Correlator", &"x".repeat(257)),
                Cause::InvalidHeader,
            ),
            (
                fine.clone().target(&format!("{}?a=%", retrieve(contract))),
                Cause::InvalidQueryParameter,
            ),
            (fine.clone().without("Authorization"), Cause::MissingCredentials),
            (fine.clone().token("x"), Cause::InvalidCredentials),
            (
                fine.clone().token(&with("exp", json!(now() - 3600))),
                Cause::ExpiredCredentials,
            ),
            (
                fine.clone().token(&with("scope", json!("openid"))),
                Cause::InsufficientScope,
            ),
            (
                fine.clone().token(&with("client_id", json!("other"))),
                Cause::ForbiddenClient,
            ),
            (
                fine.clone().target(&format!("{}/nowhere", retrieve(contract))),
                Cause::NotFound,
            ),
            (about(by_number("+999000999")), Cause::DeviceNotFound),
            (fine.clone().method("PUT"), Cause::MethodNotAllowed),
            (fine.clone().with("Accept", "text/html"), Cause::NotAcceptable),
            (fine.clone().bare(), Cause::LengthRequired),
            (
                fine.clone().with("If-Match", "\"abc\""),
                Cause::PreconditionFailed,
            ),
            (fine.clone().body(&"x".repeat(16_385)), Cause::ContentTooLarge),
            (
                fine.clone()
                    .target(&format!("{}?{}", retrieve(contract), "x".repeat(2100))),
                Cause::UriTooLong,
            ),
            (
                fine.clone().with("Content-Type", "text/plain"),
                Cause::UnsupportedMediaType,
            ),
            (
                fine.clone().with("Content-Encoding", "gzip"),
                Cause::UnsupportedMediaType,
            ),
            (about(json!({})), Cause::MissingIdentifier),
            (
                about(json!({"device": {"ipv4Address": {"publicAddress": "192.0.2.1", "publicPort": 4000}}})),
                Cause::UnsupportedIdentifier,
            ),
            (about(by_number("+99912345678")), Cause::NotApplicable),
            (fine.clone(), Cause::CannotTell),
            // The body does not come.
            (
                fine.clone().body("{").with("Content-Length", "100"),
                Cause::RequestTimeout,
            ),
        ];
        match contract {
            V1 => cases.push((beside(body.clone()), Cause::UnnecessaryIdentifier)),
            V0 | V06 => cases.extend([
                (beside(by_number(&other.number())), Cause::TokenContext),
                (
                    about(json!({"device": {
                        "phoneNumber": known.number(), "networkAccessIdentifier": "two@iot.example"
                    }})),
                    Cause::IdentifiersMismatch,
                ),
            ]),
        }
        for (ask, cause) in cases {
            let reply = ask.send(daemon.rest()).await;
            provoked.saw(&reply, contract, cause);
            answers.add(&reply);
        }
        answers.assert_valid().await;
    }
}

async fn by_how_much_is_sent(provoked: &mut Provoked) {
    for contract in Contract::ALL {
        let ask = Ask::about(contract, &by_number("+99900000001"));
        let daemon = unguarded("rate = 1\nburst = 2").await;
        for _ in 0..2 {
            ask.send(daemon.1.rest()).await;
        }
        let reply = ask.send(daemon.1.rest()).await;
        provoked.saw(&reply, contract, Cause::TooManyRequests);
        assert_eq!(reply.headers["retry-after"], "1");

        let daemon = unguarded("per_day = 1").await;
        ask.send(daemon.1.rest()).await;
        let reply = ask.send(daemon.1.rest()).await;
        provoked.saw(&reply, contract, Cause::QuotaExceeded);
        let wait: u64 = reply.headers["retry-after"].parse().unwrap();
        assert!((1..=24 * 3600).contains(&wait));

        // One request takes all the room there is, until its body has come.
        let daemon = unguarded("concurrency = 1").await;
        let octets = ask.octets(true);
        let (most, rest) = octets.split_at(octets.len() - 1);
        let (mut slow, reply) = crate::support::eventually("there is no room", async || {
            let mut slow = TcpStream::connect(daemon.1.rest()).await.unwrap();
            slow.write_all(most).await.unwrap();
            // If this one comes first, the slow one may be the one that is refused.
            let reply = ask.send(daemon.1.rest()).await;
            (reply.status == 503).then_some((slow, reply))
        })
        .await;
        provoked.saw(&reply, contract, Cause::OverCapacity);
        assert_eq!(reply.headers["retry-after"], "1");
        slow.write_all(rest).await.unwrap();
        let answered = Reply::read_to_end(&mut slow).await.status;
        assert!([404, 503].contains(&answered), "{answered}");
    }
}

async fn unguarded(limits: &str) -> (Home, Daemon) {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure(&format!(
        "\n[rest]\nlisten = \"127.0.0.1:0\"\nauth.mode = \"none\"\n[rest.limits]\n{limits}\n"
    ));
    let daemon = home.start().await;
    (home, daemon)
}

async fn by_what_is_not_there(provoked: &mut Provoked) {
    // A store that is not there: nobody knows yet who is known.
    let mut home = Home::on_store("postgres://127.0.0.1:9/nowhere");
    home.configure("\n[rest]\nlisten = \"127.0.0.1:0\"\nauth.mode = \"none\"\n");
    let daemon = home.spawn().await;
    for contract in Contract::ALL {
        let ask = Ask::about(contract, &by_number("+99900000001"));
        let reply = ask.send(daemon.rest()).await;
        provoked.saw(&reply, contract, Cause::NotReady);
        assert_eq!(reply.headers["retry-after"], "1");
    }
    daemon.kill();

    // An authorization server that talks nonsense, one that says nothing, and none.
    let nonsense = Router::new().fallback(|| std::future::ready("nonsense"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let talks = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, nonsense).await });
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = closed.local_addr().unwrap();
    drop(closed);
    for (server, cause) in [
        (talks, Cause::KeysInvalid),
        (silent.local_addr().unwrap(), Cause::KeysTimedOut),
        (nobody, Cause::KeysUnreachable),
    ] {
        let (_home, daemon) = trusting(server).await;
        let token = Issuer::new().of_client("gateway");
        for contract in Contract::ALL {
            let ask = Ask::about(contract, &by_number("+99900000001")).token(&token);
            provoked.saw(&ask.send(daemon.rest()).await, contract, cause);
        }
    }
}

async fn trusting(server: SocketAddr) -> (Home, Daemon) {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure(&format!(
        "\n[rest]\nlisten = \"127.0.0.1:0\"\n[rest.auth]\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\n\
         jwks_url = \"http://{server}/jwks\"\n"
    ));
    let daemon = home.start().await;
    (home, daemon)
}
