//! The keys of an authorization server (JWKS, RFC 7517), and signatures checked with them.
//!
//! Keys that cannot be used for this (encryption, shared secrets, unknown curves) are passed over.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

use super::jws::{Algorithm, Token};

/// Keys that are looked at, at most.
const MOST_KEYS: usize = 64;

/// A document as it was published.
#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

/// The members of a key that are looked at.
#[derive(Deserialize)]
struct Published {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// What a signature is checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    kid: Option<String>,
    alg: Option<String>,
    material: Material,
}

/// The keys of an authorization server. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// The document has no key that signatures could be checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no JWKS document with a key to check signatures with (RSA, EC on P-256 or P-384, Ed25519)")]
pub struct NoKeys;

impl KeySet {
    /// Reads a document.
    ///
    /// # Errors
    /// That it is none, or has no key of use.
    pub fn read(document: &[u8]) -> Result<Self, NoKeys> {
        let document: Document = serde_json::from_slice(document).map_err(|_| NoKeys)?;
        let keys: Vec<_> = document
            .keys
            .into_iter()
            .take(MOST_KEYS)
            .filter_map(|key| Key::new(serde_json::from_value(key).ok()?))
            .collect();
        if keys.is_empty() {
            return Err(NoKeys);
        }
        Ok(Self { keys })
    }

    /// What a token says, if its signature holds.
    pub fn verified(&self, token: &Token<'_>) -> Option<Vec<u8>> {
        self.fitting(token)
            .any(|key| key.verifies(token))
            .then(|| token.payload.clone())
    }

    /// The keys that a token may be signed with: the one that it names, or any if it names none.
    fn fitting<'a>(&'a self, token: &'a Token<'_>) -> impl Iterator<Item = &'a Key> {
        self.keys
            .iter()
            .filter(|key| token.kid.is_none() || key.kid == token.kid)
            .filter(|key| key.fits(token.algorithm))
    }
}

impl Key {
    fn new(published: Published) -> Option<Self> {
        let Published {
            kty,
            kid,
            alg,
            usage,
            crv,
            n,
            e,
            x,
            y,
        } = published;
        if usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let material = match (kty.as_str(), crv.as_deref()) {
            ("RSA", _) => {
                let n = decode(n)?;
                let significant = n.iter().position(|octet| *octet != 0)?;
                Material::Rsa {
                    n: n.get(significant..)?.to_vec(),
                    e: decode(e)?,
                }
            }
            ("EC", Some("P-256")) => Material::P256(point(x, y, 32)?),
            ("EC", Some("P-384")) => Material::P384(point(x, y, 48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(decode(x).filter(|x| x.len() == 32)?),
            _ => return None,
        };
        Some(Self { kid, alg, material })
    }

    /// Whether the algorithm is one of the key's kind, and the one that the key is for if it is for one alone.
    fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm as A;
        let kind = match self.material {
            Material::Rsa { .. } => matches!(
                algorithm,
                A::RS256 | A::RS384 | A::RS512 | A::PS256 | A::PS384 | A::PS512
            ),
            Material::P256(_) => algorithm == A::ES256,
            Material::P384(_) => algorithm == A::ES384,
            Material::Ed25519(_) => algorithm == A::EdDSA,
        };
        let name = format!("{algorithm:?}");
        kind && self
            .alg
            .as_deref()
            .is_none_or(|alg| alg == name || (alg == "Ed25519" && algorithm == A::EdDSA))
    }

    fn verifies(&self, token: &Token<'_>) -> bool {
        let (signed, signature) = (token.signed.as_bytes(), &token.signature);
        match &self.material {
            Material::Rsa { n, e } => {
                let parameters = match token.algorithm {
                    Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
                    Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
                    Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
                    _ => return false,
                };
                RsaPublicKeyComponents { n, e }
                    .verify(parameters, signed, signature)
                    .is_ok()
            }
            Material::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(signed, signature)
                .is_ok(),
            Material::P384(point) => UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point)
                .verify(signed, signature)
                .is_ok(),
            Material::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key)
                .verify(signed, signature)
                .is_ok(),
        }
    }
}

fn decode(text: Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

/// An uncompressed point (SEC 1 §2.3.3).
fn point(x: Option<String>, y: Option<String>, size: usize) -> Option<Vec<u8>> {
    let (x, y) = (decode(x)?, decode(y)?);
    (x.len() == size && y.len() == size).then(|| [&[4][..], &x, &y].concat())
}

#[cfg(test)]
mod tests;
