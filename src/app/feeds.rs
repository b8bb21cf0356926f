//! Which feeds are watched, and what operators are told of what they said.

use tonic::Code;

use crate::config::Config;
use crate::diameter::config::PeerMode;
use crate::domain::SubscriberId;
use crate::feed::diameter::UNKNOWN_PEER;
use crate::feed::explaining::Explaining;
use crate::feed::forgetting::Forgetting;
use crate::feed::grpc::sources::Sources;
use crate::grpc::error::status;
use crate::ingest::{Feed, Ingest};
use crate::liveness::{ForgetError, Kind, Liveness, Streams};
use crate::northbound::Explain;
use crate::proto::v1;

/// The feeds of Diameter peers, each with its kind.
pub(super) fn peers(config: &Config, feeds: Vec<Feed>) -> Vec<(Feed, Kind)> {
    let monitored = config.diameter.s6t.is_on();
    let kind = |feed: &Feed| {
        let peer = config
            .diameter
            .peers
            .iter()
            .find(|peer| peer.identity.eq_ignore_ascii_case(feed.name()));
        match peer.map(|peer| peer.mode) {
            _ if feed.name() == UNKNOWN_PEER => Kind::Quiet,
            None => Kind::Quiet,
            Some(PeerMode::Copy) => Kind::Copies,
            Some(PeerMode::Endpoint) => Kind::Endpoint { monitored },
        }
    };
    feeds
        .into_iter()
        .map(|feed| {
            let kind = kind(&feed);
            (feed, kind)
        })
        .collect()
}

impl Streams for Sources {
    fn feeds(&self) -> Vec<Feed> {
        Self::feeds(self)
    }

    fn expect(&self, name: &str) {
        Self::expect(self, name);
    }
}

/// Forgets what streams promised, for operators.
#[derive(Debug)]
pub(super) struct Forgetter {
    pub(super) liveness: Liveness,
    pub(super) ingest: Ingest,
}

#[tonic::async_trait]
impl Forgetting for Forgetter {
    async fn forget(&self, name: &str) -> Result<bool, tonic::Status> {
        if !self.ingest.is_loaded() {
            let message = "what is stored is not loaded yet";
            return Err(status(Code::Unavailable, "NOT_READY", None, message));
        }
        self.liveness.forget(name).await.map_err(|error| {
            let (code, reason) = match error {
                ForgetError::Unknown => (Code::NotFound, "FEED_UNKNOWN"),
                ForgetError::Configured => (Code::FailedPrecondition, "FEED_CONFIGURED"),
                ForgetError::Open => (Code::FailedPrecondition, "FEED_OPEN"),
                ForgetError::Stopping => (Code::Unavailable, "SHUTTING_DOWN"),
            };
            status(code, reason, None, error.to_string())
        })
    }
}

/// Explains answers, for operators.
#[derive(Debug)]
pub(super) struct Explainer(pub(super) Explain);

#[tonic::async_trait]
impl Explaining for Explainer {
    fn whom(&self, device: &v1::Device) -> Option<SubscriberId> {
        self.0.whom(device)
    }

    async fn explain_subscriber(
        &self,
        request: v1::ExplainSubscriberRequest,
    ) -> Result<v1::ExplainSubscriberResponse, tonic::Status> {
        self.0.explain(request).map_err(tonic::Status::from)
    }
}
