//! A signed token in its compact form (RFC 7515 §7.1), taken apart.
//!
//! ```text
//! base64url(header) . base64url(payload) . base64url(signature)
//! └────────── signed ──────────────────┘
//! ```

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// The algorithms that are taken (RFC 7518 §3, RFC 8037). All have a public key: with a shared secret whoever checks could
/// sign as well. And none is no algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    #[serde(alias = "Ed25519")]
    EdDSA,
}

/// The members of the header that are looked at.
#[derive(Debug, Deserialize)]
struct Header {
    alg: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

/// A token whose signature has not been looked at.
#[derive(Debug)]
pub struct Token<'a> {
    /// How it says it is signed.
    pub algorithm: Algorithm,
    /// With which key it says it is.
    pub kid: Option<String>,
    /// What is signed.
    pub signed: &'a str,
    /// What it says. Not to be believed yet.
    pub(super) payload: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart; `None` if it is none, or of a kind that is not taken here.
    pub fn read(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        // Extensions that must be understood are not (RFC 7515 §4.1.11).
        if header.crit.is_some() || !header.typ.as_deref().is_none_or(is_access_token) {
            return None;
        }
        Some(Self {
            algorithm: header.alg,
            kid: header.kid,
            signed,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Types that are no access token (a logout token, a request object) have a name of their own (RFC 8725 §3.11).
fn is_access_token(typ: &str) -> bool {
    ["jwt", "at+jwt", "application/at+jwt"]
        .iter()
        .any(|known| typ.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn with(header: &str) -> String {
        format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn a_token_is_taken_apart() {
        let text = with(r#"{"alg": "ES256", "kid": "k1", "typ": "at+jwt", "x": 1}"#);
        let token = Token::read(&text).unwrap();
        assert_eq!(token.algorithm, Algorithm::ES256);
        assert_eq!(token.kid.as_deref(), Some("k1"));
        assert_eq!((&*token.payload, &*token.signature), (&b"{}"[..], &b"sig"[..]));
        assert_eq!(format!("{}.c2ln", token.signed), text);
    }

    #[test]
    fn neither_unsigned_nor_shared_secret_nor_foreign_kinds_are_taken() {
        for header in [
            r#"{"alg": "none"}"#,
            r#"{"alg": "HS256"}"#,
            r#"{"alg": "es256"}"#,
            r#"{"typ": "JWT"}"#,
            r#"{"alg": "ES256", "crit": ["b64"], "b64": false}"#,
            r#"{"alg": "ES256", "typ": "logout+jwt"}"#,
            "x",
        ] {
            assert!(Token::read(&with(header)).is_none(), "{header}");
        }
        for text in ["", ".", "..", "a.b", "a.b.c.d", "e30.e30.=="] {
            assert!(Token::read(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_taken_apart_or_refused(text in "[a-zA-Z0-9_.=-]{0,100}") {
            let _ = Token::read(&text);
        }
    }
}
