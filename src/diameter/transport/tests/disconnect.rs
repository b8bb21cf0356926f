//! Disconnect-Peer from either side (RFC 6733 §5.4).

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::diameter::codec::Message;
use crate::diameter::config::DiameterConfig;
use crate::diameter::dict::base;

use super::far_end::*;

over_all! {
    the_peer_disconnects_in_order;
    this_node_disconnects_in_order_after_pending_requests;
    a_peer_that_never_answers_the_dpr_does_not_hold_up_the_stop;
}

async fn the_peer_disconnects_in_order(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&[&ulr()[..], &dpr("dra1.example", 0), &ulr()].concat())
        .await;
    wire.expect(ULR, false).await;
    assert_eq!(
        result(&wire.expect(base::COMMAND_DISCONNECT_PEER, false).await),
        2001
    );
    // What was on its way is answered; then it is for the peer to close.
    wire.expect(ULR, false).await;
    drop(wire);
    fixture
        .until("the connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
    // No failure: the next connection is trusted from the start.
    fixture.seen.trusted.lock().unwrap().clear();
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&ulr()).await;
    wire.expect(ULR, false).await;
    assert!(fixture.seen.trusted.lock().unwrap().is_empty());
}

async fn this_node_disconnects_in_order_after_pending_requests(over: Over) {
    let mut fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    fixture.seen.hold.store(true, Ordering::SeqCst);
    wire.send(&ulr()).await;
    fixture
        .until("the request is held", |seen| {
            seen.requests.load(Ordering::SeqCst) == 1
        })
        .await;
    fixture.shutdown.cancel();
    tokio::task::yield_now().await;
    fixture.seen.release();
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    let dpr = wire.expect(base::COMMAND_DISCONNECT_PEER, true).await;
    let cause = Message::decode(&dpr)
        .unwrap()
        .find(&base::DISCONNECT_CAUSE)
        .unwrap()
        .as_i32()
        .unwrap();
    assert_eq!(cause, base::disconnect_cause::REBOOTING);
    wire.send(&answer(&dpr, "dra1.example")).await;
    // Whoever receives the DPA closes.
    wire.expect_end().await;
    fixture.stop().await;
    fixture
        .until("the connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
}

async fn a_peer_that_never_answers_the_dpr_does_not_hold_up_the_stop(over: Over) {
    let config = DiameterConfig {
        grace: Duration::from_millis(50),
        disconnect_timeout: Duration::from_millis(50),
        ..config()
    };
    let mut fixture = Fixture::start(over, config);
    let mut wire = fixture.open("dra1.example").await;
    fixture.seen.hold.store(true, Ordering::SeqCst);
    wire.send(&ulr()).await;
    fixture
        .until("the request is held", |seen| {
            seen.requests.load(Ordering::SeqCst) == 1
        })
        .await;
    fixture.stop().await;
    wire.expect(base::COMMAND_DISCONNECT_PEER, true).await;
    wire.expect_end().await;
}
