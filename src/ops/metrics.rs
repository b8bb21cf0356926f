//! The Prometheus recorder: explicit buckets for every histogram, so that none is rendered as a summary.

use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::build_info;

/// Version and revision as labels, always 1.
pub const BUILD_INFO: &str = "reachd_build_info";
/// Unix time at which the process started to serve.
pub const START_TIME: &str = "process_start_time_seconds";
/// Memory in use, read at each scrape.
pub const RESIDENT_MEMORY: &str = "process_resident_memory_bytes";

/// A histogram and its upper bounds.
pub type Buckets = (&'static str, &'static [f64]);

/// A recorder with these buckets, not installed yet.
///
/// # Errors
/// If a list of buckets is empty.
pub fn recorder(buckets: &[Buckets]) -> Result<PrometheusBuilder, BuildError> {
    buckets
        .iter()
        .try_fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
            builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), bounds)
        })
}

/// Installs the recorder for this process and announces the build. In a process that has one already, its
/// metrics stay with the first and the new handle renders nothing.
///
/// # Errors
/// If a list of buckets is empty.
pub fn install(buckets: &[Buckets]) -> Result<PrometheusHandle, BuildError> {
    let recorder = recorder(buckets)?.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::debug!("metrics were installed before");
    }
    describe_gauge!(BUILD_INFO, "Version and revision as labels, always 1");
    gauge!(BUILD_INFO, "version" => build_info::VERSION, "revision" => build_info::GIT_SHA).set(1);
    describe_gauge!(START_TIME, "Unix time at which the process started to serve");
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    gauge!(START_TIME).set(since_epoch.map_or(0.0, |elapsed| elapsed.as_secs_f64()));
    describe_gauge!(RESIDENT_MEMORY, "Resident memory in bytes");
    Ok(handle)
}

/// Reads what is known only at a scrape: memory in use.
pub fn observe_process() {
    const PAGE: f64 = 4096.0;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<f64>().ok());
    if let Some(pages) = pages {
        gauge!(RESIDENT_MEMORY).set(pages * PAGE);
    }
}
