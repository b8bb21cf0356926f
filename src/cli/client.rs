//! How commands reach a running daemon.

use std::error::Error;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use tonic::transport::{Channel, Endpoint};

/// How long a connection without a deadline may be silent before it has to show that it lives, and how long that may take.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Which daemon to talk to.
#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// Where reachd serves gRPC
    #[arg(
        long,
        alias = "address",
        value_name = "URL",
        default_value = "http://127.0.0.1:50051"
    )]
    pub server: String,
}

impl ServerArgs {
    /// Connects, waiting for no longer than `within`; every call may then take as long again.
    ///
    /// # Errors
    /// Says where no connection came about, why, and what to do.
    pub async fn connect(&self, within: Duration) -> anyhow::Result<Channel> {
        self.open(within, Some(within)).await
    }

    /// Connects, waiting for no longer than `within`; calls may then take as long as they like.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_without_deadline(&self, within: Duration) -> anyhow::Result<Channel> {
        self.open(within, None).await
    }

    async fn open(&self, within: Duration, call: Option<Duration>) -> anyhow::Result<Channel> {
        let url = match self.server.split_once("://") {
            None => format!("http://{}", self.server),
            Some(("http", _)) => self.server.clone(),
            Some(_) => bail!("--server {}: has to begin with http://", self.server),
        };
        let endpoint = Endpoint::from_shared(url.clone())
            .with_context(|| {
                format!(
                    "--server {}: not an address such as http://127.0.0.1:50051",
                    self.server
                )
            })?
            .connect_timeout(within)
            .user_agent(agent())?
            .tcp_nodelay(true);
        let endpoint = match call {
            Some(call) => endpoint.timeout(call),
            // Nothing else tells that the other end is gone.
            None => endpoint
                .http2_keep_alive_interval(KEEPALIVE)
                .keep_alive_timeout(KEEPALIVE),
        };
        endpoint.connect().await.map_err(|error| {
            anyhow::anyhow!(
                "cannot reach reachd at {url}: {}\nIs it running there? `reachd serve` starts it, `reachd demo` \
                 shows it with made-up devices, and --server names another one.",
                root_cause(&error)
            )
        })
    }
}

/// What commands call themselves: the daemon's audit log shows it. It proves nothing.
pub fn agent() -> String {
    let user = ["SUDO_USER", "USER"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    let user: String = user
        .unwrap_or_default()
        .chars()
        .filter(|sign| sign.is_ascii_alphanumeric() || "._-".contains(*sign))
        .take(32)
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    if user.is_empty() {
        format!("reachd-cli/{version}")
    } else {
        format!("reachd-cli/{version} ({user})")
    }
}

/// The innermost reason: the layers above it only say that something failed.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
