//! Record types, their times, and what tells sessions apart.

use super::*;
use crate::domain::Ends;

fn changes(kind: i32) -> Vec<Change> {
    event(&record(kind, |_| {})).map_or_else(Vec::new, |event| event.changes.into_vec())
}

#[test]
fn the_record_type_tells_what_became_of_the_session() {
    let node = session_of(&record(START, |_| {}));
    let up = Change::Registered {
        slot: Slot::Session,
        node: node.clone(),
        ends: Ends::default(),
    };
    // "START | binding-up; data reachable at event time"
    assert_eq!(changes(START), std::slice::from_ref(&up));
    // "INTERIM | refresh; creates the session if START was missed"
    assert_eq!(changes(INTERIM), [up]);
    // "STOP | binding-down; data facet loses this evidence"
    let down = Change::Deregistered {
        slot: Slot::Session,
        node,
    };
    assert_eq!(changes(STOP), [down]);
    // "EVENT | no session; contact evidence at event time only"
    assert_eq!(event(&record(EVENT, |_| {})), None);
    for wrong in [0, 5, -1] {
        assert_eq!(refused(&record(wrong, |_| {})), (5004, Some(480)), "{wrong}");
    }
}

/// "Time source order: Event-Timestamp, then Start-Time/Stop-Time inside PS-Information, then arrival."
#[test]
fn the_time_is_that_of_the_event() {
    let (started, stopped, told) = (NOW_UNIX - 300, NOW_UNIX - 200, NOW_UNIX - 100);
    let time =
        |kind, write: &dyn Fn(&mut MessageBuilder<'_>)| event(&record(kind, write)).unwrap().event_time;
    let in_ps = |request: &mut MessageBuilder<'_>| {
        packet_switched(request, |ps| {
            ps.avp_time(&tgpp::START_TIME, started)
                .avp_time(&tgpp::STOP_TIME, stopped);
        });
    };
    let all = |request: &mut MessageBuilder<'_>| {
        request.avp_time(&base::EVENT_TIMESTAMP, told);
        in_ps(request);
    };
    assert_eq!(time(START, &all), unix(told));
    assert_eq!(time(STOP, &all), unix(told));
    assert_eq!(time(STOP, &in_ps), unix(stopped));
    let start_alone = |request: &mut MessageBuilder<'_>| {
        packet_switched(request, |ps| {
            ps.avp_time(&tgpp::START_TIME, started);
        });
    };
    assert_eq!(time(START, &start_alone), unix(started));
    assert_eq!(time(START, &|_| {}), now());
    // "Clamp times in the future (clock skew) to arrival": a little ahead is believed.
    let ahead = |seconds: i64| {
        time(START, &|request: &mut MessageBuilder<'_>| {
            request.avp_time(&base::EVENT_TIMESTAMP, NOW_UNIX + seconds);
        })
    };
    assert_eq!(ahead(30), unix(NOW_UNIX + 30));
    assert_eq!(ahead(3600), now());
    let event = event(&record(START, all)).unwrap();
    assert_eq!(event.received_at, now());
}

/// "Slot SESSION keyed by (Origin-Host, Session-Id [, sub-session])"
#[test]
fn sessions_are_told_apart_by_client_session_and_sub_session() {
    let node = |session: &str, sub: Option<u64>| {
        session_of(&of_session(session, START, |request| {
            subscription_id(request, 1, IMSI);
            if let Some(sub) = sub {
                request.avp_u64(&base::ACCOUNTING_SUB_SESSION_ID, sub);
            }
        }))
    };
    let usual = node(SESSION, None);
    let long = "s".repeat(1000);
    let others = [
        node("pgw1.epc.example;1769860800;8", None),
        // The same but for the case of a letter.
        node("pgw1.epc.example;1769860800;7;A", None),
        node("pgw1.epc.example;1769860800;7;a", None),
        node(&long, None),
        node("pgw1.epc.example;1769860800;7 \u{fc} \n", None),
        node(SESSION, Some(1)),
        node(SESSION, Some(2)),
    ];
    for (place, other) in others.iter().enumerate() {
        assert_ne!(*other, usual, "{place}");
        assert!(!others[..place].contains(other), "{place}");
    }
    // All records of a session are of one node, whatever the case of the client's name.
    let mut shouting = record(STOP, |_| {});
    let at = shouting
        .windows(GATEWAY.len())
        .rposition(|part| part == GATEWAY.as_bytes())
        .unwrap();
    shouting[at..at + 4].copy_from_slice(b"PGW1");
    assert_eq!(session_of(&shouting), usual);
    let other_client = {
        let mut octets = record(START, |_| {});
        octets[at + 3] = b'2';
        session_of(&octets)
    };
    assert_ne!(other_client, usual);
}

#[test]
fn the_name_of_a_session_shows_nothing_of_its_id() {
    let id = format!("pgw1.epc.example;1;2;{IMSI}");
    let node = session_of(&of_session(&id, START, |request| {
        subscription_id(request, 1, IMSI);
    }));
    assert!(!node.as_str().contains(IMSI), "{node}");
}

#[test]
fn what_the_grammar_requires_is_missed() {
    let mut nothing = BytesMut::new();
    let flags = CommandFlags::PROXIABLE;
    MessageBuilder::request(&mut nothing, flags, 271, accounting::APPLICATION, 7, 9).finish();
    assert_eq!(refused(&nothing), (5005, Some(263)));
    let mut octets = record(START, |_| {});
    // The type's own octets cut down to three.
    let at = octets
        .windows(8)
        .position(|avp| avp == [0, 0, 1, 0xe0, 0x40, 0, 0, 12])
        .unwrap();
    octets[at + 7] = 11;
    assert_eq!(refused(&octets), (5014, Some(480)));
}
