//! A simulated network against the whole daemon, through real sockets: what lookups say afterwards is what the network
//! did. And the commands built on it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use reachd::app::{Addresses, App};
use reachd::cli::demo::verify::{self, Verdict};
use reachd::cli::import::remote;
use reachd::config::Config;
use reachd::diameter::config::PeerConfig;
use reachd::ops::lifecycle::Stop;
use reachd::proto::v1::SubscriberRow;
use reachd::sim::load::Plan;
use reachd::sim::mix::Mix;
use reachd::sim::population::Device;
use reachd::sim::run::{Setup, Simulation};
use reachd::sim::stats::Stats;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

use crate::support::postgres::Database;

const PATIENCE: Duration = Duration::from_secs(120);
const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const POPULATION: u32 = 400;
const EVERYTHING: &str =
    "attach=3,update=2,move=4,purge=1,late-purge=2,late-cancel=1,withdraw=1,notify=1,insert=1";

/// The whole daemon in this process, on free ports.
struct Daemon {
    addresses: Addresses,
    stop: Stop,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Daemon {
    async fn start(store_url: &str) -> Self {
        Self::start_on(store_url, FREE).await
    }

    /// With its Diameter port where it was before.
    async fn start_on(store_url: &str, diameter: SocketAddr) -> Self {
        let mut config = Config::default();
        config.store.url = store_url.to_owned();
        config.grpc.listen = FREE;
        config.diameter.listen = diameter;
        config.diameter.identity = "reachd.sim.example".into();
        config.diameter.realm = "sim.example".into();
        config.diameter.peers = ["dra1.sim.example", "dra1-2.sim.example"]
            .map(PeerConfig::new)
            .into();
        config.admin.listen = FREE;
        let app = App::build(config).await.unwrap();
        let (addresses, mut ready) = (app.addresses(), app.readiness().watch());
        let stop = Stop::default();
        let running = tokio::spawn(app.run(stop.clone()));
        timeout(PATIENCE, ready.wait_for(|ready| *ready))
            .await
            .unwrap()
            .unwrap();
        Self {
            addresses,
            stop,
            running,
        }
    }

    async fn channel(&self) -> Channel {
        let url = format!("http://{}", self.addresses.grpc);
        Endpoint::from_shared(url).unwrap().connect().await.unwrap()
    }

    async fn import(&self) {
        let rows = (0..POPULATION).map(|number| SubscriberRow {
            line: u64::from(number) + 1,
            imsi: Device(number).imsi(),
            msisdn: Device(number).phone_number(),
            external_identifier: String::new(),
        });
        let chunks = tokio_stream::iter(vec![rows.collect()]);
        let answer = remote::send(self.channel().await, chunks).await.unwrap();
        assert_eq!(answer.imported, u64::from(POPULATION));
    }

    fn setup(&self, connections: u32, plan: Plan) -> Setup {
        Setup {
            address: self.addresses.diameter.to_string(),
            identity: "dra1.sim.example".into(),
            realm: "sim.example".into(),
            population: POPULATION,
            mix: EVERYTHING.parse::<Mix>().unwrap(),
            seed: 11,
            connections,
            plan,
        }
    }

    async fn stop(self) {
        self.stop.orderly.cancel();
        timeout(PATIENCE, self.running).await.unwrap().unwrap().unwrap();
    }
}

/// Lets a simulation run to its end; its counts, and how lookups compare with what it did.
async fn run(daemon: &Daemon, setup: &Setup) -> (Stats, Verdict) {
    let simulation = Simulation::start(setup);
    timeout(PATIENCE, simulation.done()).await.unwrap();
    let stats = simulation.stats();
    let mut verdict = Verdict::default();
    for peer in simulation.finish().await {
        // The store was fresh, so that even of devices never heard of the answer is certain: UNKNOWN.
        let expected: Vec<_> = peer.with_load(|load| load.scenario().expected().collect());
        verdict.add(
            verify::verify(daemon.channel().await, &expected, 0)
                .await
                .unwrap(),
        );
    }
    (stats, verdict)
}

async fn lookups_say_what_the_network_did(store_url: &str) {
    let daemon = Daemon::start(store_url).await;
    daemon.import().await;
    let plan = Plan {
        rate: 0,
        window: 32,
        events: Some(4000),
        duration: None,
    };
    let (stats, verdict) = run(&daemon, &daemon.setup(2, plan)).await;
    assert_eq!(stats.succeeded(), 4000, "{stats:?}");
    assert_eq!((verdict.agree, verdict.differ), (u64::from(POPULATION), 0));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lookups_say_what_a_simulated_network_did_on_sqlite() {
    let dir = TempDir::new().unwrap();
    lookups_say_what_the_network_did(&sqlite(dir.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lookups_say_what_a_simulated_network_did_on_postgres() {
    let database = Database::fresh().await;
    lookups_say_what_the_network_did(database.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulation_goes_on_after_the_daemon_was_restarted_and_nothing_answered_is_lost() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(&sqlite(dir.path())).await;
    daemon.import().await;
    let plan = Plan {
        rate: 0,
        window: 8,
        events: None,
        duration: None,
    };
    let setup = daemon.setup(1, plan);
    let mut simulation = Simulation::start(&setup);
    timeout(PATIENCE, simulation.connected()).await.unwrap().unwrap();
    wait_for(&simulation, |stats| stats.succeeded() >= 300).await;
    let port = daemon.addresses.diameter;
    daemon.stop().await;
    wait_for(&simulation, |stats| stats.connected == 0).await;

    let daemon = Daemon::start_on(&sqlite(dir.path()), port).await;
    let before = simulation.stats().succeeded();
    wait_for(&simulation, |stats| stats.succeeded() >= before + 300).await;
    simulation.stop();
    timeout(PATIENCE, simulation.done()).await.unwrap();
    let mut agree = 0;
    for peer in simulation.finish().await {
        let (certain, open) = peer.with_load(verify::certain);
        let verdict = verify::verify(daemon.channel().await, &certain, open)
            .await
            .unwrap();
        assert_eq!(verdict.differ, 0, "{verdict:?}");
        agree += verdict.agree;
    }
    assert!(agree > 0);
    daemon.stop().await;
}

async fn wait_for(simulation: &Simulation, enough: impl Fn(&Stats) -> bool) {
    let reached = async {
        while !enough(&simulation.stats()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, reached).await.unwrap();
}

fn sqlite(dir: &Path) -> String {
    format!("sqlite://{}", dir.join("reachd.db").display())
}

/// Runs the binary to its end, in a directory of its own.
async fn reachd(dir: &Path, arguments: &[&str]) -> Output {
    let ended = Command::new(env!("CARGO_BIN_EXE_reachd"))
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    timeout(PATIENCE, ended).await.unwrap().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_ends_by_itself_and_every_device_is_as_the_network_left_it() {
    let dir = TempDir::new().unwrap();
    let arguments = ["demo", "--seconds", "3", "--population", "500", "--rate", "300"];
    let output = reachd(dir.path(), &arguments).await;
    let shown = told(&output);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    for part in [
        "Imported 500 devices",
        "lookup +999000000007 --server http://127.0.0.1:",
        "CONNECTED_DATA",
        "DIAMETER_SUCCESS (2001)",
        "each is as the network left it",
    ] {
        assert!(shown.contains(part), "{part:?} in:\n{shown}");
    }
    assert!(dir.path().join("reachd-data/reachd.db").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulate_gives_machines_json_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(&sqlite(dir.path())).await;
    let peer = daemon.addresses.diameter.to_string();
    let arguments = [
        "simulate",
        "--peer",
        &peer,
        "--events",
        "500",
        "--rate",
        "0",
        "--population",
        "100",
        "--json",
    ];
    let output = reachd(dir.path(), &arguments).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["succeeded"], 500, "{summary}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulate_says_why_it_cannot_connect() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(&sqlite(dir.path())).await;
    let peer = daemon.addresses.diameter.to_string();
    let output = reachd(
        dir.path(),
        &["simulate", "--peer", &peer, "--identity", "stranger.sim.example"],
    )
    .await;
    assert_eq!(output.status.code(), Some(1));
    let shown = told(&output);
    assert!(
        shown.contains("does it know the peer stranger.sim.example"),
        "{shown}"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_without_a_daemon_goes_into_the_store_and_a_daemon_started_later_knows() {
    let dir = TempDir::new().unwrap();
    let mut csv = String::from("external_id,imsi,msisdn\n");
    for number in 0..POPULATION {
        let device = Device(number);
        csv += &format!(
            "{},{},{}\n",
            device.external_identifier(),
            device.imsi(),
            device.phone_number()
        );
    }
    csv += "not-an-id,1,2\n";
    std::fs::write(dir.path().join("subscribers.csv"), csv).unwrap();
    let config = format!(
        "[store]\nurl = \"{}\"\n[grpc]\nlisten = \"127.0.0.1:0\"\n",
        sqlite(dir.path())
    );
    std::fs::write(dir.path().join("reachd.toml"), config).unwrap();
    let output = reachd(
        dir.path(),
        &["import", "subscribers.csv", "--config", "reachd.toml"],
    )
    .await;
    let shown = told(&output);
    assert_eq!(output.status.code(), Some(1), "one line was refused: {shown}");
    assert!(shown.contains("straight into the sqlite store"), "{shown}");
    assert!(shown.contains("line 402: column imsi"), "{shown}");
    assert!(shown.contains("400 rows imported, 1 refused"), "{shown}");

    let daemon = Daemon::start(&sqlite(dir.path())).await;
    let plan = Plan {
        rate: 0,
        window: 32,
        events: Some(800),
        duration: None,
    };
    let (_, verdict) = run(&daemon, &daemon.setup(1, plan)).await;
    assert_eq!((verdict.agree, verdict.differ), (u64::from(POPULATION), 0));
    daemon.stop().await;
}
