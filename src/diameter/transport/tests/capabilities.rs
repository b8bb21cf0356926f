//! Who may connect, and with what: the capabilities exchange (RFC 6733 §5.3).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::diameter::codec::{CommandFlags, Message};
use crate::diameter::config::DiameterConfig;
use crate::diameter::dict::base;
use crate::diameter::dict::s6a::APPLICATION as S6A;

use super::far_end::*;

over_all! {
    capabilities_are_exchanged_and_requests_answered;
    a_relay_has_our_applications_in_common;
    messages_right_behind_the_cer_are_served;
    an_unknown_peer_is_refused_with_3010;
    an_unknown_peer_is_accepted_where_that_is_configured;
    a_peer_in_another_realm_than_configured_is_refused;
    a_peer_without_a_common_application_gets_5010;
    a_cer_without_product_name_gets_5005_with_the_missing_avp;
    anything_but_a_cer_first_ends_the_connection;
    a_connection_without_a_cer_is_closed_in_time;
    a_cer_on_an_open_connection_gets_5012;
}

async fn capabilities_are_exchanged_and_requests_answered(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    wire.send(&cer("DRA1.example", S6A)).await;
    let cea = wire.expect(base::COMMAND_CAPABILITIES_EXCHANGE, false).await;
    assert_eq!((header(&cea).hop_by_hop, header(&cea).end_to_end), (7, 9));
    let cea = Message::decode(&cea).unwrap();
    assert_eq!(
        cea.find(&base::ORIGIN_HOST).unwrap().as_identity().unwrap(),
        "reachd.example"
    );
    assert_eq!(
        cea.find(&base::PRODUCT_NAME).unwrap().as_utf8().unwrap(),
        "reachd"
    );
    assert_eq!(
        cea.find(&base::SUPPORTED_VENDOR_ID).unwrap().as_u32().unwrap(),
        10_415
    );
    assert!(
        cea.find(&base::HOST_IP_ADDRESS)
            .unwrap()
            .as_address()
            .unwrap()
            .is_loopback()
    );
    let group = cea
        .find(&base::VENDOR_SPECIFIC_APPLICATION_ID)
        .unwrap()
        .grouped()
        .unwrap();
    assert_eq!(
        group.find(&base::AUTH_APPLICATION_ID).unwrap().as_u32().unwrap(),
        S6A
    );

    wire.send(&ulr()).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    let peers = fixture.seen.peers.lock().unwrap().clone();
    assert_eq!(
        (&*peers[0].origin_host, &*peers[0].origin_realm),
        ("dra1.example", "example")
    );
    assert_eq!(*peers[0].applications, [S6A]);
}

async fn a_relay_has_our_applications_in_common(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    wire.send(&cer("dra1.example", base::APPLICATION_RELAY)).await;
    assert_eq!(result(&wire.receive().await.unwrap()), 2001);
    wire.send(&ulr()).await;
    assert_eq!(result(&wire.receive().await.unwrap()), 2001);
}

async fn messages_right_behind_the_cer_are_served(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    wire.send(&[&cer("dra1.example", S6A)[..], &ulr(), &dwr("dra1.example")].concat())
        .await;
    wire.expect(base::COMMAND_CAPABILITIES_EXCHANGE, false).await;
    wire.expect(ULR, false).await;
    wire.expect(base::COMMAND_DEVICE_WATCHDOG, false).await;
}

async fn an_unknown_peer_is_refused_with_3010(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    wire.send(&cer("stranger.example", S6A)).await;
    let cea = wire.receive().await.unwrap();
    assert_eq!(result(&cea), 3010);
    assert!(header(&cea).flags.is_error());
    wire.expect_end().await;
    assert!(fixture.seen.peers.lock().unwrap().is_empty());
}

async fn an_unknown_peer_is_accepted_where_that_is_configured(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            accept_unknown_peers: true,
            ..config()
        },
    );
    let mut wire = fixture.open("stranger.example").await;
    wire.send(&ulr()).await;
    assert_eq!(result(&wire.expect(ULR, false).await), 2001);
    // It is forgotten when it goes, and may come again.
    drop(wire);
    fixture
        .until("the stranger is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
    fixture.open("stranger.example").await;
    // Nobody may come in our own name.
    let mut wire = fixture.connect().await;
    wire.send(&cer("reachd.example", S6A)).await;
    assert_eq!(result(&wire.receive().await.unwrap()), 3010);
}

async fn a_peer_in_another_realm_than_configured_is_refused(over: Over) {
    let mut config = config();
    config.peers[0].realm = Some("elsewhere".to_owned());
    let fixture = Fixture::start(over, config);
    let mut wire = fixture.connect().await;
    wire.send(&cer("dra1.example", S6A)).await;
    assert_eq!(result(&wire.receive().await.unwrap()), 3010);
    wire.expect_end().await;
}

async fn a_peer_without_a_common_application_gets_5010(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    wire.send(&cer("dra1.example", 16_777_238)).await;
    let cea = wire.receive().await.unwrap();
    assert_eq!(result(&cea), 5010);
    assert!(!header(&cea).flags.is_error());
    wire.expect_end().await;
}

async fn a_cer_without_product_name_gets_5005_with_the_missing_avp(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.connect().await;
    let cer = write(
        CommandFlags::default(),
        base::COMMAND_CAPABILITIES_EXCHANGE,
        0,
        |cer| {
            origin(cer, "dra1.example");
            cer.avp_address(&base::HOST_IP_ADDRESS, IpAddr::V4(Ipv4Addr::LOCALHOST))
                .avp_u32(&base::VENDOR_ID, 0)
                .avp_u32(&base::AUTH_APPLICATION_ID, S6A);
        },
    );
    wire.send(&cer).await;
    let cea = wire.receive().await.unwrap();
    assert_eq!(result(&cea), 5005);
    let cea = Message::decode(&cea).unwrap();
    let failed = cea.find(&base::FAILED_AVP).unwrap().grouped().unwrap();
    assert!(failed.find(&base::PRODUCT_NAME).is_some());
    wire.expect_end().await;
}

async fn anything_but_a_cer_first_ends_the_connection(over: Over) {
    let fixture = Fixture::start(over, config());
    for first in [dwr("dra1.example"), ulr()] {
        let mut wire = fixture.connect().await;
        wire.send(&first).await;
        wire.expect_end().await;
    }
}

async fn a_connection_without_a_cer_is_closed_in_time(over: Over) {
    let fixture = Fixture::start(
        over,
        DiameterConfig {
            cer_timeout: Duration::from_millis(100),
            ..config()
        },
    );
    let mut wire = fixture.connect().await;
    wire.expect_end().await;
    let mut half = fixture.connect().await;
    half.send(&cer("dra1.example", S6A)[..30]).await;
    half.expect_end().await;
}

async fn a_cer_on_an_open_connection_gets_5012(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut wire = fixture.open("dra1.example").await;
    wire.send(&cer("dra1.example", S6A)).await;
    assert_eq!(
        result(&wire.expect(base::COMMAND_CAPABILITIES_EXCHANGE, false).await),
        5012
    );
    wire.send(&ulr()).await;
    wire.expect(ULR, false).await;
}
