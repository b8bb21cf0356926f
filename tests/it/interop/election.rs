//! freeDiameterd and the daemon connect to each other at the same moment: one connection remains, the same for both
//! (RFC 6733 §5.6.4).

use super::tls::{home_over_tls, secured};
use super::{REACHD, REALM, home_with_peer, shows};
use crate::support::capture::{assert_dissects, assert_dissects_with_keys};
use crate::support::certificates::Authority;
use crate::support::daemon::{Daemon, Home};
use crate::support::eventually;
use crate::support::freediameter::{FreeDiameter, Known};
use crate::support::recorder::Recorder;
use crate::support::wire::command;

/// Whose CER arrives first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// It is left open. Where the winner's answer overtakes its CER, the loser sees no election but a second connection.
    Either,
    Ours,
    Theirs,
}

/// After a lost connection the daemon trusts the peer again when three watchdogs were answered.
const KEYS: &str = "reconnect = \"300ms\"\nwatchdog = \"150ms\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_peers_connection_remains_where_the_daemons_name_comes_later() {
    over_tcp("fd1.home.example").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemons_connection_remains_where_its_name_comes_earlier() {
    over_tcp("tfd1.home.example").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_remains_over_mutual_tls() {
    let identity = "fd1.home.example";
    let authority = Authority::new();
    let (theirs, ours) = Recorder::encrypted().await;
    let keys = format!("address = \"{}\"\n{KEYS}", ours.address());
    let meeting = Meeting {
        home: home_over_tls(&authority, &authority.issue(REACHD), &keys).await,
        authority: Some(authority),
        identity,
        ours,
        theirs,
        secrets: String::new(),
    };
    let meeting = meeting.rounds(&[First::Either, First::Either]).await;
    let connections = [meeting.ours.exchanges(), meeting.theirs.exchanges()].concat();
    let file = meeting.home.path("election.pcap");
    let commands = assert_dissects_with_keys(&file, &connections, &meeting.secrets).await;
    assert!(commands.contains(&command::DEVICE_WATCHDOG), "{commands:?}");
}

async fn over_tcp(identity: &str) {
    let (theirs, ours) = (Recorder::to_daemon().await, Recorder::from_daemon().await);
    let keys = format!("address = \"{}\"\n{KEYS}", ours.address());
    let meeting = Meeting {
        home: home_with_peer(identity, &keys).await,
        authority: None,
        identity,
        ours,
        theirs,
        secrets: String::new(),
    };
    let meeting = meeting
        .rounds(&[First::Either, First::Ours, First::Theirs, First::Either])
        .await;
    let connections = [meeting.ours.exchanges(), meeting.theirs.exchanges()].concat();
    assert_dissects(&meeting.home.path("election.pcap"), &connections).await;
}

/// What two nodes need to dial each other.
struct Meeting<'a> {
    home: Home,
    /// Who stands behind both, with TLS.
    authority: Option<Authority>,
    /// That of freeDiameterd.
    identity: &'a str,
    /// What the daemon dials.
    ours: Recorder,
    /// What freeDiameterd dials.
    theirs: Recorder,
    /// Those of the connections over TLS.
    secrets: String,
}

impl Meeting<'_> {
    /// Lets them meet again and again.
    async fn rounds(mut self, order: &[First]) -> Self {
        self.ours.hold();
        self.theirs.hold();
        let daemon = self.home.start().await;
        let address = match self.authority {
            Some(_) => daemon.diameter_tls(),
            None => daemon.diameter(),
        };
        self.theirs.lead_to(address);
        for first in order {
            let secrets = self.round(&daemon, *first).await;
            self.secrets.push_str(&secrets);
        }
        assert!(
            !daemon.log().contains("cannot connect"),
            "to lose a connection to the election is no failure:\n{}",
            daemon.log()
        );
        self
    }

    /// Returns the secrets of the connections, if they have any.
    async fn round(&self, daemon: &Daemon, first: First) -> String {
        let (ours, theirs) = (&self.ours, &self.theirs);
        // A fresh one dials at once.
        let fd = self.free_diameter().await;
        eventually("both have dialled and wait for an answer", async || {
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
        shows(daemon, self.identity, "open").await;
        let watched = fd.received(REACHD, command::DEVICE_WATCHDOG);
        eventually("both go on", async || {
            (fd.received(REACHD, command::DEVICE_WATCHDOG) >= watched + 2).then_some(())
        })
        .await;
        let (stays, goes) = if REACHD > self.identity {
            (theirs, ours)
        } else {
            (ours, theirs)
        };
        assert_eq!((stays.standing(), goes.standing()), (1, 0), "{first:?} first");
        assert_eq!(fd.opened(REACHD), 1);
        // Before it ends: the daemon dials again at once, and is to wait for the next one.
        ours.hold();
        theirs.hold();
        match self.authority {
            Some(_) => fd.keys(),
            None => String::new(),
        }
    }

    async fn free_diameter(&self) -> FreeDiameter {
        let peer = Known::dialled(REACHD, self.theirs.address());
        let fd = match &self.authority {
            Some(authority) => {
                let own = authority.issue(self.identity);
                let secured = secured(authority, &own);
                FreeDiameter::start_secured(self.identity, REALM, &[peer.over_tls()], &secured).await
            }
            None => FreeDiameter::start(self.identity, REALM, &[peer]).await,
        };
        self.ours.lead_to(match self.authority {
            Some(_) => fd.tls_address(),
            None => fd.address(),
        });
        fd
    }
}
