//! What operators do through the administration service, as the audit log has it.

use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::audit::{Act, Audit, Caller, Outcome};
use crate::domain::{ExternalIdentifier, Imsi, Msisdn, SubscriberId};
use crate::ingest::Ingest;

/// Writes acts, if there is an audit log.
#[derive(Clone, Debug, Default)]
pub struct Auditing(Option<(Audit, Ingest)>);

impl Auditing {
    /// Into that log. `ingest` knows the key of pseudonyms.
    pub fn new(audit: Audit, ingest: Ingest) -> Self {
        Self(Some((audit, ingest)))
    }

    /// Does what is asked, and writes that it was. `counts` says how much was done.
    ///
    /// # Errors
    /// Those of the act.
    pub async fn act<T>(
        &self,
        what: &'static str,
        by: Caller,
        subscriber: Option<SubscriberId>,
        act: impl Future<Output = Result<T, Status>>,
        counts: impl FnOnce(&T) -> Vec<(&'static str, u64)>,
    ) -> Result<T, Status> {
        self.act_on(what, by, (subscriber, None), act, counts).await
    }

    /// [`Self::act`], to a feed. Who does not know it may have named anything: its name is written if there is such a feed.
    ///
    /// # Errors
    /// Those of the act.
    pub async fn act_on_feed<T>(
        &self,
        what: &'static str,
        by: Caller,
        feed: String,
        act: impl Future<Output = Result<T, Status>>,
        counts: impl FnOnce(&T) -> Vec<(&'static str, u64)>,
    ) -> Result<T, Status> {
        self.act_on(what, by, (None, Some(feed)), act, counts).await
    }

    async fn act_on<T>(
        &self,
        what: &'static str,
        by: Caller,
        (subscriber, feed): (Option<SubscriberId>, Option<String>),
        act: impl Future<Output = Result<T, Status>>,
        counts: impl FnOnce(&T) -> Vec<(&'static str, u64)>,
    ) -> Result<T, Status> {
        let result = act.await;
        let known = |status: &Status| status.code() == Code::FailedPrecondition;
        let is_known = result.as_ref().map_or_else(known, |_| true);
        if let Some((audit, ingest)) = &self.0 {
            let act = Act {
                what,
                by,
                subscriber: subscriber.and_then(|id| ingest.tombstones().pseudonym(id)),
                feed: feed.filter(|_| is_known),
                counts: result.as_ref().map(counts).unwrap_or_default(),
                outcome: result
                    .as_ref()
                    .map_or_else(|status| Outcome::Failed(reason(status)), |_| Outcome::Done),
            };
            audit.record(&act).await;
        }
        result
    }
}

/// Who calls.
pub fn caller<T>(request: &Request<T>) -> Caller {
    let agent = request.metadata().get("user-agent");
    Caller {
        address: request.remote_addr(),
        name: None,
        agent: agent.and_then(|agent| agent.to_str().ok()).map(str::to_owned),
    }
}

/// The subscriber that texts of a request name, if they do.
pub fn subscriber(imsi: &str, msisdn: &str, external: &str) -> Option<SubscriberId> {
    let of_imsi = Imsi::parse(imsi).ok().map(SubscriberId::from);
    let of_msisdn = || Msisdn::parse(msisdn).ok().map(SubscriberId::from);
    let of_external = || {
        ExternalIdentifier::parse(external)
            .ok()
            .map(|external| SubscriberId::from(&external))
    };
    of_imsi.or_else(of_msisdn).or_else(of_external)
}

/// A word for a failure: one that this program has, whoever sent what.
fn reason(status: &Status) -> &'static str {
    const REASONS: [&str; 15] = [
        "IDENTIFIER_NOT_FOUND",
        "INVALID_ARGUMENT",
        "NOT_READY",
        "SHUTTING_DOWN",
        "ERASE_AGAIN",
        "TOO_MANY_IDENTIFIERS",
        "SH_OFF",
        "MONITORING_OFF",
        "USER_UNKNOWN",
        "NOT_ALLOWED",
        "NO_ANSWER",
        "NOT_MONITORED",
        "FEED_UNKNOWN",
        "FEED_CONFIGURED",
        "FEED_OPEN",
    ];
    let details = status.get_error_details();
    let told = details.error_info().map(|info| info.reason.as_str());
    REASONS
        .into_iter()
        .find(|known| Some(*known) == told)
        .unwrap_or_else(|| status.code().description())
}
