//! `reachability.v1.AdminService.MonitorSubscribers` and `ListMonitoring`.

use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use super::plan::PartStatus;
use super::{Monitoring, NotNow};
use crate::domain::{Aspect, ExternalIdentifier, MonitoringState, Msisdn, NetworkResult, Target};
use crate::feed::watching::Watching;
use crate::grpc::error::status;
use crate::grpc::metrics::{Method, MethodMetrics};
use crate::proto::v1;

/// `MonitorSubscribers` as the metrics name it.
pub const MONITOR_SUBSCRIBERS: Method = Method {
    service: "reachability.v1.AdminService",
    name: "MonitorSubscribers",
    kind: "client_stream",
};

/// `ListMonitoring` as the metrics name it.
pub const LIST_MONITORING: Method = Method {
    service: "reachability.v1.AdminService",
    name: "ListMonitoring",
    kind: "unary",
};

/// The most targets in one message.
pub const MAX_TARGETS: usize = 10_000;
/// The most refused targets named in the answer.
pub const MAX_REFUSED: usize = 1000;

/// Takes targets over gRPC, and tells how far they are.
#[derive(Debug)]
pub struct MonitoringAdmin {
    monitoring: Monitoring,
    shutdown: CancellationToken,
    monitor: MethodMetrics,
    list: MethodMetrics,
}

impl MonitoringAdmin {
    /// At `shutdown` streams are read no further, and fail.
    pub fn new(monitoring: Monitoring, shutdown: CancellationToken) -> Self {
        Self {
            monitoring,
            shutdown,
            monitor: MethodMetrics::new(MONITOR_SUBSCRIBERS),
            list: MethodMetrics::new(LIST_MONITORING),
        }
    }

    async fn take(
        &self,
        mut requests: Streaming<v1::MonitorSubscribersRequest>,
    ) -> Result<v1::MonitorSubscribersResponse, Status> {
        let mut response = v1::MonitorSubscribersResponse::default();
        loop {
            let request = tokio::select! {
                request = requests.message() => request?,
                () = self.shutdown.cancelled() => return Err(not_now(NotNow::Stopping)),
            };
            let Some(request) = request else {
                return Ok(response);
            };
            if request.add.len() + request.remove.len() > MAX_TARGETS {
                return Err(status(
                    Code::InvalidArgument,
                    "INVALID_ARGUMENT",
                    Some("add"),
                    "at most 10000 targets in one message",
                ));
            }
            let add = targets(request.add, &mut response);
            let remove = targets(request.remove, &mut response);
            let changed = self.monitoring.change(add, remove).await.map_err(not_now)?;
            response.added += changed.added;
            response.asked_again += changed.again;
            response.unchanged += changed.unchanged;
            response.removed += changed.removed;
            for _ in 0..changed.refused {
                refuse(&mut response, 0, "there is no room for more targets");
            }
        }
    }

    fn tell(&self, request: v1::ListMonitoringRequest) -> Result<v1::ListMonitoringResponse, Status> {
        let census = self.monitoring.census().ok_or_else(|| not_now(NotNow::Loading))?;
        let mut response = v1::ListMonitoringResponse {
            enabled: self.monitoring.is_enabled(),
            targets: census.targets,
            in_flight: census.under_way,
            lag_seconds: census.lag,
            ..v1::ListMonitoringResponse::default()
        };
        for (of, state, count) in census.states {
            response.counts.push(v1::MonitoringCount {
                aspect: aspect(of).into(),
                state: how_far(state).into(),
                count,
            });
        }
        for (of, result, count) in census.refused {
            response.refusals.push(v1::MonitoringRefusal {
                aspect: aspect(of).into(),
                result: Some(network_result(result)),
                count,
            });
        }
        if let Some(target) = request.target {
            let target = read(target).map_err(|message| {
                status(Code::InvalidArgument, "INVALID_ARGUMENT", Some("target"), message)
            })?;
            let parts = self.monitoring.status(&target).map_err(not_now)?;
            let parts = parts.ok_or_else(|| {
                status(
                    Code::NotFound,
                    "NOT_MONITORED",
                    None,
                    "this target is not watched",
                )
            })?;
            response.status = parts.into_iter().map(part).collect();
        }
        Ok(response)
    }
}

#[tonic::async_trait]
impl Watching for MonitoringAdmin {
    async fn monitor_subscribers(
        &self,
        requests: Streaming<v1::MonitorSubscribersRequest>,
    ) -> Result<v1::MonitorSubscribersResponse, Status> {
        self.monitor.observe(self.take(requests)).await
    }

    async fn list_monitoring(
        &self,
        request: v1::ListMonitoringRequest,
    ) -> Result<v1::ListMonitoringResponse, Status> {
        self.list.observe(async { self.tell(request) }).await
    }
}

/// The targets among these; the others are refused.
fn targets(from: Vec<v1::MonitoringTarget>, response: &mut v1::MonitorSubscribersResponse) -> Vec<Target> {
    let mut targets = Vec::with_capacity(from.len());
    for target in from {
        let line = target.line;
        match read(target) {
            Ok(target) => targets.push(target),
            Err(reason) => refuse(response, line, reason),
        }
    }
    targets
}

fn refuse(response: &mut v1::MonitorSubscribersResponse, line: u64, reason: &str) {
    response.refused_total += 1;
    if response.refused.len() < MAX_REFUSED {
        response.refused.push(v1::RefusedRow {
            line,
            reason: reason.to_owned(),
        });
    }
}

/// The target, or what is wrong with it, without its value.
fn read(target: v1::MonitoringTarget) -> Result<Target, &'static str> {
    let v1::MonitoringTarget {
        line: _,
        msisdn,
        external_identifier,
        external_group_identifier,
    } = target;
    match (
        msisdn.as_str(),
        external_identifier.as_str(),
        external_group_identifier.as_str(),
    ) {
        ("", "", "") => {
            Err("msisdn, external_identifier or external_group_identifier: one of them is required")
        }
        (msisdn, "", "") => Msisdn::parse(msisdn)
            .map(Target::Msisdn)
            .map_err(|_| "msisdn: not an international number of 5 to 15 digits"),
        ("", external, "") => ExternalIdentifier::parse(external)
            .map(Target::External)
            .map_err(|_| "external_identifier: not of the form local@domain"),
        ("", "", group) => ExternalIdentifier::parse(group)
            .map(Target::Group)
            .map_err(|_| "external_group_identifier: not of the form local@domain"),
        _ => Err("msisdn, external_identifier and external_group_identifier: only one of them may be set"),
    }
}

fn not_now(why: NotNow) -> Status {
    match why {
        NotNow::Off => status(
            Code::FailedPrecondition,
            "MONITORING_OFF",
            None,
            "nothing is asked of the network here: [diameter.s6t] of the configuration names no realm",
        ),
        NotNow::Loading => status(
            Code::Unavailable,
            "NOT_READY",
            None,
            "what is watched is not loaded yet; try again in a moment",
        ),
        NotNow::Stopping => status(
            Code::Unavailable,
            "SHUTTING_DOWN",
            None,
            "the daemon is shutting down; send all of it again elsewhere or later",
        ),
    }
}

fn aspect(aspect: Aspect) -> v1::MonitoringAspect {
    match aspect {
        Aspect::Loss => v1::MonitoringAspect::LossOfConnectivity,
        Aspect::Data => v1::MonitoringAspect::ReachabilityForData,
        Aspect::Sms => v1::MonitoringAspect::ReachabilityForSms,
    }
}

fn how_far(state: MonitoringState) -> v1::MonitoringState {
    match state {
        MonitoringState::Wanted => v1::MonitoringState::Wanted,
        MonitoringState::Asking => v1::MonitoringState::Asking,
        MonitoringState::Active => v1::MonitoringState::Active,
        MonitoringState::Renewing => v1::MonitoringState::Renewing,
        MonitoringState::Suspended => v1::MonitoringState::Suspended,
        MonitoringState::Failed => v1::MonitoringState::Failed,
        MonitoringState::Ending => v1::MonitoringState::Ending,
    }
}

fn network_result(result: NetworkResult) -> v1::NetworkResult {
    v1::NetworkResult {
        vendor: result.vendor,
        code: result.code,
    }
}

fn part(part: PartStatus) -> v1::MonitoringStatus {
    v1::MonitoringStatus {
        aspect: aspect(part.aspect).into(),
        state: how_far(part.state).into(),
        reference: part.reference,
        expires_at: part.expires_at.map(|at| prost_types::Timestamp {
            seconds: at.as_micros() / 1_000_000,
            nanos: 0,
        }),
        result: part.result.map(network_result),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_exactly_one_identifier_and_what_is_wrong_is_told_without_it() {
        let target = |msisdn: &str, external: &str, group: &str| {
            read(v1::MonitoringTarget {
                line: 7,
                msisdn: msisdn.into(),
                external_identifier: external.into(),
                external_group_identifier: group.into(),
            })
        };
        let external = ExternalIdentifier::parse("a@b.example");
        assert_eq!(
            target("+99912345", "", "").ok(),
            Msisdn::parse("99912345").map(Target::Msisdn).ok()
        );
        assert_eq!(
            target("", "a@b.example", "").ok(),
            external.clone().map(Target::External).ok()
        );
        assert_eq!(
            target("", "", "a@b.example").ok(),
            external.map(Target::Group).ok()
        );
        for (refused, column) in [
            (target("", "", ""), "msisdn, external_identifier or"),
            (target("077", "", ""), "msisdn:"),
            (target("", "77", ""), "external_identifier:"),
            (target("", "", "77"), "external_group_identifier:"),
            (
                target("+99912345", "a@b.example", ""),
                "msisdn, external_identifier and",
            ),
        ] {
            let reason = refused.err().unwrap_or_default();
            assert!(reason.starts_with(column) && !reason.contains("77"), "{reason}");
        }
    }

    #[test]
    fn only_the_first_refused_targets_are_named_but_all_are_counted() {
        let mut response = v1::MonitorSubscribersResponse::default();
        let nothing = v1::MonitoringTarget::default();
        assert!(targets(vec![nothing; 2000], &mut response).is_empty());
        assert_eq!(
            (response.refused.len(), response.refused_total),
            (MAX_REFUSED, 2000)
        );
    }
}
