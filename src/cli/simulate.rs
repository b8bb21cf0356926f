//! `reachd simulate`: load from a simulated network, over a real Diameter connection.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;

use super::say::say;
use crate::ops::lifecycle::Stop;
use crate::sim::format;
use crate::sim::load::Plan;
use crate::sim::mix::Mix;
use crate::sim::population::MAX_DEVICES;
use crate::sim::run::{Setup, Simulation};
use crate::sim::view::{self, Canvas, Interval};

/// How long a run lasts if nothing else is said.
const SECONDS: u64 = 30;
/// How long the last answers are waited for.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// Put a running reachd under load from a simulated network
///
/// Connects as a Diameter agent that copies S6a between made-up MMEs and an HSS: devices attach, update, move to other
/// MMEs and are purged, also late by an MME that they have left. Prints rate, answers and latencies every second and a
/// summary at the end. An answer comes when the event is durable. The devices are +999000000000 and up, IMSIs
/// 999010000000000 and up.
///
/// The daemon must know the peer:
///   [[diameter.peers]]
///   identity = "dra1.sim.example"
#[derive(Clone, Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  reachd simulate --rate 5000 --seconds 60\n  \
        reachd simulate --population 1000000 --rate 0 --window 1000 --events 1000000\n  \
        reachd simulate --mix attach=1,update=2,move=4,purge=1,late-purge=2 --seed 7 --json\n\n\
        Kinds for --mix: attach, update, move, purge, late-purge (by the MME that was left), late-cancel, withdraw, \
        notify, insert (IDR with the number)."
)]
pub struct SimulateArgs {
    /// Where the daemon takes Diameter connections
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3868")]
    pub peer: String,
    /// Origin-Host to connect as; further connections are dra1-2.sim.example and so on
    #[arg(long, value_name = "NAME", default_value = "dra1.sim.example")]
    pub identity: String,
    /// Origin-Realm to connect as
    #[arg(long, value_name = "NAME", default_value = "sim.example")]
    pub realm: String,
    /// How many devices there are
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DEVICES)))]
    pub population: u32,
    /// Events a second; 0 for as many as the window allows
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub rate: u32,
    /// How long to run [default: 30, unless --events is given]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub seconds: Option<u64>,
    /// How many events to send
    #[arg(long, value_name = "N")]
    pub events: Option<u64>,
    /// What happens, as kind=weight,…; what is not named does not happen
    #[arg(long, value_name = "MIX", default_value_t)]
    pub mix: Mix,
    /// The same seed gives the same events
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many connections to share the load
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub connections: u32,
    /// Requests in flight on each connection
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub window: u32,
    /// Print nothing but a JSON summary at the end, for machines
    #[arg(long)]
    pub json: bool,
}

impl SimulateArgs {
    fn setup(&self) -> Setup {
        let seconds = self.seconds.or_else(|| self.events.is_none().then_some(SECONDS));
        Setup {
            address: self.peer.clone(),
            identity: self.identity.clone(),
            realm: self.realm.clone(),
            population: self.population,
            mix: self.mix.clone(),
            seed: self.seed,
            connections: self.connections,
            plan: Plan {
                rate: self.rate,
                window: self.window as usize,
                events: self.events,
                duration: seconds.map(Duration::from_secs),
            },
        }
    }
}

/// Runs the command.
///
/// # Errors
/// No connection came about, or nothing was answered.
pub async fn run(args: SimulateArgs) -> anyhow::Result<ExitCode> {
    let stop = Stop::on_signals()?;
    let setup = args.setup();
    let mut simulation = Simulation::start(&setup);
    simulation.connected().await.map_err(|error| {
        let (peer, identity) = (&args.peer, &args.identity);
        // The innermost reason; the layers above it only say that something failed.
        let reason = anyhow::Error::new(error);
        let reason = reason.root_cause();
        anyhow!(
            "cannot simulate against {peer}: {reason}\nIs reachd running there, and does it know the peer {identity} \
             (diameter.peers)?"
        )
    })?;
    if !args.json {
        let devices = format::number(args.population.into());
        say(&format!(
            "{} as {}: {devices} devices, {}\n",
            args.peer, args.identity, args.mix
        ))?;
    }
    let ended = tokio::select! {
        () = simulation.done() => true,
        ended = show(&simulation, args.json) => { ended?; true }
        () = overdue(setup.plan.duration) => false,
        () = stop.orderly.cancelled() => false,
    };
    if !ended {
        simulation.stop();
        tokio::select! {
            () = simulation.done() => {}
            () = tokio::time::sleep(LAST_ANSWERS) => {}
            () = stop.at_once.cancelled() => {}
        }
    }
    let whole = Interval {
        span: simulation.elapsed(),
        stats: simulation.stats(),
    };
    tokio::select! {
        _ = simulation.finish() => {}
        () = stop.at_once.cancelled() => {}
    }
    if args.json {
        say(&format!("{:#}\n", view::summary_json(&whole)))?;
    } else {
        say(&format!("\n{}", view::summary(&whole)))?;
    }
    if whole.stats.codes.is_empty() {
        bail!("nothing was answered");
    }
    Ok(ExitCode::SUCCESS)
}

/// A load ends by itself unless its connection is gone; then this does.
async fn overdue(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration + LAST_ANSWERS).await,
        None => std::future::pending().await,
    }
}

/// One line a second; on a terminal always at the same place.
async fn show(simulation: &Simulation, quiet: bool) -> io::Result<()> {
    if quiet {
        return std::future::pending().await;
    }
    let mut canvas = io::stdout().is_terminal().then(Canvas::default);
    let (mut before, mut at) = (simulation.stats(), simulation.elapsed());
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (stats, now) = (simulation.stats(), simulation.elapsed());
        let last = Interval {
            span: now.saturating_sub(at),
            stats: stats.since(&before),
        };
        let line = view::load_line(now, &last);
        say(&match &mut canvas {
            // In two lines, for narrow terminals.
            Some(canvas) => canvas.redraw(&line.replacen("   p50", "\n           p50", 1)),
            None => format!("{line}\n"),
        })?;
        (before, at) = (stats, now);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn setup(line: &str) -> Result<Setup, clap::Error> {
        Alone::try_parse_from(line.split_whitespace()).map(|alone| alone.args.setup())
    }

    #[test]
    fn a_run_lasts_half_a_minute_unless_told_otherwise() {
        let lasts = |line| {
            let plan = setup(line).unwrap().plan;
            (plan.duration.map(|duration| duration.as_secs()), plan.events)
        };
        assert_eq!(lasts("simulate"), (Some(30), None));
        assert_eq!(lasts("simulate --seconds 5"), (Some(5), None));
        assert_eq!(lasts("simulate --events 9"), (None, Some(9)));
        assert_eq!(lasts("simulate --events 9 --seconds 5"), (Some(5), Some(9)));
    }

    #[test]
    fn values_out_of_range_are_refused_at_once() {
        for wrong in [
            "--population 0",
            "--connections 65",
            "--window 0",
            "--mix detach=1",
            "--seconds 0",
        ] {
            assert!(setup(&format!("simulate {wrong}")).is_err(), "{wrong}");
        }
    }
}
