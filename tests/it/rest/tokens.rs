//! An authorization server of the tests: a key, its publication, and tokens.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::support::daemon::Home;

pub(super) const ISSUER: &str = "https://idp.example";
pub(super) const AUDIENCE: &str = "https://api.example";
pub(super) const SCOPE: &str = "device-reachability-status:read";

pub(super) struct Issuer {
    pair: Ed25519KeyPair,
    kid: &'static str,
}

impl Issuer {
    pub(super) fn new() -> Self {
        Self::named("k1")
    }

    /// One whose key has that name.
    pub(super) fn named(kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self {
            pair: Ed25519KeyPair::from_pkcs8(pair.as_ref()).unwrap(),
            kid,
        }
    }

    /// The JWKS document.
    pub(super) fn published(&self) -> String {
        Self::published_together(&[self])
    }

    /// One document with the keys of all of them.
    pub(super) fn published_together(issuers: &[&Self]) -> String {
        let key = |issuer: &&Self| {
            let x = URL_SAFE_NO_PAD.encode(issuer.pair.public_key());
            json!({"kty": "OKP", "crv": "Ed25519", "kid": issuer.kid, "use": "sig", "x": x})
        };
        json!({"keys": issuers.iter().map(key).collect::<Vec<_>>()}).to_string()
    }

    /// Has a daemon trust this issuer; `more` are further lines of `[rest.auth]`.
    pub(super) fn trusted_by(&self, home: &mut Home, more: &str) {
        let keys = home.write("jwks.json", &self.published());
        home.configure(&format!(
            "\n[rest.auth]\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\njwks_file = \"{}\"\n{more}\n",
            keys.display()
        ));
    }

    /// A two-legged token of a client.
    pub(super) fn of_client(&self, client: &str) -> String {
        self.signed(&claims(client))
    }

    /// A three-legged token about a device.
    pub(super) fn about(&self, number: &str) -> String {
        let mut claims = claims("gateway");
        claims["phone_number"] = json!(number);
        self.signed(&claims)
    }

    pub(super) fn signed(&self, claims: &Value) -> String {
        self.signed_with(&json!({"alg": "EdDSA", "kid": self.kid, "typ": "at+jwt"}), claims)
    }

    pub(super) fn signed_with(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// What a good two-legged token says.
pub(super) fn claims(client: &str) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": now() + 3600, "client_id": client, "scope": SCOPE
    })
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
