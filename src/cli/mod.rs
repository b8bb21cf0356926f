//! What people type: one file for each command.
//!
//! Exit codes: 0 fine, 1 failed, 2 usage, 78 configuration.

pub mod check;
pub mod client;
pub mod demo;
pub mod device;
pub mod erase;
pub mod explain;
pub mod explain_output;
pub mod feeds;
pub mod feeds_output;
pub mod feeds_table;
pub mod healthcheck;
pub mod import;
pub mod lines;
pub mod lookup;
pub mod lookup_output;
pub mod migrate;
pub mod monitor;
pub mod publish;
pub mod query;
pub mod say;
pub mod serve;
pub mod simulate;
pub mod subscriptions;
pub mod subscriptions_output;
pub mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Config, ConfigError};
use crate::ops::build_info;

/// `EX_CONFIG` of sysexits.
const EXIT_CONFIG: u8 = 78;

/// The reachability daemon of a mobile operator's core network.
///
/// It takes attach, detach, purge and SMS-registration events from the network (Diameter, gRPC), keeps them durably,
/// and answers whether a device is reachable, by data or by SMS, with the network's own time.
#[derive(Debug, Parser)]
#[command(name = "reachd", version = build_info::LONG_VERSION, arg_required_else_help = true)]
#[command(after_help = "To see it work with made-up devices:\n  reachd demo")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "each is documented by its arguments, which clap shows"
)]
pub enum Command {
    Serve(serve::ServeArgs),
    Demo(demo::DemoArgs),
    Check(check::CheckArgs),
    Migrate(migrate::MigrateArgs),
    Lookup(lookup::LookupArgs),
    Watch(watch::WatchArgs),
    Explain(explain::ExplainArgs),
    Query(query::QueryArgs),
    Subscriptions(subscriptions::SubscriptionsArgs),
    Feeds(feeds::FeedsArgs),
    Import(import::ImportArgs),
    Publish(publish::PublishArgs),
    Erase(erase::EraseArgs),
    Monitor(monitor::MonitorArgs),
    Simulate(simulate::SimulateArgs),
    Healthcheck(healthcheck::HealthcheckArgs),
}

/// Where a command's configuration comes from.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// A TOML file; without it, defaults. REACHD_SECTION__KEY in the environment overrides single keys
    #[arg(long, value_name = "FILE", env = "REACHD_CONFIG")]
    pub config: Option<PathBuf>,
}

impl ConfigArgs {
    /// Reads it.
    ///
    /// # Errors
    /// All problems at once.
    pub fn load(&self) -> Result<Config, ConfigError> {
        config::load(self.config.as_deref())
    }

    /// Reads it for whoever is going to serve: what it asks of this machine has to be there.
    ///
    /// # Errors
    /// All problems at once.
    pub fn load_to_serve(&self) -> Result<Config, ConfigError> {
        config::load_to_serve(self.config.as_deref())
    }
}

/// Runs a command to its end, telling a person what went wrong.
pub fn run(cli: Cli) -> ExitCode {
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(dispatch(cli.command)));
    outcome.unwrap_or_else(|error| {
        eprintln!("reachd: {error:#}");
        let is_config = error.downcast_ref::<ConfigError>().is_some();
        if is_config {
            ExitCode::from(EXIT_CONFIG)
        } else {
            ExitCode::FAILURE
        }
    })
}

async fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Check(args) => check::run(&args),
        Command::Migrate(args) => migrate::run(args).await,
        Command::Lookup(args) => lookup::run(args).await,
        Command::Watch(args) => watch::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Query(args) => query::run(args).await,
        Command::Subscriptions(args) => subscriptions::run(args).await,
        Command::Feeds(args) => feeds::run(args).await,
        Command::Import(args) => import::run(args).await,
        Command::Publish(args) => publish::run(args).await,
        Command::Erase(args) => erase::run(args).await,
        Command::Monitor(args) => monitor::run(args).await,
        Command::Simulate(args) => simulate::run(args).await,
        Command::Healthcheck(args) => healthcheck::run(args).await,
    }
}
