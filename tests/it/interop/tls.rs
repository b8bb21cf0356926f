//! freeDiameterd and the daemon over mutual TLS: GnuTLS on one side, rustls on the other.

use std::slice::from_ref;

use reachd::proto::v1::{Connectivity, ReachabilityStatus as Status};

use super::{REACHD, REALM, home_with_peer, shows};
use crate::support::capture::assert_dissects_with_keys;
use crate::support::certificates::{Authority, Pair};
use crate::support::daemon::{Daemon, Home};
use crate::support::freediameter::{FreeDiameter, Known, Secured};
use crate::support::recorder::Recorder;
use crate::support::wire::{Peer, Request, SUCCESS, command};
use crate::support::{Subscriber, eventually};

const FD: &str = "fd1.home.example";
const OTHER: &str = "fd2.home.example";
const CLIENT: &str = "dra7.visited.example";
const MME: &str = "mme1.visited.example";

/// Everything that both agree on, which is TLS 1.3.
const ANY: &str = "NORMAL";
const TLS_1_2: &str = "NORMAL:-VERS-TLS1.3";

/// A home whose daemon has `own` and knows freeDiameterd as a peer over TLS, with whatever else `keys` say of it.
pub(super) async fn home_over_tls(authority: &Authority, own: &Pair, keys: &str) -> Home {
    let mut home = home_with_peer(FD, &format!("transport = \"tls\"\n{keys}")).await;
    let authorities = home.write("authorities.pem", &authority.pem());
    own.write(authorities.parent().unwrap());
    let tls = format!(
        "\n[diameter.tls]\ncertificate = {:?}\nkey = {:?}\nauthorities = {authorities:?}\n",
        home.path("certificate.pem"),
        home.path("key.pem"),
    );
    home.diameter("tls_listen = \"127.0.0.1:0\"").configure(&tls);
    home
}

/// TLS as freeDiameterd has it by itself.
pub(super) fn secured<'a>(authority: &'a Authority, own: &'a Pair) -> Secured<'a> {
    Secured {
        own,
        authority,
        priority: ANY,
    }
}

/// A client on the plain side of the relay makes a device reachable.
async fn attach_through(fd: &FreeDiameter, daemon: &Daemon) {
    let subscriber = Subscriber::nth(1);
    daemon.import_rows(from_ref(&subscriber)).await;
    let mut client = Peer::connect(fd.address(), CLIENT).await;
    client
        .ask(&Request::update_location(&subscriber.imsi, MME))
        .await
        .assert_result(SUCCESS);
    let answer = daemon.lookups().phone(&subscriber.number()).await;
    answer.assert_is(Status::ConnectedData, &[Connectivity::Data]);
}

/// Whether the daemon said these among other things, in this order.
#[track_caller]
fn assert_said(commands: &[u32], expected: &[u32]) {
    let mut said = commands.iter();
    let all = expected.iter().all(|command| said.any(|said| said == command));
    assert!(all, "{expected:?} in {commands:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_connects_to_a_relay_over_mutual_tls_comes_back_when_it_does_and_takes_its_leave() {
    let authority = Authority::new();
    let (_, recorder) = Recorder::encrypted().await;
    let keys = format!(
        "address = \"{}\"\nreconnect = \"300ms\"\nwatchdog = \"150ms\"",
        recorder.address()
    );
    let home = home_over_tls(&authority, &authority.issue(REACHD), &keys).await;
    let mut daemon = home.start().await;
    let peers = [Known::waited_for(REACHD).over_tls(), Known::waited_for(CLIENT)];
    let start = async || {
        let own = authority.issue(FD);
        let fd = FreeDiameter::start_secured(FD, REALM, &peers, &secured(&authority, &own)).await;
        recorder.lead_to(fd.tls_address());
        fd.has_opened(REACHD, 1).await;
        fd
    };

    let fd = start().await;
    shows(&daemon, FD, "open").await;
    watches(&fd).await;
    let mut secrets = fd.keys();
    fd.stop().await;
    eventually("the relay's goodbye is told of", async || {
        daemon.log().contains("peer_left").then_some(())
    })
    .await;

    let fd = start().await;
    shows(&daemon, FD, "open").await;
    attach_through(&fd, &daemon).await;
    watches(&fd).await;
    daemon.signal_terminate();
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.log());
    assert_eq!(fd.received(REACHD, command::DISCONNECT_PEER), 1);
    assert_eq!(fd.opened(REACHD), 1);

    secrets.push_str(&fd.keys());
    let connections = recorder.exchanges();
    let commands = assert_dissects_with_keys(&home.path("initiator.pcap"), &connections, &secrets).await;
    let (capabilities, watchdog, goodbye) = (
        command::CAPABILITIES_EXCHANGE,
        command::DEVICE_WATCHDOG,
        command::DISCONNECT_PEER,
    );
    assert_said(
        &commands,
        &[
            capabilities,
            watchdog,
            goodbye,
            capabilities,
            command::UPDATE_LOCATION,
            watchdog,
            goodbye,
        ],
    );
}

/// The daemon watches it.
async fn watches(fd: &FreeDiameter) {
    eventually("the daemon watches its peer", async || {
        (fd.received(REACHD, command::DEVICE_WATCHDOG) >= 3).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_connects_over_mutual_tls_1_2_watches_the_daemon_leaves_and_comes_back_over_1_3_to_be_left() {
    let authority = Authority::new();
    let (recorder, _) = Recorder::encrypted().await;
    let home = home_over_tls(&authority, &authority.issue(REACHD), "").await;
    let mut daemon = home.start().await;
    recorder.lead_to(daemon.diameter_tls());
    let start = async |priority, watchdogs| {
        let own = authority.issue(FD);
        let secured = Secured {
            priority,
            ..secured(&authority, &own)
        };
        let peers = [
            Known::dialled(REACHD, recorder.address()).over_tls().watchful(),
            Known::waited_for(CLIENT),
        ];
        let fd = FreeDiameter::start_secured(FD, REALM, &peers, &secured).await;
        fd.has_opened(REACHD, 1).await;
        shows(&daemon, FD, "open").await;
        attach_through(&fd, &daemon).await;
        let answered = format!(
            r#"reachd_diameter_messages_total{{peer="{FD}",command="Device-Watchdog",direction="out",result="success"}} "#
        );
        counts_up_to(&daemon, &answered, watchdogs).await;
        fd
    };

    let fd = start(TLS_1_2, 1).await;
    let mut secrets = fd.keys();
    fd.stop().await;
    shows(&daemon, FD, "closed").await;
    assert!(daemon.log().contains("peer_left"), "{}", daemon.log());

    let fd = start(ANY, 2).await;
    daemon.signal_terminate();
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.log());
    assert_eq!(fd.received(REACHD, command::DISCONNECT_PEER), 1);

    secrets.push_str(&fd.keys());
    let connections = recorder.exchanges();
    let commands = assert_dissects_with_keys(&home.path("responder.pcap"), &connections, &secrets).await;
    let each = [
        command::CAPABILITIES_EXCHANGE,
        command::UPDATE_LOCATION,
        command::DISCONNECT_PEER,
    ];
    assert_said(&commands, &[each, each].concat());
    let watchdogs = commands.iter().filter(|one| **one == command::DEVICE_WATCHDOG);
    assert!(watchdogs.count() >= 2, "{commands:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_shows_another_name_or_a_strangers_certificate_is_refused() {
    let authority = Authority::new();
    // A sound certificate, of another host than the daemon dials.
    let own = authority.issue(OTHER);
    let waits = [Known::waited_for(REACHD).over_tls()];
    let fd = FreeDiameter::start_secured(OTHER, REALM, &waits, &secured(&authority, &own)).await;
    let keys = format!("address = \"{}\"\nreconnect = \"300ms\"", fd.tls_address());
    let home = home_over_tls(&authority, &authority.issue(REACHD), &keys).await;
    let daemon = home.start().await;
    let failures =
        format!("reachd_diameter_connect_failures_total{{peer=\"{FD}\",cause=\"certificate_mismatch\"}} ");
    counts(&daemon, &failures).await;
    assert!(daemon.log().contains("names another host"), "{}", daemon.log());
    assert_eq!(fd.opened(REACHD), 0);

    // The right name, and an authority behind it that the daemon does not know.
    let home = home_over_tls(&Authority::new(), &authority.issue(REACHD), "").await;
    let daemon = home.start().await;
    let own = authority.issue(FD);
    let dials = [Known::dialled(REACHD, daemon.diameter_tls()).over_tls()];
    let fd = FreeDiameter::start_secured(FD, REALM, &dials, &secured(&authority, &own)).await;
    counts(
        &daemon,
        "reachd_diameter_connections_refused_total{cause=\"certificate_refused\"} ",
    )
    .await;
    assert_eq!(fd.opened(REACHD), 0);
    assert!(!daemon.log().contains("Diameter peer up"), "{}", daemon.log());
}

/// Waits until a counter has begun to count.
async fn counts(daemon: &Daemon, series: &str) {
    counts_up_to(daemon, series, 1).await;
}

/// Waits until a counter has come so far.
async fn counts_up_to(daemon: &Daemon, series: &str, number: u64) {
    eventually(series, async || {
        let metrics = daemon.metrics().await;
        let count = metrics.lines().find_map(|line| line.strip_prefix(series))?;
        (count.parse::<u64>().unwrap() >= number).then_some(())
    })
    .await;
}
