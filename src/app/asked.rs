//! What was asked of the network, whichever part asked it: monitoring over S6t, notifications over Sh.

use crate::diameter::apps::s6t::{Notice, ReportKind};
use crate::diameter::apps::{Asked, Monitored};
use crate::domain::{Node, Registrations, SubscriberIdentifiers};
use crate::feed::diameter::Asking;
use crate::hss::Hss;
use crate::ingest::{Ack, SubmitError};
use crate::monitoring::Monitoring;

/// Both parts that ask, as one for the connections that hear of it.
pub(super) struct Everything {
    monitoring: Monitoring,
    hss: Hss,
}

impl Everything {
    pub(super) fn asked(monitoring: Monitoring, hss: Hss) -> Self {
        Self { monitoring, hss }
    }
}

impl Asked for Everything {
    fn monitored(&self, reference: u64) -> Monitored {
        self.monitoring.monitored(reference)
    }

    fn subscribed(&self, subscriber: &SubscriberIdentifiers) -> Option<bool> {
        self.hss.subscribed(subscriber)
    }

    fn used_up(&self, subscriber: &SubscriberIdentifiers) {
        self.hss.used_up(subscriber);
    }

    fn identity(&self) -> Option<&str> {
        self.monitoring.identity()
    }

    fn registrations(&self, subscriber: &SubscriberIdentifiers) -> Registrations {
        self.monitoring.registrations(subscriber)
    }
}

impl Asking for Everything {
    fn notice(&self, notices: &[Notice], ack: Ack) -> Result<(), SubmitError> {
        self.monitoring.notice(notices, ack)
    }

    fn reset(&self, server: &Node) {
        self.monitoring.reset(server);
        self.hss.reset(server);
    }

    fn restarted(&self, peer: &Node, id: u32) {
        self.monitoring.restarted(peer, id);
        self.hss.restarted(peer, id);
    }

    fn state(&self, server: &Node, id: u32) {
        self.hss.told(server, id);
    }

    fn count(&self, kinds: &[ReportKind]) {
        self.monitoring.count(kinds);
    }
}
