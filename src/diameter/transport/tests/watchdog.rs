//! Device-Watchdog, and the trust in a peer that failed (RFC 3539 §3.4).

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::diameter::codec::{CommandFlags, Message};
use crate::diameter::config::DiameterConfig;
use crate::diameter::dict::base;

use super::far_end::*;

over_all! {
    a_dwr_is_answered_and_a_bad_one_gets_its_defect;
    a_silent_peer_is_asked_and_then_dropped;
    an_answered_watchdog_keeps_the_connection;
    a_peer_that_failed_is_trusted_after_three_watchdogs;
}

async fn a_dwr_is_answered_and_a_bad_one_gets_its_defect(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&dwr("dra1.example")).await;
    let dwa = wire.expect(base::COMMAND_DEVICE_WATCHDOG, false).await;
    assert_eq!(result(&dwa), 2001);
    assert!(
        Message::decode(&dwa)
            .unwrap()
            .find(&base::ORIGIN_STATE_ID)
            .is_some()
    );
    wire.send(&write(
        CommandFlags::default(),
        base::COMMAND_DEVICE_WATCHDOG,
        0,
        |dwr| {
            dwr.avp_utf8(&base::ORIGIN_HOST, "dra1.example");
        },
    ))
    .await;
    assert_eq!(
        result(&wire.expect(base::COMMAND_DEVICE_WATCHDOG, false).await),
        5005
    );
    wire.send(&dwr("another.example")).await;
    assert_eq!(
        result(&wire.expect(base::COMMAND_DEVICE_WATCHDOG, false).await),
        5004
    );
    wire.send(&dpr("dra1.example", 77)).await;
    assert_eq!(
        result(&wire.expect(base::COMMAND_DISCONNECT_PEER, false).await),
        5004
    );
    wire.send(&ulr()).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
}

async fn a_silent_peer_is_asked_and_then_dropped(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            watchdog: Duration::from_millis(100),
            ..config()
        },
    );
    let mut wire = fixture.open("dra1.example").await;
    let asked = wire.expect(base::COMMAND_DEVICE_WATCHDOG, true).await;
    let asked = Message::decode(&asked).unwrap();
    assert_eq!(
        asked.find(&base::ORIGIN_HOST).unwrap().as_identity().unwrap(),
        "reachd.example"
    );
    // One DWR is outstanding; there is no second one.
    wire.expect_end().await;
    assert_eq!(fixture.seen.trusted.lock().unwrap().first(), Some(&false));
}

async fn an_answered_watchdog_keeps_the_connection(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            watchdog: Duration::from_millis(300),
            ..config()
        },
    );
    let mut wire = fixture.open("dra1.example").await;
    for _ in 0..5 {
        let asked = wire.expect(base::COMMAND_DEVICE_WATCHDOG, true).await;
        wire.send(&answer(&asked, "dra1.example")).await;
    }
    assert!(fixture.seen.trusted.lock().unwrap().is_empty());
}

async fn a_peer_that_failed_is_trusted_after_three_watchdogs(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            watchdog: Duration::from_millis(300),
            ..config()
        },
    );
    drop(fixture.open("dra1.example").await);
    fixture
        .until("the first connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
    fixture.seen.trusted.lock().unwrap().clear();

    let mut wire = fixture.open("dra1.example").await;
    for round in 0..3 {
        let asked = wire.expect(base::COMMAND_DEVICE_WATCHDOG, true).await;
        if round == 0 {
            // Requests of the peer are answered all the same.
            wire.send(&ulr()).await;
            wire.expect(ULR, false).await;
            assert_eq!(*fixture.seen.trusted.lock().unwrap(), [false]);
        }
        wire.send(&answer(&asked, "dra1.example")).await;
    }
    fixture
        .until("the peer is trusted", |seen| {
            *seen.trusted.lock().unwrap() == [false, true]
        })
        .await;
}
