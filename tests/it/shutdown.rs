//! An orderly end: SIGTERM drains and says goodbye, a second signal does not wait.

use std::time::{Duration, Instant};

use reachd::proto::v1::{ReachabilityStatus as Status, RegistrationChange as Change, Slot};
use tokio::net::TcpStream;

use crate::support::daemon::{Engine, Home, http_get};
use crate::support::publisher::{Publisher, event_with_number};
use crate::support::wire::{DRA, OTHER_DRA, Peer, Request, SUCCESS, code, command};
use crate::support::{Subscriber, ago, eventually, on_each_engine};

const MME: &str = "mme1.visited.example";

on_each_engine! {
    async fn a_terminated_daemon_says_goodbye_to_its_peers_and_ends_well(engine) {
        let home = Home::new(engine).await;
        let mut daemon = home.start().await;
        let subscriber = Subscriber::nth(1);
        let mut peers = Vec::new();
        for identity in [DRA, OTHER_DRA] {
            peers.push(Peer::connect(daemon.diameter(), identity).await);
        }
        let mut publisher = Publisher::open(&daemon).await;
        let event = event_with_number(&subscriber, Slot::Msc, "99910001", Change::Registered, ago(9));
        publisher.publish(event).await;
        peers[0].ask(&Request::update_location(&subscriber.imsi, MME)).await.assert_result(SUCCESS);

        let begun = Instant::now();
        daemon.signal_terminate();
        for peer in &mut peers {
            let request = peer.receive().await.expect("a message before the end");
            assert!(request.is_request());
            assert_eq!(request.command, command::DISCONNECT_PEER);
            assert_eq!(request.find(code::DISCONNECT_CAUSE).unwrap().u32(), 0, "REBOOTING");
            assert_eq!(request.find(code::ORIGIN_HOST).unwrap().text(), "reachd.home.example");
            peer.answer(&request).await;
            peer.closed().await;
        }
        let status = daemon.ended().await;
        assert_eq!(status.code(), Some(0), "{}", daemon.log());
        assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?}", begun.elapsed());
        drop(daemon);

        // What was acknowledged is there.
        let daemon = home.start().await;
        let answer = daemon.lookups().phone(&subscriber.number()).await;
        assert_eq!(answer.status, Status::ConnectedData);
        daemon.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_daemon_is_not_ready_and_takes_nobody_in() {
    let mut home = Home::new(Engine::Sqlite).await;
    // The drain lasts for as long as this test holds it open.
    home.diameter("disconnect_timeout = \"60s\"");
    home.configure("[shutdown]\ngrace = \"90s\"");
    let mut daemon = home.start().await;
    let (admin, diameter) = (daemon.admin_address(), daemon.diameter());
    assert_eq!(http_get(admin, "/live").await.unwrap().0, 200);
    assert_eq!(http_get(admin, "/ready").await.unwrap().0, 200);
    // A peer that has not answered the goodbye yet keeps the daemon draining.
    let mut peer = Peer::connect(diameter, DRA).await;
    daemon.signal_terminate();
    let goodbye = peer.receive().await.expect("a message before the end");
    assert_eq!(goodbye.command, command::DISCONNECT_PEER);
    // Nobody who has left can say so.
    eventually("it says that it is not ready", async || {
        let (status, _) = http_get(admin, "/ready").await.ok()?;
        (status == 503).then_some(())
    })
    .await;
    eventually("new Diameter connections are refused", async || {
        let refused = TcpStream::connect(diameter).await.err()?;
        (refused.kind() == std::io::ErrorKind::ConnectionRefused).then_some(())
    })
    .await;
    // A process that is gone would refuse them as well: this one still answers, and waits for its peer.
    assert_eq!(http_get(admin, "/ready").await.unwrap().0, 503);
    assert_eq!(http_get(admin, "/live").await.unwrap().0, 200);
    assert!(daemon.is_running());
    peer.answer(&goodbye).await;
    peer.closed().await;
    let status = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{}", daemon.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_at_once() {
    let home = Home::new(Engine::Sqlite).await;
    let mut daemon = home.start().await;
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    daemon.signal_terminate();
    let goodbye = peer.receive().await.expect("a message before the end");
    assert_eq!(goodbye.command, command::DISCONNECT_PEER);
    // The goodbye stays unanswered: the daemon waits for the peer.
    assert!(daemon.is_running());
    let begun = Instant::now();
    daemon.signal_terminate();
    daemon.ended().await;
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "it took {:?}",
        begun.elapsed()
    );
    drop(peer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_streams_and_idle_clients_do_not_hold_up_the_end() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure("\n[shutdown]\ngrace = \"2s\"\n");
    let mut daemon = home.start().await;
    let publisher = Publisher::open(&daemon).await;
    let mut lookups = daemon.lookups();
    let _ = lookups.try_phone("+999000000001").await;
    let idle = TcpStream::connect(daemon.grpc()).await.unwrap();
    let begun = Instant::now();
    daemon.signal_terminate();
    let status = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{}", daemon.log());
    assert!(
        !daemon.log().contains("not everything ended in time"),
        "it took {:?}:\n{}",
        begun.elapsed(),
        daemon.log()
    );
    drop((publisher, lookups, idle));
}
