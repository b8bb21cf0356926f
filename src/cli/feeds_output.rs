//! Feeds as `reachd feeds` gives them to machines: JSON whose keys and words stay. For people there is `feeds_table`.

use std::time::Duration;

use serde::Serialize;

use crate::domain::Timestamp;
use crate::proto::v1;

use super::lookup_output::{as_rfc3339, timestamp};

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feeds {
    /// In the order of the contract.
    pub feeds: Vec<Feed>,
}

/// One feed. Words are those of the metrics.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feed {
    /// Its name in the metrics.
    pub name: String,
    /// diameter, grpc or provisioning.
    pub kind: String,
    /// closed, connecting, open, suspect, reopen or closing.
    pub state: String,
    /// Connections, streams or imports open now.
    pub open: u32,
    /// Events that are durable.
    pub events_accepted: u64,
    /// Events that were refused.
    pub events_refused: u64,
    /// When anything last came.
    #[serde(serialize_with = "as_rfc3339")]
    pub last_heard: Option<Timestamp>,
    /// Of a Diameter peer only.
    pub diameter: Option<Peer>,
    /// What its silence is worth.
    pub life: Option<Life>,
}

/// What is known of a feed's life, over restarts of the daemon.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Life {
    /// registrations, losses, returns.
    pub tells: Vec<String>,
    /// Nobody is confirmed to be absent while it is away.
    pub counts: bool,
    /// Its last sign of life.
    #[serde(serialize_with = "as_rfc3339")]
    pub alive_until: Option<Timestamp>,
    /// While it is away.
    #[serde(serialize_with = "as_rfc3339")]
    pub away_since: Option<Timestamp>,
    /// How many gaps are remembered.
    pub gaps: u32,
    /// All that it had then it has told again.
    #[serde(serialize_with = "as_rfc3339")]
    pub resynchronised_as_of: Option<Timestamp>,
}

/// What only Diameter peers have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Peer {
    /// The open connection.
    pub connection: Option<Connection>,
    /// All but the first were reconnects.
    pub connections_opened: u64,
    /// How the last one ended.
    pub last_down: Option<Occurrence>,
    /// Attempts of the daemon that came to nothing.
    pub connect_failures: u64,
    /// Why the last of them did.
    pub last_connect_failure: Option<Occurrence>,
    /// What came.
    pub received: Traffic,
    /// What went.
    pub sent: Traffic,
    /// Requests refused, by Result-Code.
    pub defects: Vec<Defect>,
    /// Requests that wait for their answer now.
    pub pending_requests: u64,
    /// Of the last watchdog request.
    #[serde(rename = "watchdog_round_trip_seconds", serialize_with = "as_seconds")]
    pub watchdog_round_trip: Option<Duration>,
    /// The greatest one told.
    pub origin_state_id: Option<u32>,
    /// How often it rose.
    pub restarts: u64,
    /// When it last rose.
    #[serde(serialize_with = "as_rfc3339")]
    pub last_restart: Option<Timestamp>,
    /// What the peer made known before is in doubt.
    #[serde(serialize_with = "as_rfc3339")]
    pub doubtful_since: Option<Timestamp>,
}

/// An open connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Connection {
    /// initiator: the daemon connected; responder: the peer did.
    pub side: String,
    /// tcp, tls or sctp.
    pub transport: String,
    /// The other end.
    pub remote_address: String,
    /// The peer's.
    pub realm: String,
    /// Names of those in common.
    pub applications: Vec<String>,
    /// When it opened.
    #[serde(serialize_with = "as_rfc3339")]
    pub since: Option<Timestamp>,
}

/// Something that happened once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Occurrence {
    /// A word of the metrics.
    pub cause: String,
    /// When.
    #[serde(serialize_with = "as_rfc3339")]
    pub time: Option<Timestamp>,
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Requests and answers.
    pub messages: u64,
    /// Requests.
    pub requests: u64,
    /// Answers with 2xxx.
    pub success: u64,
    /// Answers with 3xxx.
    pub protocol_error: u64,
    /// Answers with 4xxx.
    pub transient: u64,
    /// Answers with 5xxx.
    pub permanent: u64,
    /// Answers with an Experimental-Result.
    pub experimental: u64,
    /// Other answers.
    pub other: u64,
    /// Octets.
    pub bytes: u64,
}

/// Requests refused with one Result-Code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Defect {
    /// The code.
    pub result_code: u32,
    /// How many.
    pub count: u64,
}

fn as_seconds<S: serde::Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serializer.serialize_f64(duration.as_secs_f64()),
        None => serializer.serialize_none(),
    }
}

/// A word of the contract as the metrics have it.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}

impl From<v1::ListFeedsResponse> for Feeds {
    fn from(response: v1::ListFeedsResponse) -> Self {
        Self {
            feeds: response.feeds.into_iter().map(Feed::from).collect(),
        }
    }
}

impl From<v1::Feed> for Feed {
    fn from(feed: v1::Feed) -> Self {
        Self {
            kind: word(feed.kind().as_str_name(), "FEED_KIND_"),
            state: word(feed.state().as_str_name(), "FEED_STATE_"),
            name: feed.name,
            open: feed.open,
            events_accepted: feed.events_accepted,
            events_refused: feed.events_refused,
            last_heard: feed.last_heard.and_then(timestamp),
            diameter: feed.diameter.map(Peer::from),
            life: feed.life.map(Life::from),
        }
    }
}

impl From<v1::FeedLife> for Life {
    fn from(life: v1::FeedLife) -> Self {
        Self {
            tells: life.tells,
            counts: life.counts,
            alive_until: life.alive_until.and_then(timestamp),
            away_since: life.away_since.and_then(timestamp),
            gaps: life.gaps,
            resynchronised_as_of: life.resynchronised_as_of.and_then(timestamp),
        }
    }
}

impl From<v1::DiameterPeer> for Peer {
    fn from(peer: v1::DiameterPeer) -> Self {
        let defect = |defect: v1::DiameterDefect| Defect {
            result_code: defect.result_code,
            count: defect.count,
        };
        Self {
            connection: peer.connection.map(Connection::from),
            connections_opened: peer.connections_opened,
            last_down: peer.last_down.map(Occurrence::from),
            connect_failures: peer.connect_failures,
            last_connect_failure: peer.last_connect_failure.map(Occurrence::from),
            received: peer.received.map(Traffic::from).unwrap_or_default(),
            sent: peer.sent.map(Traffic::from).unwrap_or_default(),
            defects: peer.defects.into_iter().map(defect).collect(),
            pending_requests: peer.pending_requests,
            watchdog_round_trip: peer.watchdog_round_trip.and_then(|took| took.try_into().ok()),
            origin_state_id: peer.origin_state_id,
            restarts: peer.restarts,
            last_restart: peer.last_restart.and_then(timestamp),
            doubtful_since: peer.doubtful_since.and_then(timestamp),
        }
    }
}

impl From<v1::DiameterConnection> for Connection {
    fn from(connection: v1::DiameterConnection) -> Self {
        Self {
            side: word(connection.side().as_str_name(), "DIAMETER_SIDE_"),
            transport: connection.transport,
            remote_address: connection.remote_address,
            realm: connection.realm,
            applications: connection.applications,
            since: connection.since.and_then(timestamp),
        }
    }
}

impl From<v1::Occurrence> for Occurrence {
    fn from(occurrence: v1::Occurrence) -> Self {
        Self {
            cause: occurrence.cause,
            time: occurrence.time.and_then(timestamp),
        }
    }
}

impl From<v1::DiameterTraffic> for Traffic {
    fn from(traffic: v1::DiameterTraffic) -> Self {
        let v1::DiameterTraffic {
            requests,
            success,
            protocol_error,
            transient,
            permanent,
            experimental,
            other,
            bytes,
        } = traffic;
        let answers = [success, protocol_error, transient, permanent, experimental, other];
        Self {
            messages: answers
                .iter()
                .fold(requests, |sum, count| sum.saturating_add(*count)),
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_same_keys_always_and_the_words_of_the_metrics() {
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 5000 });
        let peer = v1::DiameterPeer {
            connection: Some(v1::DiameterConnection {
                side: v1::DiameterSide::Responder.into(),
                transport: "tcp".into(),
                remote_address: "127.0.0.1:3868".into(),
                realm: "core.example".into(),
                applications: vec!["s6a".into()],
                since: time(1_700_000_000),
            }),
            connections_opened: 1,
            received: Some(v1::DiameterTraffic {
                requests: 4,
                success: 1,
                bytes: 900,
                ..v1::DiameterTraffic::default()
            }),
            defects: vec![v1::DiameterDefect {
                result_code: 5005,
                count: 2,
            }],
            watchdog_round_trip: Some(prost_types::Duration {
                seconds: 0,
                nanos: 1_500_000,
            }),
            origin_state_id: Some(7),
            ..v1::DiameterPeer::default()
        };
        let response = v1::ListFeedsResponse {
            feeds: vec![
                v1::Feed {
                    name: "dra1.core.example".into(),
                    kind: v1::FeedKind::Diameter.into(),
                    state: v1::FeedState::Suspect.into(),
                    open: 1,
                    events_accepted: 3,
                    events_refused: 2,
                    last_heard: time(1_700_000_001),
                    diameter: Some(peer),
                    life: Some(v1::FeedLife {
                        tells: vec!["registrations".into()],
                        counts: true,
                        alive_until: time(1_700_000_001),
                        gaps: 3,
                        ..v1::FeedLife::default()
                    }),
                },
                v1::Feed {
                    name: "grpc".into(),
                    kind: v1::FeedKind::Grpc.into(),
                    state: v1::FeedState::Closed.into(),
                    ..v1::Feed::default()
                },
            ],
        };
        let json = serde_json::to_value(Feeds::from(response)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"feeds": [
                {
                    "name": "dra1.core.example",
                    "kind": "diameter",
                    "state": "suspect",
                    "open": 1,
                    "events_accepted": 3,
                    "events_refused": 2,
                    "last_heard": "2023-11-14T22:13:21.000005Z",
                    "diameter": {
                        "connection": {
                            "side": "responder",
                            "transport": "tcp",
                            "remote_address": "127.0.0.1:3868",
                            "realm": "core.example",
                            "applications": ["s6a"],
                            "since": "2023-11-14T22:13:20.000005Z",
                        },
                        "connections_opened": 1,
                        "last_down": null,
                        "connect_failures": 0,
                        "last_connect_failure": null,
                        "received": {
                            "messages": 5, "requests": 4, "success": 1, "protocol_error": 0, "transient": 0,
                            "permanent": 0, "experimental": 0, "other": 0, "bytes": 900,
                        },
                        "sent": {
                            "messages": 0, "requests": 0, "success": 0, "protocol_error": 0, "transient": 0,
                            "permanent": 0, "experimental": 0, "other": 0, "bytes": 0,
                        },
                        "defects": [{"result_code": 5005, "count": 2}],
                        "pending_requests": 0,
                        "watchdog_round_trip_seconds": 0.0015,
                        "origin_state_id": 7,
                        "restarts": 0,
                        "last_restart": null,
                        "doubtful_since": null,
                    },
                    "life": {
                        "tells": ["registrations"],
                        "counts": true,
                        "alive_until": "2023-11-14T22:13:21.000005Z",
                        "away_since": null,
                        "gaps": 3,
                        "resynchronised_as_of": null,
                    },
                },
                {
                    "name": "grpc",
                    "kind": "grpc",
                    "state": "closed",
                    "open": 0,
                    "events_accepted": 0,
                    "events_refused": 0,
                    "last_heard": null,
                    "diameter": null,
                    "life": null,
                },
            ]})
        );
    }
}
