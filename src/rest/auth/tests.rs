//! Tokens against keys that change, from a file and from a server of this test.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, StatusCode};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

const NOW: u64 = 1_790_000_000;
const WAITING: usize = 8;
const ISSUER: &str = "https://idp.example";

/// A key of the authorization server.
struct Signer {
    kid: &'static str,
    pair: Ed25519KeyPair,
}

impl Signer {
    fn new(kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self {
            kid,
            pair: Ed25519KeyPair::from_pkcs8(pair.as_ref()).unwrap(),
        }
    }

    fn published(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": x})
    }

    fn token(&self, client: &str, expires: u64) -> String {
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = encode(json!({"alg": "EdDSA", "kid": self.kid}));
        let payload = encode(json!({
            "iss": ISSUER, "aud": "reachd", "exp": expires, "client_id": client, "scope": claims::SCOPE
        }));
        let signed = format!("{header}.{payload}");
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

fn document(signers: &[&Signer]) -> String {
    let keys: Vec<_> = signers.iter().map(|signer| signer.published()).collect();
    json!({ "keys": keys }).to_string()
}

fn config() -> AuthConfig {
    AuthConfig {
        issuer: ISSUER.into(),
        audience: "reachd".into(),
        ..AuthConfig::default()
    }
}

fn on_file(path: &Path, document: &str) -> Auth {
    std::fs::write(path, document).unwrap();
    Auth::new(
        &AuthConfig {
            jwks_file: path.to_owned(),
            ..config()
        },
        WAITING,
    )
    .unwrap()
}

async fn caller(auth: &Auth, authorization: &str, now: u64) -> Result<Caller, Cause> {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::AUTHORIZATION,
        HeaderValue::from_str(authorization).unwrap(),
    );
    auth.caller(&headers, None, now)
        .await
        .map_err(|problem| problem.cause)
}

#[tokio::test]
async fn a_token_is_good_until_it_expires_also_when_it_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let signer = Signer::new("k1");
    let auth = on_file(&dir.path().join("jwks"), &document(&[&signer]));
    let bearer = format!("Bearer {}", signer.token("gateway", NOW + 60));
    for _ in 0..2 {
        let caller = caller(&auth, &bearer, NOW).await.unwrap();
        assert_eq!(&*caller.client, "gateway");
    }
    assert_eq!(
        caller(&auth, &bearer, NOW + 90).await,
        Err(Cause::ExpiredCredentials)
    );
    let Auth::Tokens(tokens) = &auth else {
        unreachable!()
    };
    assert_eq!(tokens.good.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn whatever_is_no_bearer_token_is_invalid_and_nothing_at_all_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let signer = Signer::new("k1");
    let auth = on_file(&dir.path().join("jwks"), &document(&[&signer]));
    let token = signer.token("gateway", NOW + 60);
    let missing = auth.caller(&HeaderMap::new(), None, NOW).await.unwrap_err();
    assert_eq!(missing.cause, Cause::MissingCredentials);
    let long = format!("Bearer {}", "x".repeat(MOST_TOKEN + 1));
    for authorization in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        &format!("Basic {token}"),
        &format!("Bearer {token}x"),
        &long,
    ] {
        assert_eq!(
            caller(&auth, authorization, NOW).await,
            Err(Cause::InvalidCredentials)
        );
    }
    assert!(caller(&auth, &format!("bearer  {token}"), NOW).await.is_ok());
    let stranger = Signer::new("k1").token("gateway", NOW + 60);
    assert_eq!(
        caller(&auth, &format!("Bearer {stranger}"), NOW).await,
        Err(Cause::InvalidCredentials)
    );
}

/// An authorization server that publishes what it is told to, and counts how often it is asked.
struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
    document: Arc<Mutex<(StatusCode, String)>>,
    /// Held, it keeps the server from answering.
    gate: Arc<tokio::sync::Mutex<()>>,
}

impl Server {
    async fn start(status: StatusCode, document: String) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks?x=1", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let document = Arc::new(Mutex::new((status, document)));
        let gate = Arc::new(tokio::sync::Mutex::new(()));
        let (counted, published) = (Arc::clone(&asked), Arc::clone(&document));
        let passed = Arc::clone(&gate);
        let answer = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let (published, passed) = (Arc::clone(&published), Arc::clone(&passed));
            async move {
                drop(passed.lock().await);
                let answer = published.lock().unwrap();
                answer.clone()
            }
        };
        let router = Router::new().route("/jwks", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            asked,
            document,
            gate,
        }
    }

    fn auth(&self, pause: Duration) -> Auth {
        Auth::new(
            &AuthConfig {
                jwks_url: self.url.clone(),
                jwks_pause: pause,
                ..config()
            },
            WAITING,
        )
        .unwrap()
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_and_an_old_one_goes() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let server = Server::start(StatusCode::OK, document(&[&old])).await;
    let auth = server.auth(Duration::ZERO);
    let old_token = format!("Bearer {}", old.token("gateway", NOW + 60));
    let new_token = format!("Bearer {}", new.token("gateway", NOW + 60));
    assert!(caller(&auth, &old_token, NOW).await.is_ok());
    assert_eq!(
        caller(&auth, &new_token, NOW).await,
        Err(Cause::InvalidCredentials)
    );
    server.document.lock().unwrap().1 = document(&[&new]);
    assert!(caller(&auth, &new_token, NOW).await.is_ok());
    // Remembered as good, and not any more.
    assert_eq!(
        caller(&auth, &old_token, NOW).await,
        Err(Cause::InvalidCredentials)
    );
}

/// Authorization servers may leave names of keys out, or keep them when the keys change.
#[tokio::test]
async fn a_key_that_changes_under_its_name_is_fetched_when_a_token_does_not_fit_the_old_one() {
    let (old, new) = (Signer::new("k1"), Signer::new("k1"));
    let server = Server::start(StatusCode::OK, document(&[&old])).await;
    let auth = server.auth(Duration::ZERO);
    let old_token = format!("Bearer {}", old.token("gateway", NOW + 60));
    let new_token = format!("Bearer {}", new.token("gateway", NOW + 60));
    assert!(caller(&auth, &old_token, NOW).await.is_ok());
    server.document.lock().unwrap().1 = document(&[&new]);
    assert!(caller(&auth, &new_token, NOW).await.is_ok());
    assert_eq!(
        caller(&auth, &old_token, NOW).await,
        Err(Cause::InvalidCredentials)
    );
}

#[tokio::test]
async fn while_a_server_is_slow_only_so_many_wait_for_it_and_known_callers_are_let_in() {
    let signer = Signer::new("k1");
    let server = Server::start(StatusCode::OK, document(&[&signer])).await;
    let auth = Arc::new(server.auth(Duration::ZERO));
    let bearer = format!("Bearer {}", signer.token("gateway", NOW + 60));
    assert!(caller(&auth, &bearer, NOW).await.is_ok());
    let _slow = server.gate.lock().await;
    let stranger = format!("Bearer {}", Signer::new("k2").token("gateway", NOW + 60));
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..=WAITING {
        let (auth, stranger) = (Arc::clone(&auth), stranger.clone());
        waiting.spawn(async move { caller(&auth, &stranger, NOW).await });
    }
    // One of them finds no place to wait in and is told at once.
    let first = waiting.join_next().await.unwrap().unwrap();
    assert_eq!(first, Err(Cause::InvalidCredentials));
    assert_eq!(waiting.len(), WAITING);
    assert!(caller(&auth, &bearer, NOW).await.is_ok());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_server_that_does_not_answer() {
    let server = Server::start(StatusCode::OK, String::new()).await;
    let auth = Arc::new(server.auth(Duration::ZERO));
    let _slow = server.gate.lock().await;
    let closing = CancellationToken::new();
    let keeping = tokio::spawn({
        let (auth, closing) = (Arc::clone(&auth), closing.clone());
        async move { auth.keep_keys(&Reload::default(), closing).await }
    });
    while server.asked.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    closing.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(1), keeping).await;
    assert!(ended.is_ok(), "{ended:?}");
}

#[tokio::test]
async fn strangers_do_not_make_the_keys_be_fetched_again_and_again() {
    let signer = Signer::new("k1");
    let server = Server::start(StatusCode::OK, document(&[&signer])).await;
    let auth = server.auth(Duration::from_secs(3600));
    let bearer = format!("Bearer {}", signer.token("gateway", NOW + 60));
    assert!(caller(&auth, &bearer, NOW).await.is_ok());
    for _ in 0..20 {
        let stranger = format!("Bearer {}", Signer::new("k2").token("gateway", NOW + 60));
        assert_eq!(
            caller(&auth, &stranger, NOW).await,
            Err(Cause::InvalidCredentials)
        );
    }
    assert_eq!(server.asked.load(Ordering::Relaxed), 1);
    assert!(caller(&auth, &bearer, NOW).await.is_ok());
}

#[tokio::test]
async fn without_keys_it_is_said_that_the_token_cannot_be_checked_and_not_that_it_is_bad() {
    let signer = Signer::new("k1");
    let bearer = format!("Bearer {}", signer.token("gateway", NOW + 60));
    let server = Server::start(StatusCode::OK, "no keys".to_owned()).await;
    let auth = server.auth(Duration::ZERO);
    assert_eq!(caller(&auth, &bearer, NOW).await, Err(Cause::KeysInvalid));
    *server.document.lock().unwrap() = (StatusCode::FOUND, String::new());
    assert_eq!(caller(&auth, &bearer, NOW).await, Err(Cause::KeysInvalid));
    *server.document.lock().unwrap() = (StatusCode::OK, document(&[&signer]));
    assert!(caller(&auth, &bearer, NOW).await.is_ok());
    // Whoever was let in before stays in while the server is gone.
    *server.document.lock().unwrap() = (StatusCode::BAD_GATEWAY, String::new());
    assert!(caller(&auth, &bearer, NOW).await.is_ok());
}

#[tokio::test]
async fn without_tokens_clients_are_told_apart_by_their_addresses() {
    let auth = Auth::new(
        &AuthConfig {
            mode: Mode::None,
            ..AuthConfig::default()
        },
        WAITING,
    )
    .unwrap();
    for (remote, client) in [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        // One client has many of these.
        ("2001:db8:1:2::7", "2001:db8:1:2::"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
    ] {
        let remote = Some(remote.parse().unwrap());
        let caller = auth.caller(&HeaderMap::new(), remote, NOW).await.unwrap();
        assert_eq!((&*caller.client, caller.may_read()), (client, Ok(())));
    }
}
