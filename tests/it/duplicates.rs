//! A request that is sent again, on whatever connection, is answered again and changes nothing.

use std::slice::from_ref;

use reachd::proto::v1::{Connectivity, ReachabilityStatus as Status};

use crate::support::daemon::Home;
use crate::support::wire::{DRA, Message, OTHER_DRA, Peer, Request, SUCCESS};
use crate::support::{Subscriber, on_each_engine};

const OLD: &str = "mme1.visited.example";
const NEW: &str = "mme2.visited.example";
const T: u8 = 0x10;

/// The octets as an agent sends them on another connection: T set, another Hop-by-Hop Identifier, the rest untouched.
fn again(octets: &[u8], hop_by_hop: u32) -> Vec<u8> {
    let mut octets = octets.to_vec();
    octets[4] |= T;
    octets[12..16].copy_from_slice(&hop_by_hop.to_be_bytes());
    octets
}

async fn ask(peer: &mut Peer, octets: &[u8]) -> Message {
    peer.send_bytes(octets).await;
    peer.receive_answer().await.expect("an answer")
}

on_each_engine! {
    async fn a_late_copy_of_an_old_attach_on_another_path_does_not_move_the_device_back(engine) {
        let home = Home::new(engine).await;
        let daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        daemon.import_rows(from_ref(&subscriber)).await;
        let mut dra = Peer::connect(daemon.diameter(), DRA).await;
        let mut other = Peer::connect(daemon.diameter(), OTHER_DRA).await;
        let mut lookups = daemon.lookups();

        let (_, attach) = dra.prepare(&Request::update_location(&subscriber.imsi, OLD));
        let first = ask(&mut dra, &attach).await;
        first.assert_result(SUCCESS);
        dra.ask(&Request::update_location(&subscriber.imsi, NEW)).await.assert_result(SUCCESS);
        let moved = lookups.phone(&subscriber.number()).await;

        // Race 5 of the event mapping: the T-flagged ULR of the old node arrives after the new one's.
        let copy = ask(&mut other, &again(&attach, 77)).await;
        assert_eq!((copy.hop_by_hop, copy.end_to_end), (77, first.end_to_end));
        assert_eq!(copy.avps, first.avps, "the same answer in the same words");
        lookups.phone(&subscriber.number()).await.assert_still(&moved);

        // The device is at the new node: what the old one reports about it is refused, its purge changes nothing.
        dra.ask(&Request::purge(&subscriber.imsi, OLD)).await.assert_result(SUCCESS);
        lookups.phone(&subscriber.number()).await.assert_is(Status::ConnectedData, &[Connectivity::Data]);
        dra.ask(&Request::purge(&subscriber.imsi, NEW)).await.assert_result(SUCCESS);
        let gone = lookups.phone(&subscriber.number()).await;
        gone.assert_is(Status::NotConnected, &[]);

        // And once more after the purge, without the T bit this time: an unmarked copy is a duplicate as well.
        let copy = ask(&mut other, &attach).await;
        assert_eq!(copy.avps, first.avps);
        lookups.phone(&subscriber.number()).await.assert_still(&gone);
        let metrics = daemon.metrics().await;
        assert!(metrics.contains("reachd_diameter_duplicate_requests_total 2"), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_many_pending_requests_in_one_segment_are_each_answered_once_per_copy() {
    let home = Home::new(crate::support::daemon::Engine::Sqlite).await;
    let daemon = home.start().await;
    let mut dra = Peer::connect(daemon.diameter(), DRA).await;
    let mut other = Peer::connect(daemon.diameter(), OTHER_DRA).await;
    let mut originals = Vec::new();
    for nth in 0..200 {
        let (_, octets) = dra.prepare(&Request::update_location(&Subscriber::nth(nth).imsi, OLD));
        originals.push(octets);
    }
    // The first path is lost with everything pending; the copies leave in one write before anything was answered.
    dra.send_bytes(&originals.concat()).await;
    let copies: Vec<u8> = (0u32..)
        .zip(&originals)
        .flat_map(|(hop, octets)| again(octets, hop))
        .collect();
    other.send_bytes(&copies).await;
    drop(dra);
    let mut hops: Vec<u32> = Vec::new();
    for _ in 0..originals.len() {
        let answer = other.receive_answer().await.expect("an answer");
        answer.assert_result(SUCCESS);
        hops.push(answer.hop_by_hop);
    }
    hops.sort_unstable();
    assert_eq!(hops, (0..200).collect::<Vec<u32>>());
}
