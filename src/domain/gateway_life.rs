//! When a gateway that tells of its sessions has lost them: it tells a greater Origin-State-Id (RFC 6733 §8.16).
//!
//! Records come late and out of order, and nobody says when the gateway restarted. What it told under an earlier id it has
//! lost, though; so every such session is over no later than the last time that was told under that id, and a record of an
//! earlier life that comes behind one of a later life tells of a session that is over already. Thereby the order in which
//! records come does not matter: what was told before is ended by a restart at that time, what comes late is ended by itself.

use super::Timestamp;

/// The latest life of a gateway that is known: one from a start to a loss of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayLife {
    id: u32,
    /// The oldest and the newest time told in this life.
    told: Option<(Timestamp, Timestamp)>,
}

/// What an id tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeTold {
    /// Nothing: it is the life that is known, or contradicts what is known.
    Nothing,
    /// A new life began, and what was told in the one before, up to this time if there was anything, is lost.
    New {
        /// The newest time told in the life before.
        lost_up_to: Option<Timestamp>,
    },
    /// This belongs to an earlier life and is lost.
    Earlier,
}

impl GatewayLife {
    /// The first that is heard of a gateway; what was before is not known.
    pub fn first(id: u32, at: Option<Timestamp>) -> Self {
        let told = at.map(|at| (at, at));
        Self { id, told }
    }

    /// What an id means that the gateway tells, with a record of this time or without any.
    ///
    /// A smaller id means an earlier life only if its record is not newer than this life: else the gateway counts backwards,
    /// or several are behind one name, and nothing follows. 0 asks that nothing be inferred.
    pub fn judge(&self, id: u32, at: Option<Timestamp>) -> LifeTold {
        let is_older = |at: Timestamp| self.told.is_none_or(|(oldest, _)| at <= oldest);
        if id > self.id {
            LifeTold::New {
                lost_up_to: self.told.map(|(_, newest)| newest),
            }
        } else if 0 < id && id < self.id && at.is_some_and(is_older) {
            LifeTold::Earlier
        } else {
            LifeTold::Nothing
        }
    }

    /// Takes note of it.
    pub fn note(&mut self, id: u32, at: Option<Timestamp>) {
        if id > self.id {
            *self = Self::first(id, at);
        } else if id == self.id
            && let Some(at) = at
        {
            let (oldest, newest) = self.told.unwrap_or((at, at));
            self.told = Some((oldest.min(at), newest.max(at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::session::session_name;
    use crate::domain::{Change, Ends, Event, Gateway, Imsi, Node, Registrations, Slot};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    #[test]
    fn only_a_greater_id_begins_a_life_and_only_what_is_not_newer_belongs_to_an_earlier_one() {
        let mut life = GatewayLife::first(7, Some(at(10)));
        life.note(7, Some(at(30)));
        life.note(7, Some(at(20)));
        for (id, time, told) in [
            (7, Some(40), LifeTold::Nothing),
            (0, Some(5), LifeTold::Nothing),
            (6, Some(10), LifeTold::Earlier),
            (6, Some(11), LifeTold::Nothing),
            (6, None, LifeTold::Nothing),
        ] {
            assert_eq!(life.judge(id, time.map(at)), told, "{id} {time:?}");
        }
        let new = LifeTold::New {
            lost_up_to: Some(at(30)),
        };
        assert_eq!(life.judge(8, None), new);
        life.note(8, None);
        // Nothing was told in it yet.
        assert_eq!(life.judge(7, Some(at(35))), LifeTold::Earlier);
        assert_eq!(life.judge(9, Some(at(40))), LifeTold::New { lost_up_to: None });
        life.note(7, Some(at(35)));
        life.note(8, Some(at(36)));
        assert_eq!(life.judge(7, Some(at(37))), LifeTold::Nothing);
    }

    const SESSIONS: usize = 4;

    fn session(n: usize) -> Node {
        session_name(Some(&Gateway::parse("pgw1").unwrap()), &[&[n as u8]])
    }

    /// All sessions of a gateway, told as a daemon takes it.
    #[derive(Default)]
    struct Taken {
        life: Option<GatewayLife>,
        floor: Option<Timestamp>,
        sessions: [Registrations; SESSIONS],
    }

    impl Taken {
        fn record(&mut self, id: u32, of: usize, time: Timestamp) {
            let (slot, node, ends) = (Slot::Session, session(of), Ends::default());
            let up = Change::Registered { slot, node, ends };
            let mut event = Event::new(
                Imsi::parse("001010000000001").unwrap().into(),
                time,
                at(1000),
                [up],
            );
            match self.life.map(|life| life.judge(id, Some(time))) {
                Some(LifeTold::New { lost_up_to }) => self.floor = self.floor.max(lost_up_to),
                Some(LifeTold::Earlier) => event.changes.push(Change::Deregistered {
                    slot,
                    node: session(of),
                }),
                Some(LifeTold::Nothing) | None => {}
            }
            let first = GatewayLife::first(id, Some(time));
            self.life.get_or_insert(first).note(id, Some(time));
            self.sessions[of].apply(&event);
            for registrations in &mut self.sessions {
                if let Some(floor) = self.floor {
                    let _ = registrations.end_sessions_of("pgw1", floor);
                }
            }
        }

        fn stand(&self) -> [bool; SESSIONS] {
            std::array::from_fn(|n| self.sessions[n].reachability(at(900)).data)
        }
    }

    proptest! {
        /// Each life lasts a hundred seconds, and has sessions that others had before.
        #[test]
        fn in_whatever_order_records_come_the_sessions_of_the_latest_life_stand_and_no_others(
            (told, shuffled) in prop::collection::vec((1..4u32, 0..SESSIONS, 0..100i64), 1..12).prop_flat_map(|told| {
                let told: Vec<_> = told.into_iter().map(|(life, of, time)| (life, of, at(100 * i64::from(life) + time))).collect();
                let again: Vec<_> = told.iter().chain(&told).copied().collect();
                (Just(told), Just(again).prop_shuffle())
            })
        ) {
            let latest = told.iter().map(|(life, ..)| *life).max().unwrap();
            let mut taken = Taken::default();
            for (life, of, time) in shuffled {
                taken.record(life, of, time);
            }
            let stands = |n| told.iter().any(|(life, of, _)| (*life, *of) == (latest, n));
            prop_assert_eq!(taken.stand(), std::array::from_fn(stands));
        }
    }
}
