//! Two ends and the network between them: who hears what when, and what must hold whatever happens.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::owed::Owed;
use crate::diameter::peer::fsm::{Action, Event, Fsm, Side, State, Timeouts};
use crate::diameter::peer::timer::{Backoff, Random};
use crate::diameter::peer::watchdog::{self, Watchdog};

pub(super) const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(3),
    capabilities: Duration::from_secs(10),
    closing: Duration::from_secs(5),
};
const TWINIT: Duration = Duration::from_secs(30);
const TC: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Message {
    Cer,
    Cea,
    Dwr,
    Dwa,
    Dpr,
    Dpa,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum News {
    /// The transport's answer to an attempt.
    Connected(bool),
    Message(Message),
    /// The far end closed.
    Gone,
}

pub(super) struct Connection {
    pub(super) initiator: usize,
    /// Everything that is sent disappears.
    pub(super) dead: bool,
    /// Octets keep their order: nothing overtakes.
    latest: Instant,
}

pub(super) struct End {
    pub(super) fsm: Fsm,
    pub(super) watchdog: Watchdog,
    pub(super) backoff: Backoff,
    pub(super) links: [Option<u32>; 2],
    pub(super) cer_unanswered: bool,
    pub(super) up: bool,
    pub(super) start: Option<Instant>,
    pub(super) dials: bool,
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) random: Random,
    pub(super) faults: bool,
    pub(super) ends: [End; 2],
    pub(super) connections: BTreeMap<u32, Connection>,
    /// By time and order of sending: who hears what about which connection.
    pub(super) queue: BTreeMap<(Instant, u64), (usize, u32, News)>,
    pub(super) sent: u64,
    pub(super) log: Vec<String>,
    pub(super) owed: Owed,
}

pub(super) const fn side_index(side: Side) -> usize {
    match side {
        Side::Initiator => 0,
        Side::Responder => 1,
    }
}

const NAMES: [&str; 2] = ["a.example", "b.example"];

impl End {
    /// An end that has just started, whichever of the two it is.
    pub(super) fn new(own: usize, random: &mut Random, start: Instant, dials: bool) -> Self {
        Self {
            fsm: Fsm::new(NAMES[own], NAMES[1 - own], TIMEOUTS),
            watchdog: Watchdog::new(TWINIT, random.next()),
            backoff: Backoff::new(TC, random.next()),
            links: [None, None],
            cer_unanswered: false,
            up: false,
            start: Some(start),
            dials,
        }
    }
}

impl World {
    pub(super) fn new(seed: u64, dials: [bool; 2]) -> Self {
        let now = Instant::now();
        let mut random = Random::new(seed);
        let ends = [0, 1].map(|own| End::new(own, &mut random, now, dials[own]));
        Self {
            now,
            random,
            faults: true,
            ends,
            connections: BTreeMap::new(),
            queue: BTreeMap::new(),
            sent: 0,
            log: Vec::new(),
            owed: Owed::default(),
        }
    }

    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.faults && self.random.below(1000) < per_mille
    }

    /// Lets an end hear something after a while, in order.
    pub(super) fn tell(&mut self, to: usize, id: u32, news: News) {
        let latency = Duration::from_millis(1 + self.random.below(400));
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.dead && !matches!(news, News::Connected(_)) {
            return;
        }
        let at = (now + latency).max(connection.latest);
        connection.latest = at;
        self.sent += 1;
        self.queue.insert((at, self.sent), (to, id, news));
    }

    fn send(&mut self, from: usize, side: Side, message: Message) {
        let id = self.ends[from].links[side_index(side)].expect("an action on a connection that is there");
        self.owed.said(id, from, message, self.now);
        self.tell(1 - from, id, News::Message(message));
    }

    fn close(&mut self, from: usize, side: Side) {
        let id = self.ends[from].links[side_index(side)]
            .take()
            .expect("something to close");
        self.owed.closed(id, from);
        self.tell(1 - from, id, News::Gone);
    }

    pub(super) fn play(&mut self, end: usize, event: Event, newcomer: Option<u32>) {
        let before = self.ends[end].fsm.state();
        let actions = self.ends[end].fsm.handle(self.now, event);
        let after = self.ends[end].fsm.state();
        self.log
            .push(format!("{end}: {before:?} {event:?} -> {actions:?} {after:?}"));
        let open_side = || {
            before.open().or(match before {
                State::Closing { side, .. } => Some(side),
                _ => None,
            })
        };
        for action in actions {
            match action {
                Action::ISndConnReq => {
                    self.sent += 1;
                    let id = self.sent as u32;
                    let connection = Connection {
                        initiator: end,
                        dead: false,
                        latest: self.now,
                    };
                    self.connections.insert(id, connection);
                    assert_eq!(
                        self.ends[end].links[0].replace(id),
                        None,
                        "one initiated connection at most"
                    );
                    let works = !self.chance(300);
                    // Now and then the transport takes longer than anyone waits.
                    if !self.chance(100) {
                        self.tell(end, id, News::Connected(works));
                    }
                }
                Action::ISndCer => self.send(end, Side::Initiator, Message::Cer),
                Action::RAccept => {
                    assert_eq!(self.ends[end].links[1], None, "one accepted connection at most");
                    self.ends[end].links[1] = newcomer;
                    self.ends[end].cer_unanswered = true;
                }
                Action::RReject => {
                    let id = newcomer.expect("only a newcomer is rejected");
                    self.owed.closed(id, end);
                    self.tell(1 - end, id, News::Gone);
                }
                Action::RSndCea => {
                    assert!(self.ends[end].cer_unanswered, "one CEA for one CER");
                    self.ends[end].cer_unanswered = false;
                    self.send(end, Side::Responder, Message::Cea);
                }
                Action::IDisc => self.close(end, Side::Initiator),
                Action::RDisc => self.close(end, Side::Responder),
                Action::Cleanup => {
                    self.ends[end].links[0] = None;
                }
                Action::SndDpr => self.send(end, open_side().unwrap(), Message::Dpr),
                Action::SndDpa => self.send(end, open_side().unwrap(), Message::Dpa),
                Action::SndDwa => self.send(end, open_side().unwrap(), Message::Dwa),
                Action::ProcessDwr => self.watch(end, watchdog::Event::NonDwa),
                Action::ProcessDwa => self.watch(end, watchdog::Event::Dwa),
                Action::Probe => self.watch(end, watchdog::Event::Probe),
                Action::ProcessCer
                | Action::ProcessCea
                | Action::Error
                | Action::Process
                | Action::SndMessage => {}
            }
        }
        // An attempt whose transport failed while the other connection stands.
        if event == Event::IRcvConnNack {
            self.ends[end].links[0] = None;
        }
        let open = after.open().is_some();
        if open && !self.ends[end].up {
            self.ends[end].up = true;
            self.ends[end].backoff.succeeded();
            self.watch(end, watchdog::Event::ConnectionUp);
        }
        if after == State::Closed && before != State::Closed {
            if std::mem::take(&mut self.ends[end].up) {
                let down = match before {
                    State::Closing { .. } => watchdog::Event::ConnectionClosed,
                    _ => watchdog::Event::ConnectionDown,
                };
                self.watch(end, down);
            }
            self.ends[end].cer_unanswered = false;
            let pause = self.ends[end].backoff.failed();
            self.ends[end].start = Some(self.now + pause);
        }
        self.check(end);
    }

    pub(super) fn watch(&mut self, end: usize, event: watchdog::Event) {
        let now = self.now;
        for action in self.ends[end].watchdog.handle(now, event) {
            match action {
                watchdog::Action::SendDwr => {
                    if let Some(side) = self.ends[end].fsm.state().open() {
                        self.send(end, side, Message::Dwr);
                    }
                }
                // As the driver does it: a connection that is closing already is gone with its last hold.
                watchdog::Action::CloseConnection if self.ends[end].up => {
                    let event = match self.ends[end].fsm.state() {
                        State::Closing {
                            side: Side::Initiator,
                            ..
                        } => Event::IPeerDisc,
                        State::Closing {
                            side: Side::Responder,
                            ..
                        } => Event::RPeerDisc,
                        _ => Event::WatchdogClose,
                    };
                    self.play(end, event, None);
                    assert_eq!(self.ends[end].fsm.state(), State::Closed);
                }
                _ => {}
            }
        }
    }

    /// What holds at any time.
    fn check(&self, end: usize) {
        let end = &self.ends[end];
        let held = [end.links[0].is_some(), end.links[1].is_some()];
        let expected = match end.fsm.state() {
            State::Closed => [false, false],
            State::WaitConnAck { .. } | State::WaitICea { .. } | State::IOpen => [true, false],
            State::WaitConnAckElect { .. } | State::WaitReturns { .. } => [true, true],
            State::ROpen => [false, true],
            State::Closing { side, .. } => [side == Side::Initiator, side == Side::Responder],
        };
        assert_eq!(
            held,
            expected,
            "the state {:?} and the connections held differ",
            end.fsm.state()
        );
        if end.fsm.state() == State::ROpen {
            assert!(!end.cer_unanswered, "open without a CEA");
        }
        let watched = match end.watchdog.state() {
            watchdog::State::Okay | watchdog::State::Suspect | watchdog::State::Reopen => true,
            watchdog::State::Initial | watchdog::State::Down => false,
        };
        assert_eq!(
            watched,
            end.up,
            "the watchdog is in {:?}, the peer in {:?}",
            end.watchdog.state(),
            end.fsm.state()
        );
        self.owed.check(self.now);
    }

    /// Takes notice of a message; what it asks for is owed from now on.
    fn take(&mut self, to: usize, id: u32, message: Message, event: Event, newcomer: Option<u32>) {
        let state = self.ends[to].fsm.state();
        // What a connection that is only being built brings, but for a CER, is answered by its end.
        if newcomer.is_some() || state.open().is_some() || matches!(state, State::Closing { .. }) {
            self.owed.heard(id, to, message, self.now);
        }
        self.play(to, event, newcomer);
    }

    fn hear(&mut self, to: usize, id: u32, news: News) {
        let initiated = self.connections[&id].initiator == to;
        let side = if initiated {
            Side::Initiator
        } else {
            Side::Responder
        };
        let held = self.ends[to].links[side_index(side)] == Some(id);
        match news {
            News::Message(Message::Cer) if !initiated && !held => {
                self.take(to, id, Message::Cer, Event::RConnCer, Some(id));
            }
            // News of a connection that was let go.
            _ if !held => {}
            News::Connected(true) => self.play(to, Event::IRcvConnAck, None),
            News::Connected(false) => self.play(to, Event::IRcvConnNack, None),
            News::Gone if initiated => self.play(to, Event::IPeerDisc, None),
            News::Gone => self.play(to, Event::RPeerDisc, None),
            News::Message(message) => {
                let waits = matches!(
                    self.ends[to].fsm.state(),
                    State::WaitICea { .. } | State::WaitReturns { .. }
                );
                let event = match message {
                    Message::Cea => Event::IRcvCea,
                    _ if waits && initiated => Event::IRcvNonCea,
                    Message::Cer => return,
                    Message::Dwr => Event::RcvDwr,
                    Message::Dwa => Event::RcvDwa,
                    Message::Dpr => Event::RcvDpr,
                    Message::Dpa => Event::RcvDpa(side),
                };
                self.take(to, id, message, event, None);
            }
        }
    }

    /// Runs for that long.
    pub(super) fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            let timers = self.ends.iter().flat_map(|end| {
                let start = end
                    .start
                    .filter(|_| end.dials && end.fsm.state() == State::Closed);
                let tw = end.watchdog.deadline().filter(|_| end.up);
                [end.fsm.deadline(), tw, start].into_iter().flatten()
            });
            let news = self.queue.keys().next().map(|(at, _)| *at);
            let Some(next) = timers.chain(news).min().filter(|next| *next <= until) else {
                break;
            };
            self.now = self.now.max(next);
            if let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (to, id, news) = entry.remove();
                self.hear(to, id, news);
            }
            for end in 0..2 {
                if self.ends[end].fsm.deadline().is_some_and(|due| due <= self.now) {
                    self.play(end, Event::Timeout, None);
                }
                if self.ends[end].up
                    && self.ends[end]
                        .watchdog
                        .deadline()
                        .is_some_and(|due| due <= self.now)
                {
                    self.watch(end, watchdog::Event::Tw);
                }
                let due = self.ends[end].start.is_some_and(|due| due <= self.now);
                if due && self.ends[end].dials && self.ends[end].fsm.state() == State::Closed {
                    self.ends[end].start = None;
                    self.play(end, Event::Start, None);
                }
            }
            self.mischief();
        }
        self.now = until;
    }

    /// The connection on which both ends are open.
    pub(super) fn settled(&self) -> Option<u32> {
        let open = |end: &End| {
            end.fsm
                .state()
                .open()
                .and_then(|side| end.links[side_index(side)])
        };
        open(&self.ends[0]).filter(|id| open(&self.ends[1]) == Some(*id))
    }
}
