//! Everything that can keep a request from its answer, and what each contract says to it: the one table.
//!
//! A row is a [`Cause`], a column a [`Contract`], a cell the HTTP status and the code. Some cells cannot be reached because
//! the contract has no such rule, such as [`Cause::UnnecessaryIdentifier`] before v1; they hold what would be right.

use axum::http::StatusCode;

use super::contract::Contract;

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The path is not soundly percent-encoded.
    InvalidPath,
    /// The body is empty.
    MissingBody,
    /// The body is no JSON object.
    InvalidBody,
    /// A member that has to be there is not.
    MissingField,
    /// A member is not what it has to be.
    InvalidField,
    /// A header that has to be there is not.
    MissingHeader,
    /// A header is not what it has to be.
    InvalidHeader,
    /// A query parameter that has to be there is not. No operation here has any, so no request leads to this row.
    MissingQueryParameter,
    /// The query is not soundly percent-encoded.
    InvalidQueryParameter,
    /// No access token.
    MissingCredentials,
    /// An access token that is not good here.
    InvalidCredentials,
    /// An access token that was good until it expired.
    ExpiredCredentials,
    /// The access token lacks the scope.
    InsufficientScope,
    /// The client is none of those that are served.
    ForbiddenClient,
    /// The device of the body is not that of the access token.
    TokenContext,
    /// More requests a day than the client may send.
    QuotaExceeded,
    /// More requests a second than the client may send.
    TooManyRequests,
    /// No such resource.
    NotFound,
    /// The identifier names no device that is known.
    DeviceNotFound,
    /// The resource does not know the method.
    MethodNotAllowed,
    /// The caller does not take what is served.
    NotAcceptable,
    /// The body did not come in time.
    RequestTimeout,
    /// Identifiers of one device name several.
    IdentifiersMismatch,
    /// Nothing says how long the body is.
    LengthRequired,
    /// The request has a condition that nothing here fulfils.
    PreconditionFailed,
    /// The body is larger than is taken.
    ContentTooLarge,
    /// The request target is longer than is taken.
    UriTooLong,
    /// The body is of a kind that is not taken.
    UnsupportedMediaType,
    /// Neither the body nor the access token says which device.
    MissingIdentifier,
    /// None of the identifiers is of a kind that is supported.
    UnsupportedIdentifier,
    /// The access token says which device, and so does the body.
    UnnecessaryIdentifier,
    /// The device is none of those that are served.
    NotApplicable,
    /// The reachability of the device cannot be told. Never to be read as "not connected".
    CannotTell,
    /// The daemon has just started.
    NotReady,
    /// As many requests as can be are being answered already.
    OverCapacity,
    /// A fault of the daemon.
    Internal,
    /// The authorization server gave no sound keys.
    KeysInvalid,
    /// The authorization server could not be reached for its keys.
    KeysUnreachable,
    /// The authorization server did not give its keys in time.
    KeysTimedOut,
}

/// A code as a contract has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// A number with its title (v0).
    Number(u16, &'static str),
    /// A word (CAMARA).
    Word(&'static str),
}

/// One cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Status of the response.
    pub status: StatusCode,
    /// Code of the body.
    pub code: Code,
}

const INVALID_ARGUMENT: (u16, &str) = (400, "INVALID_ARGUMENT");
const UNAUTHENTICATED: (u16, &str) = (401, "UNAUTHENTICATED");
const PERMISSION_DENIED: (u16, &str) = (403, "PERMISSION_DENIED");
const UNAVAILABLE: (u16, &str) = (503, "UNAVAILABLE");
const BAD_GATEWAY: (u16, &str) = (502, "BAD_GATEWAY");

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 39] = [
        Self::InvalidPath,
        Self::MissingBody,
        Self::InvalidBody,
        Self::MissingField,
        Self::InvalidField,
        Self::MissingHeader,
        Self::InvalidHeader,
        Self::MissingQueryParameter,
        Self::InvalidQueryParameter,
        Self::MissingCredentials,
        Self::InvalidCredentials,
        Self::ExpiredCredentials,
        Self::InsufficientScope,
        Self::ForbiddenClient,
        Self::TokenContext,
        Self::QuotaExceeded,
        Self::TooManyRequests,
        Self::NotFound,
        Self::DeviceNotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::IdentifiersMismatch,
        Self::LengthRequired,
        Self::PreconditionFailed,
        Self::ContentTooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::MissingIdentifier,
        Self::UnsupportedIdentifier,
        Self::UnnecessaryIdentifier,
        Self::NotApplicable,
        Self::CannotTell,
        Self::NotReady,
        Self::OverCapacity,
        Self::Internal,
        Self::KeysInvalid,
        Self::KeysUnreachable,
        Self::KeysTimedOut,
    ];

    /// The cell of a contract.
    pub fn told(self, contract: Contract) -> Told {
        let row = self.row();
        let (status, code) = match contract {
            Contract::V0 => {
                let (status, number) = row.v0;
                (status, Code::Number(number, title(status, number)))
            }
            Contract::V06 => (row.v06.0, Code::Word(row.v06.1)),
            Contract::V1 => (row.v1.0, Code::Word(row.v1.1)),
        };
        Told {
            // Every status of the table is one.
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code,
        }
    }

    /// As metrics and logs name it.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// For people, where nothing more exact is known. Never contains what was sent.
    pub const fn sentence(self) -> &'static str {
        self.row().sentence
    }

    /// Whether somebody was kept out who may not come in: worth a line of the audit log.
    pub const fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::MissingCredentials
                | Self::InvalidCredentials
                | Self::ExpiredCredentials
                | Self::InsufficientScope
                | Self::ForbiddenClient
                | Self::TokenContext
        )
    }

    /// The table.
    #[rustfmt::skip]
    const fn row(self) -> Row {
        match self {
            // name, v0, v0.6, v1, sentence
            Self::InvalidPath => row("invalid_path", (400, 20), INVALID_ARGUMENT, INVALID_ARGUMENT, "the path is not soundly percent-encoded"),
            Self::MissingBody => row("missing_body", (400, 21), INVALID_ARGUMENT, INVALID_ARGUMENT, "the body is empty; it has to be a JSON object"),
            Self::InvalidBody => row("invalid_body", (400, 22), INVALID_ARGUMENT, INVALID_ARGUMENT, "the body has to be one JSON object in UTF-8"),
            Self::MissingField => row("missing_field", (400, 23), INVALID_ARGUMENT, INVALID_ARGUMENT, "a member that has to be there is missing"),
            Self::InvalidField => row("invalid_field", (400, 24), INVALID_ARGUMENT, INVALID_ARGUMENT, "a member is not what it has to be"),
            Self::MissingHeader => row("missing_header", (400, 25), INVALID_ARGUMENT, INVALID_ARGUMENT, "a header that has to be there is missing"),
            Self::InvalidHeader => row("invalid_header", (400, 26), INVALID_ARGUMENT, INVALID_ARGUMENT, "a header is not what it has to be"),
            Self::MissingQueryParameter => row("missing_query_parameter", (400, 27), INVALID_ARGUMENT, INVALID_ARGUMENT, "a query parameter that has to be there is missing"),
            Self::InvalidQueryParameter => row("invalid_query_parameter", (400, 28), INVALID_ARGUMENT, INVALID_ARGUMENT, "the query is not soundly percent-encoded"),
            Self::MissingCredentials => row("missing_credentials", (401, 40), UNAUTHENTICATED, UNAUTHENTICATED, "an access token is needed: Authorization: Bearer …"),
            Self::InvalidCredentials => row("invalid_credentials", (401, 41), UNAUTHENTICATED, UNAUTHENTICATED, "the access token is not valid here; a new authentication is required"),
            Self::ExpiredCredentials => row("expired_credentials", (401, 42), UNAUTHENTICATED, UNAUTHENTICATED, "the access token has expired; a new authentication is required"),
            Self::InsufficientScope => row("insufficient_scope", (403, 50), PERMISSION_DENIED, PERMISSION_DENIED, "the access token lacks the scope device-reachability-status:read"),
            Self::ForbiddenClient => row("forbidden_client", (403, 51), PERMISSION_DENIED, PERMISSION_DENIED, "this client is not served"),
            Self::TokenContext => row("token_context", (403, 52), (403, "INVALID_TOKEN_CONTEXT"), PERMISSION_DENIED, "device is not consistent with the access token"),
            Self::QuotaExceeded => row("quota_exceeded", (403, 53), (429, "QUOTA_EXCEEDED"), (429, "QUOTA_EXCEEDED"), "this client has used up its requests of today"),
            Self::TooManyRequests => row("too_many_requests", (429, 53), (429, "TOO_MANY_REQUESTS"), (429, "TOO_MANY_REQUESTS"), "this client sends more requests than it may; see Retry-After"),
            Self::NotFound => row("not_found", (404, 60), (404, "NOT_FOUND"), (404, "NOT_FOUND"), "there is no such resource"),
            Self::DeviceNotFound => row("device_not_found", (404, 60), (404, "DEVICE_NOT_FOUND"), (404, "IDENTIFIER_NOT_FOUND"), "no device is known by this identifier"),
            Self::MethodNotAllowed => row("method_not_allowed", (405, 61), (405, "METHOD_NOT_ALLOWED"), (405, "METHOD_NOT_ALLOWED"), "the resource does not know this method; see Allow"),
            Self::NotAcceptable => row("not_acceptable", (406, 62), (406, "NOT_ACCEPTABLE"), (406, "NOT_ACCEPTABLE"), "nothing that Accept names can be served; answers are application/json"),
            Self::RequestTimeout => row("request_timeout", (408, 63), (408, "REQUEST_TIMEOUT"), (408, "REQUEST_TIMEOUT"), "the body did not come in time"),
            Self::IdentifiersMismatch => row("identifiers_mismatch", (409, 69), (422, "DEVICE_IDENTIFIERS_MISMATCH"), (422, "IDENTIFIER_MISMATCH"), "the identifiers do not name the same device"),
            Self::LengthRequired => row("length_required", (411, 64), (411, "LENGTH_REQUIRED"), (411, "LENGTH_REQUIRED"), "Content-Length is needed"),
            Self::PreconditionFailed => row("precondition_failed", (412, 65), (412, "FAILED_PRECONDITION"), (412, "FAILED_PRECONDITION"), "answers have neither entity tags nor modification dates that a condition could hold for"),
            Self::ContentTooLarge => row("content_too_large", (413, 66), (413, "CONTENT_TOO_LARGE"), (413, "CONTENT_TOO_LARGE"), "the body is larger than is taken"),
            Self::UriTooLong => row("uri_too_long", (414, 67), (414, "URI_TOO_LONG"), (414, "URI_TOO_LONG"), "the request target is longer than is taken"),
            Self::UnsupportedMediaType => row("unsupported_media_type", (415, 68), (415, "UNSUPPORTED_MEDIA_TYPE"), (415, "UNSUPPORTED_MEDIA_TYPE"), "the body has to be application/json in UTF-8 without a content coding"),
            Self::MissingIdentifier => row("missing_identifier", (400, 23), (422, "UNIDENTIFIABLE_DEVICE"), (422, "MISSING_IDENTIFIER"), "device is missing, and the access token does not name one"),
            Self::UnsupportedIdentifier => row("unsupported_identifier", (400, 24), (422, "UNSUPPORTED_DEVICE_IDENTIFIERS"), (422, "UNSUPPORTED_IDENTIFIER"), "device has no identifier of a kind that is supported here"),
            Self::UnnecessaryIdentifier => row("unnecessary_identifier", (403, 52), (403, "INVALID_TOKEN_CONTEXT"), (422, "UNNECESSARY_IDENTIFIER"), "the device is already identified by the access token"),
            Self::NotApplicable => row("not_applicable", (403, 52), (422, "DEVICE_NOT_APPLICABLE"), (422, "SERVICE_NOT_APPLICABLE"), "the service is not available for the provided identifier"),
            Self::CannotTell => row("cannot_tell", (503, 5), (422, "UNABLE_TO_PROVIDE_REACHABILITY_STATUS"), UNAVAILABLE, "the reachability of this device cannot be told now"),
            Self::NotReady => row("not_ready", (503, 5), UNAVAILABLE, UNAVAILABLE, "the service is starting; try again shortly"),
            Self::OverCapacity => row("over_capacity", (503, 6), UNAVAILABLE, UNAVAILABLE, "more requests than can be answered at once; try again shortly"),
            Self::Internal => row("internal", (500, 1), (500, "INTERNAL"), (500, "INTERNAL"), "a fault of the server"),
            Self::KeysInvalid => row("keys_invalid", (502, 1), BAD_GATEWAY, UNAVAILABLE, "the access token cannot be checked: the authorization server gives no sound keys"),
            Self::KeysUnreachable => row("keys_unreachable", (502, 3), BAD_GATEWAY, UNAVAILABLE, "the access token cannot be checked: the authorization server cannot be reached"),
            Self::KeysTimedOut => row("keys_timed_out", (504, 6), (504, "TIMEOUT"), UNAVAILABLE, "the access token cannot be checked: the authorization server does not answer in time"),
        }
    }
}

/// A line of the table.
struct Row {
    name: &'static str,
    v0: (u16, u16),
    v06: (u16, &'static str),
    v1: (u16, &'static str),
    sentence: &'static str,
}

const fn row(
    name: &'static str,
    v0: (u16, u16),
    v06: (u16, &'static str),
    v1: (u16, &'static str),
    sentence: &'static str,
) -> Row {
    Row {
        name,
        v0,
        v06,
        v1,
        sentence,
    }
}

/// What v0 calls a number. Two of them mean something else under another status.
const fn title(status: u16, number: u16) -> &'static str {
    match (status, number) {
        (500, 1) => "Internal error",
        (502, 1) => "Invalid response of an upstream service",
        (_, 3) => "Upstream service unreachable",
        (_, 5) => "Service unavailable",
        (504, 6) => "Upstream service timed out",
        (_, 6) => "Over capacity",
        (_, 20) => "Invalid URL parameter value",
        (_, 21) => "Missing body",
        (_, 22) => "Invalid body",
        (_, 23) => "Missing body field",
        (_, 24) => "Invalid body field",
        (_, 25) => "Missing header",
        (_, 26) => "Invalid header value",
        (_, 27) => "Missing query-string parameter",
        (_, 28) => "Invalid query-string parameter",
        (_, 40) => "Missing credentials",
        (_, 41) => "Invalid credentials",
        (_, 42) => "Expired credentials",
        (_, 50) => "Access denied",
        (_, 51) => "Forbidden requester",
        (_, 52) => "Forbidden user",
        (_, 53) => "Too many requests",
        (_, 60) => "Resource not found",
        (_, 61) => "Method not allowed",
        (_, 62) => "Not acceptable",
        (_, 63) => "Request timeout",
        (_, 64) => "Length required",
        (_, 65) => "Precondition failed",
        (_, 66) => "Request entity too large",
        (_, 67) => "Request URI too long",
        (_, 68) => "Unsupported media type",
        (_, 69) => "Conflict",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_cause_has_a_name_of_its_own_and_a_sentence() {
        let names: HashSet<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
        assert_eq!(names.len(), Cause::ALL.len());
        for cause in Cause::ALL {
            assert!(!cause.sentence().is_empty(), "{cause:?}");
        }
    }

    /// The numbers of v0 by status, as its contract lists them.
    #[test]
    fn every_number_of_v0_stands_under_its_status_and_none_is_left_out() {
        let contract: HashSet<(u16, u16)> = [
            (400, 20),
            (400, 21),
            (400, 22),
            (400, 23),
            (400, 24),
            (400, 25),
            (400, 26),
            (400, 27),
            (400, 28),
            (401, 40),
            (401, 41),
            (401, 42),
            (403, 50),
            (403, 51),
            (403, 52),
            (403, 53),
            (404, 60),
            (405, 61),
            (406, 62),
            (408, 63),
            (409, 69),
            (411, 64),
            (412, 65),
            (413, 66),
            (414, 67),
            (415, 68),
            (429, 53),
            (500, 1),
            (502, 1),
            (502, 3),
            (503, 5),
            (503, 6),
            (504, 6),
        ]
        .into();
        let ours: HashSet<(u16, u16)> = Cause::ALL
            .iter()
            .map(|cause| match cause.told(Contract::V0) {
                Told {
                    status,
                    code: Code::Number(number, title),
                } => {
                    assert_ne!(title, "Error", "{cause:?}");
                    (status.as_u16(), number)
                }
                told => panic!("{cause:?}: {told:?}"),
            })
            .collect();
        assert_eq!(ours, contract);
    }

    /// What CAMARA 1.1.0 lists for the statuses that it lists.
    #[test]
    fn codes_of_v1_are_those_that_its_version_has_for_the_status() {
        let listed = |status| match status {
            400 => &["INVALID_ARGUMENT"][..],
            401 => &["UNAUTHENTICATED"],
            403 => &["PERMISSION_DENIED"],
            404 => &["NOT_FOUND", "IDENTIFIER_NOT_FOUND"],
            // The mismatch is what no version-1 request leads to.
            422 => &[
                "SERVICE_NOT_APPLICABLE",
                "MISSING_IDENTIFIER",
                "UNSUPPORTED_IDENTIFIER",
                "UNNECESSARY_IDENTIFIER",
                "IDENTIFIER_MISMATCH",
            ],
            429 => &["QUOTA_EXCEEDED", "TOO_MANY_REQUESTS"],
            503 => &["UNAVAILABLE"],
            _ => &[],
        };
        for cause in Cause::ALL {
            let told = cause.told(Contract::V1);
            let Code::Word(word) = told.code else {
                panic!("{cause:?}: {told:?}")
            };
            let listed = listed(told.status.as_u16());
            assert!(listed.is_empty() || listed.contains(&word), "{cause:?}: {word}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_an_error_of_each_contract_and_never_a_status() {
        let told = |contract| Cause::CannotTell.told(contract);
        assert_eq!(told(Contract::V0).status, 503);
        assert_eq!(told(Contract::V0).code, Code::Number(5, "Service unavailable"));
        assert_eq!(told(Contract::V06).status, 422);
        assert_eq!(
            told(Contract::V06).code,
            Code::Word("UNABLE_TO_PROVIDE_REACHABILITY_STATUS")
        );
        assert_eq!(told(Contract::V1).status, 503);
        assert_eq!(told(Contract::V1).code, Code::Word("UNAVAILABLE"));
    }
}
