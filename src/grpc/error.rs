//! A failed call as the wire shows it: a code, `google.rpc.ErrorInfo` of one domain, and `BadRequest` where a field is
//! at fault. The reasons themselves belong to the services.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every `ErrorInfo`.
pub const ERROR_DOMAIN: &str = "reachd";

/// A status with its details. Neither the message nor the field may contain anything the caller sent.
pub fn status(
    code: Code,
    reason: &'static str,
    field: Option<&'static str>,
    message: impl Into<String>,
) -> Status {
    let message = message.into();
    let mut details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, HashMap::new());
    if let Some(field) = field {
        details.add_bad_request_violation(field, message.clone());
    }
    Status::with_error_details(code, message, details)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn details_survive_the_way_through_a_status() {
        let status = status(Code::InvalidArgument, "REASON", Some("a.b"), "expected so and so");
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("REASON", ERROR_DOMAIN)
        );
        let violation = details.bad_request().unwrap().field_violations.first().unwrap();
        assert_eq!(violation.field, "a.b");
        assert_eq!(violation.description, "expected so and so");
    }

    #[test]
    fn no_field_means_no_bad_request() {
        let status = status(Code::NotFound, "REASON", None, "not there");
        assert!(status.get_error_details().bad_request().is_none());
    }
}
