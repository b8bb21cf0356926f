//! The table of feeds for a person.

use std::fmt::Write;

use crate::diameter::codec::ResultCode;
use crate::domain::Timestamp;
use crate::sim::format::{age, duration, number};

use super::feeds_output::{Feed, Feeds, Life, Occurrence, Peer, Traffic};

const COLUMNS: usize = 11;

const TITLES: [&str; COLUMNS] = [
    "FEED", "KIND", "STATE", "SINCE", "HEARD", "WATCHDOG", "IN", "OUT", "QUEUE", "EVENTS", "REFUSED",
];

/// The columns from here on hold figures, and stand to the right.
const FIRST_FIGURE: usize = 5;

/// Where there is nothing to tell.
const NONE: &str = "-";

/// One line for each feed, and below it what the columns have no room for.
pub fn for_a_person(feeds: &Feeds, now: Timestamp) -> String {
    let rows: Vec<[String; COLUMNS]> = feeds.feeds.iter().map(|feed| row(feed, now)).collect();
    let mut widths = TITLES.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = line(&TITLES.map(str::to_owned), &widths);
    for (row, feed) in rows.iter().zip(&feeds.feeds) {
        text.push_str(&line(row, &widths));
        let of_peer = feed.diameter.iter().flat_map(|peer| notes(peer, now));
        let of_life = feed.life.iter().flat_map(|life| life_notes(life, now));
        for note in of_peer.chain(of_life) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "    {note}");
        }
    }
    text
}

fn line(cells: &[String; COLUMNS], widths: &[usize; COLUMNS]) -> String {
    let mut text = String::new();
    for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = " ".repeat(width.saturating_sub(cell.chars().count()));
        let (before, after) = if place < FIRST_FIGURE {
            ("", gap.as_str())
        } else {
            (gap.as_str(), "")
        };
        let _ = write!(text, "{before}{cell}{after}  ");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn row(feed: &Feed, now: Timestamp) -> [String; COLUMNS] {
    let peer = feed.diameter.as_ref();
    let ago = |time: Option<Timestamp>| time.map_or_else(|| NONE.into(), |time| age(now.since(time)));
    let figure = |of: fn(&Peer) -> u64| peer.map_or_else(|| NONE.into(), |peer| number(of(peer)));
    let since = peer.and_then(|peer| match &peer.connection {
        Some(connection) => connection.since,
        None if feed.open == 0 => peer.last_down.as_ref().and_then(|down| down.time),
        None => None,
    });
    [
        feed.name.clone(),
        feed.kind.clone(),
        feed.state.clone(),
        ago(since),
        ago(feed.last_heard),
        peer.and_then(|peer| peer.watchdog_round_trip)
            .map_or_else(|| NONE.into(), duration),
        figure(|peer| peer.received.messages),
        figure(|peer| peer.sent.messages),
        figure(|peer| peer.pending_requests),
        number(feed.events_accepted),
        number(feed.events_refused),
    ]
}

fn notes(peer: &Peer, now: Timestamp) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(open) = &peer.connection {
        let who = match open.side.as_str() {
            "initiator" => "connected to",
            _ => "connected from",
        };
        notes.push(format!(
            "{} {who} {}, realm {}, applications {}",
            open.transport,
            open.remote_address,
            open.realm,
            open.applications.join(", ")
        ));
    }
    if let Some(answers) = answers(&peer.sent) {
        notes.push(format!("answered: {answers}"));
    }
    if !peer.defects.is_empty() {
        let told = peer.defects.iter().map(|defect| {
            let name = ResultCode(defect.result_code).name();
            format!("{} × {} {name}", number(defect.count), defect.result_code)
        });
        notes.push(format!("refused: {}", told.collect::<Vec<_>>().join(", ")));
    }
    let when = |occurrence: &Occurrence| match occurrence.time {
        Some(time) => format!("{}, {}", occurrence.cause, age(now.since(time))),
        None => occurrence.cause.clone(),
    };
    if let Some(down) = &peer.last_down {
        let opened = number(peer.connections_opened);
        let noun = if peer.connections_opened == 1 {
            "connection"
        } else {
            "connections"
        };
        notes.push(format!("{opened} {noun} so far; last down: {}", when(down)));
    }
    if let Some(failure) = &peer.last_connect_failure {
        let failures = number(peer.connect_failures);
        notes.push(format!(
            "could not be reached {failures} ×; last: {}",
            when(failure)
        ));
    }
    if let Some(restart) = peer.last_restart {
        notes.push(format!(
            "restarted {} ×; last: {}",
            number(peer.restarts),
            age(now.since(restart))
        ));
    }
    notes
}

fn life_notes(life: &Life, now: Timestamp) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(since) = life.away_since.filter(|_| life.counts) {
        let ago = age(now.since(since));
        notes.push(format!(
            "away since {ago}: nobody is confirmed to be absent without it"
        ));
    }
    if let Some(as_of) = life.resynchronised_as_of {
        notes.push(format!("told all it had {} again", age(now.since(as_of))));
    }
    notes
}

/// Answers by the class of their result, the classes that came; `None` if there are none.
fn answers(traffic: &Traffic) -> Option<String> {
    let classes = [
        (traffic.success, "success"),
        (traffic.protocol_error, "protocol error"),
        (traffic.transient, "transient"),
        (traffic.permanent, "permanent"),
        (traffic.experimental, "experimental"),
        (traffic.other, "other"),
    ];
    let told: Vec<_> = classes
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, class)| format!("{} {class}", number(*count)))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::feeds_output::{Connection, Defect};

    fn feed(name: &str, kind: &str, state: &str, diameter: Option<Peer>) -> Feed {
        Feed {
            name: name.into(),
            kind: kind.into(),
            state: state.into(),
            open: u32::from(state == "open"),
            events_accepted: 0,
            events_refused: 0,
            last_heard: None,
            diameter,
            life: None,
        }
    }

    fn silent() -> Peer {
        Peer {
            connection: None,
            connections_opened: 0,
            last_down: None,
            connect_failures: 0,
            last_connect_failure: None,
            received: Traffic::default(),
            sent: Traffic::default(),
            defects: Vec::new(),
            pending_requests: 0,
            watchdog_round_trip: None,
            origin_state_id: None,
            restarts: 0,
            last_restart: None,
            doubtful_since: None,
        }
    }

    #[test]
    fn a_person_reads_a_line_for_each_feed_and_what_is_odd_below() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let occurrence = |cause: &str, seconds| {
            Some(Occurrence {
                cause: cause.into(),
                time: at(seconds),
            })
        };
        let busy = Peer {
            connection: Some(Connection {
                side: "responder".into(),
                transport: "tcp".into(),
                remote_address: "127.0.0.1:41000".into(),
                realm: "core.example".into(),
                applications: vec!["s6a".into(), "sh".into()],
                since: at(1000),
            }),
            connections_opened: 2,
            last_down: occurrence("watchdog", 940),
            received: Traffic {
                messages: 12_345,
                ..Traffic::default()
            },
            sent: Traffic {
                messages: 12_345,
                success: 12_342,
                permanent: 3,
                ..Traffic::default()
            },
            defects: vec![
                Defect {
                    result_code: 5004,
                    count: 2,
                },
                Defect {
                    result_code: 5005,
                    count: 1,
                },
            ],
            pending_requests: 7,
            watchdog_round_trip: Some(Duration::from_micros(850)),
            restarts: 1,
            last_restart: at(1000),
            ..silent()
        };
        let unreached = Peer {
            connect_failures: 40,
            last_connect_failure: occurrence("connection_refused", 999),
            ..silent()
        };
        let feeds = Feeds {
            feeds: vec![
                Feed {
                    events_accepted: 12_000,
                    events_refused: 3,
                    last_heard: at(1009),
                    ..feed("dra1.core.example", "diameter", "open", Some(busy))
                },
                feed("dra2.core.example", "diameter", "closed", Some(unreached)),
                feed("dra3.core.example", "diameter", "closed", Some(silent())),
                Feed {
                    life: Some(Life {
                        tells: Vec::new(),
                        counts: true,
                        alive_until: at(960),
                        away_since: at(960),
                        gaps: 1,
                        resynchronised_as_of: at(950),
                    }),
                    ..feed("grpc", "grpc", "closed", None)
                },
            ],
        };
        let shown = for_a_person(&feeds, at(1010).unwrap());
        let expected = "\
FEED               KIND      STATE   SINCE     HEARD    WATCHDOG      IN     OUT  QUEUE  EVENTS  REFUSED
dra1.core.example  diameter  open    10 s ago  1 s ago    850 µs  12,345  12,345      7  12,000        3
    tcp connected from 127.0.0.1:41000, realm core.example, applications s6a, sh
    answered: 12,342 success, 3 permanent
    refused: 2 × 5004 INVALID_AVP_VALUE, 1 × 5005 MISSING_AVP
    2 connections so far; last down: watchdog, 70 s ago
    restarted 1 ×; last: 10 s ago
dra2.core.example  diameter  closed  -         -               -       0       0      0       0        0
    could not be reached 40 ×; last: connection_refused, 11 s ago
dra3.core.example  diameter  closed  -         -               -       0       0      0       0        0
grpc               grpc      closed  -         -               -       -       -      -       0        0
    away since 50 s ago: nobody is confirmed to be absent without it
    told all it had 60 s ago again
";
        assert_eq!(shown, expected, "\n{shown}");
    }
}
