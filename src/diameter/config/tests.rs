//! Which sections are usable, and what is said about the others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::time::Duration;

use super::*;
use crate::diameter::dict::{s6a, s6c};

fn keys(config: &DiameterConfig) -> Vec<String> {
    config.problems().into_iter().map(|(key, _)| key).collect()
}

#[test]
fn the_defaults_are_usable() {
    assert_eq!(DiameterConfig::default().problems(), []);
}

#[test]
fn durations_carry_units_and_unknown_keys_are_refused() {
    let config: DiameterConfig = serde_json::from_str(
        r#"{"watchdog": "6s", "peers": [{"identity": "dra1.example", "mode": "endpoint", "applications": ["s6c"]}]}"#,
    )
    .unwrap();
    assert_eq!(config.watchdog, Duration::from_secs(6));
    assert_eq!(config.peers[0].mode, PeerMode::Endpoint);
    assert_eq!(config.peers[0].application_ids(), [s6c::APPLICATION]);
    assert!(serde_json::from_str::<DiameterConfig>(r#"{"watchdogs": "6s"}"#).is_err());
    assert!(serde_json::from_str::<DiameterConfig>(r#"{"peers": [{"identity": "a", "port": 1}]}"#).is_err());
}

#[test]
fn a_message_may_only_be_so_long_that_an_answer_can_still_echo_it() {
    use bytes::BytesMut;

    use crate::diameter::codec::{
        CommandFlags, Defect, LocalIdentity, Message, MessageBuilder, ResultCode, answer_error,
    };
    use crate::diameter::dict::base;

    let most = (12..=24)
        .map(|bit| DiameterConfig {
            max_message_size: (1 << bit) - 4,
            ..DiameterConfig::default()
        })
        .filter(|config| config.problems().is_empty())
        .map(|config| config.max_message_size)
        .max()
        .unwrap();
    let mut request = BytesMut::new();
    MessageBuilder::request(&mut request, CommandFlags(0xc0), 316, 4, 1, 1)
        .avp_octets(&base::PROXY_INFO, &vec![0; most - 20 - 8])
        .finish();
    let identity = LocalIdentity {
        origin_host: "h".repeat(255).into(),
        origin_realm: "r".repeat(255).into(),
    };
    let mut answer = BytesMut::new();
    let defect = Defect::new(ResultCode::APPLICATION_UNSUPPORTED);
    answer_error(
        &mut answer,
        &Message::decode(&request).unwrap(),
        &identity,
        &defect,
        None,
    );
    assert!(
        Message::decode(&answer).is_ok(),
        "an answer of {} octets",
        answer.len()
    );
}

#[test]
fn every_problem_is_named_at_once_with_its_key() {
    let mut twice = PeerConfig::new("DRA1.example");
    twice.address = Some("nowhere".to_owned());
    twice.applications = vec!["gx".to_owned()];
    twice.realm = Some(String::new());
    let config = DiameterConfig {
        identity: "not a name".to_owned(),
        realm: String::new(),
        watchdog: Duration::from_millis(1),
        max_pending: 0,
        peers: vec![PeerConfig::new("dra1.example"), twice],
        ..DiameterConfig::default()
    };
    assert_eq!(
        keys(&config),
        [
            "identity",
            "realm",
            "watchdog",
            "max_pending",
            "peers[1].identity",
            "peers[1].realm",
            "peers[1].address",
            "peers[1].applications"
        ]
    );
}

#[test]
fn a_peer_cannot_have_our_own_identity() {
    let config = DiameterConfig {
        peers: vec![PeerConfig::new("Reachd.LocalDomain")],
        ..DiameterConfig::default()
    };
    assert_eq!(keys(&config), ["peers[0].identity"]);
}

#[test]
fn who_connects_follows_from_the_address_unless_it_is_said() {
    let peer = |text: &str| serde_json::from_str::<PeerConfig>(text).unwrap();
    let quiet = peer(r#"{"identity": "a"}"#);
    assert_eq!((quiet.initiator(), quiet.dials()), (Initiate::Peer, None));
    let reachable = peer(r#"{"identity": "a", "address": "a:1"}"#);
    assert_eq!(
        (reachable.initiator(), reachable.dials()),
        (Initiate::Both, Some("a:1"))
    );
    let ours = peer(r#"{"identity": "a", "address": "a:1", "initiate": "us"}"#);
    assert_eq!((ours.initiator(), ours.dials()), (Initiate::Us, Some("a:1")));
    let theirs = peer(r#"{"identity": "a", "address": "a:1", "initiate": "peer", "transport": "sctp"}"#);
    assert_eq!((theirs.initiator(), theirs.dials()), (Initiate::Peer, None));
    assert_eq!(theirs.transport, Transport::Sctp);
}

#[test]
fn a_peer_to_dial_needs_an_address_and_timers_in_range() {
    let mut peers = vec![];
    for initiate in [Initiate::Us, Initiate::Both] {
        peers.push(PeerConfig {
            initiate: Some(initiate),
            ..PeerConfig::new(&format!("{initiate:?}.example"))
        });
    }
    peers.push(PeerConfig {
        watchdog: Some(Duration::from_millis(99)),
        reconnect: Some(Duration::from_secs(3601)),
        origin_realms: vec!["home.example".to_owned(), "no realm".to_owned()],
        ..PeerConfig::new("timers.example")
    });
    let config = DiameterConfig {
        peers,
        ..DiameterConfig::default()
    };
    assert_eq!(
        keys(&config),
        [
            "peers[0].initiate",
            "peers[1].initiate",
            "peers[2].origin_realms",
            "peers[2].watchdog",
            "peers[2].reconnect"
        ]
    );
}

#[test]
fn an_endpoint_is_offered_everything_but_what_is_read_from_copies() {
    let mut peer = PeerConfig::new("gateway.example");
    assert!(peer.application_ids().contains(&s6a::APPLICATION));
    peer.mode = PeerMode::Endpoint;
    let offered = peer.application_ids();
    assert!(!offered.is_empty() && !offered.contains(&s6a::APPLICATION));
    // And whoever names it is told why not.
    peer.applications = vec!["S6a".to_owned(), "rf".to_owned()];
    let config = DiameterConfig {
        peers: vec![peer],
        ..DiameterConfig::default()
    };
    assert_eq!(keys(&config), ["peers[0].applications"]);
    assert!(
        config.problems()[0].1.contains("copies only"),
        "{:?}",
        config.problems()
    );
}

#[test]
fn access_points_are_names() {
    let config: DiameterConfig =
        serde_json::from_str(r#"{"accounting": {"apns": ["internet", "two words", "", "corp.example"]}}"#)
            .unwrap();
    assert_eq!(keys(&config), ["accounting.apns[1]", "accounting.apns[2]"]);
}

#[test]
fn sh_is_off_by_default_and_needs_somebody_to_ask() {
    let mut config: DiameterConfig = serde_json::from_str(
        r#"{"sh": {"realm": "epc.example", "duration": "12h", "subscribe": ["ims-state", "reachability"]}}"#,
    )
    .unwrap();
    assert!(config.sh.is_on() && !DiameterConfig::default().sh.is_on());
    assert_eq!(config.sh.subscribe, [ShTopic::ImsState, ShTopic::Reachability]);
    assert_eq!(config.sh.query, [ShQuery::PacketState, ShQuery::CircuitState]);
    assert_eq!(keys(&config), ["sh.realm"], "no peer can be asked");
    config.peers = vec![PeerConfig::new("hss1.epc.example")];
    assert_eq!(
        keys(&config),
        ["sh.realm"],
        "a peer that sends copies is not asked"
    );
    config.peers[0].mode = PeerMode::Endpoint;
    assert_eq!(keys(&config), [""; 0]);
    config.peers[0].applications = vec!["s6c".to_owned()];
    assert_eq!(keys(&config), ["sh.realm"]);
}

#[test]
fn every_fault_of_sh_is_told() {
    let config: DiameterConfig = serde_json::from_str(r#"{"sh": {"host": "hss1.epc.example"}}"#).unwrap();
    assert_eq!(keys(&config), ["sh.host"]);
    let unknown = serde_json::from_str::<DiameterConfig>(r#"{"sh": {"query": ["everything"]}}"#).unwrap_err();
    assert!(
        unknown.to_string().contains("`packet-state`, `circuit-state`"),
        "{unknown}"
    );
    let config: DiameterConfig = serde_json::from_str(
        r#"{"sh": {"realm": "a b", "host": "c d", "duration": "10s", "renew_before": "20s", "rate": 0,
            "in_flight": 100001, "answer_within": "1h", "query": []}}"#,
    )
    .unwrap();
    assert_eq!(
        keys(&config),
        [
            "sh.realm",
            "sh.host",
            "sh.duration",
            "sh.answer_within",
            "sh.renew_before",
            "sh.rate",
            "sh.in_flight",
            "sh.query",
            "sh.realm"
        ]
    );
}

#[test]
fn s6t_is_off_by_default_and_needs_somebody_to_ask() {
    let mut config: DiameterConfig =
        serde_json::from_str(r#"{"s6t": {"realm": "epc.example", "duration": "12h", "rate": 7}}"#).unwrap();
    assert!(config.s6t.is_on() && !DiameterConfig::default().s6t.is_on());
    assert_eq!(config.s6t.duration, Duration::from_secs(12 * 3600));
    assert_eq!(keys(&config), ["s6t.realm"], "no peer can be asked");
    config.peers = vec![PeerConfig::new("hss1.epc.example")];
    assert_eq!(
        keys(&config),
        ["s6t.realm"],
        "a peer that sends copies is not asked"
    );
    config.peers[0].mode = PeerMode::Endpoint;
    assert_eq!(keys(&config), [""; 0]);
    config.peers[0].applications = vec!["t6a".to_owned()];
    assert_eq!(keys(&config), ["s6t.realm"]);
    config.peers[0].applications = vec!["S6T".to_owned()];
    assert_eq!(keys(&config), [""; 0]);
}

#[test]
fn every_problem_of_s6t_is_named_with_its_key() {
    let mut config = DiameterConfig {
        peers: vec![PeerConfig::new("hss1.epc.example")],
        s6t: S6tConfig {
            host: "hss1.epc.example".to_owned(),
            ..S6tConfig::default()
        },
        ..DiameterConfig::default()
    };
    config.peers[0].mode = PeerMode::Endpoint;
    assert_eq!(keys(&config), ["s6t.host"], "a host without its realm");
    config.s6t = S6tConfig {
        realm: "not a realm".to_owned(),
        host: "not a host".to_owned(),
        duration: Duration::from_secs(3600),
        renew_before: Duration::from_secs(3600),
        maximum_detection_time: Duration::ZERO,
        rate: 0,
        in_flight: 200_000,
        answer_within: Duration::from_secs(3600),
    };
    assert_eq!(
        keys(&config),
        [
            "s6t.realm",
            "s6t.host",
            "s6t.maximum_detection_time",
            "s6t.answer_within",
            "s6t.renew_before",
            "s6t.rate",
            "s6t.in_flight",
        ]
    );
}
