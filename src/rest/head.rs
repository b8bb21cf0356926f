//! What is refused by the head of a request alone, in every version alike.

use axum::http::{HeaderMap, Uri, Version, header};

use super::cause::Cause;
use super::problem::{JSON, Problem};

/// The longest request target taken, in octets.
const MOST_TARGET: usize = 2048;

/// # Errors
/// That it is too long, or not soundly percent-encoded.
pub(super) fn target(uri: &Uri) -> Result<(), Problem> {
    let path = uri.path();
    let query = uri.query().unwrap_or_default();
    if path.len() + query.len() > MOST_TARGET {
        return Err(Cause::UriTooLong.into());
    }
    if !is_sound(path) {
        return Err(Cause::InvalidPath.into());
    }
    if !is_sound(query) {
        return Err(Cause::InvalidQueryParameter.into());
    }
    Ok(())
}

/// Whether every percent sign is followed by two hexadecimal digits (RFC 3986 §2.1).
fn is_sound(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let mut digits = after.bytes();
        [digits.next(), digits.next()]
            .iter()
            .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
    })
}

/// RFC 9112 §3.2.
pub(super) fn host(version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get_all(header::HOST).iter().count() {
        0 if version == Version::HTTP_11 => Err(Problem::at(Cause::MissingHeader, "Host", "is missing")),
        0 | 1 => Ok(()),
        _ => Err(Problem::at(
            Cause::InvalidHeader,
            "Host",
            "is there more than once",
        )),
    }
}

/// Whether the caller takes JSON: as the most specific of the ranges that fit says (RFC 9110 §12.5.1).
pub(super) fn accept(headers: &HeaderMap) -> Result<(), Problem> {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    if ranges.peek().is_none() {
        return Ok(());
    }
    let (_, taken) = ranges.filter_map(fits).max().ok_or(Cause::NotAcceptable)?;
    if taken {
        Ok(())
    } else {
        Err(Cause::NotAcceptable.into())
    }
}

/// How specific a range that JSON falls into is, and whether it is taken; `None` if it does not.
fn fits(range: &str) -> Option<(usize, bool)> {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let specific = ["*/*", "application/*", JSON]
        .iter()
        .position(|known| kind.eq_ignore_ascii_case(known))?;
    let refused = parts.any(|parameter| {
        let weight = parameter
            .split_once('=')
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        weight.is_some_and(|(_, weight)| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
    });
    Some((specific, !refused))
}

/// RFC 9110 §13.1: such a condition is never true here, and a request whose condition is not true must not be performed.
pub(super) fn preconditions(headers: &HeaderMap) -> Result<(), Problem> {
    let unmet = [header::IF_MATCH, header::IF_UNMODIFIED_SINCE]
        .iter()
        .any(|condition| headers.contains_key(condition));
    if unmet {
        return Err(Cause::PreconditionFailed.into());
    }
    Ok(())
}

pub(super) fn media_type(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Cause::UnsupportedMediaType.into());
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Err(Problem::at(
            Cause::MissingHeader,
            "Content-Type",
            "is missing; it has to be application/json",
        ));
    };
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(JSON));
    let utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if json && utf8 {
        return Ok(());
    }
    Err(Cause::UnsupportedMediaType.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::http::HeaderValue;

    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn json_is_served_to_whoever_takes_it_and_to_nobody_else() {
        assert!(accept(&HeaderMap::new()).is_ok());
        for fine in [
            "application/json",
            "*/*",
            "text/html, application/*;q=0.1",
            "Application/JSON; charset=utf-8",
            "*/*;q=0, application/json",
            "",
        ] {
            assert!(accept(&with(header::ACCEPT, fine)).is_ok(), "{fine}");
        }
        for wrong in [
            "text/html",
            "application/json;q=0",
            "application/json;q=0, */*",
            "*/*, application/*; q=0.0",
            "application/xml, text/*",
            "json",
        ] {
            assert!(accept(&with(header::ACCEPT, wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_json_in_utf_8_is_read() {
        for fine in [
            "application/json",
            "application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
        ] {
            assert!(media_type(&with(header::CONTENT_TYPE, fine)).is_ok(), "{fine}");
        }
        for wrong in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=latin1",
            "",
        ] {
            let problem = media_type(&with(header::CONTENT_TYPE, wrong)).unwrap_err();
            assert_eq!(problem.cause, Cause::UnsupportedMediaType, "{wrong}");
        }
        let problem = media_type(&HeaderMap::new()).unwrap_err();
        assert_eq!(problem.cause, Cause::MissingHeader);
    }

    #[test]
    fn a_percent_sign_needs_two_hexadecimal_digits() {
        assert!(is_sound("/a%20b%C3%A4"));
        for wrong in ["%", "/%2", "/%zz", "a%%20"] {
            assert!(!is_sound(wrong), "{wrong}");
        }
    }
}
