//! What every gRPC service shares: the listener and server, health, reflection, error details and metrics.
//!
//! The services themselves live where their work is: lookups in `northbound`, events and provisioning in `feed`.
//! Nothing here knows the domain.

pub mod config;
pub mod error;
pub mod health;
pub mod metrics;
pub mod reflection;
pub mod server;

pub use config::GrpcConfig;
pub use health::Health;
pub use metrics::{Call, Method, MethodMetrics};
pub use server::{GrpcServer, Services};
