//! Which requests are let through to the service (RFC 6733 §6.1.4, §7.1.3).

use std::sync::atomic::Ordering;

use crate::diameter::codec::{CommandFlags, Message};
use crate::diameter::config::{DiameterConfig, PeerConfig};
use crate::diameter::dict::base;
use crate::diameter::dict::s6a::APPLICATION as S6A;

use super::far_end::*;

over_all! {
    an_application_that_was_not_negotiated_gets_3007;
    an_unknown_base_command_gets_3001;
    a_request_with_the_error_bit_gets_3008;
    an_endpoint_peer_must_address_this_node;
    a_copying_peer_may_address_anyone;
    a_peer_that_speaks_for_another_realm_gets_5003;
}

async fn an_application_that_was_not_negotiated_gets_3007(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&request_to(16_777_217, "reachd.example", "example"))
        .await;
    let answer = wire.expect(ULR, false).await;
    assert_eq!(result(&answer), 3007);
    assert!(header(&answer).flags.is_error() && header(&answer).flags.is_proxiable());
    let answer = Message::decode(&answer).unwrap();
    assert_eq!(answer.session_id(), Some(&b"mme1.example;1;1"[..]));
    assert_eq!(fixture.seen.requests.load(Ordering::SeqCst), 0);
}

async fn an_unknown_base_command_gets_3001(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&write(CommandFlags::default(), 999, 0, |message| {
        origin(message, "dra1.example")
    }))
    .await;
    let answer = wire.expect(999, false).await;
    assert_eq!(result(&answer), 3001);
    assert!(header(&answer).flags.is_error());
}

async fn a_request_with_the_error_bit_gets_3008(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    for (command, application) in [(ULR, S6A), (base::COMMAND_DEVICE_WATCHDOG, 0)] {
        wire.send(&write(CommandFlags::ERROR, command, application, |message| {
            origin(message, "dra1.example")
        }))
        .await;
        assert_eq!(result(&wire.expect(command, false).await), 3008);
    }
}

async fn an_endpoint_peer_must_address_this_node(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("hss1.example").await;
    for (host, realm, expected) in [
        ("Reachd.Example", "EXAMPLE", 2001),
        ("hss9.example", "example", 3002),
        ("reachd.example", "elsewhere", 3003),
    ] {
        wire.send(&request_to(S6A, host, realm)).await;
        assert_eq!(result(&wire.expect(ULR, false).await), expected, "{host} {realm}");
    }
}

async fn a_copying_peer_may_address_anyone(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&request_to(S6A, "hss9.elsewhere", "elsewhere")).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
}

async fn a_peer_that_speaks_for_another_realm_gets_5003(over: Over) {
    let speaking_for = |identity: &str, realm: &str| PeerConfig {
        origin_realms: vec![realm.to_owned()],
        ..PeerConfig::new(identity)
    };
    let config = DiameterConfig {
        peers: vec![
            speaking_for("dra1.example", "visited.example"),
            speaking_for("dra2.example", "example"),
        ],
        ..config()
    };
    let fixture = Fixture::start(over, config);
    for (peer, expected) in [("dra1.example", 5003), ("dra2.example", 2001)] {
        let mut wire = fixture.open(peer).await;
        // From mme1.example of the realm example.
        wire.send(&request_to(S6A, "reachd.example", "example")).await;
        let answer = wire.expect(ULR, false).await;
        assert_eq!(result(&answer), expected, "{peer}");
        assert!(!header(&answer).flags.is_error());
    }
    assert_eq!(fixture.seen.requests.load(Ordering::SeqCst), 1);
}
