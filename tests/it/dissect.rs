//! Wireshark's dissector reads everything the daemon says on Diameter without finding fault.
//!
//! The exchange is recorded at the peer's socket. What is said to other stacks is dissected in `interop`.

use crate::support::Subscriber;
use crate::support::capture::{assert_dissects, dissect, said};
use crate::support::daemon::{Engine, Home};
use crate::support::wire::{DRA, OTHER_DRA, Peer, Request, SUCCESS, avp, code, command, encode_avp};

const MME: &str = "mme1.visited.example";
/// DIAMETER_MISSING_AVP.
const MISSING_AVP: u32 = 5005;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wireshark_finds_no_fault_with_what_the_daemon_says() {
    let home = Home::new(Engine::Sqlite).await;
    let mut daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    let imsi = &subscriber.imsi;
    let mut dra = Peer::connect_recorded(daemon.diameter(), DRA).await;
    let proxy_info = [
        avp(code::PROXY_HOST, b"dra9.home.example"),
        avp(code::PROXY_STATE, b"state"),
    ];
    for request in [
        dra.origin(Request::base(command::DEVICE_WATCHDOG)),
        Request::update_location(imsi, MME).with(avp(code::PROXY_INFO, &proxy_info.concat())),
        Request::insert_subscriber_data(imsi, MME, &subscriber.digits),
        Request::notify(imsi, MME, 1 << 3),
        Request::purge(imsi, MME),
        Request::update_location_flags(imsi, "sgsn1.visited.example", 0),
        Request::cancel(imsi, "sgsn1.visited.example", 2),
    ] {
        dra.ask(&request).await.assert_result(SUCCESS);
    }
    // Errors: an unknown command, an unknown application, a missing AVP, an unknown mandatory one.
    let mut unknown_command = Request::update_location(imsi, MME);
    unknown_command.command = 324;
    let mut unknown_application = Request::update_location(imsi, MME);
    unknown_application.application = 16_777_252;
    for request in [
        unknown_command,
        unknown_application,
        Request::update_location(imsi, MME).without(code::ULR_FLAGS),
        Request::update_location("00101abc0000001", MME),
        Request::update_location(imsi, MME).with(encode_avp(code::PROXY_STATE, 0x40, None, b"ok")),
    ] {
        dra.ask(&request).await;
    }
    // The goodbye at the end is the daemon's own request.
    daemon.signal_terminate();
    let goodbye = dra.receive().await.expect("a goodbye");
    assert_eq!(goodbye.command, command::DISCONNECT_PEER);
    dra.answer(&goodbye).await;
    dra.closed().await;
    daemon.ended().await;

    assert_dissects(&home.path("exchange.pcap"), &[dra.recorded]).await;
}

/// The example of a missing AVP has the minimum length (RFC 6733 §7.5), and the least User-Name has no octets. So the
/// standard wants it; the dissector remarks on that and on nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_of_a_missing_text_is_empty_as_the_standard_wants_it() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let mut dra = Peer::connect_recorded(daemon.diameter(), DRA).await;
    let nameless = Request::update_location(&Subscriber::nth(1).imsi, MME).without(code::USER_NAME);
    dra.ask(&nameless).await.assert_result(MISSING_AVP);

    let verdict = dissect(&home.path("missing.pcap"), &[dra.recorded]).await;
    // CEA and ULA.
    assert_eq!(verdict.recognised, 2);
    assert_eq!(verdict.faults, ["command 316: Data is empty"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wireshark_finds_no_fault_with_the_daemon_as_initiator() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure(&format!(
        r#"
[[diameter.peers]]
identity = "dra3.home.example"
realm = "home.example"
address = "{}"
mode = "copy"
applications = ["s6a"]
"#,
        listener.local_addr().unwrap()
    ));
    let _daemon = home.start().await;
    let (stream, _) = listener.accept().await.unwrap();
    let mut dra = Peer::accepted(stream, "dra3.home.example").await;
    let request = Request::update_location(&Subscriber::nth(1).imsi, MME);
    dra.ask(&request).await.assert_result(SUCCESS);

    let connections = [dra.recorded];
    // CER and ULA.
    assert_eq!(said(&connections), 2);
    assert_dissects(&home.path("initiated.pcap"), &connections).await;
}

/// The check has to be able to fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faulty_message_would_be_noticed() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let mut dra = Peer::connect_recorded(daemon.diameter(), OTHER_DRA).await;
    dra.ask(&Request::purge(&Subscriber::nth(1).imsi, MME)).await;
    let file = home.path("faulty.pcap");
    let last = dra.recorded.len() - 1;
    let mut connections = [dra.recorded];
    // An AVP nobody knows in place of the first one.
    connections[0][last].1[20..24].copy_from_slice(&0x00fe_dcbau32.to_be_bytes());
    assert_ne!(dissect(&file, &connections).await.faults, Vec::<String>::new());
    // A length beyond the message.
    connections[0][last].1[25..28].copy_from_slice(&[0, 0xff, 0]);
    assert_ne!(dissect(&file, &connections).await.faults, Vec::<String>::new());
}
