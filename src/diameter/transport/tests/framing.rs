//! Messages in a stream of octets, whole, in pieces and broken.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;

use crate::diameter::codec::{CommandFlags, MessageBuilder};
use crate::diameter::config::DiameterConfig;
use crate::diameter::dict::s6a::APPLICATION as S6A;
use crate::diameter::peer::timer::Random;

use super::far_end::*;

over_all! {
    a_burst_is_answered_in_order;
    a_message_in_pieces_is_served_once_whole;
    a_bad_length_closes_that_connection_alone;
    requests_that_wait_when_boundaries_are_lost_are_still_answered;
    a_bad_version_gets_5011_and_ends_the_connection;
    a_message_that_never_completes_ends_the_connection;
    random_octets_harm_no_other_connection;
}

async fn a_burst_is_answered_in_order(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    let mut burst = BytesMut::new();
    for hop_by_hop in 0..500u32 {
        MessageBuilder::request(&mut burst, CommandFlags::PROXIABLE, ULR, S6A, hop_by_hop, 1).finish();
    }
    // In pieces that never end at a message's end.
    for piece in burst.chunks(1009) {
        wire.stream.write_all(piece).await.unwrap();
    }
    wire.stream.flush().await.unwrap();
    for hop_by_hop in 0..500u32 {
        assert_eq!(header(&wire.receive().await.unwrap()).hop_by_hop, hop_by_hop);
    }
}

async fn a_message_in_pieces_is_served_once_whole(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    let message = ulr();
    for octet in message.iter() {
        wire.send(&[*octet]).await;
    }
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    assert_eq!(fixture.seen.requests.load(Ordering::SeqCst), 1);
}

async fn a_bad_length_closes_that_connection_alone(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let mut other = fixture.open("hss1.example").await;
    for length in [0u32, 19, 22, 1 << 23] {
        let mut wire = fixture.open(&format!("mme{length}.example")).await;
        let mut message = ulr();
        message[1..4].copy_from_slice(&length.to_be_bytes()[1..]);
        // What was sound before it is still served.
        wire.send(&[&ulr()[..], &message].concat()).await;
        assert_eq!(result(&wire.expect(ULR, false).await), 2001);
        assert_eq!(result(&wire.expect(ULR, false).await), 5015);
        wire.expect_end().await;
    }
    other.send(&ulr()).await;
    assert_eq!(result(&other.expect(ULR, false).await), 2001);
}

async fn requests_that_wait_when_boundaries_are_lost_are_still_answered(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    fixture.seen.hold.store(true, Ordering::SeqCst);
    wire.send(&[&ulr()[..], &ulr(), b"GET / HTTP/1.1\r\nHost: reachd\r\n\r\n"].concat())
        .await;
    fixture
        .until("both are held", |seen| seen.requests.load(Ordering::SeqCst) == 2)
        .await;
    fixture.seen.release();
    for _ in 0..2 {
        assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    }
    wire.expect_end().await;
}

async fn a_bad_version_gets_5011_and_ends_the_connection(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    let mut message = ulr();
    message[0] = 2;
    wire.send(&message).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 5011);
    wire.expect_end().await;
}

async fn a_message_that_never_completes_ends_the_connection(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            message_timeout: Duration::from_millis(100),
            ..config()
        },
    );
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&[&ulr()[..], &ulr()[..40]].concat()).await;
    wire.expect(ULR, false).await;
    wire.expect_end().await;
}

async fn random_octets_harm_no_other_connection(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let mut other = fixture.open("hss1.example").await;
    let mut random = Random::new(11);
    for round in 0..100 {
        let mut wire = fixture.open(&format!("mme{round}.example")).await;
        // Sound messages with octets changed here and there, behind the length.
        let mut octets = [&ulr()[..], &dwr("x"), &dpr("x", 0), &cer("x", S6A), &ulr()].concat();
        for _ in 0..8 {
            let place = 4 + random.below(octets.len() as u64 - 4) as usize;
            octets[place] = random.next() as u8;
        }
        wire.send(&octets).await;
        // Whatever comes of it.
        let _ = wire.receive().await;
    }
    other.send(&ulr()).await;
    assert_eq!(result(&other.expect(ULR, false).await), 2001);
}
