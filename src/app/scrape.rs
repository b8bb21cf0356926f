//! What is read at a scrape, and the buckets of histograms.

use std::sync::Arc;

use metrics::{describe_gauge, gauge};

use crate::diameter::status::Peers;
use crate::hss::Hss;
use crate::index::Index;
use crate::ingest::Ingest;
use crate::monitoring::Monitoring;
use crate::ops::health::Readiness;
use crate::ops::metrics::Buckets;
use crate::watch::{self, Watch};
use crate::{diameter, grpc, ingest, ops, rest};

/// Subscribers with facts in the index.
pub const INDEX_SUBSCRIBERS: &str = "reachd_index_subscribers";
/// Bound identifiers in the index.
pub const INDEX_IDENTIFIERS: &str = "reachd_index_identifiers";
/// Addresses of sessions in the index.
pub const INDEX_ADDRESSES: &str = "reachd_index_addresses";
/// 1 when the daemon takes traffic.
pub const READY: &str = "reachd_ready";

/// What is read at a scrape instead of being kept up to date.
pub(super) fn observer(
    index: Arc<Index>,
    watch: Watch,
    ingest: Ingest,
    peers: Peers,
    hss: Hss,
    monitoring: Monitoring,
    readiness: Readiness,
) -> ops::admin::Observe {
    describe_gauge!(INDEX_SUBSCRIBERS, "Subscribers with facts in the index");
    describe_gauge!(
        INDEX_IDENTIFIERS,
        "Identifiers bound to a subscriber in the index"
    );
    describe_gauge!(
        INDEX_ADDRESSES,
        "Addresses, prefixes and port ranges of sessions in the index"
    );
    describe_gauge!(READY, "1 when the daemon takes traffic");
    let (subscribers, identifiers) = (gauge!(INDEX_SUBSCRIBERS), gauge!(INDEX_IDENTIFIERS));
    let (addresses, ready) = (gauge!(INDEX_ADDRESSES), gauge!(READY));
    Arc::new(move || {
        let size = index.size();
        subscribers.set(size.subscribers as f64);
        identifiers.set(size.identifiers as f64);
        addresses.set(size.addresses as f64);
        ready.set(if readiness.report().ready { 1.0 } else { 0.0 });
        ingest.metrics().set_queued(ingest.depth());
        peers.observe();
        watch.observe();
        hss.observe();
        monitoring.observe();
    })
}

/// Every histogram with its buckets.
pub(super) fn buckets() -> Vec<Buckets> {
    let own: [Buckets; 7] = [
        (ingest::metrics::BATCH_ROWS, &ingest::metrics::BATCH_ROWS_BUCKETS),
        (ingest::metrics::COMMIT_SECONDS, &ingest::metrics::COMMIT_BUCKETS),
        (ingest::metrics::LAG_SECONDS, &ingest::metrics::COMMIT_BUCKETS),
        (watch::metrics::LAG, &watch::metrics::LAG_BUCKETS),
        (grpc::metrics::HANDLING, &grpc::metrics::HANDLING_BUCKETS),
        (rest::metrics::REQUEST_SECONDS, &rest::metrics::REQUEST_BUCKETS),
        (
            diameter::client::REQUEST_SECONDS,
            &diameter::client::REQUEST_BUCKETS,
        ),
    ];
    own.into_iter()
        .chain(diameter::metrics::BUCKETS.iter().copied())
        .collect()
}
