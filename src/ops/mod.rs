//! What every daemon needs: logs, metrics, health, the admin endpoint, signals. Knows nothing of reachability.

pub mod admin;
pub mod build_info;
pub mod health;
pub mod lifecycle;
pub mod metrics;
pub mod telemetry;
