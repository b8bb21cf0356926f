//! Several connections at once: none is harmed by another, and each has its bounds.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::diameter::codec::CommandFlags;
use crate::diameter::config::DiameterConfig;
use crate::diameter::dict::base;
use crate::diameter::dict::s6a::APPLICATION as S6A;

use super::far_end::*;

over_all! {
    a_second_connection_of_one_identity_is_rejected_and_the_first_probed;
    several_peers_are_served_at_once;
    too_many_pending_requests_stop_the_reading;
    a_peer_that_does_not_read_is_dropped;
    a_service_that_panics_takes_only_its_own_connection_along;
}

async fn a_second_connection_of_one_identity_is_rejected_and_the_first_probed(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut first = fixture.open("dra1.example").await;
    let mut second = fixture.connect().await;
    second.send(&cer("dra1.example", S6A)).await;
    second.expect_end().await;
    let asked = first.expect(base::COMMAND_DEVICE_WATCHDOG, true).await;
    first.send(&answer(&asked, "dra1.example")).await;
    first.send(&ulr()).await;
    assert_eq!(result(&first.expect(ULR, false).await), 2001);
    // Once the first is gone, the peer may come again.
    drop(first);
    fixture
        .until("the first connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
    fixture.open("dra1.example").await;
}

async fn several_peers_are_served_at_once(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let mut wires = Vec::new();
    for number in 0..16 {
        wires.push(fixture.open(&format!("mme{number}.example")).await);
    }
    for wire in &mut wires {
        wire.send(&ulr()).await;
    }
    for wire in &mut wires {
        assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    }
    assert_eq!(fixture.seen.open.load(Ordering::SeqCst), 16);
}

async fn too_many_pending_requests_stop_the_reading(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            max_pending: 4,
            ..config()
        },
    );
    let mut wire = fixture.open("dra1.example").await;
    fixture.seen.hold.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        wire.send(&ulr()).await;
    }
    fixture
        .until("four requests are held", |seen| {
            seen.requests.load(Ordering::SeqCst) == 4
        })
        .await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.seen.requests.load(Ordering::SeqCst), 4);
    fixture.seen.hold.store(false, Ordering::SeqCst);
    fixture.seen.release();
    for _ in 0..10 {
        wire.expect(ULR, false).await;
    }
    assert_eq!(fixture.seen.requests.load(Ordering::SeqCst), 10);
}

async fn a_peer_that_does_not_read_is_dropped(over: Over) {
    let config = DiameterConfig {
        write_timeout: Duration::from_millis(200),
        ..config()
    };
    let fixture = Fixture::start(over, config);
    let mut wire = fixture.open("dra1.example").await;
    let burst: Vec<u8> = (0..1000).flat_map(|_| ulr().to_vec()).collect();
    let flood = async { while wire.stream.write_all(&burst).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, flood)
        .await
        .expect("the connection is dropped");
    fixture
        .until("the connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
}

async fn a_service_that_panics_takes_only_its_own_connection_along(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let mut other = fixture.open("hss1.example").await;
    for identity in ["dra1.example", "stranger.example"] {
        for _ in 0..2 {
            let mut wire = fixture.open(identity).await;
            wire.send(&write(CommandFlags::default(), PANIC, S6A, |_| {}))
                .await;
            wire.expect_end().await;
        }
    }
    other.send(&ulr()).await;
    assert_eq!(result(&other.expect(ULR, false).await), 2001);
}
