//! What this node asked of the network, as far as reading a report depends on it.

use crate::domain::{Aspect, Registrations, SubscriberIdentifiers};

/// What a reference of ours stands for (SCEF-Reference-ID, TS 29.336 §8.4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Monitored {
    /// One subscriber, also under a reference that was replaced a moment ago.
    Subscriber(SubscriberIdentifiers, Aspect),
    /// One subscriber, to be reported on once for whoever asked: a question.
    Once(SubscriberIdentifiers, Aspect),
    /// A group; each report names whom it is about.
    Group(Aspect),
    /// It was ended; a last report about it is no error.
    Ended,
    /// It is certain that no such reference is in use: the reporting node shall forget it.
    Unknown,
    /// It cannot be told now, because what was asked is not known yet.
    Unavailable,
}

/// Knows what was asked. Called while a message is read, so it must not block.
pub trait Asked: Send + Sync {
    /// What a reference stands for.
    fn monitored(&self, reference: u64) -> Monitored;

    /// Whether notifications about this subscriber were asked for (Sh-Subs-Notif, TS 29.328 §6.1.3); `None` if it cannot be
    /// told now.
    fn subscribed(&self, subscriber: &SubscriberIdentifiers) -> Option<bool>;

    /// The network has told once of this subscriber what it was to tell once, and was answered: whoever still wants to know
    /// asks again.
    fn used_up(&self, subscriber: &SubscriberIdentifiers) {
        let _ = subscriber;
    }

    /// Origin-Host of this node, under which it asks (SCEF-ID, TS 29.336 §8.4.5). `None`: whatever comes is taken as meant
    /// for it.
    fn identity(&self) -> Option<&str> {
        None
    }

    /// What is known of a subscriber at this moment. A report that leaves open which of a node's registrations it is about
    /// is read with its help.
    fn registrations(&self, subscriber: &SubscriberIdentifiers) -> Registrations {
        let _ = subscriber;
        Registrations::default()
    }
}

/// A node that asks for nothing: every report is about something unknown.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingAsked;

impl Asked for NothingAsked {
    fn monitored(&self, _: u64) -> Monitored {
        Monitored::Unknown
    }

    fn subscribed(&self, _: &SubscriberIdentifiers) -> Option<bool> {
        Some(false)
    }
}
