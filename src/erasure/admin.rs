//! `reachability.v1.AdminService.EraseSubscriber`.

use std::time::Duration;

use tonic::{Code, Status};

use super::{EraseError, Erased, Eraser};
use crate::domain::{ExternalIdentifier, Identifier, Imsi, Msisdn, Timestamp};
use crate::feed::erasing::Erasing;
use crate::grpc::error::status;
use crate::grpc::metrics::{Method, MethodMetrics};
use crate::proto::v1;

/// `EraseSubscriber` as the metrics name it.
pub const ERASE_SUBSCRIBER: Method = Method {
    service: "reachability.v1.AdminService",
    name: "EraseSubscriber",
    kind: "unary",
};

/// Erases over gRPC.
#[derive(Debug)]
pub struct ErasingAdmin {
    eraser: Eraser,
    keep: Duration,
    metrics: MethodMetrics,
}

impl ErasingAdmin {
    /// What is erased is remembered for `keep`.
    pub fn new(eraser: Eraser, keep: Duration) -> Self {
        Self {
            eraser,
            keep,
            metrics: MethodMetrics::new(ERASE_SUBSCRIBER),
        }
    }

    async fn erase(
        &self,
        request: v1::EraseSubscriberRequest,
    ) -> Result<v1::EraseSubscriberResponse, Status> {
        let even_unknown = request.even_unknown;
        let identifier = identifier(request)?;
        let erased = self
            .eraser
            .erase(identifier, even_unknown)
            .await
            .map_err(|error| refused(&error))?;
        Ok(self.told(erased))
    }

    fn told(&self, erased: Erased) -> v1::EraseSubscriberResponse {
        let Erased {
            ids,
            rows,
            requests,
            erased_at,
        } = erased;
        let time = |time: Timestamp| Some(std::time::SystemTime::from(time).into());
        v1::EraseSubscriberResponse {
            identifiers: ids,
            registrations: rows.registrations,
            bindings: rows.identifiers,
            ip_sessions: rows.ip_sessions,
            network_requests: requests,
            erased_at: time(erased_at),
            kept_removed_until: time(erased_at.plus(self.keep)),
        }
    }
}

#[tonic::async_trait]
impl Erasing for ErasingAdmin {
    async fn erase_subscriber(
        &self,
        request: v1::EraseSubscriberRequest,
    ) -> Result<v1::EraseSubscriberResponse, Status> {
        self.metrics.observe(self.erase(request)).await
    }
}

/// The one identifier that is given.
fn identifier(request: v1::EraseSubscriberRequest) -> Result<Identifier, Status> {
    let v1::EraseSubscriberRequest {
        imsi,
        msisdn,
        external_identifier,
        even_unknown: _,
    } = request;
    let wrong =
        |field, message: String| status(Code::InvalidArgument, "INVALID_ARGUMENT", Some(field), message);
    let given = [&imsi, &msisdn, &external_identifier];
    if given.iter().filter(|text| !text.is_empty()).count() != 1 {
        return Err(wrong(
            "imsi",
            "exactly one of imsi, msisdn and external_identifier is required".into(),
        ));
    }
    if !imsi.is_empty() {
        let imsi = Imsi::parse(&imsi).map_err(|error| wrong("imsi", error.to_string()))?;
        Ok(Identifier::Imsi(imsi))
    } else if !msisdn.is_empty() {
        let msisdn = Msisdn::parse(&msisdn).map_err(|error| wrong("msisdn", error.to_string()))?;
        Ok(Identifier::Msisdn(msisdn))
    } else {
        let external = ExternalIdentifier::parse(&external_identifier)
            .map_err(|error| wrong("external_identifier", error.to_string()))?;
        Ok(Identifier::External(external))
    }
}

fn refused(error: &EraseError) -> Status {
    let (code, reason) = match error {
        EraseError::Unknown => (Code::NotFound, "IDENTIFIER_NOT_FOUND"),
        EraseError::NotReady => (Code::Unavailable, "NOT_READY"),
        EraseError::TooMany => (Code::FailedPrecondition, "TOO_MANY_IDENTIFIERS"),
        EraseError::Store(error) => {
            tracing::warn!(%error, "an erasure was not finished");
            (Code::Unavailable, "ERASE_AGAIN")
        }
        EraseError::Watched => (Code::Unavailable, "ERASE_AGAIN"),
    };
    status(code, reason, None, error.to_string())
}
