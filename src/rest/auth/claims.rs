//! What a token says (RFC 7519, RFC 9068 §2.2), judged by the configuration.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Caller;
use super::config::AuthConfig;
use crate::rest::cause::Cause;
use crate::rest::device::TokenDevice;

/// The scope that reading needs.
pub const SCOPE: &str = "device-reachability-status:read";
/// The longest client id that is kept, in octets.
const MOST_CLIENT: usize = 256;

/// What is expected of tokens.
#[derive(Clone, Debug)]
pub struct Judge {
    issuer: String,
    audience: String,
    device_claim: String,
    clients: Vec<String>,
    /// In seconds.
    leeway: u64,
}

impl Judge {
    /// As configured.
    pub fn new(config: &AuthConfig) -> Self {
        Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            device_claim: config.device_claim.clone(),
            clients: config.clients.clone(),
            leeway: config.leeway.as_secs(),
        }
    }

    /// Who asks, and until when (in seconds since 1970) that may be believed.
    ///
    /// # Errors
    /// [`Cause::InvalidCredentials`] or [`Cause::ExpiredCredentials`]. That a caller is known and may not read is no error
    /// here.
    pub fn caller(&self, payload: &[u8], now: u64) -> Result<(Caller, u64), Cause> {
        let claims: Map<String, Value> =
            serde_json::from_slice(payload).map_err(|_| Cause::InvalidCredentials)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let time = |name: &str| claims.get(name).and_then(Value::as_f64);
        let among = |name: &str, wanted: &str| match claims.get(name) {
            Some(Value::String(one)) => one == wanted,
            Some(Value::Array(many)) => many.iter().any(|one| one == wanted),
            _ => false,
        };
        if text("iss") != Some(&self.issuer) || !among("aud", &self.audience) {
            return Err(Cause::InvalidCredentials);
        }
        let expires = time("exp")
            .filter(|at| *at >= 0.0)
            .ok_or(Cause::InvalidCredentials)?;
        // Saturates; what lies beyond the end of time is as good as there.
        let until = (expires as u64).saturating_add(self.leeway);
        if now >= until {
            return Err(Cause::ExpiredCredentials);
        }
        let begins = claims.contains_key("nbf").then(|| time("nbf"));
        let begun = match begins {
            None => true,
            Some(at) => at.is_some_and(|at| at <= now.saturating_add(self.leeway) as f64),
        };
        if !begun {
            return Err(Cause::InvalidCredentials);
        }

        let device = claims
            .get(&self.device_claim)
            .map(|claim| claim.as_str().map_or(TokenDevice::Unreadable, TokenDevice::read));
        // Of a token about a device the subject may be the device's user, and no client.
        let subject = text("sub").filter(|_| device.is_none());
        let client = text("client_id")
            .or_else(|| text("azp"))
            .or(subject)
            .filter(|client| (1..=MOST_CLIENT).contains(&client.len()))
            .unwrap_or("unnamed");
        let scoped = text("scope").is_some_and(|scopes| scopes.split(' ').any(|scope| scope == SCOPE))
            || among("scp", SCOPE);
        let served = self.clients.is_empty() || self.clients.iter().any(|known| known == client);
        let barred = match (scoped, served) {
            (_, false) => Some(Cause::ForbiddenClient),
            (false, true) => Some(Cause::InsufficientScope),
            (true, true) => None,
        };
        let caller = Caller {
            client: Arc::from(client),
            device,
            barred,
        };
        Ok((caller, until))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn judge(claims: Value) -> Result<(Caller, u64), Cause> {
        let config = AuthConfig {
            issuer: "https://idp.example".into(),
            audience: "reachd".into(),
            clients: vec!["gateway".into(), "lab".into()],
            ..AuthConfig::default()
        };
        Judge::new(&config).caller(claims.to_string().as_bytes(), NOW)
    }

    fn fine() -> Value {
        json!({
            "iss": "https://idp.example", "aud": ["other", "reachd"], "exp": NOW + 60, "nbf": NOW,
            "client_id": "gateway", "sub": "somebody", "scope": format!("openid {SCOPE}")
        })
    }

    fn but(name: &str, value: Value) -> Value {
        let mut claims = fine();
        match value {
            Value::Null => {
                claims.as_object_mut().unwrap().remove(name);
            }
            value => claims[name] = value,
        }
        claims
    }

    #[test]
    fn a_good_token_says_which_client_asks_and_until_when() {
        let (caller, until) = judge(fine()).unwrap();
        assert_eq!(&*caller.client, "gateway");
        assert_eq!((caller.device.clone(), caller.may_read()), (None, Ok(())));
        assert_eq!(until, NOW + 60 + 30);
        assert_eq!(
            &*judge(but("client_id", Value::Null)).unwrap().0.client,
            "somebody"
        );
        assert_eq!(judge(but("aud", json!("reachd"))).unwrap().0, caller);
    }

    #[test]
    fn a_token_of_others_or_for_others_or_without_an_end_is_not_taken() {
        for (name, value) in [
            ("iss", json!("https://other.example")),
            ("iss", Value::Null),
            ("aud", json!("other")),
            ("aud", json!([])),
            ("aud", Value::Null),
            ("exp", Value::Null),
            ("exp", json!("soon")),
            ("exp", json!(-1)),
            ("nbf", json!(NOW + 31)),
            ("nbf", json!("now")),
        ] {
            assert_eq!(
                judge(but(name, value.clone())),
                Err(Cause::InvalidCredentials),
                "{name} {value}"
            );
        }
        assert_eq!(judge(but("exp", json!(NOW - 30))), Err(Cause::ExpiredCredentials));
        assert!(judge(but("exp", json!(NOW - 29))).is_ok());
        assert!(judge(but("exp", json!(1e300))).is_ok());
    }

    #[test]
    fn a_client_needs_the_scope_and_to_be_served() {
        let barred = |claims| judge(claims).unwrap().0.barred;
        for scope in [
            Value::Null,
            json!("openid"),
            json!("device-reachability-status:read-all"),
        ] {
            assert_eq!(barred(but("scope", scope)), Some(Cause::InsufficientScope));
        }
        let mut claims = but("scope", Value::Null);
        claims["scp"] = json!([SCOPE]);
        assert_eq!(barred(claims), None);
        assert_eq!(
            barred(but("client_id", json!("stranger"))),
            Some(Cause::ForbiddenClient)
        );
    }

    #[test]
    fn the_claim_of_a_three_legged_token_names_its_device() {
        let device = |value| judge(but("phone_number", value)).unwrap().0.device;
        assert_eq!(device(json!("+99912345")), Some(TokenDevice::read("+99912345")));
        assert!(matches!(
            device(json!("meter@iot.example")),
            Some(TokenDevice::Known(_))
        ));
        for unreadable in [
            json!("99912345"),
            json!(""),
            json!(99_912_345),
            json!(["+99912345"]),
        ] {
            assert_eq!(device(unreadable), Some(TokenDevice::Unreadable));
        }
        // Its subject may be the user, and is not kept.
        let mut claims = but("phone_number", json!("+99912345"));
        claims.as_object_mut().unwrap().remove("client_id");
        assert_eq!(&*judge(claims).unwrap().0.client, "unnamed");
    }
}
