//! Lookups put together: the answers that every protocol asks for, and the CAMARA API.

use std::sync::Arc;

use anyhow::Context;

use crate::audit::Audit;
use crate::config::Config;
use crate::hss::Hss;
use crate::hss::refresh::Refresher;
use crate::index::Index;
use crate::ingest::ReceiptClock;
use crate::liveness::config::ActiveQuery;
use crate::northbound::{Answers, Refresh};
use crate::rest::{Rest, RestConfig, RestServer};

use super::feeds;

/// The way from identifiers to answers, with the network asked first where that is configured.
pub(super) fn lookups_by(
    config: &Config,
    index: &Arc<Index>,
    clock: &Arc<ReceiptClock>,
    hss: &Hss,
) -> Answers {
    let freshness = &config.freshness;
    let refresh = match freshness.query {
        ActiveQuery::None => None,
        ActiveQuery::Sh => {
            let refresher = Refresher::new(hss.clone(), freshness.query_rate, freshness.query_within);
            Some(Arc::new(feeds::OverSh(refresher)) as Arc<dyn Refresh>)
        }
    };
    let clock = Arc::clone(clock);
    Answers::new(Arc::clone(index), freshness.max_age)
        .with_clock(move || clock.present())
        .with_refresh(refresh)
}

/// The CAMARA API, where it is configured: bound, and not serving yet.
pub(super) async fn bind_rest(
    config: Option<&RestConfig>,
    lookups: Answers,
    audit: Audit,
) -> anyhow::Result<Option<(RestServer, Arc<Rest>)>> {
    let Some(config) = config else {
        return Ok(None);
    };
    for (key, sentence) in config.warnings() {
        tracing::warn!("rest.{key}: {sentence}");
    }
    let rest = Rest::new(config, lookups, audit).map_err(anyhow::Error::msg)?;
    let server = RestServer::bind(config)
        .await
        .with_context(|| format!("rest.listen: cannot listen on {}", config.listen))?;
    Ok(Some((server, Arc::new(rest))))
}
