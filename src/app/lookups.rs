//! Lookups put together: the answers that every protocol asks for, and the CAMARA API.

use std::sync::Arc;

use anyhow::Context;

use crate::audit::Audit;
use crate::config::Config;
use crate::index::Index;
use crate::ingest::ReceiptClock;
use crate::northbound::{Answers, Refresh};
use crate::rest::{Rest, RestConfig, RestServer};

/// The way from identifiers to answers, with the network asked first where that is configured.
pub(super) fn lookups_by(
    config: &Config,
    index: &Arc<Index>,
    clock: &Arc<ReceiptClock>,
    refresh: Option<Arc<dyn Refresh>>,
) -> Answers {
    let clock = Arc::clone(clock);
    Answers::new(Arc::clone(index), config.freshness.max_age)
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
