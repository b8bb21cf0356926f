//! What a simulated network does to its devices, and what must be known of them afterwards.
//!
//! Pure and seeded: the same seed and the same answers give the same events. A device has at most one event in flight,
//! so its events reach the daemon in the order of this model, and [`Scenario::expected`] is exact. Times are the
//! daemon's affair: S6a carries none.

use std::collections::VecDeque;

use super::mix::{Kind, Mix};
use super::population::{Device, Mme, NODES};
use super::rng::Rng;

/// How often a device is drawn before an event of another kind takes the place of one that fits nowhere.
const DRAWS: usize = 16;
/// How many devices that moved are remembered for late purges and late cancellations.
const MOVED: usize = 65_536;
const NOBODY: u16 = u16::MAX;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// To whom.
    pub device: Device,
    /// What.
    pub kind: Kind,
    /// The MME concerned: the sender of ULR, PUR and NOR, the addressee of CLR and IDR.
    pub node: Mme,
}

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// DIAMETER_SUCCESS: it is durable.
    Success,
    /// Another answer, or none: it may have been applied or not.
    Doubtful,
}

/// What a lookup must say of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// UNKNOWN: nothing was ever sent about its registration.
    NeverSeen,
    /// CONNECTED_DATA.
    Connected,
    /// NOT_CONNECTED.
    NotConnected,
    /// Not certain: something in flight, or an event since the last sure one that got no success answer.
    InDoubt,
}

/// The model of one device, in six octets.
#[derive(Clone, Copy, Debug)]
struct State {
    holder: u16,
    previous: u16,
    flags: u8,
}

const SEEN: u8 = 1;
const REGISTERED: u8 = 2;
const IN_FLIGHT: u8 = 4;
const DOUBT: u8 = 8;

impl State {
    fn is(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The node that an event of this kind would concern; `None` if it cannot happen to this device now.
    fn node(self, kind: Kind, rng: &mut Rng) -> Option<u16> {
        let registered = self.is(REGISTERED);
        match kind {
            Kind::Attach => (!registered).then(|| rng.below(NODES.into()) as u16),
            Kind::Move => registered.then(|| {
                let step = 1 + rng.below(u32::from(NODES) - 1) as u16;
                (self.holder + step) % NODES
            }),
            Kind::LatePurge | Kind::LateCancel => {
                (registered && self.previous != NOBODY).then_some(self.previous)
            }
            Kind::Update | Kind::Purge | Kind::Withdraw | Kind::Notify | Kind::Insert => {
                registered.then_some(self.holder)
            }
        }
    }
}

/// Which part of a population one connection speaks for: every `of`-th device, beginning with `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 0.
    pub index: u32,
    /// How many parts there are.
    pub of: u32,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, of: 1 };
}

/// The events of one share of a population.
#[derive(Debug)]
pub struct Scenario {
    devices: Vec<State>,
    share: Share,
    mix: Mix,
    rng: Rng,
    moved: VecDeque<u32>,
    in_flight: usize,
}

impl Scenario {
    /// Nobody is registered at first. `population` counts the devices of all shares together.
    pub fn new(population: u32, share: Share, mix: Mix, seed: u64) -> Self {
        let of = share.of.max(1);
        let index = share.index.min(of - 1);
        let length = population / of + u32::from(index < population % of);
        let blank = State {
            holder: NOBODY,
            previous: NOBODY,
            flags: 0,
        };
        Self {
            devices: vec![blank; length as usize],
            share: Share { index, of },
            mix,
            // Spread, so that the shares of neighbouring seeds do not repeat one another.
            rng: Rng::new(Rng::new(seed).bits() ^ Rng::new(u64::from(index)).bits()),
            moved: VecDeque::new(),
            in_flight: 0,
        }
    }

    /// The next event, whose device takes no other until [`Self::answered`]. `None` if every device drawn has one in
    /// flight.
    pub fn next_event(&mut self) -> Option<Event> {
        if self.in_flight >= self.devices.len() {
            return None;
        }
        let kind = self.mix.pick(self.rng.bits());
        let (local, kind, node) = match kind {
            Kind::LatePurge | Kind::LateCancel => self
                .draw_moved(kind)
                .or_else(|| self.draw(kind))
                .or_else(|| self.draw(Kind::Move))?,
            _ => self.draw(kind)?,
        };
        let state = self.devices.get_mut(local as usize)?;
        state.flags |= IN_FLIGHT;
        self.in_flight += 1;
        Some(Event {
            device: Device(local * self.share.of + self.share.index),
            kind,
            node: Mme(node),
        })
    }

    /// A device that moved not long ago and is still where it went.
    fn draw_moved(&mut self, kind: Kind) -> Option<(u32, Kind, u16)> {
        for _ in 0..DRAWS {
            let local = self.moved.pop_front()?;
            let state = *self.devices.get(local as usize)?;
            if state.is(IN_FLIGHT) {
                continue;
            }
            if let Some(node) = state.node(kind, &mut self.rng) {
                return Some((local, kind, node));
            }
        }
        None
    }

    /// A device to which this can happen now; failing that, the attach or the update of one that was drawn.
    fn draw(&mut self, kind: Kind) -> Option<(u32, Kind, u16)> {
        let mut instead = None;
        for _ in 0..DRAWS {
            let local = self.rng.below(self.devices.len() as u32);
            let state = *self.devices.get(local as usize)?;
            if state.is(IN_FLIGHT) {
                continue;
            }
            if let Some(node) = state.node(kind, &mut self.rng) {
                return Some((local, kind, node));
            }
            instead = instead.or(Some((local, state)));
        }
        let (local, state) = instead?;
        let kind = if state.is(REGISTERED) {
            Kind::Update
        } else {
            Kind::Attach
        };
        state.node(kind, &mut self.rng).map(|node| (local, kind, node))
    }

    /// Takes note of how an event from [`Self::next_event`] ended.
    pub fn answered(&mut self, event: &Event, answered: Answered) {
        let local = event.device.0 / self.share.of;
        let Some(state) = self.devices.get_mut(local as usize) else {
            return;
        };
        if state.is(IN_FLIGHT) {
            state.flags &= !IN_FLIGHT;
            self.in_flight -= 1;
        }
        state.flags |= SEEN;
        if answered == Answered::Doubtful {
            // Whatever it was: only an Update-Location that is surely newer tells again where the device is.
            state.flags |= DOUBT;
            return;
        }
        match event.kind {
            Kind::Attach => {
                state.holder = event.node.0;
                state.previous = NOBODY;
            }
            Kind::Move => {
                state.previous = state.holder;
                state.holder = event.node.0;
                if self.moved.len() < MOVED {
                    self.moved.push_back(local);
                }
            }
            Kind::Purge | Kind::Withdraw => {
                state.flags &= !REGISTERED;
                state.previous = NOBODY;
            }
            Kind::LatePurge | Kind::LateCancel => state.previous = NOBODY,
            Kind::Update | Kind::Notify | Kind::Insert => {}
        }
        if event.kind.is_update_location() {
            state.flags |= REGISTERED;
            state.flags &= !DOUBT;
        }
    }

    /// What a lookup of each device of this share must say.
    pub fn expected(&self) -> impl Iterator<Item = (Device, Expected)> + '_ {
        self.devices.iter().enumerate().map(|(local, state)| {
            let device = Device(local as u32 * self.share.of + self.share.index);
            let expected = if state.is(DOUBT | IN_FLIGHT) {
                Expected::InDoubt
            } else if !state.is(SEEN) {
                Expected::NeverSeen
            } else if state.is(REGISTERED) {
                Expected::Connected
            } else {
                Expected::NotConnected
            };
            (device, expected)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;

    use super::*;

    /// Runs `count` events, `window` of them in flight, and hands each to `check` with the scenario as it was when the
    /// event was drawn. All are answered with success.
    fn run(scenario: &mut Scenario, count: usize, window: usize) -> Vec<Event> {
        let mut all = Vec::new();
        let mut open = VecDeque::new();
        for _ in 0..count {
            if open.len() == window {
                let event = open.pop_front().unwrap();
                scenario.answered(&event, Answered::Success);
            }
            let Some(event) = scenario.next_event() else {
                continue;
            };
            all.push(event);
            open.push_back(event);
        }
        for event in open {
            scenario.answered(&event, Answered::Success);
        }
        all
    }

    fn everything() -> Mix {
        "attach=2,update=2,move=3,purge=1,late-purge=2,late-cancel=1,withdraw=1,notify=1,insert=1"
            .parse()
            .unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_events_and_another_seed_others() {
        let events = |seed| {
            run(
                &mut Scenario::new(500, Share::WHOLE, everything(), seed),
                2000,
                16,
            )
        };
        assert_eq!(events(1), events(1));
        assert_ne!(events(1), events(2));
    }

    #[test]
    fn a_late_purge_names_a_node_that_lost_the_slot_and_a_purge_the_one_that_holds_it() {
        let mut scenario = Scenario::new(300, Share::WHOLE, everything(), 3);
        let mut holders: HashMap<Device, Vec<Mme>> = HashMap::new();
        let mut late = 0;
        for event in run(&mut scenario, 20_000, 32) {
            let held = holders.entry(event.device).or_default();
            match event.kind {
                Kind::Attach => {}
                Kind::Move => assert!(held.last().is_some_and(|holder| *holder != event.node)),
                Kind::LatePurge | Kind::LateCancel => {
                    late += 1;
                    let (holder, before) = held.split_last().unwrap();
                    assert_ne!(*holder, event.node);
                    assert_eq!(before.last(), Some(&event.node));
                }
                _ => assert_eq!(held.last(), Some(&event.node)),
            }
            if event.kind == Kind::Attach {
                held.clear();
            }
            if event.kind.is_update_location() && held.last() != Some(&event.node) {
                held.push(event.node);
            }
        }
        assert!(late > 2000, "{late} late ones in 20000");
    }

    #[test]
    fn what_is_expected_agrees_with_a_naive_replay() {
        let mut scenario = Scenario::new(200, Share::WHOLE, everything(), 4);
        let mut naive: HashMap<Device, bool> = HashMap::new();
        for event in run(&mut scenario, 5000, 8) {
            match event.kind {
                Kind::Attach | Kind::Update | Kind::Move => naive.insert(event.device, true),
                Kind::Purge | Kind::Withdraw => naive.insert(event.device, false),
                _ => None,
            };
        }
        for (device, expected) in scenario.expected() {
            let replayed = match naive.get(&device) {
                None => Expected::NeverSeen,
                Some(true) => Expected::Connected,
                Some(false) => Expected::NotConnected,
            };
            assert_eq!(expected, replayed, "{device:?}");
        }
    }

    #[test]
    fn a_device_has_one_event_in_flight() {
        let mut scenario = Scenario::new(8, Share::WHOLE, Mix::default(), 5);
        let mut open = Vec::new();
        for _ in 0..1000 {
            open.extend(scenario.next_event().map(|event| event.device));
        }
        open.sort_unstable();
        let count = open.len();
        open.dedup();
        assert_eq!((open.len(), count), (8, 8));
        assert!(
            scenario
                .expected()
                .all(|(_, expected)| expected == Expected::InDoubt)
        );
    }

    #[test]
    fn an_event_without_success_leaves_doubt_until_the_next_update_location_succeeds() {
        let mut scenario = Scenario::new(1, Share::WHOLE, "move=1".parse().unwrap(), 6);
        let only = |scenario: &Scenario| scenario.expected().map(|(_, expected)| expected).next();
        let first = scenario.next_event().unwrap();
        scenario.answered(&first, Answered::Doubtful);
        assert_eq!(only(&scenario), Some(Expected::InDoubt));
        let second = scenario.next_event().unwrap();
        scenario.answered(&second, Answered::Success);
        assert_eq!(only(&scenario), Some(Expected::Connected));
    }

    #[test]
    fn shares_cover_a_population_once() {
        let mut all: Vec<u32> = (0..3)
            .flat_map(|index| {
                let share = Scenario::new(100, Share { index, of: 3 }, Mix::default(), 1);
                share.expected().map(|(device, _)| device.0).collect::<Vec<_>>()
            })
            .collect();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn once_everybody_is_there_the_mix_is_what_was_asked() {
        let mut scenario = Scenario::new(1000, Share::WHOLE, Mix::default(), 9);
        run(&mut scenario, 20_000, 10);
        let mut counts: HashMap<Kind, usize> = HashMap::new();
        for event in run(&mut scenario, 20_000, 10) {
            *counts.entry(event.kind).or_default() += 1;
        }
        let share = |kind| counts.get(&kind).copied().unwrap_or_default() as f64 / 20_000.0;
        assert!((share(Kind::Purge) - 0.05).abs() < 0.01, "{counts:?}");
        assert!((share(Kind::LatePurge) - 0.05).abs() < 0.01, "{counts:?}");
        assert!((share(Kind::Move) - 0.20).abs() < 0.02, "{counts:?}");
    }
}
