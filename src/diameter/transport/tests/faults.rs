//! The driver under faults in the octets it is fed: hundreds of runs under virtual time, each decided by its seed.
//!
//! A run is a stream of sound messages with one fault in it, handed over in pieces of any size to a real driver behind a
//! capabilities exchange. Whatever the fault: nothing panics; every sound request before it is answered, also where the
//! service takes its time; afterwards the connection serves on or ends; and the driver's buffers stay small.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use super::far_end::{Fixture, Over, config};
use crate::diameter::codec::Header;
use crate::diameter::config::DiameterConfig;
use crate::diameter::peer::timer::Random;
use crate::diameter::seeds::sweep;
use crate::diameter::transport::driver::WRITE_HIGH_WATER;

mod line;
mod plan;

use line::Line;
use plan::{Fault, Plan};

/// How much room the driver may offer for octets that have not arrived: what it takes in one burst, whatever a header
/// claims; while a message that long arrives, as much again.
const ROOM: usize = 160 * 1024;
const ROOM_FOR_A_GIANT: usize = 512 * 1024;

/// How much may wait to be written: reading stops there, but the last answer may be a long one.
const UNWRITTEN: usize = WRITE_HIGH_WATER + 64 * 1024;

/// No timer of the driver is longer, however it comes to pass.
const LONG_ENOUGH: Duration = Duration::from_secs(300);

#[test]
fn whatever_octets_come_requests_before_are_answered_and_the_connection_serves_on_or_ends() {
    sweep(512, |seed| {
        under_virtual_time(run(seed));
    });
}

#[test]
fn the_sweep_meets_every_fault_and_both_outcomes() {
    let mut met = [false; Fault::COUNT];
    let (mut served_on, mut ended) = (0, 0);
    for seed in 0..192 {
        let outcome = under_virtual_time(run(seed));
        met[outcome.fault as usize] = true;
        if outcome.serves_on {
            served_on += 1;
        } else {
            ended += 1;
        }
    }
    assert_eq!(met, [true; Fault::COUNT]);
    assert!(
        served_on > 20 && ended > 20,
        "{served_on} served on, {ended} ended"
    );
}

fn under_virtual_time<T>(run: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(run)
}

struct Outcome {
    fault: Fault,
    serves_on: bool,
}

async fn run(seed: u64) -> Outcome {
    let mut random = Random::new(seed);
    let plan = Plan::draw(&mut random);
    let fixture = Fixture::start(
        Over::Memory,
        DiameterConfig {
            max_pending: [1, 4, 4096][random.below(3) as usize],
            ..config()
        },
    );
    // The service answers at once, or only when it is told to.
    let holds = random.below(2) == 0 && plan.fault != Fault::Flood;
    fixture.seen.hold.store(holds, Ordering::SeqCst);
    let done = Arc::new(AtomicBool::new(false));
    let releasing = tokio::spawn({
        let (seen, done) = (Arc::clone(&fixture.seen), Arc::clone(&done));
        async move {
            while !done.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(150)).await;
                seen.release();
            }
        }
    });

    let mut line = Line::open(&fixture, &plan).await;
    line.send(&mut random, &plan).await;
    let serves_on = if plan.fault == Fault::HalfThenSilence {
        // The message timer, and the time that held requests take.
        line.ends_within(Duration::from_secs(15)).await;
        false
    } else {
        line.serves_on_or_ends().await
    };

    let answered = line.answered();
    let of = |command: u32| {
        let answers = answered.iter().filter(|answer| answer.command == command);
        answers.map(|answer| answer.hop_by_hop).collect::<Vec<_>>()
    };
    for (command, expected) in plan.owed() {
        let answers = of(command);
        let mut answers = answers.iter();
        for hop_by_hop in &expected {
            assert!(
                answers.any(|answer| answer == hop_by_hop),
                "{:?}: request {hop_by_hop} of command {command} was not answered in its turn; {:?} were",
                plan.fault,
                of(command)
            );
        }
    }
    if plan.fault.leaves_identifiers_alone() {
        for Header { hop_by_hop, .. } in &answered {
            assert!(plan.sent(*hop_by_hop), "an answer to nobody: {hop_by_hop}");
        }
    }
    let (read, written) = line.close().await;
    let room = match plan.fault {
        Fault::Giant => ROOM_FOR_A_GIANT,
        _ => ROOM,
    };
    assert!(read <= room, "{:?}: room for {read} octets", plan.fault);
    assert!(
        written <= UNWRITTEN,
        "{:?}: {written} octets unwritten",
        plan.fault
    );
    done.store(true, Ordering::SeqCst);
    releasing.await.unwrap();
    assert_eq!(fixture.seen.open.load(Ordering::SeqCst), 0, "the service is gone");
    Outcome {
        fault: plan.fault,
        serves_on,
    }
}

/// A request that shows whether anybody is still listening.
const PROBE: u32 = 0x00ff_ff00;
