//! The `reachd` binary: parse arguments, run the command, map the result to an exit code.

use std::process::ExitCode;

use clap::Parser;
use reachd::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
