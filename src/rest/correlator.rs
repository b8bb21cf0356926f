//! x-correlator: what the caller sent comes back, or something made up does.

use std::fmt::Write;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ring::rand::{SecureRandom, SystemRandom};

use super::cause::Cause;
use super::contract::Contract;
use super::problem::Problem;

/// The header.
pub(super) const X_CORRELATOR: HeaderName = HeaderName::from_static("x-correlator");
/// The longest that is taken, in octets.
const MOST: usize = 256;

/// The correlator of a request.
///
/// v1 has a pattern for it. Earlier versions take any text; of that, visible ASCII up to the same length is taken, since
/// it goes out again.
///
/// # Errors
/// That it is not taken.
pub(super) fn of(contract: Contract, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let mut given = headers.get_all(X_CORRELATOR).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return match headers.contains_key(X_CORRELATOR) {
            true => Err(wrong("is there more than once")),
            false => Ok(made()),
        };
    };
    let octets = value.as_bytes();
    let fine = |octet: &u8| match contract {
        Contract::V0 | Contract::V06 => octet.is_ascii_graphic() || *octet == b' ',
        Contract::V1 => octet.is_ascii_alphanumeric() || b"-_:;./<>{}".contains(octet),
    };
    if octets.len() <= MOST && octets.iter().all(fine) {
        return Ok(value.clone());
    }
    Err(wrong(match contract {
        Contract::V0 | Contract::V06 => "has to be visible ASCII, at most 256 octets",
        Contract::V1 => "has to match ^[a-zA-Z0-9-_:;.\\/<>{}]{0,256}$",
    }))
}

fn wrong(sentence: &str) -> Problem {
    Problem::at(Cause::InvalidHeader, X_CORRELATOR.as_str(), sentence)
}

/// A random UUID (RFC 9562, version 4).
pub(super) fn made() -> HeaderValue {
    let mut octets = [0_u8; 16];
    // Without random numbers the correlator is always the same; that is no reason to give no answer.
    let _ = SystemRandom::new().fill(&mut octets);
    let mut bits = u128::from_be_bytes(octets);
    bits = bits & !(0xf << 76) | 0x4 << 76;
    bits = bits & !(0x3 << 62) | 0x2 << 62;
    let mut text = String::with_capacity(36);
    for (shift, digits) in [(96, 8), (80, 4), (64, 4), (48, 4), (0, 12)] {
        let part = (bits >> shift) & ((1 << (digits * 4)) - 1);
        let dash = if text.is_empty() { "" } else { "-" };
        let _ = write!(text, "{dash}{part:0digits$x}");
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn sent(contract: Contract, text: &str) -> Result<HeaderValue, Cause> {
        let mut headers = HeaderMap::new();
        headers.insert(X_CORRELATOR, HeaderValue::from_str(text).unwrap());
        of(contract, &headers).map_err(|problem| problem.cause)
    }

    #[test]
    fn what_was_sent_comes_back() {
        for contract in Contract::ALL {
            for text in ["b4333c46-49c0-4f62-80d7-f0ef930f1c46", "a_b:c;d.e/f<g>{h}", ""] {
                assert_eq!(sent(contract, text).unwrap(), text);
            }
        }
    }

    #[test]
    fn what_the_pattern_of_v1_does_not_take_is_refused_there_and_taken_before() {
        assert_eq!(sent(Contract::V1, "two words"), Err(Cause::InvalidHeader));
        assert_eq!(sent(Contract::V06, "two words").unwrap(), "two words");
        let long = "x".repeat(257);
        for contract in Contract::ALL {
            assert_eq!(sent(contract, &long), Err(Cause::InvalidHeader));
        }
    }

    #[test]
    fn without_one_a_uuid_is_made_up_and_each_time_another() {
        let uuid = of(Contract::V1, &HeaderMap::new()).unwrap();
        let text = uuid.to_str().unwrap();
        let parts: Vec<_> = text.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{text}");
        assert_eq!(text.as_bytes()[14], b'4', "{text}");
        assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
        assert_ne!(uuid, made());
    }
}
