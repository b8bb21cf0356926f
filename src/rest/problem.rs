//! What is wrong with one request, and the response that says so.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::northbound::error::LookupError;

use super::cause::{Cause, Code, Told};
use super::contract::Contract;

/// A cause, and what is known of it beyond the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The row of the table.
    pub cause: Cause,
    /// For people, in place of the row's sentence. Never contains what was sent.
    pub sentence: Option<String>,
    /// When to come again.
    pub retry_after: Option<Duration>,
    /// The methods of the resource, where the method is at fault.
    pub allow: Option<&'static str>,
}

impl From<Cause> for Problem {
    fn from(cause: Cause) -> Self {
        // When it gets better is known; a second is the least that the header can say.
        let soon = matches!(cause, Cause::NotReady | Cause::OverCapacity);
        Self {
            cause,
            sentence: None,
            retry_after: soon.then_some(Duration::from_secs(1)),
            allow: None,
        }
    }
}

impl Problem {
    /// A cause with the member or header at fault. `name` is one of ours, never what was sent.
    pub fn at(cause: Cause, name: &str, sentence: &str) -> Self {
        Self {
            sentence: Some(format!("{name}: {sentence}")),
            ..cause.into()
        }
    }

    /// The method is none of `allow`.
    pub fn method(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Cause::MethodNotAllowed.into()
        }
    }

    /// The client may come again after `wait`.
    pub fn slower(cause: Cause, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..cause.into()
        }
    }

    /// The response, in the words of a contract.
    pub fn response(&self, contract: Contract) -> Response {
        let Told { status, code } = self.cause.told(contract);
        let sentence = self.sentence.as_deref().unwrap_or_else(|| self.cause.sentence());
        let body = match code {
            Code::Number(code, message) => serde_json::to_vec(&Numbered {
                code,
                message,
                description: sentence,
            }),
            Code::Word(code) => serde_json::to_vec(&Worded {
                status: status.as_u16(),
                code,
                message: sentence,
            }),
        };
        let mut response = Response::new(Body::from(body.unwrap_or_default()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(wait) = self.retry_after {
            // Rounded up: who comes at the time told has to get in.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(challenge) = self.challenge(status) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if matches!(self.cause, Cause::ContentTooLarge | Cause::RequestTimeout) {
            // What is left of the body is not worth reading.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// RFC 6750 §3.
    fn challenge(&self, status: StatusCode) -> Option<&'static str> {
        match self.cause {
            Cause::MissingCredentials => Some("Bearer"),
            Cause::InsufficientScope => {
                Some(r#"Bearer error="insufficient_scope", scope="device-reachability-status:read""#)
            }
            _ if status == StatusCode::UNAUTHORIZED => Some(r#"Bearer error="invalid_token""#),
            _ => None,
        }
    }
}

/// The one media type of answers.
pub(super) const JSON: &str = "application/json";

/// An error of v0.
#[derive(Serialize)]
struct Numbered<'a> {
    code: u16,
    message: &'a str,
    description: &'a str,
}

/// An error of CAMARA.
#[derive(Serialize)]
struct Worded<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
}

impl From<LookupError> for Problem {
    fn from(error: LookupError) -> Self {
        let described = error.describe();
        match (described.reason, described.field) {
            ("MISSING_IDENTIFIER", _) => Cause::MissingIdentifier.into(),
            ("UNSUPPORTED_IDENTIFIER", _) => Cause::UnsupportedIdentifier.into(),
            ("IDENTIFIER_NOT_FOUND", _) => Cause::DeviceNotFound.into(),
            ("NOT_READY", _) => Cause::NotReady.into(),
            ("INVALID_ARGUMENT", Some(field)) => {
                Self::at(Cause::InvalidField, &camel_case(field), described.message)
            }
            _ => Cause::Internal.into(),
        }
    }
}

/// `device.phone_number` as JSON has it.
fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut raise = false;
    for letter in name.chars() {
        match letter {
            '_' => raise = true,
            _ if raise => {
                camel.push(letter.to_ascii_uppercase());
                raise = false;
            }
            _ => camel.push(letter),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_error_of_a_lookup_has_its_cause() {
        for error in LookupError::ALL {
            let problem = Problem::from(error);
            assert_ne!(problem.cause, Cause::Internal, "{error:?}");
        }
        assert_eq!(
            Problem::from(LookupError::PhoneNumber).sentence.unwrap(),
            format!(
                "device.phoneNumber: {}",
                LookupError::PhoneNumber.describe().message
            )
        );
    }

    #[test]
    fn names_of_members_are_those_of_json() {
        assert_eq!(
            camel_case("device.ipv4_address.public_port"),
            "device.ipv4Address.publicPort"
        );
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_and_never_too_short() {
        for (wait, told) in [(0, "1"), (1000, "1"), (1001, "2"), (2500, "3")] {
            let problem = Problem::slower(Cause::TooManyRequests, Duration::from_millis(wait));
            let response = problem.response(Contract::V1);
            assert_eq!(response.headers()[header::RETRY_AFTER], told);
        }
    }

    #[test]
    fn who_is_not_let_in_is_told_how_to_ask_for_it() {
        let challenge = |cause: Cause| {
            let response = Problem::from(cause).response(Contract::V06);
            response.headers().get(header::WWW_AUTHENTICATE).cloned()
        };
        assert_eq!(challenge(Cause::MissingCredentials).unwrap(), "Bearer");
        assert_eq!(
            challenge(Cause::ExpiredCredentials).unwrap(),
            r#"Bearer error="invalid_token""#
        );
        assert!(challenge(Cause::InsufficientScope).is_some());
        assert!(challenge(Cause::DeviceNotFound).is_none());
    }
}
