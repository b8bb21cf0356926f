//! freeDiameterd as an agent between a client and the daemon.
//!
//! It has no dictionary of S6a and needs none: it routes by Destination-Realm and by what the daemon announced, adds
//! Route-Record, and puts a Hop-by-Hop Identifier of its own in place of the client's.

use std::slice::from_ref;

use reachd::proto::v1::{Connectivity, ReachabilityStatus as Status};

use super::{REACHD, REALM, home_with_peer, shows};
use crate::support::Subscriber;
use crate::support::capture::assert_dissects;
use crate::support::freediameter::{FreeDiameter, Known};
use crate::support::recorder::Recorder;
use crate::support::wire::Direction::{FromDaemon, ToDaemon};
use crate::support::wire::{Peer, Request, SUCCESS, code, command};

const FD: &str = "fd1.home.example";
const OTHER_FD: &str = "fd2.home.example";
const CLIENT: &str = "dra7.visited.example";
const OLD: &str = "mme1.visited.example";
const NEW: &str = "mme2.visited.example";
const COMMAND_UNSUPPORTED: u32 = 3001;
const MISSING_AVP: u32 = 5005;
const UNKNOWN_SERVING_NODE: (u32, u32) = (10_415, 5423);
const DATA: &[Connectivity] = &[Connectivity::Data];

/// A relay that is connected to the daemon and waits for the client.
async fn relay(identity: &str, recorder: &Recorder) -> FreeDiameter {
    let peers = [
        Known::dialled(REACHD, recorder.address()),
        Known::waited_for(CLIENT),
    ];
    let fd = FreeDiameter::start(identity, REALM, &peers).await;
    fd.has_opened(REACHD, 1).await;
    fd
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_through_a_relay_is_answered_on_the_hop_it_came_on() {
    let recorder = Recorder::to_daemon().await;
    let home = home_with_peer(FD, "").await;
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    daemon.import_rows(from_ref(&subscriber)).await;
    let mut lookups = daemon.lookups();
    recorder.lead_to(daemon.diameter());
    let fd = relay(FD, &recorder).await;
    shows(&daemon, FD, "open").await;
    let mut client = Peer::connect(fd.address(), CLIENT).await;

    // `ask` holds the answer against the client's own identifiers, command, application and P bit.
    let attach = Request::update_location(&subscriber.imsi, OLD);
    let answer = client.ask(&attach).await;
    answer.assert_result(SUCCESS);
    let session = answer.find(code::SESSION_ID).expect("a Session-Id").clone();
    assert_eq!(session.data, attach.session_id());
    assert_eq!(answer.find(code::ORIGIN_HOST).unwrap().text(), REACHD);
    lookups
        .phone(&subscriber.number())
        .await
        .assert_is(Status::ConnectedData, DATA);

    // What the relay made of the request on the other side.
    let forwarded = &recorder.requests(ToDaemon, command::UPDATE_LOCATION)[0];
    let answered = &recorder.answers(FromDaemon, command::UPDATE_LOCATION)[0];
    assert_eq!(
        forwarded.find(code::ROUTE_RECORD).expect("it adds one").text(),
        CLIENT
    );
    assert_ne!(forwarded.hop_by_hop, answer.hop_by_hop, "the relay's own");
    assert_eq!(answered.hop_by_hop, forwarded.hop_by_hop);
    assert_eq!(answered.end_to_end, answer.end_to_end);
    assert!(
        answered.find(code::ROUTE_RECORD).is_none(),
        "that of the request is not sent back; the relay gives the answer one of its own"
    );

    // The serving node is the request's originator, not the relay: after a move the old one holds nothing any more.
    client
        .ask(&Request::update_location(&subscriber.imsi, NEW))
        .await
        .assert_result(SUCCESS);
    client
        .ask(&Request::purge(&subscriber.imsi, OLD))
        .await
        .assert_result(SUCCESS);
    lookups
        .phone(&subscriber.number())
        .await
        .assert_is(Status::ConnectedData, DATA);
    let refused = client.ask(&Request::notify(&subscriber.imsi, OLD, 1 << 3)).await;
    assert_eq!(refused.experimental_result(), Some(UNKNOWN_SERVING_NODE));

    // Errors pass the relay as well.
    let mut unknown = Request::update_location(&subscriber.imsi, NEW);
    unknown.command = 324;
    let unknown = client.ask(&unknown).await;
    unknown.assert_result(COMMAND_UNSUPPORTED);
    assert!(unknown.is_error());
    let incomplete = client
        .ask(&Request::update_location(&subscriber.imsi, NEW).without(code::ULR_FLAGS))
        .await;
    incomplete.assert_result(MISSING_AVP);
    assert_eq!(incomplete.failed_avp().code, code::ULR_FLAGS);

    client
        .ask(&Request::purge(&subscriber.imsi, NEW))
        .await
        .assert_result(SUCCESS);
    lookups
        .phone(&subscriber.number())
        .await
        .assert_is(Status::NotConnected, &[]);
    assert_eq!(recorder.standing(), 1, "all of it on one connection");
    assert_dissects(&home.path("relay.pcap"), &recorder.exchanges()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_comes_again_through_another_relay_is_answered_again_and_changes_nothing() {
    let (one_way, other_way) = (Recorder::to_daemon().await, Recorder::to_daemon().await);
    let mut home = home_with_peer(FD, "").await;
    home.configure(&format!("[[diameter.peers]]\nidentity = \"{OTHER_FD}\"\n"));
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    daemon.import_rows(from_ref(&subscriber)).await;
    let mut lookups = daemon.lookups();
    one_way.lead_to(daemon.diameter());
    other_way.lead_to(daemon.diameter());
    let (fd, other_fd) = tokio::join!(relay(FD, &one_way), relay(OTHER_FD, &other_way));
    let mut client = Peer::connect(fd.address(), CLIENT).await;
    let mut elsewhere = Peer::connect(other_fd.address(), CLIENT).await;

    let attach = Request::update_location(&subscriber.imsi, OLD);
    let (_, octets) = client.prepare(&attach);
    client.send_bytes(&octets).await;
    let first = client.receive_answer().await.expect("an answer");
    first.assert_result(SUCCESS);
    client
        .ask(&Request::update_location(&subscriber.imsi, NEW))
        .await
        .assert_result(SUCCESS);
    let moved = lookups.phone(&subscriber.number()).await;

    // The client never saw the answer to the first attach, and takes the other way with it.
    let mut again = octets;
    again[4] |= 0x10;
    elsewhere.send_bytes(&again).await;
    let copy = elsewhere.receive_answer().await.expect("an answer");
    assert_eq!(copy.end_to_end, first.end_to_end);
    assert_eq!(copy.avps, first.avps, "the same answer in the same words");
    lookups.phone(&subscriber.number()).await.assert_still(&moved);
    let forwarded = &other_way.requests(ToDaemon, command::UPDATE_LOCATION)[0];
    assert_eq!(forwarded.flags & 0x10, 0x10, "the relay passes T on");

    let connections = [one_way.exchanges(), other_way.exchanges()].concat();
    assert_dissects(&home.path("two_relays.pcap"), &connections).await;
}
