//! When the next event goes out, and what becomes of those in flight. No I/O: the connection's service asks it.
//!
//! An answer is matched by its Hop-by-Hop Identifier. DIAMETER_TOO_BUSY sends the event again later, as a new request
//! and with growing distance; nothing is ever retransmitted.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::mix::Kind;
use super::pace::Pacer;
use super::rng::Rng;
use super::scenario::{Answered, Event, Scenario};
use super::stats::{Code, Stats};

/// How long an answer may take before its request is given up.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The first wait after TOO_BUSY; it doubles each time.
const BACK_OFF: Duration = Duration::from_millis(50);
/// How often it doubles: 3.2 s at most.
const DOUBLINGS: u32 = 6;

/// How much and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Events a second; 0: as many as the window allows.
    pub rate: u32,
    /// Requests in flight at a time, at least 1.
    pub window: usize,
    /// How many events there are.
    pub events: Option<u64>,
    /// For how long new ones are made.
    pub duration: Option<Duration>,
}

/// One request without an answer.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    event: Event,
    sent_at: Instant,
    attempt: u32,
}

/// An event that met TOO_BUSY. Ordered by time, then by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Instant,
    number: u64,
}

/// The load of one connection.
#[derive(Debug)]
pub struct Load {
    scenario: Scenario,
    pacer: Pacer,
    plan: Plan,
    ends_at: Option<Instant>,
    made: u64,
    stopped: bool,
    starved: bool,
    hop_by_hop: u32,
    in_flight: HashMap<u32, InFlight>,
    by_age: VecDeque<(Instant, u32)>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    busy: HashMap<u64, (Event, u32)>,
    numbers: u64,
    jitter: Rng,
    latest: [Option<Event>; Kind::ALL.len()],
    stats: Stats,
}

impl Load {
    /// A load that begins now. `hop_by_hop` is where its identifiers start (RFC 6733 §3: anywhere).
    pub fn new(scenario: Scenario, plan: Plan, hop_by_hop: u32, now: Instant) -> Self {
        Self {
            scenario,
            pacer: Pacer::new(plan.rate, now),
            ends_at: plan.duration.map(|duration| now + duration),
            plan,
            made: 0,
            stopped: false,
            starved: false,
            hop_by_hop,
            in_flight: HashMap::new(),
            by_age: VecDeque::new(),
            waiting: BinaryHeap::new(),
            busy: HashMap::new(),
            numbers: 0,
            jitter: Rng::new(u64::from(hop_by_hop)),
            latest: [None; Kind::ALL.len()],
            stats: Stats::default(),
        }
    }

    /// Whether new events are still to come.
    fn makes_more(&self, now: Instant) -> bool {
        !self.stopped
            && self.ends_at.is_none_or(|end| now < end)
            && self.plan.events.is_none_or(|events| self.made < events)
    }

    /// As many wait for better times as may be in flight: then no new ones are made. With those in flight that may
    /// still come back, at most two windows full.
    fn is_backed_off(&self) -> bool {
        self.waiting.len() >= self.window()
    }

    fn window(&self) -> usize {
        self.plan.window.max(1)
    }

    /// Sends what may go out now through `send`, which gets the Hop-by-Hop Identifier and the event.
    pub fn fill(&mut self, now: Instant, mut send: impl FnMut(u32, &Event)) {
        self.give_up_late(now);
        while self.in_flight.len() < self.window() && self.pacer.ready(now) {
            let Some((event, attempt)) = self.take_due(now).or_else(|| self.make(now)) else {
                break;
            };
            self.pacer.spend();
            let id = self.hop_by_hop;
            self.hop_by_hop = id.wrapping_add(1);
            self.in_flight.insert(
                id,
                InFlight {
                    event,
                    sent_at: now,
                    attempt,
                },
            );
            self.by_age.push_back((now, id));
            self.stats.count_sent(event.kind);
            send(id, &event);
        }
    }

    fn make(&mut self, now: Instant) -> Option<(Event, u32)> {
        if !self.makes_more(now) || self.is_backed_off() {
            return None;
        }
        let event = self.scenario.next_event();
        // Every device drawn is in flight: an answer will free one.
        self.starved = event.is_none();
        self.made += u64::from(event.is_some());
        event.map(|event| (event, 0))
    }

    fn take_due(&mut self, now: Instant) -> Option<(Event, u32)> {
        let Reverse(first) = self.waiting.peek()?;
        if first.due > now {
            return None;
        }
        let Reverse(first) = self.waiting.pop()?;
        self.busy.remove(&first.number)
    }

    fn give_up_late(&mut self, now: Instant) {
        while let Some((sent_at, id)) = self.by_age.front().copied() {
            let late = now.saturating_duration_since(sent_at) >= ANSWER_TIMEOUT;
            if self.in_flight.contains_key(&id) && !late {
                break;
            }
            self.by_age.pop_front();
            if let Some(lost) = self.in_flight.remove(&id) {
                self.lose(&lost.event);
            }
        }
    }

    fn lose(&mut self, event: &Event) {
        self.starved = false;
        self.stats.unanswered += 1;
        self.scenario.answered(event, Answered::Doubtful);
    }

    /// Takes an answer.
    pub fn answer(&mut self, now: Instant, hop_by_hop: u32, code: Code) {
        let Some(asked) = self.in_flight.remove(&hop_by_hop) else {
            self.stats.unexpected += 1;
            return;
        };
        self.stats.count_answer(code);
        self.stats
            .latency
            .record(now.saturating_duration_since(asked.sent_at));
        self.starved = false;
        if code == Code::TOO_BUSY && !self.stopped {
            self.back_off(now, asked);
            return;
        }
        let answered = if code == Code::SUCCESS {
            if let Some(latest) = self.latest.get_mut(asked.event.kind as usize) {
                *latest = Some(asked.event);
            }
            Answered::Success
        } else {
            Answered::Doubtful
        };
        self.scenario.answered(&asked.event, answered);
    }

    fn back_off(&mut self, now: Instant, asked: InFlight) {
        let wait = BACK_OFF * 2u32.pow(asked.attempt.min(DOUBLINGS));
        // Between half and all of it, so that what was refused together does not come back together.
        let half = u32::try_from(wait.as_micros() / 2).unwrap_or(u32::MAX);
        let wait = Duration::from_micros(u64::from(half) + u64::from(self.jitter.below(half)));
        self.numbers += 1;
        self.busy
            .insert(self.numbers, (asked.event, asked.attempt.saturating_add(1)));
        self.waiting.push(Reverse(Waiting {
            due: now + wait,
            number: self.numbers,
        }));
    }

    /// When [`Self::fill`] has something to do again; `None` if only an answer can bring that about.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let room = self.in_flight.len() < self.window();
        let again = self
            .waiting
            .peek()
            .map(|Reverse(first)| first.due.max(self.pacer.next(now)));
        let more =
            (self.makes_more(now) && !self.starved && !self.is_backed_off()).then(|| self.pacer.next(now));
        // The end must be noticed even if nothing else happens.
        let end = self.ends_at.filter(|end| *end > now && !self.stopped);
        let late = self.by_age.front().map(|(sent_at, _)| *sent_at + ANSWER_TIMEOUT);
        [again.filter(|_| room), more.filter(|_| room), end, late]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether all events were made and have their answers.
    pub fn is_done(&self, now: Instant) -> bool {
        !self.makes_more(now) && self.in_flight.is_empty() && self.waiting.is_empty()
    }

    /// Makes no more events, and gives up those that wait after TOO_BUSY. Those in flight may still be answered.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.waiting.clear();
        for (_, (event, _)) in std::mem::take(&mut self.busy) {
            self.lose(&event);
        }
    }

    /// The connection is gone: nothing in flight will be answered.
    pub fn disconnected(&mut self) {
        self.by_age.clear();
        for (_, lost) in std::mem::take(&mut self.in_flight) {
            self.lose(&lost.event);
        }
        self.stats.connected = 0;
    }

    /// The connection is open (again).
    pub fn connected(&mut self) {
        self.stats.connected = 1;
    }

    /// The counts so far.
    pub fn stats(&self) -> Stats {
        Stats {
            in_flight: self.in_flight.len() as u64,
            backing_off: self.waiting.len() as u64,
            ..self.stats.clone()
        }
    }

    /// The latest event of a kind that was answered with success.
    pub fn latest(&self, kind: Kind) -> Option<Event> {
        self.latest.get(kind as usize).copied().flatten()
    }

    /// The model of the devices.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::sim::mix::Mix;
    use crate::sim::scenario::{Expected, Share};

    const PLAN: Plan = Plan {
        rate: 0,
        window: 4,
        events: None,
        duration: None,
    };

    fn load(plan: Plan, now: Instant) -> Load {
        Load::new(Scenario::new(100, Share::WHOLE, Mix::default(), 1), plan, 7, now)
    }

    fn sent(load: &mut Load, now: Instant) -> Vec<u32> {
        let mut ids = Vec::new();
        load.fill(now, |id, _| ids.push(id));
        ids
    }

    #[test]
    fn the_window_bounds_what_is_in_flight_and_an_answer_makes_room() {
        let now = Instant::now();
        let mut load = load(PLAN, now);
        assert_eq!(sent(&mut load, now), [7, 8, 9, 10]);
        assert!(sent(&mut load, now).is_empty());
        load.answer(now + Duration::from_millis(5), 8, Code::SUCCESS);
        assert_eq!(sent(&mut load, now), [11]);
        let stats = load.stats();
        assert_eq!(
            (stats.sent_total(), stats.succeeded(), stats.in_flight),
            (5, 1, 4)
        );
        assert_eq!(stats.latency.max(), Duration::from_millis(5));
    }

    #[test]
    fn an_answer_to_nothing_is_counted_and_changes_nothing() {
        let now = Instant::now();
        let mut load = load(PLAN, now);
        let ids = sent(&mut load, now);
        load.answer(now, 99, Code::SUCCESS);
        load.answer(now, 7, Code::SUCCESS);
        load.answer(now, 7, Code::SUCCESS);
        let stats = load.stats();
        assert_eq!((stats.unexpected, stats.succeeded()), (2, 1));
        assert_eq!(stats.in_flight, ids.len() as u64 - 1);
    }

    #[test]
    fn a_busy_answer_sends_the_same_event_again_later_as_a_new_request() {
        let now = Instant::now();
        let mut load = load(
            Plan {
                events: Some(1),
                ..PLAN
            },
            now,
        );
        let mut events = Vec::new();
        load.fill(now, |id, event| events.push((id, *event)));
        load.answer(now, 7, Code::TOO_BUSY);
        assert!(sent(&mut load, now).is_empty(), "not at once");
        assert!(!load.is_done(now));
        let due = load.deadline(now).unwrap();
        assert!(due > now && due <= now + BACK_OFF);
        load.fill(due, |id, event| events.push((id, *event)));
        let [(7, first), (8, again)] = events.as_slice() else {
            unreachable!("{events:?}")
        };
        assert_eq!(first, again);
        load.answer(due, 8, Code::SUCCESS);
        assert!(load.is_done(due));
        assert_eq!((load.stats().busy(), load.stats().succeeded()), (1, 1));
    }

    #[test]
    fn a_daemon_that_is_always_busy_is_asked_ever_less_often() {
        let start = Instant::now();
        let mut load = load(PLAN, start);
        let (mut now, mut count) = (start, 0);
        while now < start + Duration::from_secs(20) {
            for id in sent(&mut load, now) {
                count += 1;
                load.answer(now, id, Code::TOO_BUSY);
            }
            now = load.deadline(now).unwrap().max(now + Duration::from_millis(1));
        }
        // A few events, each of which met ever longer waits; asked without distance it would have been 20000.
        assert!((30..120).contains(&count), "{count}");
        let waiting = load.stats().backing_off;
        assert!((4..=8).contains(&waiting), "at most two windows full: {waiting}");
    }

    #[test]
    fn a_request_without_an_answer_is_given_up_in_the_end() {
        let now = Instant::now();
        let mut load = load(
            Plan {
                events: Some(2),
                ..PLAN
            },
            now,
        );
        sent(&mut load, now);
        load.answer(now, 7, Code::SUCCESS);
        let late = load.deadline(now).unwrap();
        assert!(late <= now + ANSWER_TIMEOUT);
        sent(&mut load, now + ANSWER_TIMEOUT);
        assert_eq!(load.stats().unanswered, 1);
        assert!(load.is_done(now + ANSWER_TIMEOUT));
    }

    #[test]
    fn a_run_ends_after_its_events_or_its_time() {
        let now = Instant::now();
        let mut by_count = load(
            Plan {
                events: Some(3),
                ..PLAN
            },
            now,
        );
        for id in sent(&mut by_count, now) {
            by_count.answer(now, id, Code::SUCCESS);
        }
        assert_eq!(by_count.stats().sent_total(), 3);
        assert!(by_count.is_done(now));

        let second = Duration::from_secs(1);
        let mut by_time = load(
            Plan {
                duration: Some(second),
                ..PLAN
            },
            now,
        );
        for id in sent(&mut by_time, now) {
            assert!(!by_time.is_done(now));
            by_time.answer(now, id, Code::SUCCESS);
        }
        assert!(by_time.deadline(now).unwrap() <= now + second);
        assert!(sent(&mut by_time, now + second).is_empty());
        assert!(by_time.is_done(now + second));
    }

    #[test]
    fn a_lost_connection_leaves_its_requests_in_doubt_and_the_load_goes_on() {
        let now = Instant::now();
        let mut load = load(PLAN, now);
        sent(&mut load, now);
        load.disconnected();
        assert_eq!(load.stats().unanswered, 4);
        let doubt = |load: &Load| {
            load.scenario()
                .expected()
                .filter(|(_, expected)| *expected == Expected::InDoubt)
                .count()
        };
        assert_eq!(doubt(&load), 4);
        assert_eq!(sent(&mut load, now), [11, 12, 13, 14]);
    }

    #[test]
    fn more_window_than_devices_waits_for_answers_without_spinning() {
        let now = Instant::now();
        let scenario = Scenario::new(2, Share::WHOLE, Mix::default(), 1);
        let mut load = Load::new(scenario, Plan { window: 50, ..PLAN }, 1, now);
        sent(&mut load, now);
        assert_eq!(load.stats().in_flight, 2);
        assert_eq!(load.deadline(now), Some(now + ANSWER_TIMEOUT));
    }
}
