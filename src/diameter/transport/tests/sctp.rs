//! SCTP, as far as the machine has it: on its own sockets where the kernel knows them, and on local sockets that keep
//! messages apart as well.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::diameter::codec::{CommandFlags, MessageBuilder};
use crate::diameter::config::{DiameterConfig, Initiate, PeerConfig, Transport};
use crate::diameter::dict::s6a::APPLICATION as S6A;
use crate::diameter::transport::messages::Messages;
use crate::diameter::transport::sctp::{self, Half};

use super::far_end::*;

fn pair() -> [Half; 2] {
    let (near, far) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None).unwrap();
    [near, far].map(|socket| {
        socket.set_nonblocking(true).unwrap();
        Half::new(TcpStream::from_std(socket.into()).unwrap())
    })
}

#[tokio::test]
async fn messages_that_wait_in_the_socket_are_all_read_and_each_is_answered_by_itself() {
    const COUNT: u32 = 100;
    let [near, mut far] = pair();
    let fixture = Fixture::start(Over::Memory, config());
    // All of it waits before the node reads for the first time, and nothing is read here until it has: nothing but the
    // node's reading itself drives it on.
    far.write_all(&cer("dra1.example", S6A)).await.unwrap();
    for hop_by_hop in 0..COUNT {
        let mut request = BytesMut::new();
        MessageBuilder::request(&mut request, CommandFlags::PROXIABLE, ULR, S6A, hop_by_hop, 1).finish();
        far.write_all(&request).await.unwrap();
    }
    fixture.seen.hold.store(true, Ordering::SeqCst);
    fixture.serve(near.clone(), Messages(near));
    fixture
        .until("nothing is left lying in the socket", |seen| {
            seen.requests.load(Ordering::SeqCst) == COUNT as usize
        })
        .await;
    fixture.seen.release();
    let mut packet = vec![0; 64 * 1024];
    for expected in 0..=COUNT {
        let read = tokio::time::timeout(PATIENCE, far.read(&mut packet)).await;
        let message = &packet[..read.expect("an answer").unwrap()];
        let header = header(message);
        assert_eq!(header.length as usize, message.len(), "one message in a packet");
        if expected > 0 {
            assert_eq!((header.command, header.hop_by_hop), (ULR, expected - 1));
        }
    }
    drop(far);
    fixture
        .until("the connection is gone", |seen| {
            seen.open.load(Ordering::SeqCst) == 0
        })
        .await;
}

#[tokio::test]
async fn what_is_no_whole_message_is_never_handed_over() {
    let [near, mut far] = pair();
    let mut writer = Messages(near);
    let message = dwr("dra1.example");
    let mut empty = message.clone();
    empty[1..4].copy_from_slice(&[0; 3]);
    for broken in [&message[..message.len() - 1], &message[..19], &empty] {
        let error = writer.write(broken).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
    let two = [&message[..], &message].concat();
    assert_eq!(writer.write(&two).await.unwrap(), message.len());
    let mut packet = vec![0; 1024];
    assert_eq!(far.read(&mut packet).await.unwrap(), message.len());
}

/// One statement for either kind of machine, so that it is tested on each.
#[tokio::test]
async fn where_the_kernel_has_sctp_two_nodes_talk_over_it_and_elsewhere_the_configuration_is_refused() {
    let config = |identity: &str, peer: PeerConfig| DiameterConfig {
        sctp_listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        identity: identity.to_owned(),
        peers: vec![PeerConfig {
            transport: Transport::Sctp,
            ..peer
        }],
        ..config()
    };
    let accepting = config("a.example", PeerConfig::new("b.example"));
    assert_eq!(accepting.problems(), []);
    let problems = accepting.machine_problems();
    if let Err(error) = sctp::available() {
        let [(key, text)] = &problems[..] else {
            panic!("one problem: {problems:?}");
        };
        assert_eq!(key, "sctp_listen");
        assert!(
            text.starts_with(&format!("SCTP cannot be used on this machine: {error}. ")),
            "{text}"
        );
        let dialling = DiameterConfig {
            sctp_listen: None,
            ..accepting
        };
        assert_eq!(dialling.machine_problems()[0].0, "peers[0].transport");
        return;
    }
    assert_eq!(problems, []);
    let mut one = Fixture::start(Over::Tcp, accepting);
    let mut other = Fixture::start(
        Over::Tcp,
        config(
            "b.example",
            PeerConfig {
                address: one.sctp.map(|address| address.to_string()),
                initiate: Some(Initiate::Us),
                ..PeerConfig::new("a.example")
            },
        ),
    );
    for fixture in [&one, &other] {
        fixture
            .until("the association is open", |seen| {
                seen.open.load(Ordering::SeqCst) == 1
            })
            .await;
    }
    other.stop().await;
    one.until("it is closed in order", |seen| {
        seen.open.load(Ordering::SeqCst) == 0
    })
    .await;
    one.stop().await;
}

#[test]
fn a_peer_that_is_to_connect_needs_a_listener() {
    let peer = PeerConfig {
        transport: Transport::Sctp,
        ..PeerConfig::new("dra1.example")
    };
    let dialled = PeerConfig {
        address: Some("127.0.0.1:3868".to_owned()),
        identity: "hss1.example".to_owned(),
        ..peer.clone()
    };
    let config = DiameterConfig {
        peers: vec![peer, dialled],
        ..config()
    };
    let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["peers[0].transport"]);
}
