//! `reachd demo`: the daemon on an embedded store, a made-up population, and a simulated network that talks to it
//! through its own Diameter port.
//!
//! Everything runs in this process, but over real sockets: events go in by Diameter over TCP, the examples are looked
//! up over gRPC.

pub mod probe;
pub mod setting;
pub mod verify;
pub mod view;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, anyhow};
use clap::Args;
use indicatif::ProgressBar;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

use self::probe::Prober;
use self::verify::Verdict;
use self::view::{Demo, Devices};
use super::import::remote;
use super::say::say;
use crate::app::{Addresses, App};
use crate::domain::Timestamp;
use crate::index::Index;
use crate::ops::lifecycle::Stop;
use crate::proto::v1::SubscriberRow;
use crate::sim::format::{duration, number};
use crate::sim::load::Plan;
use crate::sim::mix::{Kind, Mix};
use crate::sim::population::{Device, MAX_DEVICES, NODES};
use crate::sim::run::{Setup, Simulation};
use crate::sim::stats::Stats;
use crate::sim::view::{Canvas, Interval, summary};

/// The simulated agent.
const AGENT: (&str, &str) = ("dra1.sim.example", "sim.example");
/// Between two drawings on a terminal.
const REDRAW: Duration = Duration::from_millis(500);
/// Between two blocks elsewhere.
const REPRINT: Duration = Duration::from_secs(5);
/// How long the last answers are waited for.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// Rows in one import message.
const ROWS: usize = 2000;

/// Show what reachd does, with made-up devices
///
/// Starts the daemon on an embedded store, imports a made-up population, lets a simulated network report attaches,
/// moves and purges over Diameter, and shows what becomes of it. Listens on the loopback address only. Ctrl-C ends it.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  reachd demo --seconds 60 --rate 5000")]
pub struct DemoArgs {
    /// How long to run; without it, until Ctrl-C
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub seconds: Option<u64>,
    /// How many devices there are
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DEVICES)))]
    pub population: u32,
    /// Events a second; 0 for as many as possible
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub rate: u32,
    /// Where the embedded store is kept, and the daemon's log
    #[arg(long, value_name = "DIR", default_value = "reachd-data")]
    pub data_dir: PathBuf,
    /// The same seed gives the same events
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// Runs the command.
///
/// # Errors
/// The daemon did not start or failed, or lookups differ from what the network did.
pub async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    say(&format!(
        "reachd demo: a daemon, {} made-up devices on {NODES} MMEs and an agent that copies their signalling.\n\n",
        number(args.population.into())
    ))?;
    let asked = Stop::on_signals()?;
    setting::start_log(&args.data_dir)?;
    let app = App::build(setting::configuration(&args.data_dir, AGENT.0)?).await?;
    let (addresses, index, readiness) = (app.addresses(), app.index(), app.readiness());
    let stop = Stop::default();
    let daemon: JoinHandle<anyhow::Result<()>> = tokio::spawn(app.run(stop.clone()));
    let second = {
        let (asked, stop) = (asked.clone(), stop.clone());
        tokio::spawn(async move {
            asked.at_once.cancelled().await;
            stop.orderly.cancel();
            stop.at_once.cancel();
        })
    };
    let mut ready = readiness.watch();
    let shown = tokio::select! {
        shown = async {
            ready.wait_for(|ready| *ready).await.context("the daemon ended before it was ready")?;
            show(&args, addresses, &index, &asked).await
        } => shown,
        () = stop.at_once.cancelled() => Err(anyhow!("ended at once")),
    };
    stop.orderly.cancel();
    let ended = daemon.await.context("the daemon")?;
    second.abort();
    // Why the daemon failed says more than that nobody answered.
    ended?;
    let verdict = shown?;
    Ok(ExitCode::from(u8::from(verdict.differ > 0)))
}

/// Import, simulation and view, against a daemon that is ready.
async fn show(
    args: &DemoArgs,
    addresses: Addresses,
    index: &Arc<Index>,
    asked: &Stop,
) -> anyhow::Result<Verdict> {
    let url = format!("http://{}", addresses.grpc);
    let channel = Endpoint::from_shared(url)?.connect().await?;
    import(channel.clone(), args.population).await?;
    say(&format!(
        "\n{}\n",
        try_next(addresses, &args.data_dir, under_cargo())
    ))?;

    let mut simulation = Simulation::start(&setup(args, addresses));
    simulation
        .connected()
        .await
        .context("the simulated network cannot connect to the daemon")?;
    let prober = Prober::start(channel.clone(), args.population, args.seed);
    let mut screen = Screen::new(args, index, &channel, &simulation, &prober);
    tokio::select! {
        ended = screen.run() => ended?,
        () = simulation.done() => {}
        () = asked.orderly.cancelled() => {}
    }
    simulation.stop();
    tokio::select! {
        () = simulation.done() => {}
        () = tokio::time::sleep(LAST_ANSWERS) => {}
    }
    screen.draw().await?;
    drop(prober);
    let whole = Interval {
        span: simulation.elapsed(),
        stats: simulation.stats(),
    };
    let peers = simulation.finish().await;
    say(&format!("\n{}", summary(&whole)))?;
    let mut verdict = Verdict::default();
    for peer in &peers {
        let (certain, open) = peer.with_load(verify::certain);
        verdict.add(verify::verify(channel.clone(), &certain, open).await?);
    }
    say(&judgement(verdict))?;
    Ok(verdict)
}

/// What the view draws from, and what it drew last.
struct Screen<'a> {
    args: &'a DemoArgs,
    index: &'a Arc<Index>,
    channel: &'a Channel,
    simulation: &'a Simulation,
    prober: &'a Prober,
    canvas: Option<Canvas>,
    drawn: (Stats, Stats, Instant),
}

impl<'a> Screen<'a> {
    fn new(
        args: &'a DemoArgs,
        index: &'a Arc<Index>,
        channel: &'a Channel,
        simulation: &'a Simulation,
        prober: &'a Prober,
    ) -> Self {
        Self {
            args,
            index,
            channel,
            simulation,
            prober,
            canvas: io::stdout().is_terminal().then(Canvas::default),
            drawn: (simulation.stats(), prober.stats(), Instant::now()),
        }
    }

    fn ends_after(&self) -> Option<Duration> {
        self.args.seconds.map(Duration::from_secs)
    }

    /// Draws until the time is over.
    async fn run(&mut self) -> io::Result<()> {
        let pause = if self.canvas.is_some() { REDRAW } else { REPRINT };
        loop {
            let left = self
                .ends_after()
                .map(|end| end.saturating_sub(self.simulation.elapsed()));
            tokio::time::sleep(left.map_or(pause, |left| left.min(pause))).await;
            if left.is_some_and(|left| left <= pause) {
                return Ok(());
            }
            self.draw().await?;
        }
    }

    async fn draw(&mut self) -> io::Result<()> {
        let (stats, lookups, now) = (self.simulation.stats(), self.prober.stats(), Instant::now());
        let (stats_before, lookups_before, at) = &self.drawn;
        let (span, elapsed) = (now.duration_since(*at), self.simulation.elapsed());
        let snapshot = Demo {
            elapsed,
            ends_after: self.ends_after(),
            last: Interval {
                span,
                stats: stats.since(stats_before),
            },
            whole: Interval {
                span: elapsed,
                stats: stats.clone(),
            },
            lookups: Interval {
                span,
                stats: lookups.since(lookups_before),
            },
            devices: self.devices(),
            examples: probe::examples(self.channel, self.simulation, self.args.population).await,
        };
        let text = view::demo(&snapshot);
        let text = match &mut self.canvas {
            Some(canvas) => canvas.redraw(&text),
            None => format!("{text}\n"),
        };
        self.drawn = (stats, lookups, now);
        say(&text)
    }

    fn devices(&self) -> Devices {
        let Some(now) = Timestamp::from_system_time(SystemTime::now()) else {
            return Devices::default();
        };
        let census = self.index.census(now);
        let seen = census.connected_data + census.connected_sms + census.not_connected;
        Devices {
            connected_data: census.connected_data as u64,
            connected_sms: census.connected_sms as u64,
            not_connected: census.not_connected as u64,
            // Imported and never heard of: the index has no facts about them to count.
            unknown: u64::from(self.args.population).saturating_sub(seen as u64),
        }
    }
}

fn setup(args: &DemoArgs, addresses: Addresses) -> Setup {
    Setup {
        address: addresses.diameter.to_string(),
        identity: AGENT.0.into(),
        realm: AGENT.1.into(),
        population: args.population,
        mix: mix(),
        seed: args.seed,
        connections: 1,
        plan: Plan {
            rate: args.rate,
            window: 256,
            events: None,
            duration: args.seconds.map(Duration::from_secs),
        },
    }
}

/// Attaches first of all, so that there soon is somebody to see; once all are there, they become updates.
fn mix() -> Mix {
    Mix::of(&[
        (Kind::Attach, 55),
        (Kind::Update, 15),
        (Kind::Move, 20),
        (Kind::Purge, 5),
        (Kind::LatePurge, 5),
    ])
}

/// Tells the daemon who the devices are, through its own API.
async fn import(channel: Channel, population: u32) -> anyhow::Result<()> {
    let started = Instant::now();
    let bar = ProgressBar::new(population.into()).with_message("importing");
    let progress = bar.clone();
    let mut next = 0;
    let chunks = std::iter::from_fn(move || {
        let end = population.min(next + ROWS as u32);
        let rows: Vec<_> = (next..end).map(|number| row(Device(number))).collect();
        progress.set_position(next.into());
        next = end;
        (!rows.is_empty()).then_some(rows)
    });
    let answer = remote::send(channel, tokio_stream::iter(chunks))
        .await
        .context("importing the population")?;
    bar.finish_and_clear();
    say(&format!(
        "Imported {} devices in {}.\n",
        number(answer.imported),
        duration(started.elapsed())
    ))?;
    Ok(())
}

fn row(device: Device) -> SubscriberRow {
    SubscriberRow {
        line: u64::from(device.0) + 1,
        imsi: device.imsi(),
        msisdn: device.phone_number(),
        external_identifier: device.external_identifier(),
    }
}

/// Whether cargo started this, so that commands are named as this person can type them.
fn under_cargo() -> bool {
    std::env::var_os("CARGO").is_some()
}

/// Commands that work while the demonstration runs.
fn try_next(addresses: Addresses, data_dir: &Path, under_cargo: bool) -> String {
    let Addresses {
        grpc,
        diameter,
        admin,
        ..
    } = addresses;
    let reachd = if under_cargo {
        "cargo run --release --"
    } else {
        "reachd"
    };
    let number = Device(7).phone_number();
    let database = data_dir.join("reachd.db");
    format!(
        "Try, in another terminal:\n\
         \x20 {reachd} lookup {number} --server http://{grpc}\n\
         \x20 curl -s http://{admin}/metrics | grep ^reachd_\n\
         \x20 curl -s http://{admin}/ready\n\
         \x20 grpcurl -plaintext -d '{{\"device\":{{\"phone_number\":\"{number}\"}}}}' {grpc} \\\n\
         \x20     reachability.v1.ReachabilityService/GetReachability\n\
         \x20 sqlite3 {database} 'SELECT status, count(*) FROM device_reachability GROUP BY status'\n\
         Diameter is taken on {diameter}; the daemon's log is {log}.\n",
        database = database.display(),
        log = data_dir.join("demo.log").display(),
    )
}

/// What the comparison of lookups with the network came to, in a sentence.
fn judgement(verdict: Verdict) -> String {
    let Verdict { agree, differ, open } = verdict;
    let asked = number(agree + differ);
    let mut text = if differ == 0 {
        format!("Looked all {asked} devices up that were heard of: each is as the network left it.\n")
    } else {
        format!(
            "Looked {asked} devices up: {} are NOT as the network left them.\n",
            number(differ)
        )
    };
    if open > 0 {
        text += &format!(
            "{} others were never heard of in this run, or their last event got no answer.\n",
            number(open)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    fn addresses() -> Addresses {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Addresses {
            grpc: at(1),
            diameter: at(2),
            diameter_tls: None,
            diameter_sctp: None,
            rest: None,
            admin: at(3),
        }
    }

    #[test]
    fn the_commands_to_try_name_the_ports_that_are_really_used() {
        let shown = try_next(addresses(), Path::new("data"), true);
        assert!(
            shown.contains("cargo run --release -- lookup +999000000007 --server http://127.0.0.1:1\n"),
            "{shown}"
        );
        assert!(shown.contains("curl -s http://127.0.0.1:3/metrics"));
        assert!(shown.contains(
            "-d '{\"device\":{\"phone_number\":\"+999000000007\"}}' 127.0.0.1:1 \\\n      reachability.v1."
        ));
        assert!(shown.contains("sqlite3 data/reachd.db "));
        assert!(try_next(addresses(), Path::new("data"), false).contains("  reachd lookup "));
    }

    #[test]
    fn a_difference_is_not_talked_over() {
        let fine = Verdict {
            agree: 19_000,
            differ: 0,
            open: 1000,
        };
        assert_eq!(
            judgement(fine),
            "Looked all 19,000 devices up that were heard of: each is as the network left it.\n\
             1,000 others were never heard of in this run, or their last event got no answer.\n"
        );
        let wrong = Verdict {
            agree: 1,
            differ: 2,
            open: 0,
        };
        assert_eq!(
            judgement(wrong),
            "Looked 3 devices up: 2 are NOT as the network left them.\n"
        );
    }
}
