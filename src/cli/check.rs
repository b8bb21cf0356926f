//! `reachd check`: what `serve` would read, without starting anything.

use std::process::ExitCode;

use clap::Args;

use super::ConfigArgs;
use crate::diameter::config::DiameterConfig;

/// Check the configuration and start nothing.
///
/// Reports every problem at once and exits with 78 if there is one. The certificate files are read as well.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  reachd check --config /etc/reachd/reachd.toml")]
pub struct CheckArgs {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Runs the command.
///
/// # Errors
/// All problems of the configuration at once.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.load_to_serve()?;
    println!("The configuration is fine.");
    println!("  store     {}", config.store.shown_url());
    println!("  gRPC      {}", config.grpc.listen);
    println!("  Diameter  {}", diameter(&config.diameter));
    if let Some(rest) = &config.rest {
        let scheme = if rest.tls.is_on() { "https" } else { "http" };
        println!("  CAMARA    {scheme}://{}", rest.listen);
    }
    println!("  admin     {}", config.admin.listen);
    for (key, sentence) in config.warnings() {
        println!("Warning: {key}: {sentence}");
    }
    if config.diameter.peers.is_empty() && !config.diameter.accept_unknown_peers {
        println!(
            "Note: no Diameter peer is configured and unknown ones are refused; events come over gRPC only."
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn diameter(config: &DiameterConfig) -> String {
    let mut listeners = config.listen.to_string();
    if config.tls.is_on() {
        listeners += &format!(", TLS {}", config.tls_listen);
    }
    if let Some(address) = config.sctp_listen {
        listeners += &format!(", SCTP {address}");
    }
    format!("{listeners} as {}", config.identity)
}
