//! Who is asked when the silence of feeds is not enough for a lookup.

use std::sync::Arc;

use crate::config::Config;
use crate::diameter::client::Client;
use crate::domain::{Identifier, User};
use crate::hss::Hss;
use crate::ingest::{Ingest, ReceiptClock};
use crate::liveness::query::ActiveQuery;
use crate::monitoring::Monitoring;
use crate::monitoring::diameter as s6t;
use crate::monitoring::once::Once;
use crate::northbound::Refresh;
use crate::refresh::{Ask, Asking, Refresher};

/// Everything that can be asked.
pub(super) struct Askable<'a> {
    pub(super) hss: &'a Hss,
    pub(super) monitoring: &'a Monitoring,
    pub(super) client: &'a Client,
    pub(super) ingest: &'a Ingest,
    pub(super) clock: &'a Arc<ReceiptClock>,
}

impl Askable<'_> {
    /// Asks for lookups as the configuration has it; `None` if nobody is asked.
    pub(super) fn refresh(&self, config: &Config) -> Option<Arc<dyn Refresh>> {
        let freshness = &config.freshness;
        let whom: Vec<_> = freshness
            .query
            .iter()
            .map(|query| self.whom(query, config))
            .collect();
        if whom.is_empty() {
            return None;
        }
        let clock = Arc::clone(self.clock);
        let refresher = Refresher::new(whom, clock, freshness.query_rate, freshness.query_within);
        Some(Arc::new(ForLookups(refresher)))
    }

    fn whom(&self, query: ActiveQuery, config: &Config) -> Box<dyn Ask> {
        let monitoring = self.monitoring.clone();
        match query {
            ActiveQuery::Sh => Box::new(OverSh(self.hss.clone())),
            ActiveQuery::S6t => {
                let clock = Arc::clone(self.clock);
                let network = s6t::Hss::new(
                    &config.diameter.s6t,
                    self.client.clone(),
                    monitoring.clone(),
                    clock,
                );
                Box::new(OverS6t(Once::new(monitoring, network, self.ingest.clone())))
            }
        }
    }
}

#[derive(Debug)]
struct OverSh(Hss);

impl Ask for OverSh {
    fn ask<'a>(&'a self, user: &'a User) -> Asking<'a> {
        Box::pin(async {
            let asked = self.0.query(user).await;
            asked.is_ok_and(|answers| answers.iter().any(|(_, told)| told.is_ok()))
        })
    }
}

#[derive(Debug)]
struct OverS6t(Once<s6t::Hss>);

impl Ask for OverS6t {
    fn ask<'a>(&'a self, user: &'a User) -> Asking<'a> {
        Box::pin(self.0.ask(user))
    }
}

/// A refresher as lookups know it.
#[derive(Debug)]
struct ForLookups(Refresher);

#[tonic::async_trait]
impl Refresh for ForLookups {
    async fn refresh(&self, identifiers: &[Identifier]) {
        // No HSS is asked about anybody by IMSI.
        self.0.refresh(identifiers.iter().filter_map(User::of)).await;
    }
}
