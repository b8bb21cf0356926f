//! `reachd migrate`: brings the store's schema to this version.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::ConfigArgs;
use crate::store::{AnyStore, Store};

/// Bring the store's schema to this version.
///
/// `serve` does the same at its start; this is for deployments that migrate beforehand. Running it again changes
/// nothing.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  reachd migrate --config /etc/reachd/reachd.toml")]
pub struct MigrateArgs {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Runs the command.
///
/// # Errors
/// A store that cannot be reached, or whose schema is newer than this version.
pub async fn run(args: MigrateArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    let shown = config.store.shown_url();
    let store = AnyStore::open(&config.store)
        .await
        .with_context(|| format!("cannot open {shown}"))?;
    let (before, _) = store
        .schema_version()
        .await
        .with_context(|| format!("cannot read {shown}"))?;
    store
        .migrate()
        .await
        .with_context(|| format!("cannot migrate {shown}"))?;
    let (after, _) = store
        .schema_version()
        .await
        .with_context(|| format!("cannot read {shown}"))?;
    if before == after {
        println!("{shown}: the schema is at version {after} already.");
    } else {
        println!("{shown}: the schema went from version {before} to {after}.");
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}
