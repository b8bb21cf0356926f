//! `reachability.v1.AdminService`, as far as HSSs are asked: queries and subscriptions.

use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use super::network::Failure;
use super::plan;
use super::query::{Answer, QueryError};
use super::{Hss, NotNow};
use crate::diameter::apps::sh::Refusal;
use crate::domain::{ExternalIdentifier, Msisdn, SubscriptionState, Timestamp, Topic, User};
use crate::feed::asking::AskingHss;
use crate::grpc::error::status;
use crate::grpc::metrics::{Method, MethodMetrics};
use crate::proto::v1;

const SERVICE: &str = "reachability.v1.AdminService";

/// `QuerySubscriber` as the metrics name it.
pub const QUERY_SUBSCRIBER: Method = Method {
    service: SERVICE,
    name: "QuerySubscriber",
    kind: "unary",
};
/// `ChangeSubscriptions` as the metrics name it.
pub const CHANGE_SUBSCRIPTIONS: Method = Method {
    service: SERVICE,
    name: "ChangeSubscriptions",
    kind: "client_stream",
};
/// `ListSubscriptions` as the metrics name it.
pub const LIST_SUBSCRIPTIONS: Method = Method {
    service: SERVICE,
    name: "ListSubscriptions",
    kind: "unary",
};

/// The most users in one message.
pub const MAX_USERS: usize = 10_000;
/// The most refused users named in the answer.
pub const MAX_REFUSED: usize = 1000;

/// Has HSSs asked over gRPC.
#[derive(Debug)]
pub struct HssAdmin {
    hss: Hss,
    shutdown: CancellationToken,
    query: MethodMetrics,
    change: MethodMetrics,
    list: MethodMetrics,
}

impl HssAdmin {
    /// At `shutdown` streams are read no further, and fail.
    pub fn new(hss: Hss, shutdown: CancellationToken) -> Self {
        Self {
            hss,
            shutdown,
            query: MethodMetrics::new(QUERY_SUBSCRIBER),
            change: MethodMetrics::new(CHANGE_SUBSCRIPTIONS),
            list: MethodMetrics::new(LIST_SUBSCRIPTIONS),
        }
    }

    async fn ask(&self, request: v1::QuerySubscriberRequest) -> Result<v1::QuerySubscriberResponse, Status> {
        let user = named(request.user.unwrap_or_default())?;
        let answers = tokio::select! {
            answers = self.hss.query(&user) => answers,
            () = self.shutdown.cancelled() => return Err(not_now(NotNow::Stopping)),
        };
        let answers = answers.map_err(|error| match error {
            QueryError::Off => not_now(NotNow::Off),
            QueryError::NotKept => not_now(NotNow::Stopping),
        })?;
        if let Some(failure) = nothing_told(&answers) {
            return Err(failed(failure));
        }
        let answers = answers.into_iter().map(|(query, result)| v1::QueryAnswer {
            query: query.name().to_owned(),
            told: result.is_ok(),
            message: result
                .err()
                .map(|failure| failure.to_string())
                .unwrap_or_default(),
        });
        Ok(v1::QuerySubscriberResponse {
            answers: answers.collect(),
        })
    }

    async fn take(
        &self,
        mut requests: Streaming<v1::ChangeSubscriptionsRequest>,
    ) -> Result<v1::ChangeSubscriptionsResponse, Status> {
        let mut response = v1::ChangeSubscriptionsResponse::default();
        loop {
            let request = tokio::select! {
                request = requests.message() => request?,
                () = self.shutdown.cancelled() => return Err(not_now(NotNow::Stopping)),
            };
            let Some(request) = request else {
                return Ok(response);
            };
            if request.add.len() + request.remove.len() > MAX_USERS {
                let text = "at most 10000 users in one message";
                return Err(status(
                    Code::InvalidArgument,
                    "INVALID_ARGUMENT",
                    Some("add"),
                    text,
                ));
            }
            let add = users(request.add, &mut response);
            let remove = users(request.remove, &mut response);
            let changed = self.hss.change(&add, &remove).await.map_err(not_now)?;
            response.added += changed.added;
            response.asked_again += changed.again;
            response.unchanged += changed.unchanged;
            response.removed += changed.removed;
            for _ in 0..changed.refused {
                refuse(&mut response, 0, "there is no room for more users");
            }
        }
    }

    fn tell(&self, request: v1::ListSubscriptionsRequest) -> Result<v1::ListSubscriptionsResponse, Status> {
        let (counts, in_flight) = self.hss.counts().map_err(not_now)?;
        let mut response = v1::ListSubscriptionsResponse {
            in_flight: in_flight as u64,
            ..v1::ListSubscriptionsResponse::default()
        };
        for topic in Topic::ALL {
            for state in SubscriptionState::ALL {
                response.counts.push(v1::SubscriptionCount {
                    topic: topic_of(topic).into(),
                    state: state_of(state).into(),
                    count: counts.of(topic, state),
                });
            }
        }
        if let Some(user) = request.user {
            let user = named(user)?;
            let parts = self.hss.status(&user).map_err(not_now)?;
            if parts.is_empty() {
                let text = "nothing is subscribed to of this user";
                return Err(status(Code::NotFound, "NOT_SUBSCRIBED", None, text));
            }
            response.status = parts.into_iter().map(status_of).collect();
        }
        Ok(response)
    }
}

#[tonic::async_trait]
impl AskingHss for HssAdmin {
    async fn query_subscriber(
        &self,
        request: v1::QuerySubscriberRequest,
    ) -> Result<v1::QuerySubscriberResponse, Status> {
        self.query.observe(self.ask(request)).await
    }

    async fn change_subscriptions(
        &self,
        requests: Streaming<v1::ChangeSubscriptionsRequest>,
    ) -> Result<v1::ChangeSubscriptionsResponse, Status> {
        self.change.observe(self.take(requests)).await
    }

    async fn list_subscriptions(
        &self,
        request: v1::ListSubscriptionsRequest,
    ) -> Result<v1::ListSubscriptionsResponse, Status> {
        self.list.observe(async { self.tell(request) }).await
    }
}

/// Why nothing at all was told, if so: what an HSS said counts before that there was none.
fn nothing_told(answers: &[Answer]) -> Option<&Failure> {
    let failures = || answers.iter().filter_map(|(_, result)| result.as_ref().err());
    if failures().count() < answers.len() {
        return None;
    }
    failures()
        .find(|failure| matches!(failure, Failure::Refused(_)))
        .or_else(|| failures().next())
}

fn failed(failure: &Failure) -> Status {
    let (code, reason) = match failure {
        Failure::Refused(Refusal::UserUnknown(_)) => (Code::NotFound, "USER_UNKNOWN"),
        Failure::Refused(Refusal::NotAllowed(_)) => (Code::PermissionDenied, "NOT_ALLOWED"),
        Failure::Refused(Refusal::NotSupported(_)) => (Code::FailedPrecondition, "NOT_SUPPORTED"),
        Failure::Refused(Refusal::NotNow(_)) => (Code::Unavailable, "NOT_NOW"),
        Failure::Refused(Refusal::Other(_)) => (Code::Unavailable, "REFUSED"),
        Failure::Untold(_) | Failure::Unanswered(_) => (Code::Unavailable, "NO_ANSWER"),
    };
    status(code, reason, None, failure.to_string())
}

fn not_now(why: NotNow) -> Status {
    match why {
        NotNow::Off => status(
            Code::FailedPrecondition,
            "SH_OFF",
            None,
            "nothing is asked of HSSs here: [diameter.sh] of the configuration names no realm",
        ),
        NotNow::Loading => status(
            Code::Unavailable,
            "NOT_READY",
            None,
            "subscriptions are not loaded yet; try again in a moment",
        ),
        NotNow::Stopping => status(
            Code::Unavailable,
            "SHUTTING_DOWN",
            None,
            "the daemon is shutting down; ask again elsewhere or later",
        ),
    }
}

fn named(user: v1::ShUser) -> Result<User, Status> {
    read(user).map_err(|text| status(Code::InvalidArgument, "INVALID_ARGUMENT", Some("user"), text))
}

/// The users among these; the others are refused.
fn users(from: Vec<v1::ShUser>, response: &mut v1::ChangeSubscriptionsResponse) -> Vec<User> {
    let mut users = Vec::with_capacity(from.len());
    for user in from {
        let line = user.line;
        match read(user) {
            Ok(user) => users.push(user),
            Err(reason) => refuse(response, line, reason),
        }
    }
    users
}

fn refuse(response: &mut v1::ChangeSubscriptionsResponse, line: u64, reason: &str) {
    response.refused_total += 1;
    if response.refused.len() < MAX_REFUSED {
        response.refused.push(v1::RefusedRow {
            line,
            reason: reason.to_owned(),
        });
    }
}

/// The user, or what is wrong with it, without its value.
fn read(user: v1::ShUser) -> Result<User, &'static str> {
    let v1::ShUser {
        line: _,
        msisdn,
        external_identifier,
    } = user;
    match (msisdn.as_str(), external_identifier.as_str()) {
        ("", "") => Err("msisdn or external_identifier: one of them is required"),
        (msisdn, "") => Msisdn::parse(msisdn)
            .map(User::Msisdn)
            .map_err(|_| "msisdn: not an international number of 5 to 15 digits"),
        ("", external) => ExternalIdentifier::parse(external)
            .map(User::External)
            .map_err(|_| "external_identifier: not of the form local@domain"),
        _ => Err("msisdn and external_identifier: only one of them may be set"),
    }
}

fn topic_of(topic: Topic) -> v1::SubscriptionTopic {
    match topic {
        Topic::Reachability => v1::SubscriptionTopic::Reachability,
        Topic::ImsState => v1::SubscriptionTopic::ImsState,
    }
}

fn state_of(state: SubscriptionState) -> v1::SubscriptionState {
    match state {
        SubscriptionState::Wanted => v1::SubscriptionState::Wanted,
        SubscriptionState::Active => v1::SubscriptionState::Active,
        SubscriptionState::Failed => v1::SubscriptionState::Failed,
        SubscriptionState::Ending => v1::SubscriptionState::Ending,
    }
}

fn status_of(status: plan::Status) -> v1::SubscriptionStatus {
    v1::SubscriptionStatus {
        topic: topic_of(status.topic).into(),
        state: state_of(status.state).into(),
        expires_at: status.expires.map(timestamp),
        result_vendor: status.result.map_or(0, |result| result.vendor),
        result_code: status.result.map_or(0, |result| result.code),
    }
}

/// To the second.
fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.as_micros() / 1_000_000,
        nanos: 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::diameter::apps::Answered;
    use crate::diameter::apps::sh::Query;
    use crate::diameter::client::RequestError;
    use crate::diameter::codec::ExperimentalResult;

    #[test]
    fn a_user_has_exactly_one_identifier_and_what_is_wrong_is_told_without_it() {
        let user = |msisdn: &str, external: &str| {
            read(v1::ShUser {
                line: 7,
                msisdn: msisdn.into(),
                external_identifier: external.into(),
            })
        };
        assert_eq!(
            user("+99912345", ""),
            Ok(User::Msisdn(Msisdn::parse("99912345").unwrap()))
        );
        let external = ExternalIdentifier::parse("a@b.example").unwrap();
        assert_eq!(user("", "a@b.example"), Ok(User::External(external)));
        for (refused, begins) in [
            (user("", ""), "msisdn or external_identifier:"),
            (user("077", ""), "msisdn:"),
            (user("", "77"), "external_identifier:"),
            (
                user("+99912345", "a@b.example"),
                "msisdn and external_identifier:",
            ),
        ] {
            let reason = refused.unwrap_err();
            assert!(reason.starts_with(begins) && !reason.contains("77"), "{reason}");
        }
    }

    #[test]
    fn a_query_fails_only_if_nothing_was_told_and_what_the_hss_said_counts() {
        let unanswered = || Err(Failure::Unanswered(RequestError::Unanswered));
        let unknown = || {
            let answered = Answered::Experimental(ExperimentalResult {
                vendor: 10415,
                code: 5001,
            });
            Err(Failure::Refused(Refusal::of(answered)))
        };
        let some = [(Query::PacketState, Ok(())), (Query::CircuitState, unknown())];
        assert_eq!(nothing_told(&some), None);
        let none = [
            (Query::PacketState, unanswered()),
            (Query::CircuitState, unknown()),
        ];
        let failure = failed(nothing_told(&none).unwrap());
        assert_eq!(failure.code(), Code::NotFound);
        assert_eq!(failure.message(), "the HSS does not know this user (5001)");
        let silent = [(Query::PacketState, unanswered())];
        assert_eq!(failed(nothing_told(&silent).unwrap()).code(), Code::Unavailable);
    }

    #[test]
    fn only_the_first_refused_users_are_named_but_all_are_counted() {
        let mut response = v1::ChangeSubscriptionsResponse::default();
        assert!(users(vec![v1::ShUser::default(); 2000], &mut response).is_empty());
        assert_eq!(
            (response.refused.len(), response.refused_total),
            (MAX_REFUSED, 2000)
        );
    }
}
