//! `reachd healthcheck`: asks a running daemon whether it serves, for scripts and container probes.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::client::ServerArgs;

/// Probes give little time.
const WITHIN: Duration = Duration::from_secs(3);

/// Ask a running reachd whether it is ready to serve.
///
/// Prints the status and exits with 0 for SERVING, with 1 otherwise, also when nobody answers.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  reachd healthcheck --server http://127.0.0.1:50051")]
pub struct HealthcheckArgs {
    /// The daemon.
    #[command(flatten)]
    pub server: ServerArgs,
    /// One service instead of the whole daemon, such as reachability.v1.IngestService
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub service: String,
}

/// Runs the command.
///
/// # Errors
/// If nobody answers.
pub async fn run(args: HealthcheckArgs) -> anyhow::Result<ExitCode> {
    check(args, &mut std::io::stdout()).await.map(ExitCode::from)
}

/// The command with its output and exit code in the caller's hands.
///
/// # Errors
/// If nobody answers.
pub async fn check(args: HealthcheckArgs, out: &mut (impl Write + Send)) -> anyhow::Result<u8> {
    let HealthcheckArgs { server, service } = args;
    let mut client = HealthClient::new(server.connect(WITHIN).await?);
    let (word, exit) = match client.check(HealthCheckRequest { service }).await {
        Ok(response) => {
            let status = response.into_inner().status();
            (status.as_str_name(), u8::from(status != ServingStatus::Serving))
        }
        Err(status) if status.code() == Code::NotFound => ("SERVICE_UNKNOWN", 1),
        Err(status) => anyhow::bail!("no answer to the health check: {}", status.message()),
    };
    writeln!(out, "{word}")?;
    Ok(exit)
}
