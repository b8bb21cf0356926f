//! Signatures of each kind. Those of RSA were made with openssl by a key that was thrown away; the others are made here.
#![allow(clippy::unwrap_used)]

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use serde_json::{Value, json};

use super::*;

const RSA_N: &str = concat!(
    "n4b8apTe0BRt-kTJh6aVwMoEuoZBzdW89t6GtoF-JF9GXGlVKJMoHCs8LrjpwtPfFplTBTLOsWkuh5WMg_BK7QkmKT1kIF0WWHit",
    "Mucb5Nf0lSLWK-3exwYBO8G6EE0vRfezcRWyizllqJOzCxuMq-8B6dgIdxazCEgjMaCxeRXdl0Lz8PnGhHTWb-hTh2BEKmmgbyQV",
    "TlAfwVG8Hkp8sHbJv1Ee2cItpmeIKGrbyxE0vq3BeX5Dyi0avvtq_Pa1ra2jj0IFzJUpQLfnYoEpW7ufmbxjk7e0G5JolcAWZi3e",
    "LLsY1IHlNg00CRxcKiVgkd2blGXa8SOaNBB2knKSsQ",
);

const RS256: &str = concat!(
    "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInJzYSJ9.eyJzdWIiOiJyc2EifQ.KIn46nSwVdpUuR1u7tCxK1ClUsdNpDbOwu1G5GSr",
    "k1mfncLVJfcfXXp7Mma2VSYQmmlWDE_1Ovw9_xlA5MLIfbwiBZQukR982Aam0d5LtqYOVY3sxdiJMH6n4z4n03pP077Ke3c69UHn",
    "UqFMAofVmeJJVI-D1giULNzyiXEMJDqW_Lrx23XXfu1AWQEp0_u1Ar2JjGKCoPrHlVNaffWLwos5PuEay4BY0UXDxj-UQmrwUPBX",
    "uwhL1Atevb9XubjOHLvdtzQDRKbxt9x6N7hdEde640Y6A2KfkPnwqmltA--2Bb0P0wtfaDh8YLpNidke2F86Z7vFgmBJEz8kI_cn",
    "ZQ",
);

const PS256: &str = concat!(
    "eyJhbGciOiAiUFMyNTYiLCAia2lkIjogInJzYSJ9.eyJzdWIiOiJyc2EifQ.Zv-MP96R9XeZG8S9wwmGZihxj_02LCgZuMYA2yCg",
    "OMXzrudLn0UqGFotVi-Nah5PTXdnMKm_WpdJLAnjDAQbt01JFEBmLZbZsNBQYDQEZUPjOs0AxsoWzGgj_D1yKLj27NghyQyiugwy",
    "0G8qdJYFaZp57QcDX4711x-MlF3JROlT4UdVkJcPo60HLdr_e0-MdpmAvWaQyY9E8wlBkjhqpgjgEgbbLSuXxZSiLtlCBuzA7LKW",
    "BMGUFmuNgsHf3ucVoDfWdjAIY7CpepHOVFS3j-8wpNsSZM4StKqEodsGi8kuDhVoPRqK0FhqNUXNFV8kW16opB7BQ3WR8jV0kSst",
    "2g",
);

const RS512: &str = concat!(
    "eyJhbGciOiAiUlM1MTIiLCAia2lkIjogInJzYSJ9.eyJzdWIiOiJyc2EifQ.eQFv72ZQceWUslK2_G14Z33Shq97jtTF-HArA0EH",
    "Gkcc6PLc8p5ekd_az6JKR_ASZmugZdO4aKF1bYuYlYcQKFSfhZ0hPdZ3Y7ghdQZQUoBl27bnjM5RTxDP-Lktrf0Z_xXAMHbPT6Mc",
    "0wsaZ9mtwcu2_GCqEdmBhUbPku76mSeQZi5QgZcxsD_c5oRH5ZvEjaGgdv_Do5-nKEzJyHEJyFpBBoIRhnnNpoGImwS_TRka6DRu",
    "paKX0HrFwVA_ycG93o3PURvo28w_OJpa-8nayJ0RmJJxdmCZ3KvQAsh1dzakDIBrv_ULoRWopBLiUH6fnOztG0FtN45HNWHAclH8",
    "Mg",
);

fn set(keys: Value) -> KeySet {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn rsa() -> Value {
    json!({"kty": "RSA", "kid": "rsa", "use": "sig", "n": RSA_N, "e": "AQAB"})
}

fn signed_part(algorithm: &str, kid: Option<&str>) -> String {
    let mut header = json!({ "alg": algorithm });
    if let Some(kid) = kid {
        header["kid"] = json!(kid);
    }
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", encode(&header), encode(&json!({"sub": "made"})))
}

fn token(signed: &str, signature: &[u8]) -> String {
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn says(set: &KeySet, text: &str) -> Option<Vec<u8>> {
    set.verified(&Token::read(text).unwrap())
}

/// The same token with one octet of its payload changed.
fn forged(text: &str) -> String {
    let mut parts: Vec<_> = text.split('.').collect();
    let payload = URL_SAFE_NO_PAD.encode(r#"{"sub":"forged"}"#);
    parts[1] = &payload;
    parts.join(".")
}

#[test]
fn signatures_of_rsa_hold_and_forged_ones_do_not() {
    let set = set(json!([rsa()]));
    for text in [RS256, PS256, RS512] {
        assert_eq!(says(&set, text).unwrap(), br#"{"sub":"rsa"}"#);
        assert_eq!(says(&set, &forged(text)), None);
    }
}

#[test]
fn a_key_for_one_algorithm_or_for_encryption_checks_no_other() {
    let with = |name: &str, value: &str| {
        let mut key = rsa();
        key[name] = json!(value);
        key
    };
    let only = set(json!([with("alg", "PS256")]));
    assert!(says(&only, PS256).is_some());
    assert_eq!(says(&only, RS256), None);
    let document = json!({"keys": [with("use", "enc")]}).to_string();
    assert_eq!(KeySet::read(document.as_bytes()), Err(NoKeys));
}

#[test]
fn signatures_on_elliptic_curves_hold_and_forged_ones_do_not() {
    let random = SystemRandom::new();
    for (algorithm, curve, signing) in [
        ("ES256", "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
        ("ES384", "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
    ] {
        let pair = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(signing, pair.as_ref(), &random).unwrap();
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let set = set(json!([{"kty": "EC", "crv": curve, "kid": "ec", "x": x, "y": y}]));
        let signed = signed_part(algorithm, Some("ec"));
        let text = token(&signed, pair.sign(&random, signed.as_bytes()).unwrap().as_ref());
        assert!(says(&set, &text).is_some(), "{algorithm}");
        assert_eq!(says(&set, &forged(&text)), None);
        // Under another name it is another key, and without a name it is tried.
        let signed = signed_part(algorithm, Some("other"));
        let text = token(&signed, pair.sign(&random, signed.as_bytes()).unwrap().as_ref());
        assert_eq!(says(&set, &text), None);
        let signed = signed_part(algorithm, None);
        let text = token(&signed, pair.sign(&random, signed.as_bytes()).unwrap().as_ref());
        assert!(says(&set, &text).is_some(), "{algorithm}");
    }
}

#[test]
fn signatures_of_ed25519_hold_and_forged_ones_do_not() {
    let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pair.as_ref()).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let set = set(json!([{"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA"}]));
    let signed = signed_part("EdDSA", None);
    let text = token(&signed, pair.sign(signed.as_bytes()).as_ref());
    assert!(says(&set, &text).is_some());
    assert_eq!(says(&set, &forged(&text)), None);
}

#[test]
fn a_public_key_is_no_shared_secret() {
    // The oldest trick: HS256 with the published key as the secret. Such a token is none here.
    assert!(Token::read(&token(&signed_part("HS256", Some("rsa")), b"x")).is_none());
    let secret = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}).to_string();
    assert_eq!(KeySet::read(secret.as_bytes()), Err(NoKeys));
}

#[test]
fn keys_of_no_use_are_passed_over_and_a_document_without_others_is_refused() {
    let odd = json!([
        7, {}, {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "AA", "e": "AQAB"}, {"kty": "OKP", "crv": "X25519", "x": "AA"}, rsa()
    ]);
    assert!(says(&set(odd), RS256).is_some());
    for document in [
        "",
        "[]",
        "{}",
        r#"{"keys": []}"#,
        r#"{"keys": [{"kty": "EC"}]}"#,
        "<html>",
    ] {
        assert_eq!(KeySet::read(document.as_bytes()), Err(NoKeys), "{document}");
    }
}
