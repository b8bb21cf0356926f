//! A connection with freeDiameterd from its first word to its last, whoever makes it and whoever ends it.

use super::{REACHD, REALM, home_with_peer, shows};
use crate::support::capture::assert_dissects;
use crate::support::freediameter::{FreeDiameter, Known};
use crate::support::recorder::Recorder;
use crate::support::wire::Direction::{self, FromDaemon, ToDaemon};
use crate::support::wire::{Message, SUCCESS, code, command};

const FD: &str = "fd1.home.example";
/// The application that a relay announces (RFC 6733 §2.4).
const RELAY: u32 = 0xffff_ffff;
/// Disconnect-Cause (RFC 6733 §5.4.3).
const REBOOTING: u32 = 0;

/// It announces the relay application and no other, and does not know that of S6a.
fn assert_is_relay(capabilities: &Message) {
    let of = |code| capabilities.avps.iter().filter(move |avp| avp.code == code);
    let announced: Vec<_> = of(code::AUTH_APPLICATION_ID).map(|avp| avp.u32()).collect();
    assert_eq!(announced, [RELAY]);
    assert_eq!(of(code::VENDOR_SPECIFIC_APPLICATION_ID).count(), 0);
}

fn assert_says_rebooting(requests: &[Message]) {
    let causes: Vec<_> = requests
        .iter()
        .map(|request| request.find(code::DISCONNECT_CAUSE).unwrap().u32())
        .collect();
    assert_eq!(causes, [REBOOTING]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_connects_to_a_relay_watches_it_and_takes_its_leave() {
    let recorder = Recorder::from_daemon().await;
    let fd = FreeDiameter::start(FD, REALM, &[Known::waited_for(REACHD)]).await;
    recorder.lead_to(fd.address());
    let keys = format!("address = \"{}\"\nwatchdog = \"150ms\"", recorder.address());
    let home = home_with_peer(FD, &keys).await;
    let mut daemon = home.start().await;

    fd.has_opened(REACHD, 1).await;
    shows(&daemon, FD, "open").await;
    let answers = recorder.answers(ToDaemon, command::CAPABILITIES_EXCHANGE);
    assert_eq!(answers.len(), 1);
    answers[0].assert_result(SUCCESS);
    assert_is_relay(&answers[0]);

    recorder.answered(FromDaemon, command::DEVICE_WATCHDOG, 4).await;
    shows(&daemon, FD, "open").await;

    daemon.signal_terminate();
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.log());
    assert_says_rebooting(&recorder.requests(FromDaemon, command::DISCONNECT_PEER));
    let goodbye = recorder.answers(ToDaemon, command::DISCONNECT_PEER);
    assert_eq!(goodbye.len(), 1);
    goodbye[0].assert_result(SUCCESS);

    assert_eq!(fd.opened(REACHD), 1);
    assert_dissects(&home.path("initiator.pcap"), &recorder.exchanges()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_connects_to_the_daemon_watches_it_takes_its_leave_and_comes_back_to_be_left() {
    let recorder = Recorder::to_daemon().await;
    let home = home_with_peer(FD, "watchdog = \"60s\"").await;
    let daemon = home.start().await;
    recorder.lead_to(daemon.diameter());
    let dials = || [Known::dialled(REACHD, recorder.address()).watchful()];
    let fd = FreeDiameter::start(FD, REALM, &dials()).await;

    fd.has_opened(REACHD, 1).await;
    shows(&daemon, FD, "open").await;
    let requests = recorder.requests(ToDaemon, command::CAPABILITIES_EXCHANGE);
    assert_eq!(requests.len(), 1);
    assert_is_relay(&requests[0]);

    recorder.answered(ToDaemon, command::DEVICE_WATCHDOG, 3).await;
    for answer in recorder.answers(FromDaemon, command::DEVICE_WATCHDOG) {
        answer.assert_result(SUCCESS);
    }
    assert_eq!(recorder.standing(), 1, "still the first connection");

    fd.stop().await;
    assert_says_rebooting(&recorder.requests(ToDaemon, command::DISCONNECT_PEER));
    let goodbye = recorder.answers(FromDaemon, command::DISCONNECT_PEER);
    assert_eq!(goodbye.len(), 1);
    goodbye[0].assert_result(SUCCESS);
    shows(&daemon, FD, "closed").await;

    let fd = FreeDiameter::start(FD, REALM, &dials()).await;
    fd.has_opened(REACHD, 1).await;
    shows(&daemon, FD, "open").await;
    daemon.stop().await;
    assert_says_rebooting(&recorder.requests(FromDaemon, command::DISCONNECT_PEER));
    let goodbye = recorder.answers(ToDaemon, command::DISCONNECT_PEER);
    assert_eq!(goodbye.len(), 1);
    goodbye[0].assert_result(SUCCESS);
    assert_dissects(&home.path("responder.pcap"), &recorder.exchanges()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_connects_again_to_a_relay_that_left_and_after_a_loss_watches_it_before_it_trusts_it() {
    let recorder = Recorder::from_daemon().await;
    let fd = FreeDiameter::start(FD, REALM, &[Known::waited_for(REACHD)]).await;
    recorder.lead_to(fd.address());
    let keys = format!(
        "address = \"{}\"\nreconnect = \"300ms\"\nwatchdog = \"150ms\"",
        recorder.address()
    );
    let home = home_with_peer(FD, &keys).await;
    let daemon = home.start().await;
    fd.has_opened(REACHD, 1).await;

    fd.stop().await;
    assert_says_rebooting(&recorder.requests(ToDaemon, command::DISCONNECT_PEER));
    let goodbye = recorder.answers(FromDaemon, command::DISCONNECT_PEER);
    assert_eq!(goodbye.len(), 1);
    goodbye[0].assert_result(SUCCESS);
    assert_eq!(daemon.admin("/ready").await.0, 200);

    let fd = FreeDiameter::start(FD, REALM, &[Known::waited_for(REACHD)]).await;
    recorder.lead_to(fd.address());
    fd.has_opened(REACHD, 1).await;
    shows(&daemon, FD, "open").await;

    // Without a goodbye both sides want to see three watchdogs answered first (RFC 3539 §3.4.1, REOPEN).
    recorder.cut();
    shows(&daemon, FD, "reopen").await;
    fd.has_opened(REACHD, 2).await;
    shows(&daemon, FD, "open").await;
    let last = recorder.exchanges().pop().unwrap();
    let answered = |(direction, bytes): &&(Direction, Vec<u8>)| {
        let message = Message::decode(bytes);
        *direction == ToDaemon && message.command == command::DEVICE_WATCHDOG && !message.is_request()
    };
    assert!(last.iter().filter(answered).count() >= 3);
    daemon.stop().await;
    assert_dissects(&home.path("again.pcap"), &recorder.exchanges()).await;
}
