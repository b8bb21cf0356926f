//! All feeds as `ListFeeds` tells them: what ingest counts of each, and what the Diameter node knows of its peers.

use std::time::{Duration, SystemTime};

use crate::diameter::dict::application_name;
use crate::diameter::status::{Connection, Happened, PeerState, PeerStatus, Peers, Side, Traffic};
use crate::domain::{FeedHealth, Tells, Timestamp};
use crate::ingest::{Activity, Feed, Ingest};
use crate::proto::v1;

use super::grpc::sources::Sources;

/// Where to look. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    peers: Option<Peers>,
    diameter: Vec<Feed>,
    grpc: Option<Sources>,
    others: Vec<(v1::FeedKind, Feed)>,
    lives: Option<Ingest>,
}

impl Listing {
    /// Adds the Diameter node; `feeds` are those of its peers, by their names.
    #[must_use]
    pub fn with_diameter(mut self, peers: Peers, feeds: Vec<Feed>) -> Self {
        self.peers = Some(peers);
        self.diameter = feeds;
        self
    }

    /// Adds those who publish over gRPC.
    #[must_use]
    pub fn with_grpc(mut self, sources: Sources) -> Self {
        self.grpc = Some(sources);
        self
    }

    /// Adds what is known of the life of each.
    #[must_use]
    pub fn with_lives(mut self, ingest: Ingest) -> Self {
        self.lives = Some(ingest);
        self
    }

    /// Adds a feed of another kind.
    #[must_use]
    pub fn with(mut self, kind: v1::FeedKind, feed: Feed) -> Self {
        self.others.push((kind, feed));
        self
    }

    /// Every feed, as it is now.
    pub fn feeds(&self) -> Vec<v1::Feed> {
        let status = self.peers.as_ref().map(Peers::status).unwrap_or_default();
        let diameter = status.into_iter().map(|status| {
            let feed = self.diameter.iter().find(|feed| *feed.name() == *status.name);
            peer(status, feed.map(Feed::activity))
        });
        let grpc = self.grpc.iter().flat_map(Sources::feeds);
        let grpc = grpc.map(|feed| other(v1::FeedKind::Grpc, &feed));
        let others = self.others.iter().map(|(kind, feed)| other(*kind, feed));
        let mut listed: Vec<_> = diameter.chain(grpc).chain(others).collect();
        if let Some(ingest) = &self.lives {
            let known = ingest.feeds();
            for feed in &mut listed {
                let found = known.iter().find(|(_, health)| *health.name == *feed.name);
                feed.life = found.map(|(_, health)| life(health));
            }
        }
        listed
    }
}

fn life(health: &FeedHealth) -> v1::FeedLife {
    let tells = Tells::ALL.into_iter();
    let tells = tells.filter(|news| health.coverage.has_anywhere(*news));
    v1::FeedLife {
        tells: tells.map(|news| news.name().to_owned()).collect(),
        counts: health.counts,
        alive_until: health.alive_until.map(timestamp),
        away_since: health.open_gap().map(|gap| timestamp(gap.begin)),
        gaps: u32::try_from(health.gaps().len()).unwrap_or(u32::MAX),
        resynchronised_as_of: health.resynchronised_at.map(timestamp),
    }
}

fn other(kind: v1::FeedKind, feed: &Feed) -> v1::Feed {
    let Activity {
        accepted,
        refused,
        sessions,
        last_heard,
    } = feed.activity();
    let state = match sessions {
        0 => v1::FeedState::Closed,
        _ => v1::FeedState::Open,
    };
    v1::Feed {
        name: feed.name().to_owned(),
        kind: kind.into(),
        state: state.into(),
        open: sessions,
        events_accepted: accepted,
        events_refused: refused,
        last_heard: last_heard.map(timestamp),
        diameter: None,
        life: None,
    }
}

fn peer(status: PeerStatus, activity: Option<Activity>) -> v1::Feed {
    let PeerStatus {
        name,
        state,
        open_connections,
        connection: open,
        connections_opened,
        last_down,
        connect_failures,
        last_connect_failure,
        received,
        sent,
        defects,
        pending_requests,
        last_heard,
        watchdog_round_trip,
        origin_state_id,
        restarts,
        last_restart,
        doubtful_since,
    } = status;
    let defect = |(result_code, count)| v1::DiameterDefect { result_code, count };
    v1::Feed {
        name: name.to_string(),
        kind: v1::FeedKind::Diameter.into(),
        state: peer_state(state).into(),
        open: open_connections,
        events_accepted: activity.map_or(0, |activity| activity.accepted),
        events_refused: activity.map_or(0, |activity| activity.refused),
        last_heard: last_heard.map(Into::into),
        diameter: Some(v1::DiameterPeer {
            connection: open.map(connection),
            connections_opened,
            last_down: last_down.map(occurrence),
            connect_failures,
            last_connect_failure: last_connect_failure.map(occurrence),
            received: Some(traffic(received)),
            sent: Some(traffic(sent)),
            defects: defects.into_iter().map(defect).collect(),
            pending_requests,
            watchdog_round_trip: watchdog_round_trip.and_then(duration),
            origin_state_id,
            restarts,
            last_restart: last_restart.map(Into::into),
            doubtful_since: doubtful_since.map(Into::into),
        }),
        life: None,
    }
}

fn peer_state(state: PeerState) -> v1::FeedState {
    match state {
        PeerState::Closed => v1::FeedState::Closed,
        PeerState::Connecting => v1::FeedState::Connecting,
        PeerState::Open => v1::FeedState::Open,
        PeerState::Suspect => v1::FeedState::Suspect,
        PeerState::Reopen => v1::FeedState::Reopen,
        PeerState::Closing => v1::FeedState::Closing,
    }
}

fn connection(open: Connection) -> v1::DiameterConnection {
    let Connection {
        side,
        transport,
        remote,
        realm,
        applications,
        since,
    } = open;
    let side = match side {
        Side::Initiator => v1::DiameterSide::Initiator,
        Side::Responder => v1::DiameterSide::Responder,
    };
    v1::DiameterConnection {
        side: side.into(),
        transport: transport.to_owned(),
        remote_address: remote.to_string(),
        realm: realm.to_string(),
        applications: applications
            .iter()
            .map(|id| application_name(*id).to_owned())
            .collect(),
        since: Some(since.into()),
    }
}

fn traffic(traffic: Traffic) -> v1::DiameterTraffic {
    let Traffic {
        requests,
        success,
        protocol_error,
        transient,
        permanent,
        experimental,
        other,
        bytes,
    } = traffic;
    v1::DiameterTraffic {
        requests,
        success,
        protocol_error,
        transient,
        permanent,
        experimental,
        other,
        bytes,
    }
}

fn occurrence(happened: Happened) -> v1::Occurrence {
    v1::Occurrence {
        cause: happened.what.to_owned(),
        time: Some(happened.at.into()),
    }
}

fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let micros = u64::try_from(time.as_micros()).unwrap_or(0);
    (SystemTime::UNIX_EPOCH + Duration::from_micros(micros)).into()
}

fn duration(duration: Duration) -> Option<prost_types::Duration> {
    duration.try_into().ok()
}
