//! One line per row. A line names the state, the event, the actions and the next state; states are reached by playing
//! the events that lead there, never by construction.

use std::time::{Duration, Instant};

use super::super::fsm::{Action, Event, Fsm, Side, State, Timeouts};
use super::super::watchdog::{self, Watchdog};

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(3),
    capabilities: Duration::from_secs(10),
    closing: Duration::from_secs(5),
};

/// The table's names of the states.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Name {
    Closed,
    WaitConnAck,
    WaitICea,
    WaitConnAckElect,
    WaitReturns,
    IOpen,
    ROpen,
    IClosing,
    RClosing,
}

fn name(state: State) -> Name {
    match state {
        State::Closed => Name::Closed,
        State::WaitConnAck { .. } => Name::WaitConnAck,
        State::WaitICea { .. } => Name::WaitICea,
        State::WaitConnAckElect { .. } => Name::WaitConnAckElect,
        State::WaitReturns { .. } => Name::WaitReturns,
        State::IOpen => Name::IOpen,
        State::ROpen => Name::ROpen,
        State::Closing {
            side: Side::Initiator,
            ..
        } => Name::IClosing,
        State::Closing {
            side: Side::Responder,
            ..
        } => Name::RClosing,
    }
}

/// A machine that has got to that state. Its identity comes later than the peer's if it is to win elections.
fn machine(now: Instant, wins: bool, state: Name) -> Fsm {
    use Event::{IRcvCea, IRcvConnAck, RConnCer, Start, Stop};
    let mut fsm = Fsm::new(
        if wins { "z.example" } else { "a.example" },
        "m.example",
        TIMEOUTS,
    );
    let path: &[Event] = match state {
        Name::Closed => &[],
        Name::WaitConnAck => &[Start],
        Name::WaitICea => &[Start, IRcvConnAck],
        Name::WaitConnAckElect => &[Start, RConnCer],
        Name::WaitReturns => &[Start, IRcvConnAck, RConnCer],
        Name::IOpen => &[Start, IRcvConnAck, IRcvCea],
        Name::ROpen => &[RConnCer],
        Name::IClosing => &[Start, IRcvConnAck, IRcvCea, Stop],
        Name::RClosing => &[RConnCer, Stop],
    };
    for event in path {
        let _ = fsm.handle(now, *event);
    }
    assert_eq!(name(fsm.state()), state);
    fsm
}

#[test]
fn the_peer_machine_follows_every_row_of_rfc_6733() {
    use Action as A;
    use Event as E;
    use Name as S;
    const WINS: bool = true;
    const LOSES: bool = false;
    let rows: &[(Name, bool, Event, &[Action], Name)] = &[
        (S::Closed, LOSES, E::Start, &[A::ISndConnReq], S::WaitConnAck),
        (
            S::Closed,
            LOSES,
            E::RConnCer,
            &[A::RAccept, A::ProcessCer, A::RSndCea],
            S::ROpen,
        ),
        //
        (S::WaitConnAck, LOSES, E::IRcvConnAck, &[A::ISndCer], S::WaitICea),
        (S::WaitConnAck, LOSES, E::IRcvConnNack, &[A::Cleanup], S::Closed),
        (
            S::WaitConnAck,
            LOSES,
            E::RConnCer,
            &[A::RAccept, A::ProcessCer],
            S::WaitConnAckElect,
        ),
        (
            S::WaitConnAck,
            LOSES,
            E::Timeout,
            &[A::Error, A::IDisc],
            S::Closed,
        ),
        //
        (S::WaitICea, LOSES, E::IRcvCea, &[A::ProcessCea], S::IOpen),
        (
            S::WaitICea,
            LOSES,
            E::RConnCer,
            &[A::RAccept, A::ProcessCer],
            S::WaitReturns,
        ),
        (
            S::WaitICea,
            WINS,
            E::RConnCer,
            &[A::RAccept, A::ProcessCer, A::IDisc, A::RSndCea],
            S::ROpen,
        ),
        (S::WaitICea, LOSES, E::IPeerDisc, &[A::IDisc], S::Closed),
        (
            S::WaitICea,
            LOSES,
            E::IRcvNonCea,
            &[A::Error, A::IDisc],
            S::Closed,
        ),
        (
            S::WaitICea,
            LOSES,
            E::IRcvCeaFailed,
            &[A::Error, A::IDisc],
            S::Closed,
        ),
        (S::WaitICea, LOSES, E::Timeout, &[A::Error, A::IDisc], S::Closed),
        //
        (
            S::WaitConnAckElect,
            LOSES,
            E::IRcvConnAck,
            &[A::ISndCer],
            S::WaitReturns,
        ),
        (
            S::WaitConnAckElect,
            WINS,
            E::IRcvConnAck,
            &[A::ISndCer, A::IDisc, A::RSndCea],
            S::ROpen,
        ),
        (
            S::WaitConnAckElect,
            LOSES,
            E::IRcvConnNack,
            &[A::RSndCea],
            S::ROpen,
        ),
        (
            S::WaitConnAckElect,
            LOSES,
            E::RPeerDisc,
            &[A::RDisc],
            S::WaitConnAck,
        ),
        (
            S::WaitConnAckElect,
            LOSES,
            E::RConnCer,
            &[A::RReject],
            S::WaitConnAckElect,
        ),
        (
            S::WaitConnAckElect,
            LOSES,
            E::Timeout,
            &[A::Error, A::IDisc, A::RDisc],
            S::Closed,
        ),
        //
        (
            S::WaitReturns,
            LOSES,
            E::IPeerDisc,
            &[A::IDisc, A::RSndCea],
            S::ROpen,
        ),
        (
            S::WaitReturns,
            LOSES,
            E::IRcvCeaFailed,
            &[A::IDisc, A::RSndCea],
            S::ROpen,
        ),
        (
            S::WaitReturns,
            LOSES,
            E::IRcvCea,
            &[A::RDisc, A::ProcessCea],
            S::IOpen,
        ),
        (S::WaitReturns, LOSES, E::RPeerDisc, &[A::RDisc], S::WaitICea),
        (S::WaitReturns, LOSES, E::RConnCer, &[A::RReject], S::WaitReturns),
        (
            S::WaitReturns,
            LOSES,
            E::Timeout,
            &[A::Error, A::IDisc, A::RDisc],
            S::Closed,
        ),
        //
        (S::ROpen, LOSES, E::SendMessage, &[A::SndMessage], S::ROpen),
        (S::ROpen, LOSES, E::RcvMessage, &[A::Process], S::ROpen),
        (S::ROpen, LOSES, E::RcvDwr, &[A::ProcessDwr, A::SndDwa], S::ROpen),
        (S::ROpen, LOSES, E::RcvDwa, &[A::ProcessDwa], S::ROpen),
        (S::ROpen, LOSES, E::RConnCer, &[A::RReject, A::Probe], S::ROpen),
        (S::ROpen, LOSES, E::Stop, &[A::SndDpr], S::RClosing),
        (S::ROpen, LOSES, E::RcvDpr, &[A::SndDpa], S::RClosing),
        (S::ROpen, LOSES, E::RPeerDisc, &[A::RDisc], S::Closed),
        (S::ROpen, LOSES, E::WatchdogClose, &[A::RDisc], S::Closed),
        //
        (S::IOpen, LOSES, E::SendMessage, &[A::SndMessage], S::IOpen),
        (S::IOpen, LOSES, E::RcvMessage, &[A::Process], S::IOpen),
        (S::IOpen, LOSES, E::RcvDwr, &[A::ProcessDwr, A::SndDwa], S::IOpen),
        (S::IOpen, LOSES, E::RcvDwa, &[A::ProcessDwa], S::IOpen),
        (S::IOpen, LOSES, E::RConnCer, &[A::RReject, A::Probe], S::IOpen),
        (S::IOpen, LOSES, E::Stop, &[A::SndDpr], S::IClosing),
        (S::IOpen, LOSES, E::RcvDpr, &[A::SndDpa], S::IClosing),
        (S::IOpen, LOSES, E::IPeerDisc, &[A::IDisc], S::Closed),
        (S::IOpen, LOSES, E::WatchdogClose, &[A::IDisc], S::Closed),
        //
        (
            S::IClosing,
            LOSES,
            E::RcvDpa(Side::Initiator),
            &[A::IDisc],
            S::Closed,
        ),
        (
            S::RClosing,
            LOSES,
            E::RcvDpa(Side::Responder),
            &[A::RDisc],
            S::Closed,
        ),
        (S::IClosing, LOSES, E::IPeerDisc, &[A::IDisc], S::Closed),
        (S::RClosing, LOSES, E::RPeerDisc, &[A::RDisc], S::Closed),
        (S::IClosing, LOSES, E::Timeout, &[A::Error, A::IDisc], S::Closed),
        (S::RClosing, LOSES, E::Timeout, &[A::Error, A::RDisc], S::Closed),
        (S::IClosing, LOSES, E::RcvDpr, &[A::SndDpa], S::IClosing),
        (S::RClosing, LOSES, E::RcvMessage, &[A::Process], S::RClosing),
        (S::RClosing, LOSES, E::RConnCer, &[A::RReject], S::RClosing),
        //
        (S::WaitConnAck, LOSES, E::Stop, &[A::IDisc], S::Closed),
        (S::WaitReturns, LOSES, E::Stop, &[A::IDisc, A::RDisc], S::Closed),
    ];
    let start = Instant::now();
    for (from, wins, event, actions, to) in rows {
        let mut fsm = machine(start, *wins, *from);
        let now = fsm
            .deadline()
            .filter(|_| *event == Event::Timeout)
            .unwrap_or(start);
        assert_eq!(fsm.handle(now, *event).as_slice(), *actions, "{from:?} {event:?}");
        assert_eq!(name(fsm.state()), *to, "{from:?} {event:?}");
    }
}

#[test]
fn news_of_a_connection_that_a_state_does_not_have_changes_nothing() {
    let now = Instant::now();
    for (state, event) in [
        (Name::Closed, Event::IPeerDisc),
        (Name::Closed, Event::RPeerDisc),
        (Name::Closed, Event::IRcvConnAck),
        (Name::Closed, Event::RcvDpr),
        (Name::IOpen, Event::RPeerDisc),
        (Name::ROpen, Event::IPeerDisc),
        (Name::ROpen, Event::Start),
        (Name::ROpen, Event::IRcvCea),
        (Name::IClosing, Event::RcvDpa(Side::Responder)),
        (Name::IClosing, Event::RPeerDisc),
        (Name::WaitICea, Event::RcvDpr),
    ] {
        let mut fsm = machine(now, false, state);
        assert!(fsm.handle(now, event).is_empty(), "{state:?} {event:?}");
        assert_eq!(name(fsm.state()), state, "{state:?} {event:?}");
    }
}

#[test]
fn a_timeout_that_comes_early_or_for_an_older_state_changes_nothing() {
    let now = Instant::now();
    let mut fsm = machine(now, false, Name::WaitConnAck);
    let old = fsm.deadline().unwrap();
    assert_eq!(old, now + TIMEOUTS.connect);
    assert!(fsm.handle(now, Event::Timeout).is_empty());
    let later = now + Duration::from_secs(2);
    let _ = fsm.handle(later, Event::IRcvConnAck);
    assert_eq!(fsm.deadline(), Some(later + TIMEOUTS.capabilities));
    assert!(fsm.handle(old, Event::Timeout).is_empty());
    assert_eq!(name(fsm.state()), Name::WaitICea);
}

#[test]
fn a_peer_that_connects_again_and_again_does_not_put_off_the_end_of_its_silence() {
    let mut now = Instant::now();
    let mut fsm = machine(now, false, Name::WaitICea);
    let deadline = fsm.deadline().unwrap();
    for _ in 0..3 {
        now += Duration::from_secs(1);
        assert_eq!(
            fsm.handle(now, Event::RConnCer).as_slice(),
            &[Action::RAccept, Action::ProcessCer]
        );
        assert_eq!(name(fsm.state()), Name::WaitReturns);
        assert_eq!(
            fsm.deadline(),
            Some(deadline),
            "the CER has been waiting since then"
        );
        let _ = fsm.handle(now, Event::RPeerDisc);
        assert_eq!(fsm.deadline(), Some(deadline));
    }
}

const TWINIT: Duration = Duration::from_secs(30);

/// A watchdog and the time at which it got there.
fn dog(state: watchdog::State, pending: bool, num_dwa: i8) -> (Watchdog, Instant) {
    use watchdog::Event::{ConnectionDown, ConnectionUp, Dwa, Tw};
    let mut now = Instant::now();
    let mut dog = Watchdog::new(TWINIT, 1);
    let mut play = |dog: &mut Watchdog, event| {
        if event == Tw {
            now = dog.deadline().expect("a running Tw");
        }
        let _ = dog.handle(now, event);
    };
    match state {
        watchdog::State::Initial => {}
        watchdog::State::Okay => {
            play(&mut dog, ConnectionUp);
            if pending {
                play(&mut dog, Tw);
            }
        }
        watchdog::State::Suspect => [ConnectionUp, Tw, Tw]
            .into_iter()
            .for_each(|event| play(&mut dog, event)),
        watchdog::State::Down => [ConnectionUp, ConnectionDown]
            .into_iter()
            .for_each(|event| play(&mut dog, event)),
        watchdog::State::Reopen => {
            [ConnectionUp, ConnectionDown, ConnectionUp]
                .into_iter()
                .for_each(|event| play(&mut dog, event));
            for _ in 0..num_dwa {
                play(&mut dog, Dwa);
                play(&mut dog, Tw);
            }
            if num_dwa < 0 {
                play(&mut dog, Tw);
            }
            if !pending {
                play(&mut dog, Dwa);
            }
        }
    }
    assert_eq!((dog.state(), dog.is_pending()), (state, pending));
    (dog, now)
}

#[test]
fn the_watchdog_follows_every_row_of_rfc_3539() {
    use watchdog::Action as A;
    use watchdog::Event as E;
    use watchdog::State as S;
    // State, Pending, NumDWA, event, actions, next state, Pending afterwards, whether Tw is set again.
    type Row = (S, bool, i8, E, &'static [A], S, bool, bool);
    let rows: &[Row] = &[
        (S::Initial, false, 0, E::ConnectionUp, &[], S::Okay, false, true),
        (
            S::Initial,
            false,
            0,
            E::Tw,
            &[A::AttemptOpen],
            S::Initial,
            false,
            true,
        ),
        //
        (S::Okay, true, 0, E::Dwa, &[], S::Okay, false, true),
        (S::Okay, true, 0, E::NonDwa, &[], S::Okay, true, true),
        (S::Okay, false, 0, E::NonDwa, &[], S::Okay, false, true),
        (S::Okay, false, 0, E::Tw, &[A::SendDwr], S::Okay, true, true),
        (S::Okay, false, 0, E::Probe, &[A::SendDwr], S::Okay, true, true),
        (S::Okay, true, 0, E::Probe, &[], S::Okay, true, false),
        (S::Okay, true, 0, E::Tw, &[A::Failover], S::Suspect, true, true),
        (
            S::Okay,
            false,
            0,
            E::ConnectionDown,
            &[A::CloseConnection, A::Failover],
            S::Down,
            false,
            true,
        ),
        (
            S::Okay,
            true,
            0,
            E::ConnectionClosed,
            &[],
            S::Initial,
            false,
            true,
        ),
        //
        (S::Suspect, true, 0, E::Dwa, &[A::Failback], S::Okay, false, true),
        (
            S::Suspect,
            true,
            0,
            E::NonDwa,
            &[A::Failback],
            S::Okay,
            true,
            true,
        ),
        (
            S::Suspect,
            true,
            0,
            E::Tw,
            &[A::CloseConnection],
            S::Down,
            true,
            true,
        ),
        (
            S::Suspect,
            true,
            0,
            E::ConnectionDown,
            &[A::CloseConnection],
            S::Down,
            true,
            true,
        ),
        //
        (
            S::Down,
            false,
            0,
            E::ConnectionUp,
            &[A::SendDwr],
            S::Reopen,
            true,
            true,
        ),
        (S::Down, false, 0, E::Tw, &[A::AttemptOpen], S::Down, false, true),
        //
        (S::Reopen, true, 0, E::Dwa, &[], S::Reopen, false, false),
        (S::Reopen, true, 1, E::Dwa, &[], S::Reopen, false, false),
        (S::Reopen, true, 2, E::Dwa, &[A::Failback], S::Okay, false, true),
        (S::Reopen, true, -1, E::Dwa, &[], S::Reopen, false, false),
        (S::Reopen, true, 0, E::NonDwa, &[], S::Reopen, true, false),
        (S::Reopen, false, 0, E::Tw, &[A::SendDwr], S::Reopen, true, true),
        (S::Reopen, true, 0, E::Tw, &[], S::Reopen, true, true),
        (
            S::Reopen,
            true,
            -1,
            E::Tw,
            &[A::CloseConnection],
            S::Down,
            true,
            true,
        ),
        (
            S::Reopen,
            true,
            0,
            E::ConnectionDown,
            &[A::CloseConnection],
            S::Down,
            true,
            true,
        ),
    ];
    for (state, pending, num_dwa, event, actions, next, pending_then, sets) in rows {
        let row = format!("{state:?} {pending} {num_dwa} {event:?}");
        let (mut dog, mut now) = dog(*state, *pending, *num_dwa);
        let before = dog.deadline();
        // A moment later, so that a Tw set again is a different one.
        now += Duration::from_secs(5);
        if *event == E::Tw {
            now = now.max(before.unwrap_or(now));
        }
        assert_eq!(dog.handle(now, *event).as_slice(), *actions, "{row}");
        assert_eq!((dog.state(), dog.is_pending()), (*next, *pending_then), "{row}");
        let tw = dog.deadline();
        if *sets {
            let tw = tw.expect(&row) - now;
            assert!(
                tw >= TWINIT - Duration::from_secs(2) && tw <= TWINIT + Duration::from_secs(2),
                "{row}: {tw:?}"
            );
        } else {
            assert_eq!(tw, before, "{row}");
        }
    }
}

#[test]
fn a_dead_peer_is_closed_after_three_silent_tw() {
    let mut now = Instant::now();
    let start = now;
    let mut dog = Watchdog::new(TWINIT, 42);
    let _ = dog.handle(now, watchdog::Event::ConnectionUp);
    let mut seen = Vec::new();
    while dog.state() != watchdog::State::Down {
        assert!(dog.handle(now, watchdog::Event::Tw).is_empty(), "too early");
        now = dog.deadline().unwrap();
        seen.extend(dog.handle(now, watchdog::Event::Tw));
    }
    use watchdog::Action::{CloseConnection, Failover, SendDwr};
    assert_eq!(seen, [SendDwr, Failover, CloseConnection]);
    let took = now - start;
    assert!(
        took >= Duration::from_secs(84) && took <= Duration::from_secs(96),
        "{took:?}"
    );
}

#[test]
fn a_small_twinit_never_makes_tw_vanish() {
    let now = Instant::now();
    let mut dog = Watchdog::new(Duration::from_millis(300), 3);
    for _ in 0..100 {
        dog.postpone(now);
        assert!(dog.deadline().unwrap() - now >= Duration::from_millis(200));
    }
}
