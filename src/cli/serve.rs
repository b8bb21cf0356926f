//! `reachd serve`: the daemon.

use std::process::ExitCode;

use clap::Args;

use super::ConfigArgs;
use crate::app::App;
use crate::ops::build_info;
use crate::ops::lifecycle::Stop;

/// Run the daemon until SIGTERM.
///
/// Takes events over Diameter and gRPC, keeps them in the store, and answers lookups over gRPC from memory. SIGTERM
/// or Ctrl-C stops it in order; a second one ends it at once. SIGHUP has certificate files read again, which also
/// happens when they change, keys of access tokens too, and the file of the audit log opened again.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  reachd serve --config /etc/reachd/reachd.toml")]
pub struct ServeArgs {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Runs the command.
///
/// # Errors
/// A configuration that cannot be used, an address that cannot be bound, a store that cannot be used.
pub async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.load_to_serve()?;
    config.log.start();
    tracing::info!(
        version = build_info::VERSION,
        revision = build_info::GIT_SHA,
        config = args.config.config.as_ref().map(|path| path.display().to_string()),
        store = config.store.shown_url(),
        "starting"
    );
    let stop = Stop::on_signals()?;
    App::build(config).await?.run(stop).await?;
    Ok(ExitCode::SUCCESS)
}
