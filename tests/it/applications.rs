//! Applications beside S6a: what a peer tells over them, and what a lookup says then.

mod accounting;
mod addresses;
mod restarts;
mod short_messages;

use crate::support::Subscriber;
use crate::support::capture::assert_dissects;
use crate::support::daemon::{Daemon, Home, UNANSWERED_GOODBYES};
use crate::support::wire::{Peer, Request, SUCCESS, VENDOR_3GPP, avp, code};

const S6C: u32 = 16_777_312;
const ACCOUNTING: u32 = 3;
const ACCT_APPLICATION_ID: u32 = 259;

const COMMAND_UNSUPPORTED: u32 = 3001;
const APPLICATION_UNSUPPORTED: u32 = 3007;

/// Knows two more peers: one whose requests are meant for this node, and one that hands over copies.
const GATEWAY: &str = "gateway.home.example";
const TAP: &str = "tap.home.example";

fn with_peers(home: &mut Home) {
    home.diameter(UNANSWERED_GOODBYES);
    home.configure(&format!(
        r#"
[[diameter.peers]]
identity = "{GATEWAY}"
mode = "endpoint"

[[diameter.peers]]
identity = "{TAP}"
mode = "copy"
"#
    ));
}

/// A connection that offers S6a, S6c and accounting; and what the daemon offers it.
async fn connect(daemon: &Daemon, identity: &str) -> (Peer, Vec<u32>) {
    let mut peer = Peer::dial(daemon.diameter(), identity).await.recorded();
    let s6c = [
        avp(code::VENDOR_ID, &VENDOR_3GPP.to_be_bytes()),
        avp(code::AUTH_APPLICATION_ID, &S6C.to_be_bytes()),
    ];
    let cer = peer
        .capabilities_exchange()
        .with(avp(code::VENDOR_SPECIFIC_APPLICATION_ID, &s6c.concat()))
        .with(avp(ACCT_APPLICATION_ID, &ACCOUNTING.to_be_bytes()));
    let cea = peer.ask(&cer).await;
    cea.assert_result(SUCCESS);
    let mut offered: Vec<u32> = cea
        .avps
        .iter()
        .flat_map(|avp| match avp.code {
            code::VENDOR_SPECIFIC_APPLICATION_ID => avp.members(),
            _ => vec![avp.clone()],
        })
        .filter(|avp| matches!(avp.code, code::AUTH_APPLICATION_ID | ACCT_APPLICATION_ID))
        .map(|avp| avp.u32())
        .collect();
    offered.sort_unstable();
    (peer, offered)
}

/// A request of another application than S6a, which has Auth-Session-State and others have not.
fn request(application: u32, command: u32, origin: &str) -> Request {
    let mut request = Request::s6a(command, origin);
    request.application = application;
    if application == ACCOUNTING {
        request = request.without(code::AUTH_SESSION_STATE);
    }
    request
}

/// A node that is taken for an HSS by mistake refuses before anybody believes it, and says beforehand that it is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_means_this_node_is_not_offered_what_only_an_hss_can_serve() {
    let mut home = Home::new(crate::support::daemon::Engine::Sqlite).await;
    with_peers(&mut home);
    let daemon = home.start().await;
    let (mut gateway, offered) = connect(&daemon, GATEWAY).await;
    assert!(!offered.contains(&crate::support::wire::S6A), "{offered:?}");
    assert!(
        offered.contains(&S6C) && offered.contains(&ACCOUNTING),
        "{offered:?}"
    );
    let attach = Request::update_location("001010000000001", "mme1.visited.example");
    gateway.ask(&attach).await.assert_result(APPLICATION_UNSUPPORTED);

    let (mut tap, offered) = connect(&daemon, TAP).await;
    assert!(offered.contains(&crate::support::wire::S6A), "{offered:?}");
    tap.ask(&attach).await.assert_result(SUCCESS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wireshark_finds_no_fault_with_what_is_answered() {
    let mut home = Home::new(crate::support::daemon::Engine::Sqlite).await;
    with_peers(&mut home);
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    let (mut gateway, _) = connect(&daemon, GATEWAY).await;
    let (mut tap, _) = connect(&daemon, TAP).await;
    for request in accounting::examples(&subscriber) {
        gateway.ask(&request).await;
    }
    for request in short_messages::examples(&subscriber) {
        gateway.ask(&request).await;
        tap.ask(&request).await;
    }
    assert_dissects(&home.path("applications.pcap"), &[gateway.recorded, tap.recorded]).await;
}
