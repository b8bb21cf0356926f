//! What a feed would have told, had it happened: what its silence may be taken for.

use super::Slot;

/// One kind of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tells {
    /// That a node registers the subscriber, or holds it no longer: moves, purges, cancellations.
    Registrations,
    /// That a registered subscriber cannot be reached any more: detached, lost, asleep.
    Losses,
    /// That one who could not be reached can be again.
    Returns,
}

impl Tells {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Registrations, Self::Losses, Self::Returns];

    /// The word for it in the configuration and in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Registrations => "registrations",
            Self::Losses => "losses",
            Self::Returns => "returns",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|news| news.name() == name)
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Registrations => 1,
            Self::Losses => 2,
            Self::Returns => 4,
        }
    }
}

/// The kinds of news that a feed would tell, slot by slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage([u8; Slot::ALL.len()]);

impl Coverage {
    /// It answers when it is asked, or tells of nothing that matters here: its silence is worth nothing.
    pub const NONE: Self = Self([0; Slot::ALL.len()]);

    /// The same in every slot.
    pub fn everywhere(news: impl IntoIterator<Item = Tells>) -> Self {
        Self::NONE.with(Slot::ALL, news)
    }

    /// A Diameter peer that sends copies of what nodes and servers say to one another. S6a shows moves and purges, never a
    /// detach, sleep or loss of radio; accounting shows the whole life of a session.
    pub fn copies() -> Self {
        let registered = [Slot::Mme, Slot::Sgsn, Slot::Amf3gpp, Slot::MmeSms, Slot::SgsnSms];
        Self::NONE
            .with(registered, [Tells::Registrations])
            .with([Slot::Session], Tells::ALL)
    }

    /// A Diameter peer whose requests are meant for us. What it is asked to report of mobility nodes (S6t, T6a) are losses
    /// and returns, if anything is asked for: `monitored`; accounting shows the whole life of a session.
    pub fn endpoint(monitored: bool) -> Self {
        let sessions = Self::NONE.with([Slot::Session], Tells::ALL);
        if monitored {
            sessions.with([Slot::Mme, Slot::Sgsn], [Tells::Losses, Tells::Returns])
        } else {
            sessions
        }
    }

    /// These kinds as well, in these slots.
    #[must_use]
    pub fn with(
        mut self,
        slots: impl IntoIterator<Item = Slot>,
        news: impl IntoIterator<Item = Tells>,
    ) -> Self {
        let bits = news.into_iter().fold(0, |bits, news| bits | news.bit());
        for slot in slots {
            if let Some(covered) = self.0.get_mut(Self::place(slot)) {
                *covered |= bits;
            }
        }
        self
    }

    /// Whether it would tell such news of a slot.
    pub fn has(&self, slot: Slot, news: Tells) -> bool {
        self.0
            .get(Self::place(slot))
            .is_some_and(|covered| covered & news.bit() != 0)
    }

    /// Whether it would tell such news of any slot.
    pub fn has_anywhere(&self, news: Tells) -> bool {
        self.0.iter().any(|covered| covered & news.bit() != 0)
    }

    fn place(slot: Slot) -> usize {
        // Slots are numbered from 1.
        usize::from(slot.number()) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_s6a_show_purges_and_no_detach_and_accounting_shows_all_of_a_session() {
        let copies = Coverage::copies();
        assert!(copies.has(Slot::Mme, Tells::Registrations));
        assert!(!copies.has(Slot::Mme, Tells::Losses) && !copies.has(Slot::Mme, Tells::Returns));
        assert!(copies.has(Slot::Session, Tells::Losses));
        assert!(!copies.has(Slot::Msc, Tells::Registrations));
    }

    #[test]
    fn losses_are_reported_where_they_were_asked_for() {
        assert!(Coverage::endpoint(true).has(Slot::Mme, Tells::Losses));
        assert!(
            !Coverage::endpoint(true).has_anywhere(Tells::Registrations)
                || Coverage::endpoint(true).has(Slot::Session, Tells::Registrations)
        );
        assert!(!Coverage::endpoint(false).has(Slot::Mme, Tells::Losses));
    }

    #[test]
    fn kinds_of_news_come_back_by_their_names() {
        for news in Tells::ALL {
            assert_eq!(Tells::named(news.name()), Some(news));
            assert!(Coverage::everywhere([news]).has(Slot::AnySms, news));
        }
        assert_eq!(Tells::named("everything"), None);
    }
}
