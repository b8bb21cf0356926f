//! What went over the wire as a capture file, and what Wireshark's dissector has to say of the daemon's part in it.
//!
//! The file gets made-up Ethernet, IP and TCP headers, so that no right to capture packets is needed.

use std::path::Path;
use std::process::Command;

use super::daemon::run;
use super::wire::Direction;

/// Whole messages of one connection, or octets where it is encrypted, in the order they went over the wire.
pub(crate) type Exchange = Vec<(Direction, Vec<u8>)>;

/// The daemon's port in the file.
const PORT: u16 = 3868;
/// The peer's port in the file; each further connection takes the next.
const PEER_PORT: u16 = 40_000;

/// Fails unless the dissector recognises every message of the daemon and finds no fault with any: nothing malformed, no
/// remark, no AVP that it does not know. `file` is left behind for whoever wants to look.
pub(crate) async fn assert_dissects(file: &Path, connections: &[Exchange]) {
    let verdict = dissect(file, connections).await;
    assert_eq!(verdict.recognised, said(connections));
    assert_eq!(verdict.faults, Vec::<String>::new());
}

/// The same for connections over TLS, with the secrets that one end has logged. Returns the commands of the daemon's
/// messages, in order: how many there are to recognise only the dissector knows.
pub(crate) async fn assert_dissects_with_keys(file: &Path, connections: &[Exchange], keys: &str) -> Vec<u32> {
    let log = file.with_extension("keys");
    std::fs::write(&log, keys).unwrap();
    let secrets = [
        format!("-dtcp.port=={PORT},tls"),
        format!("-dtls.port=={PORT},diameter"),
        format!("-otls.keylog_file:{}", log.display()),
    ];
    let verdict = dissect_as(file, connections, &secrets).await;
    assert_eq!(verdict.faults, Vec::<String>::new());
    verdict.commands
}

/// How many messages the daemon sent.
pub(crate) fn said(connections: &[Exchange]) -> usize {
    let sent = |(direction, _): &&(Direction, _)| *direction == Direction::FromDaemon;
    connections.iter().flatten().filter(sent).count()
}

/// What the dissector makes of the messages of the daemon.
pub(crate) struct Verdict {
    /// How many of them it takes for Diameter.
    pub(crate) recognised: usize,
    /// Their commands.
    commands: Vec<u32>,
    /// What it has to say against them.
    pub(crate) faults: Vec<String>,
}

/// Writes the capture file and runs tshark over the messages of the daemon in it.
pub(crate) async fn dissect(file: &Path, connections: &[Exchange]) -> Verdict {
    dissect_as(file, connections, &[format!("-dtcp.port=={PORT},diameter")]).await
}

/// With the arguments that say what the octets are.
async fn dissect_as(file: &Path, connections: &[Exchange], what: &[String]) -> Verdict {
    write(file, connections);
    let found = Command::new("tshark").arg("--version").output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "tshark is needed by this test: install the package tshark (Wireshark's command line tool)"
    );
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-r"])
        .arg(file)
        .args(what)
        .args(["-Y", &format!("diameter && tcp.srcport=={PORT}")])
        .args(["-T", "fields", "-E", "separator=|"]);
    for field in [
        "diameter.cmd.code",
        "_ws.malformed",
        "_ws.expert.message",
        "diameter.avp.unknown",
        "diameter.avp.invalid-data",
    ] {
        command.args(["-e", field]);
    }
    let output = run(command).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let remark = |line: &str| {
        let (command, remarks) = line.split_once('|')?;
        let remarks = remarks.trim_matches('|');
        (!remarks.is_empty()).then(|| format!("command {command}: {remarks}"))
    };
    // A frame may hold several messages.
    let commands = |line: &str| -> Vec<u32> {
        let (commands, _) = line.split_once('|').unwrap();
        commands
            .split(',')
            .map(|command| command.parse().unwrap())
            .collect()
    };
    let commands: Vec<u32> = lines.lines().flat_map(commands).collect();
    Verdict {
        recognised: commands.len(),
        commands,
        faults: lines.lines().filter_map(remark).collect(),
    }
}

// === Capture file ===

/// Writes a capture file (libpcap format, microseconds, Ethernet) with one TCP segment to a message.
fn write(path: &Path, connections: &[Exchange]) {
    let mut file = Vec::new();
    file.extend_from_slice(&0xa1b2_c3d4u32.to_le_bytes());
    file.extend_from_slice(&[2, 0, 4, 0]);
    file.extend_from_slice(&[0; 8]);
    file.extend_from_slice(&0x0004_0000u32.to_le_bytes());
    file.extend_from_slice(&1u32.to_le_bytes());
    let mut number = 0u32;
    for (peer_port, exchange) in (PEER_PORT..).zip(connections) {
        // Sequence numbers of the next octet each way: the daemon's and the peer's.
        let mut next = [1u32, 1u32];
        for (direction, bytes) in exchange {
            let from = usize::from(*direction == Direction::ToDaemon);
            let frame = frame(*direction, peer_port, next[from], next[1 - from], bytes);
            next[from] += bytes.len() as u32;
            file.extend_from_slice(&1_700_000_000u32.to_le_bytes());
            file.extend_from_slice(&number.to_le_bytes());
            file.extend_from_slice(&(frame.len() as u32).to_le_bytes());
            file.extend_from_slice(&(frame.len() as u32).to_le_bytes());
            file.extend_from_slice(&frame);
            number += 1;
        }
    }
    std::fs::write(path, file).unwrap();
}

/// Ethernet, IPv4 and TCP headers around a payload.
fn frame(direction: Direction, peer_port: u16, sequence: u32, acknowledged: u32, payload: &[u8]) -> Vec<u8> {
    let ends = [([127, 0, 0, 1], PORT), ([127, 0, 0, 2], peer_port)];
    let (source, destination) = match direction {
        Direction::FromDaemon => (ends[0], ends[1]),
        Direction::ToDaemon => (ends[1], ends[0]),
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
