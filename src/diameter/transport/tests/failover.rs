//! Requests of our own that have to find another peer (RFC 6733 §5.5.4, RFC 3539 §3.4).

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, net};

use tokio::io::{AsyncWrite, WriteHalf};

use crate::diameter::client::OwnRequest;
use crate::diameter::codec::{Answered, Message, ResultCode};
use crate::diameter::config::{DiameterConfig, Transport};
use crate::diameter::dict::{base, s6a};
use crate::diameter::transport::carrier::{Connection, Ends};

use super::asking::*;
use super::far_end::*;

over_all! {
    what_was_pending_on_a_lost_connection_is_sent_elsewhere_with_t;
    a_request_that_only_the_lost_host_can_answer_waits_for_it;
    a_suspect_peer_loses_its_requests_if_there_is_another_one;
    the_answer_of_a_suspect_peer_counts_if_there_is_no_other_one;
    a_peer_that_is_too_busy_is_passed_over;
    a_host_that_was_named_is_not_asked_by_another_way;
    a_peer_that_disconnects_gets_nothing_new;
    agents_are_asked_where_no_peer_of_the_realm_is;
}

/// Two peers, equal in every respect, and so many requests that they take in turns.
async fn two_peers(fixture: &Fixture, count: usize) -> (Wire, Wire, Vec<Asking>) {
    let one = fixture.open("hss1.example").await;
    let other = fixture.open("hss2.example").await;
    let asking = (0..count).map(|_| ask(fixture, request())).collect();
    (one, other, asking)
}

async fn what_was_pending_on_a_lost_connection_is_sent_elsewhere_with_t(over: Over) {
    let fixture = Fixture::start(over, config_with(|_| {}));
    let (mut lost, mut other, asking) = two_peers(&fixture, 20).await;
    let mut on_the_lost = HashMap::new();
    let mut on_the_other = Vec::new();
    for _ in 0..10 {
        let asked = lost.expect(NOR, true).await;
        on_the_lost.insert(header(&asked).end_to_end, asked);
        on_the_other.push(other.expect(NOR, true).await);
    }
    drop(lost);
    for _ in 0..10 {
        let again = other.expect(NOR, true).await;
        let first = on_the_lost.remove(&header(&again).end_to_end).unwrap();
        assert!(header(&again).flags.is_retransmitted());
        assert_ne!(header(&again).hop_by_hop, header(&first).hop_by_hop);
        assert_eq!(first[20..], again[20..], "the same Session-Id and all else");
        on_the_other.push(again);
    }
    for asked in on_the_other {
        other.send(&answer(&asked, "hss2.example")).await;
    }
    for asking in asking {
        assert_eq!(result_of(asking).await, 2001);
    }
}

async fn a_request_that_only_the_lost_host_can_answer_waits_for_it(over: Over) {
    let config = DiameterConfig {
        watchdog: Duration::from_millis(300),
        ..config_with(|_| {})
    };
    let fixture = Fixture::start(over, config);
    let mut host = fixture.open("hss1.example").await;
    let mut agent = fixture.connect().await;
    agent.send(&cer("dra1.example", base::APPLICATION_RELAY)).await;
    assert_eq!(result(&agent.receive().await.unwrap()), 2001);
    let asking = ask(&fixture, request().to_host("HSS1.example"));
    let asked = host.expect(NOR, true).await;
    drop(host);
    // The host comes back, and is trusted after three watchdogs.
    fixture
        .until("the lost connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 1
        })
        .await;
    let mut host = fixture.open("hss1.example").await;
    let mut watchdogs = 0;
    let again = loop {
        let message = tokio::select! {
            message = host.receive() => message.unwrap(),
            message = agent.receive() => {
                let dwr = message.unwrap();
                assert_eq!(header(&dwr).command, base::COMMAND_DEVICE_WATCHDOG);
                agent.send(&answer(&dwr, "dra1.example")).await;
                continue;
            }
        };
        if header(&message).command == NOR {
            break message;
        }
        host.send(&answer(&message, "hss1.example")).await;
        watchdogs += 1;
    };
    assert_eq!(watchdogs, 3);
    assert!(header(&again).flags.is_retransmitted());
    assert_eq!(asked[20..], again[20..]);
    host.send(&answer(&again, "hss1.example")).await;
    assert_eq!(result_of(asking).await, 2001);
    // A new request takes the way that there is.
    drop(host);
    fixture
        .until("the host is gone", |seen| seen.open.load(Ordering::SeqCst) == 1)
        .await;
    let asking = ask(&fixture, request().to_host("hss1.example"));
    let asked = loop {
        let message = agent.receive().await.unwrap();
        if header(&message).command == NOR {
            break message;
        }
        agent.send(&answer(&message, "dra1.example")).await;
    };
    agent.send(&answer(&asked, "hss1.example")).await;
    assert_eq!(result_of(asking).await, 2001);
}

async fn a_suspect_peer_loses_its_requests_if_there_is_another_one(over: Over) {
    let config = DiameterConfig {
        watchdog: Duration::from_millis(300),
        ..config_with(|_| {})
    };
    let fixture = Fixture::start(over, config);
    let (mut silent, mut other, asking) = two_peers(&fixture, 2).await;
    let first = silent.expect(NOR, true).await;
    answer_one(&mut other).await;
    silent.expect(base::COMMAND_DEVICE_WATCHDOG, true).await;
    let again = loop {
        let message = other.receive().await.unwrap();
        if header(&message).command == NOR {
            break message;
        }
        other.send(&answer(&message, "hss2.example")).await;
    };
    assert!(header(&again).flags.is_retransmitted());
    assert_eq!(first[20..], again[20..]);
    other.send(&answer(&again, "hss2.example")).await;
    for asking in asking {
        assert_eq!(result_of(asking).await, 2001);
    }
}

async fn the_answer_of_a_suspect_peer_counts_if_there_is_no_other_one(over: Over) {
    let config = DiameterConfig {
        watchdog: Duration::from_millis(300),
        ..config_with(|_| {})
    };
    let fixture = Fixture::start(over, config);
    let mut hss = fixture.open("hss1.example").await;
    let asking = ask(&fixture, request());
    let asked = hss.expect(NOR, true).await;
    hss.expect(base::COMMAND_DEVICE_WATCHDOG, true).await;
    fixture
        .until("the peer is suspect", |seen| {
            *seen.trusted.lock().unwrap() == [false]
        })
        .await;
    let new = ask(&fixture, request());
    hss.send(&answer(&asked, "hss1.example")).await;
    assert_eq!(result_of(asking).await, 2001);
    // It is there after all.
    answer_one(&mut hss).await;
    assert_eq!(result_of(new).await, 2001);
}

async fn a_peer_that_is_too_busy_is_passed_over(over: Over) {
    let fixture = Fixture::start(over, config_with(|_| {}));
    let mut wires = Vec::new();
    for number in 1..=4 {
        wires.push(fixture.open(&format!("hss{number}.example")).await);
    }
    for (ends_well, codes) in [(true, [3004, 3002, 2001]), (false, [3004, 3002, 3004])] {
        let asking = ask(&fixture, request());
        let mut asked_before: Option<Vec<u8>> = None;
        for code in codes {
            // Whoever is asked; nobody is asked twice.
            let (place, asked) = next_request(&mut wires).await;
            assert!(!header(&asked).flags.is_retransmitted(), "it had an answer");
            if let Some(before) = asked_before.replace(asked.clone()) {
                assert_eq!(before[20..], asked[20..]);
                assert_ne!(header(&before).hop_by_hop, header(&asked).hop_by_hop);
            }
            let identity = format!("hss{}.example", place + 1);
            if code == 2001 {
                wires[place].send(&answer(&asked, &identity)).await;
            } else {
                wires[place].send(&refused(&asked, code, &identity)).await;
            }
        }
        // Three are asked at most; what the last one said is the answer.
        assert_eq!(result_of(asking).await, if ends_well { 2001 } else { 3004 });
    }
}

/// The next request of ours on any of the connections, and on which.
async fn next_request(wires: &mut [Wire]) -> (usize, Vec<u8>) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        for (place, wire) in wires.iter_mut().enumerate() {
            let soon = Duration::from_millis(2);
            if let Ok(message) = tokio::time::timeout(soon, wire.expect(NOR, true)).await {
                return (place, message);
            }
        }
        assert!(tokio::time::Instant::now() < deadline, "no request came");
    }
}

async fn a_host_that_was_named_is_not_asked_by_another_way(over: Over) {
    let fixture = Fixture::start(over, config_with(|_| {}));
    let mut wires = Vec::new();
    for agent in ["dra1.example", "dra2.example"] {
        let mut wire = fixture.connect().await;
        wire.send(&cer(agent, base::APPLICATION_RELAY)).await;
        assert_eq!(result(&wire.receive().await.unwrap()), 2001);
        wires.push(wire);
    }
    // The host itself is busy, whoever brings its word.
    let asking = ask(&fixture, request().to_host("hss1.example"));
    let (place, asked) = next_request(&mut wires).await;
    wires[place].send(&refused(&asked, 3004, "HSS1.example")).await;
    assert_eq!(result_of(asking).await, 3004);
    // One agent has no way to it; the other may have.
    let asking = ask(&fixture, request().to_host("hss1.example"));
    let (place, asked) = next_request(&mut wires).await;
    wires[place].send(&refused(&asked, 3002, "dra.example")).await;
    let (other, asked) = next_request(&mut wires).await;
    assert_ne!(place, other);
    wires[other].send(&answer(&asked, "hss1.example")).await;
    assert_eq!(result_of(asking).await, 2001);
}

async fn a_peer_that_disconnects_gets_nothing_new(over: Over) {
    let fixture = Fixture::start(over, config_with(|_| {}));
    let (mut leaving, mut other, asking) = two_peers(&fixture, 2).await;
    leaving.expect(NOR, true).await;
    answer_one(&mut other).await;
    leaving.send(&dpr("hss1.example", 0)).await;
    leaving.expect(base::COMMAND_DISCONNECT_PEER, false).await;
    for _ in 0..4 {
        answer_next(&fixture, &mut other).await;
    }
    // What it had not answered goes elsewhere when it is gone.
    drop(leaving);
    let again = other.expect(NOR, true).await;
    assert!(header(&again).flags.is_retransmitted());
    other.send(&answer(&again, "hss2.example")).await;
    for asking in asking {
        assert_eq!(result_of(asking).await, 2001);
    }
}

async fn agents_are_asked_where_no_peer_of_the_realm_is(over: Over) {
    let fixture = Fixture::start(over, config_with(|_| {}));
    let mut hss = fixture.open("hss1.example").await;
    let mut agent = fixture.connect().await;
    agent.send(&cer("dra1.example", base::APPLICATION_RELAY)).await;
    assert_eq!(result(&agent.receive().await.unwrap()), 2001);
    let far = OwnRequest::new(&s6a::NOTIFY, "far.example", WITHIN, |_| {});
    for request in [far.clone(), far.to_host("hss9.far.example")] {
        let asking = ask(&fixture, request);
        let asked = agent.expect(NOR, true).await;
        agent.send(&answer(&asked, "hss9.far.example")).await;
        let answer = asking.await.unwrap().unwrap();
        assert_eq!(answer.result, Answered::Base(ResultCode::SUCCESS));
        assert_eq!(
            (&*answer.origin_host, &*answer.peer),
            ("hss9.far.example", "dra1.example")
        );
    }
    // A host that is a peer is asked by itself.
    let asking = ask(&fixture, request().to_host("hss1.example"));
    let asked = hss.expect(NOR, true).await;
    let host = Message::decode(&asked)
        .unwrap()
        .find(&base::DESTINATION_HOST)
        .unwrap()
        .data
        .to_vec();
    assert_eq!(host, b"hss1.example");
    hss.send(&answer(&asked, "hss1.example")).await;
    assert_eq!(result_of(asking).await, 2001);
}

/// Counts writes.
struct Counting {
    writer: WriteHalf<tokio::io::DuplexStream>,
    writes: Arc<AtomicUsize>,
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.writer).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(context)
    }
}

#[tokio::test]
async fn everything_that_was_pending_on_a_lost_connection_leaves_in_one_write() {
    let fixture = Fixture::start(Over::Memory, config_with(|_| {}));
    let mut lost = fixture.open("hss1.example").await;
    let asking: Vec<_> = (0..100).map(|_| ask(&fixture, request())).collect();
    for _ in &asking {
        lost.expect(NOR, true).await;
    }
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(near);
    let writes = Arc::<AtomicUsize>::default();
    let connection = Connection {
        reader,
        writer: Counting {
            writer,
            writes: Arc::clone(&writes),
        },
        ends: Ends {
            transport: Transport::Tcp,
            local: net::IpAddr::V4(net::Ipv4Addr::LOCALHOST),
            remote: net::SocketAddr::from((net::Ipv4Addr::LOCALHOST, 2)),
            certificate: None,
        },
    };
    let node = fixture.memory.clone();
    let remote = connection.ends.remote;
    tokio::spawn(async move { node.serve(remote, std::future::ready(Ok(connection))).await });
    let mut other = Wire::on(Box::new(far));
    other.send(&cer("hss2.example", s6a::APPLICATION)).await;
    assert_eq!(result(&other.receive().await.unwrap()), 2001);
    let before = writes.load(Ordering::SeqCst);
    drop(lost);
    let mut again = Vec::new();
    for _ in &asking {
        again.push(other.expect(NOR, true).await);
    }
    assert_eq!(writes.load(Ordering::SeqCst) - before, 1);
    for asked in again {
        assert!(header(&asked).flags.is_retransmitted());
        other.send(&answer(&asked, "hss2.example")).await;
    }
    for asking in asking {
        assert_eq!(result_of(asking).await, 2001);
    }
}
