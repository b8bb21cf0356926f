//! The whole configuration. Each section's struct lives with the module it configures; here they meet.

mod environment;
mod load;

use std::time::Duration;

use serde::Deserialize;

use crate::audit::AuditConfig;
use crate::diameter::config::DiameterConfig;
use crate::erasure::ErasureConfig;
use crate::grpc::GrpcConfig;
use crate::index::config::LookupConfig;
use crate::ingest::{IngestConfig, SessionsConfig};
use crate::liveness::FreshnessConfig;
use crate::liveness::query::ActiveQuery;
use crate::ops::admin::AdminConfig;
use crate::ops::telemetry::LogConfig;
use crate::rest::RestConfig;
use crate::store::StoreConfig;
use crate::watch::WatchConfig;

pub use load::{ConfigError, Problem, load, load_from, load_to_serve};

/// What `reachd --config FILE` reads.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where facts are kept.
    pub store: StoreConfig,
    /// Lookups and ingest over gRPC.
    pub grpc: GrpcConfig,
    /// Events over Diameter.
    pub diameter: DiameterConfig,
    /// The CAMARA API over HTTP; without the section it is not served.
    pub rest: Option<RestConfig>,
    /// Metrics and health.
    pub admin: AdminConfig,
    /// From event to durable.
    pub ingest: IngestConfig,
    /// How long sessions are believed in.
    pub sessions: SessionsConfig,
    /// What questions may be about.
    pub lookup: LookupConfig,
    /// How old an answer may be.
    pub freshness: FreshnessConfig,
    /// Streams of changes.
    pub watch: WatchConfig,
    /// Keeping erased subscribers erased.
    pub erasure: ErasureConfig,
    /// Who did what.
    pub audit: AuditConfig,
    /// Log output.
    pub log: LogConfig,
    /// The orderly stop.
    pub shutdown: ShutdownConfig,
}

/// Section `[shutdown]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShutdownConfig {
    /// How long an orderly stop may take.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(15),
        }
    }
}

impl Config {
    /// The names of its sections.
    pub(crate) const SECTIONS: [&str; 14] = [
        "store",
        "grpc",
        "diameter",
        "rest",
        "admin",
        "ingest",
        "sessions",
        "lookup",
        "freshness",
        "watch",
        "erasure",
        "audit",
        "log",
        "shutdown",
    ];

    /// What is wrong beyond the form of single values, as (key, sentence).
    pub fn problems(&self) -> Vec<(String, String)> {
        let Self {
            store,
            grpc,
            diameter,
            rest,
            admin: _,
            ingest,
            sessions,
            lookup,
            freshness,
            watch,
            erasure,
            audit: _,
            log,
            shutdown,
        } = self;
        let mut problems = store.problems();
        problems.extend(grpc.problems());
        problems.extend(below("diameter", diameter.problems()));
        problems.extend(below(
            "rest",
            rest.iter().flat_map(RestConfig::problems).collect(),
        ));
        problems.extend(ingest.problems());
        problems.extend(watch.problems());
        problems.extend(below("erasure", erasure.problems()));
        problems.extend(sessions.problems());
        problems.extend(lookup.problems());
        problems.extend(log.problems());
        problems.extend(freshness.problems(|query| match query {
            ActiveQuery::Sh => diameter.sh.is_on(),
            ActiveQuery::S6t => diameter.s6t.is_on(),
        }));
        if shutdown.grace.is_zero() {
            problems.push((
                "shutdown.grace".into(),
                "must be longer than nothing, such as \"15s\"".into(),
            ));
        }
        problems
    }

    /// What it asks of this machine and is not there, as (key, sentence): files that cannot be used. Reads them.
    pub fn machine_problems(&self) -> Vec<(String, String)> {
        let mut problems = below("diameter", self.diameter.machine_problems());
        problems.extend(below("audit", self.audit.machine_problems()));
        let rest = self.rest.iter().flat_map(RestConfig::machine_problems);
        problems.extend(below("rest", rest.collect()));
        problems
    }

    /// What can be used and will not do what is expected of it for long, as (key, sentence). Reads files.
    pub fn warnings(&self) -> Vec<(String, String)> {
        let mut warnings = below("diameter", self.diameter.warnings());
        warnings.extend(below("audit", self.audit.warnings(self.store.is_shared())));
        let rest = self.rest.iter().flat_map(RestConfig::warnings);
        warnings.extend(below("rest", rest.collect()));
        warnings
    }
}

/// Keys of a section made keys of the whole.
fn below(section: &str, told: Vec<(String, String)>) -> Vec<(String, String)> {
    told.into_iter()
        .map(|(key, sentence)| (format!("{section}.{key}"), sentence))
        .collect()
}
