//! What the router knows: the open connections, what was handed to them, and what waits.

use std::collections::{BTreeMap, VecDeque};

use super::RequestError;
use super::order::{Order, give_up};
use super::route::Route;
use super::waiting::Waiting;
use crate::diameter::peer::window::Window;
use crate::diameter::service::ConnectedPeer;

/// Tells a connection that something was handed to it.
pub(super) type Wake = Box<dyn Fn() + Send + Sync>;

/// An open connection as the router sees it.
pub(super) struct Open {
    pub(super) peer: ConnectedPeer,
    /// The watchdog's word.
    pub(super) trusted: bool,
    /// It closes in order.
    pub(super) leaving: bool,
    /// What was handed over and has not reached its end.
    pub(super) window: Window,
    /// What was handed over and not taken yet.
    pub(super) handed: VecDeque<Order>,
    pub(super) wake: Wake,
}

impl Open {
    /// Takes back what the connection has not taken.
    pub(super) fn take_back(&mut self) -> VecDeque<Order> {
        let handed = std::mem::take(&mut self.handed);
        handed.iter().for_each(|order| self.window.leave(order.len()));
        handed
    }
}

/// Where a request can go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// To this connection.
    Line(u64),
    /// Peers there are, but they have no room.
    Full,
    /// There is no peer for it.
    None,
}

/// All of it, behind one lock.
#[derive(Default)]
pub(super) struct State {
    pub(super) open: BTreeMap<u64, Open>,
    pub(super) waiting: Waiting,
    /// Numbers given to requests and connections.
    numbers: u64,
    /// Whose turn it is among equals.
    turn: usize,
    pub(super) stopping: bool,
}

impl State {
    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Where a request of that route would go now: among the best of its peers, to the next in turn that has room.
    pub(super) fn choose(&self, route: &Route) -> Choice {
        let ranked = || {
            self.open
                .iter()
                .filter(|(_, open)| open.trusted && !open.leaving)
                .filter_map(|(line, open)| Some((route.rank(&open.peer)?, *line, open.window.has_room())))
        };
        let Some(best) = ranked().map(|(rank, ..)| rank).min() else {
            return Choice::None;
        };
        let equals = ranked().filter(|(rank, ..)| *rank == best).count();
        let in_turn = ranked()
            .filter(|(rank, ..)| *rank == best)
            .cycle()
            .skip(self.turn % equals.max(1))
            .take(equals);
        in_turn
            .filter(|(.., has_room)| *has_room)
            .map(|(_, line, _)| Choice::Line(line))
            .next()
            .unwrap_or(Choice::Full)
    }

    /// Hands a request to a connection with room.
    pub(super) fn hand(&mut self, line: u64, order: Order) {
        let Some(open) = self.open.get_mut(&line) else {
            return self.waiting.push(order);
        };
        self.turn = self.turn.wrapping_add(1);
        open.window.enter(order.len());
        open.handed.push_back(order);
        if open.handed.len() == 1 {
            (open.wake)();
        }
    }

    /// Finds a place for a request that has been accepted before, be it only among those that wait.
    pub(super) fn place(&mut self, order: Order) {
        if self.stopping {
            return give_up(order, RequestError::Stopped);
        }
        match self.choose(&order.tag.route) {
            Choice::Line(line) => self.hand(line, order),
            Choice::Full | Choice::None => self.waiting.push(order),
        }
    }

    /// Hands over what waits, the oldest first, as far as there are peers with room.
    pub(super) fn pump(&mut self) {
        while let Some((number, line)) = self.waiting.oldest(|route| match self.choose(route) {
            Choice::Line(line) => Some(line),
            Choice::Full | Choice::None => None,
        }) {
            if let Some(order) = self.waiting.remove(number) {
                self.hand(line, order);
            }
        }
    }
}
