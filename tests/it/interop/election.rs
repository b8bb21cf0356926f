//! freeDiameterd and the daemon connect to each other at the same moment: one connection remains, the same for both
//! (RFC 6733 §5.6.4).

use super::{REACHD, REALM, home_with_peer, shows};
use crate::support::capture::assert_dissects;
use crate::support::eventually;
use crate::support::freediameter::{FreeDiameter, Known};
use crate::support::recorder::Recorder;
use crate::support::wire::Direction::FromDaemon;
use crate::support::wire::command;

/// Whose CER arrives first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// It is left open. Where the winner's answer overtakes its CER, the loser sees no election but a second connection.
    Either,
    Ours,
    Theirs,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_peers_connection_remains_where_the_daemons_name_comes_later() {
    meet("fd1.home.example").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemons_connection_remains_where_its_name_comes_earlier() {
    meet("tfd1.home.example").await;
}

async fn meet(fd_identity: &str) {
    let ours = Recorder::from_daemon().await;
    let theirs = Recorder::to_daemon().await;
    ours.hold();
    theirs.hold();
    // After a lost connection the daemon trusts the peer again when three watchdogs were answered.
    let keys = format!(
        "address = \"{}\"\nreconnect = \"300ms\"\nwatchdog = \"150ms\"",
        ours.address()
    );
    let home = home_with_peer(fd_identity, &keys).await;
    let daemon = home.start().await;
    theirs.lead_to(daemon.diameter());
    let (stays, goes) = if REACHD > fd_identity {
        (&theirs, &ours)
    } else {
        (&ours, &theirs)
    };

    for first in [First::Either, First::Ours, First::Theirs, First::Either] {
        // A fresh one dials at once.
        let peers = [Known::dialled(REACHD, theirs.address())];
        let fd = FreeDiameter::start(fd_identity, REALM, &peers).await;
        ours.lead_to(fd.address());
        eventually("both wait for the answer to their CER", async || {
            (ours.held() == 1 && theirs.held() == 1).then_some(())
        })
        .await;
        if first == First::Ours {
            ours.release();
            eventually("freeDiameterd holds the election", async || {
                fd.log().contains("Election ").then_some(())
            })
            .await;
        }
        theirs.release();
        ours.release();

        fd.has_opened(REACHD, 1).await;
        shows(&daemon, fd_identity, "open").await;
        let watched = stays.requests(FromDaemon, command::DEVICE_WATCHDOG).len();
        stays
            .answered(FromDaemon, command::DEVICE_WATCHDOG, watched + 2)
            .await;
        assert_eq!((stays.standing(), goes.standing()), (1, 0), "{first:?} first");
        ours.hold();
        theirs.hold();
    }
    assert!(
        !daemon.log().contains("cannot connect"),
        "to lose a connection to the election is no failure:\n{}",
        daemon.log()
    );
    let connections = [ours.exchanges(), theirs.exchanges()].concat();
    assert_dissects(&home.path("election.pcap"), &connections).await;
}
