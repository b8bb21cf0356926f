//! Wireshark's dissector reads everything the daemon says on Diameter without finding fault.
//!
//! The exchange is recorded at the peer's socket and written as a capture file with made-up Ethernet, IP and TCP
//! headers, so that no right to capture packets is needed.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::Subscriber;
use crate::support::daemon::{Engine, Home, run};
use crate::support::wire::{
    DRA, Direction, OTHER_DRA, Peer, Request, SUCCESS, avp, code, command, encode_avp,
};

const MME: &str = "mme1.visited.example";
/// DIAMETER_MISSING_AVP.
const MISSING_AVP: u32 = 5005;
const PORT: u16 = 3868;
const PEER_PORT: u16 = 40_000;

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

    let file = home.path("exchange.pcap");
    std::fs::write(&file, capture(&dra.recorded)).unwrap();
    assert_eq!(recognised(&file).await, said(&dra));
    assert_eq!(faults(&file).await, Vec::<String>::new());
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

    let file = home.path("missing.pcap");
    std::fs::write(&file, capture(&dra.recorded)).unwrap();
    // CEA and ULA.
    assert_eq!(said(&dra), 2);
    assert_eq!(recognised(&file).await, 2);
    assert_eq!(faults(&file).await, ["Data is empty"]);
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

    let file = home.path("initiated.pcap");
    std::fs::write(&file, capture(&dra.recorded)).unwrap();
    // CER and ULA.
    assert_eq!(recognised(&file).await, 2);
    assert_eq!(faults(&file).await, Vec::<String>::new());
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
    // An AVP nobody knows in place of the first one.
    dra.recorded[last].1[20..24].copy_from_slice(&0x00fe_dcbau32.to_be_bytes());
    std::fs::write(&file, capture(&dra.recorded)).unwrap();
    assert_ne!(faults(&file).await, Vec::<String>::new());
    // A length beyond the message.
    dra.recorded[last].1[25..28].copy_from_slice(&[0, 0xff, 0]);
    std::fs::write(&file, capture(&dra.recorded)).unwrap();
    assert_ne!(faults(&file).await, Vec::<String>::new());
}

/// How many messages the daemon sent.
fn said(peer: &Peer) -> usize {
    let sent = |(direction, _): &&(Direction, _)| *direction == Direction::FromDaemon;
    peer.recorded.iter().filter(sent).count()
}

/// How many messages of the daemon the dissector recognises as Diameter.
async fn recognised(file: &Path) -> usize {
    let output = tshark(file, &["-T", "fields", "-e", "diameter.cmd.code"]).await;
    String::from_utf8_lossy(&output.stdout).lines().count()
}

/// What the dissector has to say against the messages of the daemon.
async fn faults(file: &Path) -> Vec<String> {
    let output = tshark(
        file,
        &[
            "-T",
            "fields",
            "-E",
            "separator=|",
            "-e",
            "_ws.malformed",
            "-e",
            "_ws.expert.message",
            "-e",
            "diameter.avp.unknown",
            "-e",
            "diameter.avp.invalid-data",
        ],
    )
    .await;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| line.trim_matches('|').to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// Runs tshark over the messages of the daemon in a capture file.
async fn tshark(file: &Path, arguments: &[&str]) -> Output {
    let found = Command::new("tshark").arg("--version").output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "tshark is needed by this test: install the package tshark (Wireshark's command line tool)"
    );
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-r"])
        .arg(file)
        .args(["-d", &format!("tcp.port=={PORT},diameter")])
        .args(["-Y", &format!("diameter && tcp.srcport=={PORT}")])
        .args(arguments);
    let output = run(command).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

// === Capture file ===

/// A capture file (libpcap format, microseconds, Ethernet) with one TCP segment to a message.
fn capture(recorded: &[(Direction, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend_from_slice(&0xa1b2_c3d4u32.to_le_bytes());
    file.extend_from_slice(&[2, 0, 4, 0]);
    file.extend_from_slice(&[0; 8]);
    file.extend_from_slice(&0x0004_0000u32.to_le_bytes());
    file.extend_from_slice(&1u32.to_le_bytes());
    // Sequence numbers of the next octet each way: the daemon's and the peer's.
    let mut next = [1u32, 1u32];
    for (number, (direction, bytes)) in recorded.iter().enumerate() {
        let from = usize::from(*direction == Direction::ToDaemon);
        let frame = frame(from == 0, next[from], next[1 - from], bytes);
        next[from] += bytes.len() as u32;
        file.extend_from_slice(&1_700_000_000u32.to_le_bytes());
        file.extend_from_slice(&(number as u32).to_le_bytes());
        file.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        file.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        file.extend_from_slice(&frame);
    }
    file
}

/// Ethernet, IPv4 and TCP headers around a payload.
fn frame(from_daemon: bool, sequence: u32, acknowledged: u32, payload: &[u8]) -> Vec<u8> {
    let ends = [([127, 0, 0, 1], PORT), ([127, 0, 0, 2], PEER_PORT)];
    let (source, destination) = if from_daemon {
        (ends[0], ends[1])
    } else {
        (ends[1], ends[0])
    };
    let mut ip = vec![0x45, 0];
    ip.extend_from_slice(&((40 + payload.len()) as u16).to_be_bytes());
    ip.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
    ip.extend_from_slice(&source.0);
    ip.extend_from_slice(&destination.0);
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());

    let mut tcp = Vec::new();
    tcp.extend_from_slice(&source.1.to_be_bytes());
    tcp.extend_from_slice(&destination.1.to_be_bytes());
    tcp.extend_from_slice(&sequence.to_be_bytes());
    tcp.extend_from_slice(&acknowledged.to_be_bytes());
    // Header of five words, PSH and ACK, a large window; checksum and urgent pointer follow.
    tcp.extend_from_slice(&[0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend_from_slice(payload);
    let mut pseudo = [source.0, destination.0].concat();
    pseudo.extend_from_slice(&[0, 6]);
    pseudo.extend_from_slice(&(tcp.len() as u16).to_be_bytes());
    pseudo.extend_from_slice(&tcp);
    let sum = checksum(&pseudo);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());

    let mut frame = vec![0; 12];
    frame.extend_from_slice(&[8, 0]);
    frame.extend_from_slice(&ip);
    frame.extend_from_slice(&tcp);
    frame
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
