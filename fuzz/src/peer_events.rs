//! Any sequence of events, possible or not, against one peer machine and its watchdog under virtual time.
//!
//! The sweep in `src/diameter/peer/tests/pair.rs` joins two whole peers by a network that is at least a network. Here
//! nothing has to make sense: octets say which event comes next, or how much time passes. What must hold is checked
//! after every step; at the end there is silence, and everything has to come to rest.

use std::time::{Duration, Instant};

use reachd::diameter::peer::fsm::{Action, Event, Fsm, Side, State, Timeouts};
use reachd::diameter::peer::watchdog::{self, Watchdog};

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(3),
    capabilities: Duration::from_secs(10),
    closing: Duration::from_secs(5),
};
const TWINIT: Duration = Duration::from_secs(30);
/// Twinit and its jitter.
const LONGEST_TW: Duration = Duration::from_secs(32);
/// Steps of one run.
const MOST: usize = 2048;

/// Plays the events: the first octet says whether an election would be won, each other one is an event.
pub fn run(octets: &[u8]) {
    let Some((first, events)) = octets.split_first() else {
        return;
    };
    let mut world = World::new(*first);
    for octet in events.iter().take(MOST) {
        world.step(*octet);
    }
    world.silence();
}

struct World {
    now: Instant,
    fsm: Fsm,
    watchdog: Watchdog,
    /// The connections that a driver would hold: initiated, accepted.
    held: [bool; 2],
    /// The CER on the accepted connection was not answered yet.
    cer_unanswered: bool,
    /// The machine is open or closing what was open.
    up: bool,
    /// A DWR waits for its answer.
    dwr_unanswered: bool,
    /// Our own requests may be sent.
    trusted: bool,
    /// Since when a connection is only being built.
    building_since: Option<Instant>,
}

const fn index(side: Side) -> usize {
    match side {
        Side::Initiator => 0,
        Side::Responder => 1,
    }
}

impl World {
    fn new(first: u8) -> Self {
        let (local, peer) = if first & 1 == 0 {
            ("a.example", "b.example")
        } else {
            ("b.example", "a.example")
        };
        Self {
            now: Instant::now(),
            fsm: Fsm::new(local, peer, TIMEOUTS),
            watchdog: Watchdog::new(TWINIT, u64::from(first)),
            held: [false, false],
            cer_unanswered: false,
            up: false,
            dwr_unanswered: false,
            trusted: false,
            building_since: None,
        }
    }

    fn step(&mut self, octet: u8) {
        let event = match octet {
            0 => Event::Start,
            1 => Event::RConnCer,
            2 => Event::IRcvConnAck,
            3 => Event::IRcvConnNack,
            4 => Event::IRcvCea,
            5 => Event::IRcvCeaFailed,
            6 => Event::IRcvNonCea,
            7 => Event::IPeerDisc,
            8 => Event::RPeerDisc,
            9 => Event::RcvDpr,
            10 => Event::RcvDpa(Side::Initiator),
            11 => Event::RcvDpa(Side::Responder),
            12 => Event::RcvDwr,
            13 => Event::RcvDwa,
            14 => Event::RcvMessage,
            15 => Event::SendMessage,
            16 => Event::Stop,
            17 => Event::WatchdogClose,
            // Too early, as a rule.
            18 => Event::Timeout,
            19 => return self.watch(watchdog::Event::Tw),
            20 => return self.watch(watchdog::Event::Probe),
            21 => return self.wait_for_timer(),
            _ => return self.wait(Duration::from_millis(u64::from(octet) * 50)),
        };
        self.play(event);
        self.check();
    }

    fn play(&mut self, event: Event) {
        let before = self.fsm.state();
        let actions = self.fsm.handle(self.now, event);
        let after = self.fsm.state();
        assert!(actions.len() <= 4, "{before:?} {event:?}: {actions:?}");
        if actions.is_empty() {
            assert_eq!(before, after, "{event:?} changes the state without a word");
        }
        let open_or_closing = before.open().is_some() || matches!(before, State::Closing { .. });
        for action in &actions {
            match action {
                Action::ISndConnReq => self.take(Side::Initiator),
                Action::RAccept => {
                    self.take(Side::Responder);
                    self.cer_unanswered = true;
                }
                Action::IDisc => self.close(Side::Initiator),
                Action::RDisc => self.close(Side::Responder),
                Action::Cleanup => self.close(Side::Initiator),
                Action::ISndCer => assert!(self.held[0], "a CER needs a connection"),
                Action::RSndCea => {
                    assert!(self.held[1] && self.cer_unanswered, "one CEA for one CER");
                    self.cer_unanswered = false;
                }
                Action::ProcessCer => assert!(self.cer_unanswered),
                Action::ProcessCea => assert!(self.held[0]),
                Action::Process
                | Action::SndMessage
                | Action::SndDpr
                | Action::SndDpa
                | Action::SndDwa
                | Action::ProcessDwr
                | Action::ProcessDwa => assert!(open_or_closing, "{before:?} {event:?}: {action:?}"),
                Action::Probe => assert!(before.open().is_some()),
                Action::RReject => assert_eq!(before, after, "a newcomer that is rejected changes nothing"),
                Action::Error => {}
            }
        }
        // The transport's refusal is the end of the attempt, also where the other connection stands.
        if event == Event::IRcvConnNack && before != after {
            self.held[0] = false;
        }
        let opened = after.open().is_some() && before.open().is_none();
        if opened {
            self.up = true;
            self.dwr_unanswered = false;
            self.watch(watchdog::Event::ConnectionUp);
        }
        for action in &actions {
            match action {
                Action::ProcessDwr | Action::Process => self.watch(watchdog::Event::NonDwa),
                Action::ProcessDwa => self.watch(watchdog::Event::Dwa),
                Action::Probe => self.watch(watchdog::Event::Probe),
                _ => {}
            }
        }
        if after == State::Closed && self.up {
            let in_order = matches!(before, State::Closing { .. });
            self.up = false;
            self.watch(if in_order {
                watchdog::Event::ConnectionClosed
            } else {
                watchdog::Event::ConnectionDown
            });
        }
        let building = !matches!(after, State::Closed) && !self.up;
        self.building_since = building.then(|| self.building_since.unwrap_or(self.now));
    }

    fn take(&mut self, side: Side) {
        assert!(!self.held[index(side)], "one connection of each side at most");
        self.held[index(side)] = true;
    }

    fn close(&mut self, side: Side) {
        assert!(self.held[index(side)], "something to close: {side:?}");
        self.held[index(side)] = false;
        if side == Side::Responder {
            self.cer_unanswered = false;
        }
    }

    fn watch(&mut self, event: watchdog::Event) {
        let before = self.watchdog.state();
        let trusted_before = self.trusted;
        let actions = self.watchdog.handle(self.now, event);
        if event == watchdog::Event::ConnectionUp {
            self.trusted = self.watchdog.state() != watchdog::State::Reopen;
        }
        if event == watchdog::Event::Dwa {
            self.dwr_unanswered = false;
        }
        let mut close = false;
        for action in actions {
            match action {
                watchdog::Action::SendDwr => {
                    assert!(!self.dwr_unanswered, "never two DWRs at a time");
                    self.dwr_unanswered = true;
                }
                watchdog::Action::Failover => {
                    assert!(
                        trusted_before,
                        "{before:?} {event:?}: failover of what is not trusted"
                    );
                    self.trusted = false;
                }
                watchdog::Action::Failback => {
                    assert!(
                        !trusted_before,
                        "{before:?} {event:?}: failback of what is trusted"
                    );
                    self.trusted = true;
                }
                watchdog::Action::CloseConnection => close = true,
                watchdog::Action::AttemptOpen => assert!(!self.up),
            }
        }
        if close && self.up {
            // As the driver does it: a connection that is closing already is gone with its last hold.
            self.play(Event::WatchdogClose);
            if self.held[0] {
                self.play(Event::IPeerDisc);
            }
            if self.held[1] {
                self.play(Event::RPeerDisc);
            }
            assert_eq!(self.fsm.state(), State::Closed);
        }
        if self.watchdog.state() != before {
            let tw = self.watchdog.deadline().expect("a new state has set Tw");
            assert!(tw > self.now && tw <= self.now + LONGEST_TW);
        }
    }

    /// Lets time pass, with every timer played when it is due.
    fn wait(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(due) = self.next_timer().filter(|due| *due <= until) {
            self.now = due;
            self.expire();
        }
        self.now = until;
        self.check();
    }

    fn wait_for_timer(&mut self) {
        if let Some(due) = self.next_timer() {
            self.now = due;
            self.expire();
        }
    }

    fn next_timer(&self) -> Option<Instant> {
        let tw = self.watchdog.deadline().filter(|_| self.up);
        self.fsm.deadline().into_iter().chain(tw).min()
    }

    fn expire(&mut self) {
        if self.fsm.deadline().is_some_and(|due| due <= self.now) {
            self.play(Event::Timeout);
            assert_eq!(self.fsm.state(), State::Closed, "what times out is closed");
        }
        if self.up && self.watchdog.deadline().is_some_and(|due| due <= self.now) {
            self.watch(watchdog::Event::Tw);
        }
        self.check();
    }

    /// What holds at any time.
    fn check(&self) {
        let state = self.fsm.state();
        let expected = match state {
            State::Closed => [false, false],
            State::WaitConnAck { .. } | State::WaitICea { .. } | State::IOpen => [true, false],
            State::WaitConnAckElect { .. } | State::WaitReturns { .. } => [true, true],
            State::ROpen => [false, true],
            State::Closing { side, .. } => [side == Side::Initiator, side == Side::Responder],
        };
        assert_eq!(self.held, expected, "{state:?} and the connections held");
        if self.up {
            assert!(!self.cer_unanswered, "open without a CEA");
        }
        if let Some(deadline) = self.fsm.deadline() {
            assert!(
                deadline > self.now,
                "{state:?} is over, and nothing was said of it"
            );
        }
        if let Some(since) = self.building_since {
            assert!(
                self.now - since <= TIMEOUTS.connect + TIMEOUTS.capabilities,
                "{state:?} for {:?}",
                self.now - since
            );
        }
        let watchdog = self.watchdog.state();
        if self.up {
            assert!(
                matches!(
                    watchdog,
                    watchdog::State::Okay | watchdog::State::Suspect | watchdog::State::Reopen
                ),
                "{watchdog:?} while a connection stands"
            );
            assert_eq!(watchdog == watchdog::State::Okay, self.trusted);
            assert_eq!(self.watchdog.is_pending(), self.dwr_unanswered);
        } else {
            assert!(
                matches!(watchdog, watchdog::State::Initial | watchdog::State::Down),
                "{watchdog:?} without a connection"
            );
        }
    }

    /// Nobody says anything any more: whatever stands is given up, in bounded time.
    fn silence(&mut self) {
        let begun = self.now;
        let mut timers = 0;
        while self.next_timer().is_some() {
            self.wait_for_timer();
            timers += 1;
            assert!(timers <= 8, "{:?}: timers without an end", self.fsm.state());
        }
        assert_eq!(self.fsm.state(), State::Closed);
        assert!(self.now - begun <= LONGEST_TW * 4, "{:?}", self.now - begun);
    }
}
