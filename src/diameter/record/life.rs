//! The landmarks of a peer's life: connections that opened and ended, attempts that failed, restarts.

use std::time::{Duration, Instant, SystemTime};

use crate::diameter::peer::origin_state::OriginState;
use crate::diameter::status::{Connection, Happened};

/// Restarts of one peer are told no faster than this: an Origin-State-Id that rises with every message must not fill the
/// log. All are counted.
const PAUSE: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) opened: u64,
    pub(super) open: u32,
    /// The open connection of a record that is one peer's alone, by its number among those opened.
    pub(super) connection: Option<(u64, Connection)>,
    pub(super) last_down: Option<Happened>,
    pub(super) connect_failures: u64,
    pub(super) last_connect_failure: Option<Happened>,
    pub(super) origin_state: OriginState,
    pub(super) restarts: u64,
    pub(super) last_restart: Option<SystemTime>,
    told: Option<Instant>,
    untold: u64,
}

/// A peer lost its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restart {
    /// How many restarts have not been told before this one; `None` if this one is not to be told either.
    pub(crate) suppressed: Option<u64>,
}

impl Life {
    /// A connection opened. Returns its number.
    pub(super) fn opened(&mut self, connection: Option<Connection>) -> u64 {
        self.opened += 1;
        self.open += 1;
        self.connection = connection.map(|connection| (self.opened, connection));
        self.opened
    }

    /// The connection of that number ended. Its successor may have opened already, if its task was dropped.
    pub(super) fn ended(&mut self, number: u64, how: Happened) {
        self.open = self.open.saturating_sub(1);
        self.connection.take_if(|(open, _)| *open == number);
        self.last_down = Some(how);
    }

    pub(super) fn connect_failed(&mut self, how: Happened) {
        self.connect_failures += 1;
        self.last_connect_failure = Some(how);
    }

    /// The peer told its Origin-State-Id.
    pub(super) fn origin_state(&mut self, id: u32, present: Instant, at: SystemTime) -> Option<Restart> {
        if !self.origin_state.heard(id) {
            return None;
        }
        self.restarts += 1;
        self.last_restart = Some(at);
        let too_soon = |told: Instant| present.saturating_duration_since(told) < PAUSE;
        if self.told.is_some_and(too_soon) {
            self.untold += 1;
            return Some(Restart { suppressed: None });
        }
        self.told = Some(present);
        Some(Restart {
            suppressed: Some(std::mem::take(&mut self.untold)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diameter::status::Side;

    fn how(what: &'static str) -> Happened {
        Happened {
            what,
            at: SystemTime::UNIX_EPOCH,
        }
    }

    fn connection() -> Option<Connection> {
        Some(Connection {
            side: Side::Responder,
            transport: "tcp",
            remote: ([127, 0, 0, 1], 1).into(),
            realm: Arc::from("example"),
            applications: Arc::from([1]),
            since: SystemTime::UNIX_EPOCH,
        })
    }

    #[test]
    fn a_connection_that_ends_late_does_not_take_its_successor_away() {
        let mut life = Life::default();
        let first = life.opened(connection());
        let second = life.opened(connection());
        life.ended(first, how("aborted"));
        assert!(life.connection.is_some());
        assert_eq!((life.open, life.opened), (1, 2));
        life.ended(second, how("disconnected"));
        assert_eq!((life.connection.is_some(), life.open), (false, 0));
        assert_eq!(life.last_down, Some(how("disconnected")));
    }

    #[test]
    fn an_id_that_keeps_rising_is_told_once_a_minute_and_counted_always() {
        let mut life = Life::default();
        let start = Instant::now();
        let mut told = Vec::new();
        for second in 0..=120 {
            let present = start + Duration::from_secs(second);
            let restart = life.origin_state(1 + second as u32, present, SystemTime::UNIX_EPOCH);
            told.extend(restart.and_then(|restart| restart.suppressed));
        }
        // At 1 s and at 61 s.
        assert_eq!(told, [0, 59]);
        assert_eq!((life.restarts, life.origin_state.id()), (120, Some(121)));
    }
}
