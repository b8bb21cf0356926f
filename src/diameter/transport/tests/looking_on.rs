//! What is told of peers to those who look on: see `record` and `status`.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bytes::BytesMut;

use crate::diameter::codec::{CommandFlags, MessageBuilder};
use crate::diameter::config::{DiameterConfig, PeerConfig};
use crate::diameter::dict::base;
use crate::diameter::dict::s6a::APPLICATION as S6A;
use crate::diameter::status::{PeerState, Side, Traffic};

use super::far_end::*;

over_all! {
    a_peer_is_told_of_from_its_first_connection_over_its_end_to_the_next;
    pending_requests_are_told_and_forgotten_with_their_connection;
    a_peer_that_does_not_answer_is_suspect_and_then_gone;
    a_greater_origin_state_id_is_a_restart_wherever_it_is_told;
}

/// Over TLS a stranger needs a certificate that an authority stands behind, and so is none.
mod strangers {
    use super::Over;

    #[tokio::test]
    async fn memory() {
        super::strangers_share_one_entry_that_names_none_of_them(Over::Memory).await;
    }

    #[tokio::test]
    async fn tcp() {
        super::strangers_share_one_entry_that_names_none_of_them(Over::Tcp).await;
    }
}

async fn gone(fixture: &Fixture) {
    fixture
        .until("the connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
}

/// Makes the node ask a peer for a sign of life at once, by a second connection in its name, and returns the DWR.
async fn provoke_dwr(fixture: &Fixture, identity: &str, wire: &mut Wire) -> Vec<u8> {
    let mut second = fixture.connect().await;
    second.send(&cer(identity, S6A)).await;
    second.expect_end().await;
    wire.expect(base::COMMAND_DEVICE_WATCHDOG, true).await
}

async fn a_peer_is_told_of_from_its_first_connection_over_its_end_to_the_next(over: Over) {
    let begun = SystemTime::now() - Duration::from_millis(1);
    let fixture = Fixture::start(over, config());
    let before = fixture.status("dra1.example");
    assert_eq!(before.state, PeerState::Closed);
    assert_eq!((before.open_connections, before.connections_opened), (0, 0));
    assert_eq!((before.received, before.sent), <(Traffic, Traffic)>::default());
    assert!(before.connection.is_none() && before.last_down.is_none() && before.last_heard.is_none());
    assert!(before.watchdog_round_trip.is_none() && before.origin_state_id.is_none());

    let mut wire = fixture.open("dra1.example").await;
    // One that is served, one of an application that was not negotiated.
    let burst = [&ulr()[..], &request_to(16_777_217, "a", "b")].concat();
    wire.send(&burst).await;
    for _ in 0..2 {
        wire.expect(ULR, false).await;
    }
    let asked = provoke_dwr(&fixture, "dra1.example", &mut wire).await;
    let answered = answer(&asked, "dra1.example");
    wire.send(&answered).await;
    fixture
        .until("the watchdog was answered", |_| {
            fixture.status("dra1.example").watchdog_round_trip.is_some()
        })
        .await;
    let open = fixture.status("dra1.example");
    assert_eq!((open.state, open.open_connections), (PeerState::Open, 1));
    let connection = open.connection.expect("an open connection");
    let transport = if over == Over::Tls { "tls" } else { "tcp" };
    assert_eq!(
        (connection.side, connection.transport),
        (Side::Responder, transport)
    );
    assert_eq!(&*connection.realm, "example");
    assert_eq!(&*connection.applications, [S6A]);
    assert!(begun <= connection.since && connection.since <= SystemTime::now());
    assert_eq!(open.defects, [(3007, 1)]);
    // CER, two requests, and DWA; CEA, two answers, and DWR.
    assert_eq!((open.received.requests, open.received.success), (3, 1));
    assert_eq!((open.sent.requests, open.sent.success), (1, 2));
    assert_eq!((open.sent.protocol_error, open.sent.messages()), (1, 4));
    let read = cer("dra1.example", S6A).len() + burst.len() + answered.len();
    assert_eq!(open.received.bytes, read as u64);
    assert!(open.sent.bytes > 0);
    assert!(open.watchdog_round_trip.expect("a round trip") < PATIENCE);
    let heard = open.last_heard.expect("it was heard");
    assert!(begun <= heard && heard <= SystemTime::now());

    wire.send(&dpr("dra1.example", 0)).await;
    wire.expect(base::COMMAND_DISCONNECT_PEER, false).await;
    drop(wire);
    gone(&fixture).await;
    let left = fixture.status("dra1.example");
    assert_eq!((left.state, left.open_connections), (PeerState::Closed, 0));
    assert!(left.connection.is_none());
    let down = left.last_down.expect("it went down");
    assert_eq!(down.what, "peer_left");
    assert!(connection.since <= down.at);

    let _again = fixture.open("dra1.example").await;
    let again = fixture.status("dra1.example");
    assert_eq!((again.open_connections, again.connections_opened), (1, 2));
    assert_eq!(again.last_down, Some(down));
    // Figures go on over connections.
    assert!(again.received.requests > left.received.requests);
}

async fn pending_requests_are_told_and_forgotten_with_their_connection(over: Over) {
    let fixture = Fixture::start(over, config());
    let pending = || fixture.status("dra1.example").pending_requests;
    fixture.seen.hold.store(true, Ordering::SeqCst);
    let mut wire = fixture.open("dra1.example").await;
    for _ in 0..5 {
        wire.send(&ulr()).await;
    }
    fixture.until("five requests wait", |_| pending() == 5).await;
    fixture.seen.release();
    for _ in 0..5 {
        wire.expect(ULR, false).await;
    }
    fixture.until("none waits", |_| pending() == 0).await;
    wire.send(&[ulr(), ulr()].concat()).await;
    fixture.until("two requests wait", |_| pending() == 2).await;
    drop(wire);
    fixture.until("nobody waits any more", |_| pending() == 0).await;
}

async fn a_peer_that_does_not_answer_is_suspect_and_then_gone(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            watchdog: Duration::from_millis(100),
            ..config()
        },
    );
    let state = || fixture.status("dra1.example").state;
    let mut wire = fixture.open("dra1.example").await;
    fixture
        .until("it is suspect", |_| state() == PeerState::Suspect)
        .await;
    while wire.receive().await.is_some() {}
    gone(&fixture).await;
    assert_eq!(state(), PeerState::Closed);
    let down = fixture.status("dra1.example").last_down;
    assert_eq!(down.map(|down| down.what), Some("watchdog"));
    let _again = fixture.open("dra1.example").await;
    fixture
        .until("it has to prove itself", |_| state() == PeerState::Reopen)
        .await;
}

fn with_state(command: u32, identity: &str, id: u32) -> BytesMut {
    write(CommandFlags::default(), command, 0, |message| {
        origin(message, identity);
        if command == base::COMMAND_CAPABILITIES_EXCHANGE {
            message
                .avp_address(&base::HOST_IP_ADDRESS, [127, 0, 0, 1].into())
                .avp_u32(&base::VENDOR_ID, 0)
                .avp_utf8(&base::PRODUCT_NAME, "test")
                .avp_u32(&base::AUTH_APPLICATION_ID, S6A);
        }
        message.avp_u32(&base::ORIGIN_STATE_ID, id);
    })
}

/// RFC 6733 §8.16: whoever hears a greater Origin-State-Id may infer that what was before is lost.
async fn a_greater_origin_state_id_is_a_restart_wherever_it_is_told(over: Over) {
    const DRA: &str = "dra1.example";
    let fixture = Fixture::start(over, config());
    let told = || {
        let status = fixture.status(DRA);
        assert_eq!(status.last_restart.is_some(), status.restarts > 0);
        (status.origin_state_id, status.restarts)
    };
    let open = async |id| {
        let mut wire = fixture.connect().await;
        wire.send(&with_state(base::COMMAND_CAPABILITIES_EXCHANGE, DRA, id))
            .await;
        assert_eq!(result(&wire.receive().await.unwrap()), 2001);
        wire
    };
    let mut wire = open(7).await;
    assert_eq!((told(), fixture.status(DRA).doubtful_since), ((Some(7), 0), None));
    // In a DWR; a smaller one, and 0, say nothing.
    for (id, expected) in [
        (7, (Some(7), 0)),
        (0, (Some(7), 0)),
        (8, (Some(8), 1)),
        (5, (Some(8), 1)),
    ] {
        wire.send(&with_state(base::COMMAND_DEVICE_WATCHDOG, DRA, id))
            .await;
        wire.expect(base::COMMAND_DEVICE_WATCHDOG, false).await;
        assert_eq!(told(), expected, "{id}");
    }
    let first_doubt = fixture.status(DRA).doubtful_since.expect("a doubt");
    // One in another's name is refused and counts for nothing.
    wire.send(&with_state(base::COMMAND_DEVICE_WATCHDOG, "dra9.example", 99))
        .await;
    wire.expect(base::COMMAND_DEVICE_WATCHDOG, false).await;
    // In a DWA, the answer to our own request.
    let asked = provoke_dwr(&fixture, DRA, &mut wire).await;
    let mut dwa = BytesMut::new();
    let mut builder = MessageBuilder::answer(&mut dwa, &header(&asked), false);
    builder.avp_u32(&base::RESULT_CODE, 2001);
    origin(&mut builder, DRA);
    builder.avp_u32(&base::ORIGIN_STATE_ID, 9).finish();
    wire.send(&dwa).await;
    fixture.until("the DWA counts", |_| told() == (Some(9), 2)).await;
    // In the CER of the next connection.
    drop(wire);
    gone(&fixture).await;
    let _wire = open(10).await;
    fixture.until("the CER counts", |_| told() == (Some(10), 3)).await;
    let peers = fixture.seen.peers.lock().unwrap().clone();
    let doubt = fixture.status(DRA).doubtful_since.expect("a doubt");
    assert!(doubt > first_doubt);
    // Services of the first connection and of the second see the same.
    assert!(peers.iter().all(|peer| peer.doubt.since() == Some(doubt)));
    // Whoever hears of a loss in another way says so.
    let at = doubt + Duration::from_secs(60);
    assert!(fixture.peers.doubt("DRA1.example", at));
    assert!(!fixture.peers.doubt("dra9.example", at));
    assert_eq!(peers[0].doubt.since(), Some(at));
}

async fn strangers_share_one_entry_that_names_none_of_them(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let names = || -> Vec<_> {
        let all = fixture.peers.status();
        all.iter().map(|status| status.name.to_string()).collect()
    };
    assert_eq!(names(), ["dra1.example", "hss1.example", "unknown"]);
    assert_eq!(fixture.status("unknown").state, PeerState::Closed);
    let first = fixture.open("one.example").await;
    let second = fixture.open("two.example").await;
    let strangers = fixture.status("unknown");
    assert_eq!(names(), ["dra1.example", "hss1.example", "unknown"]);
    assert_eq!(
        (strangers.state, strangers.open_connections),
        (PeerState::Open, 2)
    );
    assert_eq!((strangers.connections_opened, strangers.connection), (2, None));
    assert_eq!(strangers.received.requests, 2);
    drop((first, second));
    gone(&fixture).await;
    let strangers = fixture.status("unknown");
    assert_eq!(
        (strangers.state, strangers.open_connections),
        (PeerState::Closed, 0)
    );
    assert_eq!(strangers.last_down.map(|down| down.what), Some("disconnected"));
}

#[tokio::test]
async fn attempts_that_come_to_nothing_are_counted_by_cause() {
    // A port that nobody listens on.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = PeerConfig::new("hss7.example");
    peer.address = Some(closed.local_addr().unwrap().to_string());
    drop(closed);
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    // Tasks of this test's runtime run on this thread.
    let _guard = metrics::set_default_local_recorder(&recorder);
    let fixture = Fixture::start(
        Over::Tcp,
        DiameterConfig {
            peers: vec![peer],
            reconnect: Duration::from_millis(20),
            ..config()
        },
    );
    let status = || fixture.status("hss7.example");
    fixture
        .until("it was tried twice", |_| status().connect_failures >= 2)
        .await;
    let failure = status().last_connect_failure.expect("a failure");
    assert_eq!(failure.what, "connection_refused");
    assert_eq!((status().connections_opened, status().last_down), (0, None));
    let page = page.render();
    let line = |cause| format!("connect_failures_total{{peer=\"hss7.example\",cause=\"{cause}\"}} ");
    assert!(page.contains(&line("connection_refused")), "{page}");
    assert!(page.contains(&format!("{}0\n", line("timeout"))), "{page}");
}

#[tokio::test]
async fn what_is_to_be_expected_of_a_configured_peer_is_there_at_zero() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let fixture = Fixture::start(Over::Memory, config());
    fixture.peers.observe();
    let page = page.render();
    for series in [
        r#"messages_total{peer="dra1.example",command="Update-Location",direction="in",result="request"}"#,
        r#"messages_total{peer="dra1.example",command="Update-Location",direction="out",result="permanent"}"#,
        r#"messages_total{peer="dra1.example",command="Device-Watchdog",direction="in",result="success"}"#,
        r#"defects_total{peer="dra1.example",result_code="5005"}"#,
        r#"bytes_total{peer="dra1.example",direction="out"}"#,
        r#"connections_opened_total{peer="dra1.example",side="responder"}"#,
        r#"connections_closed_total{peer="dra1.example",reason="watchdog"}"#,
        r#"peer_restarts_total{peer="dra1.example"}"#,
        r#"pending_requests{peer="dra1.example"}"#,
        r#"connections_refused_total{cause="unknown_peer"}"#,
    ] {
        let line = format!("reachd_diameter_{series} 0\n");
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
    // Neither what it cannot do nor what nobody will ask it.
    for series in [
        r#"side="initiator""#,
        "connect_failures_total{",
        r#"command="other""#,
        r#"command="User-Data",direction="in",result="request""#,
    ] {
        assert!(!page.contains(series), "{series} is in\n{page}");
    }
}
