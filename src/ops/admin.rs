//! The admin endpoint, on a thread and runtime of its own so that it answers under load.
//!
//! - `GET /live`: 200 while the process runs.
//! - `GET /ready`: 200 when it takes traffic, else 503; what it waits for and where it listens, as JSON.
//! - `GET /metrics`: Prometheus text format.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::health::Readiness;

/// Section `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Where metrics and health are served.
    pub listen: SocketAddr,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
        }
    }
}

/// Brings gauges up to date before a scrape.
pub type Observe = Arc<dyn Fn() + Send + Sync>;

/// How often recorded samples are folded into buckets if nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// A running admin endpoint. Dropping it stops it.
#[derive(Debug)]
pub struct Admin {
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Admin {
    /// Serves on an already bound listener.
    ///
    /// # Errors
    /// If the thread or its runtime cannot be made.
    pub fn start(
        listener: std::net::TcpListener,
        readiness: Readiness,
        metrics: PrometheusHandle,
        observe: Observe,
    ) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    let upkeep = metrics.clone();
                    tokio::spawn(async move {
                        loop {
                            tokio::time::sleep(UPKEEP).await;
                            upkeep.run_upkeep();
                        }
                    });
                    let served = match tokio::net::TcpListener::from_std(listener) {
                        Ok(listener) => {
                            axum::serve(listener, router(readiness, metrics, observe))
                                .with_graceful_shutdown(stopped.cancelled_owned())
                                .await
                        }
                        Err(error) => Err(error),
                    };
                    if let Err(error) = served {
                        tracing::error!(%error, "the admin endpoint ended");
                    }
                });
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stop.cancel();
        // A scrape under way ends with its connection; nobody waits for idle connections here.
        drop(self.thread.take());
    }
}

fn router(readiness: Readiness, metrics: PrometheusHandle, observe: Observe) -> Router {
    let ready = move || {
        let report = readiness.report();
        let status = if report.ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let body = serde_json::to_string(&report).unwrap_or_default();
        std::future::ready((status, [(header::CONTENT_TYPE, "application/json")], body))
    };
    let scrape = move || {
        super::metrics::observe_process();
        observe();
        let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
        std::future::ready((content_type, metrics.render()).into_response())
    };
    Router::new()
        .route("/live", get(|| std::future::ready("live\n")))
        .route("/ready", get(ready))
        .route("/metrics", get(scrape))
}
