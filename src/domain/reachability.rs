//! The answer: a pure function of a subscriber's registrations and now.
//!
//! | data slots | SMS slots | status |
//! |---|---|---|
//! | one is up | any | CONNECTED_DATA |
//! | none is up | one is up | CONNECTED_SMS |
//! | none is up | none is up, yet something is known | NOT_CONNECTED |
//! | nothing known | nothing known | UNKNOWN |
//!
//! A slot is **up** while its holder is registered and has not reported the subscriber unreachable since. Idle is
//! reachable: silence takes nothing away. An SMS slot that hangs on a data slot ([`Slot::carrier`]) counts only
//! while that one is not known to be deregistered. SMS by an untold path ([`Slot::AnySms`]) counts only until a loss is
//! known that it may have meant.

use super::{Facts, Node, Registrations, Slot, Timestamp};

/// What the daemon answers (CAMARA Device Reachability Status).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Reachable by data, whether or not also by SMS.
    ConnectedData,
    /// Reachable by SMS alone.
    ConnectedSms,
    /// Known to be reachable by neither.
    NotConnected,
    /// Cannot be told. Never to be read as not connected.
    Unknown(UnknownReason),
}

impl Status {
    /// CAMARA's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConnectedData => "CONNECTED_DATA",
            Self::ConnectedSms => "CONNECTED_SMS",
            Self::NotConnected => "NOT_CONNECTED",
            Self::Unknown(_) => "UNKNOWN",
        }
    }
}

/// Why it cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnknownReason {
    /// No registration of this subscriber was ever reported.
    NoHistory,
}

/// The answer about one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reachability {
    /// The one word.
    pub status: Status,
    /// Reachable by data.
    pub data: bool,
    /// Reachable by SMS.
    pub sms: bool,
    /// Network time of the event that last updated the status: of the facts the status rests on, the newest. `None`
    /// only if unknown.
    pub last_status_time: Option<Timestamp>,
    /// When the network last confirmed the answer. `None` only if unknown.
    pub last_confirmed_time: Option<Timestamp>,
}

/// What is known of one slot at one moment, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// No registration was ever reported. A lone deregistration or loss is not knowledge: the subscriber may have moved on
    /// before anyone listened; unless it is a loss in a data slot of whoever serves it.
    Unknown,
    /// Registered and not unreachable.
    Up(Timestamp),
    /// Registered, but the network cannot reach the subscriber there.
    Unreachable(Timestamp),
    /// Not registered.
    Deregistered(Timestamp),
}

/// The newest times at which slots of one kind came up or went down.
#[derive(Default)]
struct Newest {
    up: Option<Timestamp>,
    down: Option<Timestamp>,
}

impl Newest {
    fn add(&mut self, state: SlotState) {
        match state {
            SlotState::Unknown => {}
            SlotState::Up(since) => self.up = self.up.max(Some(since)),
            SlotState::Unreachable(since) | SlotState::Deregistered(since) => {
                self.down = self.down.max(Some(since));
            }
        }
    }
}

impl Registrations {
    /// The answer at `now`.
    pub fn reachability(&self, now: Timestamp) -> Reachability {
        let (mut data, mut sms) = (Newest::default(), Newest::default());
        // A subscriber is known in one or two slots, seldom more.
        for slot in Slot::ALL.into_iter().filter(|slot| self.knows(*slot)) {
            let of = if slot.carries_data() { &mut data } else { &mut sms };
            of.add(self.usable(slot, now));
        }
        let (data_up, sms_up, data_down) = (data.up, sms.up, data.down);
        let (status, rests_on) = if data_up.is_some() {
            (Status::ConnectedData, data_up)
        } else if sms_up.is_some() {
            // It became SMS alone when SMS came or when data went, whichever was later.
            (Status::ConnectedSms, sms_up.max(data_down))
        } else {
            match data_down.max(sms.down) {
                Some(down) => (Status::NotConnected, Some(down)),
                None => (Status::Unknown(UnknownReason::NoHistory), None),
            }
        };
        Reachability {
            status,
            data: data_up.is_some(),
            sms: sms_up.is_some(),
            last_status_time: rests_on,
            last_confirmed_time: rests_on,
        }
    }

    /// Until when the answer at `now` stands if no event comes: time alone changes nothing before the end of the next
    /// announced absence or availability. `None`: nothing known ends by itself. What ends need not alter the answer.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.iter()
            .flat_map(|held| [held.facts.reachable, held.facts.unreachable])
            .flatten()
            .map(|report| report.until)
            .filter(|until| *until > now && *until < Timestamp::MAX)
            .min()
    }

    /// The state of a slot, its carrier considered.
    pub fn usable(&self, slot: Slot, now: Timestamp) -> SlotState {
        let own = self.state(slot, now);
        let SlotState::Up(since) = own else {
            return own;
        };
        if slot == Slot::AnySms {
            return match self.lost_in_cellular(now) {
                Some(lost) if lost >= since => SlotState::Unreachable(lost),
                _ => own,
            };
        }
        let Some(carrier) = slot.carrier() else {
            return own;
        };
        match self.state(carrier, now) {
            SlotState::Deregistered(gone) => SlotState::Deregistered(gone.max(since)),
            _ if slot.moves_with_carrier() => match self.moved_away(slot, carrier) {
                Some(moved) => SlotState::Deregistered(moved.max(since)),
                None => own,
            },
            _ => own,
        }
    }

    /// When the device was last lost in the cellular network: by a path for SMS, or as an attached device. While it is
    /// attached in one data slot, that it left another tells nothing.
    fn lost_in_cellular(&self, now: Timestamp) -> Option<Timestamp> {
        let newest = |slots: &[Slot]| {
            let mut newest = Newest::default();
            for slot in slots.iter().filter(|slot| self.knows(**slot)) {
                newest.add(self.usable(*slot, now));
            }
            newest
        };
        let data = newest(&Slot::CELLULAR_DATA);
        let detached = data.down.filter(|_| data.up.is_none());
        detached.max(newest(&Slot::CELLULAR_SMS).down)
    }

    /// When the carrier of an SMS slot moved on to another node than the one that serves SMS.
    fn moved_away(&self, slot: Slot, carrier: Slot) -> Option<Timestamp> {
        let (sms, carrier) = (self.holder(slot)?, self.holder(carrier)?);
        let moved = carrier.facts.registered_at.filter(|_| carrier.node != sms.node)?;
        (Some(moved) > self.said_of(sms).present_at()).then_some(moved)
    }

    /// The state of a slot by itself.
    pub fn state(&self, slot: Slot, now: Timestamp) -> SlotState {
        if slot.is_shared() {
            return self.shared_state(slot, now);
        }
        match self.holder(slot) {
            Some(holder) => node_state(&self.said_of(holder), now),
            None => self
                .cleared_at(slot)
                .map(SlotState::Deregistered)
                .or_else(|| self.lost_by_whoever(slot, now).map(SlotState::Unreachable))
                .unwrap_or(SlotState::Unknown),
        }
    }

    /// When a subscriber was lost in a data slot by whoever serves it, where nobody is known to. Unlike a lone loss that a
    /// node reports, this one cannot be of a node that the subscriber left. Of an SMS slot alone it would tell too much:
    /// that data do not reach the subscriber either.
    fn lost_by_whoever(&self, slot: Slot, now: Timestamp) -> Option<Timestamp> {
        let lost = self.facts_of(slot, &Node::unnamed())?.unreachable?;
        (slot.carries_data() && !slot.is_shared() && now < lost.until).then_some(lost.at)
    }

    /// A shared slot is up while one of its nodes is.
    fn shared_state(&self, slot: Slot, now: Timestamp) -> SlotState {
        let cleared = self.cleared_at(slot);
        let states = self
            .in_slot(slot)
            .filter(|held| held.facts.present_at() > cleared)
            .map(|held| node_state(&held.facts, now));
        let (mut up, mut unreachable, mut gone) = (None, None, cleared);
        for state in states {
            match state {
                SlotState::Up(since) => up = up.max(Some(since)),
                SlotState::Unreachable(since) => unreachable = unreachable.max(Some(since)),
                SlotState::Deregistered(since) => gone = gone.max(Some(since)),
                SlotState::Unknown => {}
            }
        }
        up.map(SlotState::Up)
            .or_else(|| unreachable.map(|since| SlotState::Unreachable(since.max(gone.unwrap_or(since)))))
            .or_else(|| gone.map(SlotState::Deregistered))
            .unwrap_or(SlotState::Unknown)
    }
}

/// What facts say at `now`.
pub(super) fn node_state(facts: &Facts, now: Timestamp) -> SlotState {
    let Some(present) = facts.registered_at.or_else(|| facts.reachable_at()) else {
        return SlotState::Unknown;
    };
    if let Some(gone) = facts.deregistered_at.filter(|gone| *gone >= present) {
        return SlotState::Deregistered(gone);
    }
    let positive = facts.present_at();
    if let Some(lost) = facts.unreachable.filter(|lost| Some(lost.at) >= positive) {
        // Once the announced absence is over, the registration stands as before it.
        return if now < lost.until {
            SlotState::Unreachable(lost.at)
        } else {
            SlotState::Up(lost.until)
        };
    }
    match facts
        .reachable
        .filter(|report| Some(report.at) >= facts.registered_at)
    {
        Some(report) if now >= report.until => SlotState::Unreachable(report.until.max(report.at)),
        Some(report) => SlotState::Up(report.at),
        None => SlotState::Up(present),
    }
}
