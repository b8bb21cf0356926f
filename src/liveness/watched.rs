//! One feed that is looked at: how its signs of life are read.

use std::time::SystemTime;

use crate::diameter::status::{PeerState, PeerStatus};
use crate::domain::{Coverage, FeedHealth, Signs, Tells, Timestamp};
use crate::ingest::{Ack, Activity, Feed, HEARTBEAT_WITHIN, ReceiptClock, Word};

/// What kind of feed it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A configured Diameter peer that sends copies.
    Copies,
    /// A configured Diameter peer whose requests are meant for us; whether anything is asked to be reported of mobility nodes.
    Endpoint {
        /// Whether it is.
        monitored: bool,
    },
    /// Streams of events with heartbeats.
    Stream,
    /// What answers only when it is asked, or was never promised: provisioning, answers of HSSs, peers that nobody knows.
    Quiet,
}

impl Kind {
    /// What its silence would be broken by, if nothing else is configured.
    pub(super) fn coverage(self) -> Coverage {
        match self {
            Self::Copies => Coverage::copies(),
            Self::Endpoint { monitored } => Coverage::endpoint(monitored),
            Self::Stream => Coverage::everywhere(Tells::ALL),
            Self::Quiet => Coverage::NONE,
        }
    }

    /// Whether it is known that there is such a feed before anything is heard of it.
    pub(super) fn is_expected(self) -> bool {
        matches!(self, Self::Copies | Self::Endpoint { .. })
    }
}

/// A feed and what was seen of it last.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) feed: Feed,
    pub(super) kind: Kind,
    peer: Peer,
}

/// What was seen of a Diameter peer last. Its times are read when they are seen for the first time, so that a clock that is
/// put forward in between changes nothing that was.
#[derive(Debug, Default)]
struct Peer {
    connections: u64,
    since: Option<Timestamp>,
    heard: Option<SystemTime>,
    last: Option<Timestamp>,
    restarts: u64,
}

impl Watched {
    pub(super) fn new(feed: Feed, kind: Kind) -> Self {
        Self {
            feed,
            kind,
            peer: Peer::default(),
        }
    }

    /// Looks at it. Returns whether it came, went, or changed what its word is worth; `told` takes what waits for that to be
    /// durable.
    pub(super) fn look(
        &mut self,
        health: &mut FeedHealth,
        status: Option<&PeerStatus>,
        clock: &ReceiptClock,
        now: Timestamp,
        told: &mut Vec<Ack>,
    ) -> bool {
        let words = self.feed.take_words();
        let mut changed = !words.is_empty();
        for word in words {
            match word {
                Word::Doubted(at, only) => health.doubted(at, only),
                Word::Resynchronised(at, ack) => {
                    health.resynchronised(at);
                    told.push(ack);
                }
            }
        }
        let signs = match (self.kind, status) {
            (Kind::Copies | Kind::Endpoint { .. }, Some(status)) => {
                health.counts = true;
                if let Some(restart) = self.peer.restarted(status, clock) {
                    health.doubted(restart, None);
                    changed = true;
                }
                self.peer.signs(status, clock)
            }
            (Kind::Stream, _) => {
                let (since, promised) = self.feed.life();
                // Who promised before does so still, even if this daemon did not hear of it.
                health.promised |= promised;
                health.counts = health.promised;
                stream(self.feed.activity(), since, now)
            }
            _ => None,
        };
        signs.is_some_and(|signs| health.saw(signs)) | changed
    }
}

impl Peer {
    /// When the peer lost its state, if it did since the last look.
    fn restarted(&mut self, status: &PeerStatus, clock: &ReceiptClock) -> Option<Timestamp> {
        let before = std::mem::replace(&mut self.restarts, status.restarts);
        let restart = status.last_restart.filter(|_| status.restarts > before);
        restart.and_then(|restart| clock.when(restart))
    }

    fn signs(&mut self, status: &PeerStatus, clock: &ReceiptClock) -> Option<Signs> {
        if status.connections_opened != self.connections
            && let Some(connection) = &status.connection
        {
            self.connections = status.connections_opened;
            self.since = clock.when(connection.since);
        }
        if status.last_heard != self.heard {
            self.heard = status.last_heard;
            self.last = status.last_heard.and_then(|heard| clock.when(heard));
        }
        Some(Signs {
            since: self.since?,
            last: self.last?,
            lives: matches!(status.state, PeerState::Open | PeerState::Reopen),
        })
    }
}

fn stream(activity: Activity, since: Option<Timestamp>, now: Timestamp) -> Option<Signs> {
    let last = activity.last_heard?;
    Some(Signs {
        since: since?,
        last,
        lives: activity.sessions > 0 && now.since(last) <= HEARTBEAT_WITHIN,
    })
}
