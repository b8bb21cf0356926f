//! Two peers, each a machine and a watchdog, joined by a made-up network under virtual time.
//!
//! Connections take time, fail, break, and go dead without a word; either side stops, crashes and starts as chance has
//! it. What must hold whatever happens is checked after every step: the state and the connections held, one connection
//! of each side at most, a watchdog that knows whether there is something to watch, and that everything owed is paid in
//! time (a CER is answered or its connection closed, a DWR and a DPR are answered, Disconnect-Peer ends in an end). Once
//! the network behaves the two have to find together, and to trust each other again. A failure names the seed; the run
//! can be repeated from it alone.

use std::time::Duration;

use super::super::fsm::{Event, State};
use super::super::watchdog;
use crate::diameter::seeds::sweep;

mod mischief;
mod owed;
mod world;

use world::World;

#[test]
fn two_peers_that_dial_at_once_keep_the_connection_of_the_earlier_identity() {
    for seed in 0..64 {
        let mut world = World::new(seed, [true, true]);
        world.faults = false;
        world.run(Duration::from_secs(60));
        let id = world
            .settled()
            .unwrap_or_else(|| panic!("seed {seed}: {:#?}", world.log));
        // b comes later and wins: it closes the connection that it initiated and answers on the one it accepted.
        // Unless one CER was answered before the other side had dialled at all.
        let both_dialled = world.connections.len() == 2;
        if both_dialled
            && world
                .log
                .iter()
                .any(|line| line.starts_with("1: WaitICea") && line.contains("RConnCer"))
        {
            assert_eq!(
                world.connections[&id].initiator, 0,
                "seed {seed}: {:#?}",
                world.log
            );
        }
    }
}

#[test]
fn an_idle_pair_stays_together_by_its_watchdogs() {
    let mut world = World::new(5, [true, false]);
    world.faults = false;
    world.run(Duration::from_secs(3600));
    assert!(world.settled().is_some());
    let answered = world.log.iter().filter(|line| line.contains("RcvDwa")).count();
    assert!(answered > 100, "{answered}");
    assert_eq!(world.connections.len(), 1);
}

#[test]
fn a_stop_closes_both_ends_in_order() {
    let mut world = World::new(6, [true, false]);
    world.faults = false;
    world.run(Duration::from_secs(10));
    world.ends[0].dials = false;
    world.play(0, Event::Stop, None);
    world.run(Duration::from_secs(4));
    for end in &world.ends {
        assert_eq!(end.fsm.state(), State::Closed, "{:#?}", world.log);
        assert_eq!(end.watchdog.state(), watchdog::State::Initial);
    }
    assert!(
        !world.log.iter().any(|line| line.contains("Timeout")),
        "{:#?}",
        world.log
    );
}

#[test]
fn whatever_goes_wrong_the_pair_finds_together_again() {
    sweep(512, |seed| {
        let mut world = World::new(seed, [true, seed % 3 != 0]);
        world.run(Duration::from_secs(1200));
        let steps = world.log.len();
        assert!(steps > 20, "nothing worth a test");
        world.faults = false;
        world.run(Duration::from_secs(600));
        let lately = &world.log[world.log.len().saturating_sub(40)..];
        assert!(world.settled().is_some(), "not together again: {lately:#?}");
        for end in &world.ends {
            assert_eq!(end.watchdog.state(), watchdog::State::Okay, "{lately:#?}");
        }
    });
}

#[test]
fn the_sweep_meets_every_state_and_what_it_is_meant_to_meet() {
    let mut logs = String::new();
    for seed in 0..64 {
        let mut world = World::new(seed, [true, true]);
        world.run(Duration::from_secs(1200));
        logs.extend(world.log.iter().map(|line| line.as_str()));
    }
    for met in [
        "WaitConnAck ",
        "WaitICea",
        "WaitConnAckElect",
        "WaitReturns",
        "IOpen",
        "ROpen",
        "Closing",
        "RReject",
        "Probe",
        "SndDpr",
        "SndDpa",
        "SndDwa",
        "WatchdogClose",
        "Timeout",
        "IRcvConnNack",
        "goes dead",
        "breaks",
        "crashes",
    ] {
        assert!(logs.contains(met), "never met: {met}");
    }
}
