//! What one end owes the other, and until when: an answer to what it has heard, or the end of the connection.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::world::{Message, TIMEOUTS};

/// A debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Debt {
    Cea,
    Dwa,
    Dpa,
    /// Disconnect-Peer has begun: the connection has to end.
    Leave,
}

/// Debts by connection and end.
#[derive(Default)]
pub(super) struct Owed(BTreeMap<(u32, usize, Debt), Instant>);

impl Owed {
    /// An end has heard this and taken notice of it.
    pub(super) fn heard(&mut self, id: u32, end: usize, message: Message, now: Instant) {
        let mut owe = |debt, within: Duration| {
            self.0.entry((id, end, debt)).or_insert(now + within);
        };
        match message {
            // The CEA is held back until the election has been decided.
            Message::Cer => owe(Debt::Cea, TIMEOUTS.connect + TIMEOUTS.capabilities),
            Message::Dwr => owe(Debt::Dwa, Duration::ZERO),
            Message::Dpr => {
                owe(Debt::Dpa, Duration::ZERO);
                owe(Debt::Leave, TIMEOUTS.closing);
            }
            Message::Cea | Message::Dwa | Message::Dpa => {}
        }
    }

    /// An end has said this.
    pub(super) fn said(&mut self, id: u32, end: usize, message: Message, now: Instant) {
        let paid = match message {
            Message::Cea => Debt::Cea,
            Message::Dwa => Debt::Dwa,
            Message::Dpa => Debt::Dpa,
            Message::Dpr => {
                self.0
                    .entry((id, end, Debt::Leave))
                    .or_insert(now + TIMEOUTS.closing);
                return;
            }
            Message::Cer | Message::Dwr => return,
        };
        self.0.remove(&(id, end, paid));
    }

    /// An end has no such connection any more.
    pub(super) fn closed(&mut self, id: u32, end: usize) {
        self.0
            .retain(|(other, debtor, _), _| (*other, *debtor) != (id, end));
    }

    /// Fails if something is overdue.
    pub(super) fn check(&self, now: Instant) {
        let overdue = self.0.iter().find(|(_, due)| **due < now);
        assert!(
            overdue.is_none(),
            "never paid (connection, end, debt): {:?}",
            overdue.map(|(debt, _)| debt)
        );
    }
}
