//! A server on the edge of a network: slow clients, too many of them, and what is hardly HTTP.

use std::time::{Duration, Instant};

use reachd::rest::Contract::{self, V1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{Ask, Reply, by_number};
use super::lab::{DATA, number, populate};
use super::tokens::Issuer;
use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::eventually;

const PATIENCE: Duration = Duration::from_secs(30);

async fn lab(limits: &str) -> (Home, Daemon) {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure(&format!(
        "\n[rest]\nlisten = \"127.0.0.1:0\"\nauth.mode = \"none\"\n[rest.limits]\n{limits}\n"
    ));
    let daemon = home.start().await;
    populate(&daemon).await;
    (home, daemon)
}

fn ask() -> Ask {
    Ask::about(V1, &by_number(&number(DATA)))
}

/// One response of a connection that stays open.
pub(super) async fn response(stream: &mut (impl AsyncReadExt + Unpin)) -> Reply {
    let mut octets = Vec::new();
    let mut byte = [0];
    loop {
        let read = timeout(PATIENCE, stream.read(&mut byte)).await.unwrap().unwrap();
        assert_eq!(read, 1, "the connection ended after {octets:?}");
        octets.push(byte[0]);
        let text = String::from_utf8_lossy(&octets);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .expect("a length");
            if body.len() == length {
                return Reply::parse(&octets);
            }
        }
    }
}

/// How long it takes until the daemon ends the connection.
async fn ends(stream: &mut TcpStream) -> Duration {
    let begun = Instant::now();
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .expect("the connection ends");
    begun.elapsed()
}

pub(super) async fn counted(daemon: &Daemon, line: &str) {
    eventually(&format!("{line} is counted"), async || {
        daemon
            .metrics()
            .await
            .lines()
            .any(|other| other.starts_with(line))
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_serves_many_requests_also_when_they_come_at_once() {
    let (_home, daemon) = lab("").await;
    let mut stream = TcpStream::connect(daemon.rest()).await.unwrap();
    for contract in Contract::ALL {
        let ask = Ask::about(contract, &by_number(&number(DATA)));
        stream.write_all(&ask.octets(false)).await.unwrap();
        response(&mut stream).await.fine();
    }
    let many = ask().octets(false).repeat(5);
    stream.write_all(&many).await.unwrap();
    for _ in 0..5 {
        response(&mut stream).await.fine();
    }
    // A body in chunks, octet by octet.
    let body = by_number(&number(DATA)).to_string();
    let head = String::from_utf8(ask().bare().with("Transfer-Encoding", "chunked").octets(false)).unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    for octet in body.chars() {
        stream
            .write_all(format!("1\r\n{octet}\r\n").as_bytes())
            .await
            .unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    response(&mut stream).await.fine();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_idle_connections_and_bodies_that_do_not_come_are_cut_and_others_are_served_meanwhile() {
    let (_home, daemon) =
        lab("head_timeout = \"300ms\"\nidle_timeout = \"1s\"\nbody_timeout = \"300ms\"").await;
    let mut idle = TcpStream::connect(daemon.rest()).await.unwrap();
    let mut used = TcpStream::connect(daemon.rest()).await.unwrap();
    used.write_all(&ask().octets(false)).await.unwrap();
    response(&mut used).await.fine();
    let mut head = TcpStream::connect(daemon.rest()).await.unwrap();
    head.write_all(b"POST / HTTP/1.1\r\nHost: ").await.unwrap();
    ask().send(daemon.rest()).await.fine();

    assert!(ends(&mut head).await < Duration::from_secs(20));
    counted(&daemon, "reachd_rest_connections_cut_total{slow_with=\"head\"} 1").await;
    ends(&mut idle).await;
    ends(&mut used).await;
    counted(&daemon, "reachd_rest_connections_cut_total{slow_with=\"idle\"} 2").await;
    // A body that does not come has an answer, and the connection ends behind it.
    let mut body = TcpStream::connect(daemon.rest()).await.unwrap();
    let late = ask().body("{").with("Content-Length", "10");
    body.write_all(&late.octets(false)).await.unwrap();
    Reply::read_to_end(&mut body).await.failed(408, "REQUEST_TIMEOUT");
    counted(&daemon, "reachd_rest_connections 0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_asks_and_does_not_read_is_cut() {
    let (_home, daemon) = lab("write_timeout = \"300ms\"\nrate = 0").await;
    let mut stream = TcpStream::connect(daemon.rest()).await.unwrap();
    let document = Ask::get(V1.document_path()).octets(false);
    let writing = async {
        // Until nobody takes them any more.
        while stream.write_all(&document).await.is_ok() {}
    };
    timeout(PATIENCE, writing).await.expect("it is cut");
    counted(
        &daemon,
        "reachd_rest_connections_cut_total{slow_with=\"reading\"} 1",
    )
    .await;
    ask().send(daemon.rest()).await.fine();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_allowed_are_closed_and_there_is_room_again_when_others_go() {
    let (_home, daemon) = lab("connections = 2").await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(daemon.rest()).await.unwrap();
        stream.write_all(&ask().octets(false)).await.unwrap();
        response(&mut stream).await.fine();
        open.push(stream);
    }
    let mut one_more = TcpStream::connect(daemon.rest()).await.unwrap();
    ends(&mut one_more).await;
    counted(
        &daemon,
        "reachd_rest_connections_accepted_total{outcome=\"too_many\"} 1",
    )
    .await;
    drop(open);
    eventually("there is room again", async || {
        let mut stream = TcpStream::connect(daemon.rest()).await.unwrap();
        let _ = stream.write_all(&ask().octets(true)).await;
        let mut octets = Vec::new();
        let _ = stream.read_to_end(&mut octets).await;
        (!octets.is_empty()).then(|| Reply::parse(&octets).fine())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_http_or_too_much_of_it_harms_nobody() {
    let (_home, daemon) = lab("").await;
    let many_headers: String = (0..200).map(|n| format!("X-{n}: x\r\n")).collect();
    for octets in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        vec![0; 1000],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        format!("POST / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000)).into_bytes(),
        format!("POST / HTTP/1.1\r\n{many_headers}\r\n").into_bytes(),
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_vec(),
    ] {
        let mut stream = TcpStream::connect(daemon.rest()).await.unwrap();
        let _ = stream.write_all(&octets).await;
        stream.shutdown().await.unwrap();
        ends(&mut stream).await;
    }
    ask().send(daemon.rest()).await.fine();
    counted(&daemon, "reachd_rest_connections 0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_answers_what_is_under_way_and_ends_idle_connections() {
    let (_home, mut daemon) = lab("").await;
    let mut idle = TcpStream::connect(daemon.rest()).await.unwrap();
    let mut busy = TcpStream::connect(daemon.rest()).await.unwrap();
    let octets = ask().octets(false);
    let (most, last) = octets.split_at(octets.len() - 1);
    busy.write_all(most).await.unwrap();
    counted(&daemon, "reachd_rest_connections 2").await;
    let at = daemon.rest();
    daemon.signal_terminate();
    ends(&mut idle).await;
    busy.write_all(last).await.unwrap();
    Reply::read_to_end(&mut busy).await.fine();
    assert!(daemon.ended().await.success());
    assert!(TcpStream::connect(at).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_client_has_its_own_allowance_and_is_told_when_to_come_again() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure("\n[rest]\nlisten = \"127.0.0.1:0\"\n[rest.limits]\nrate = 1\nburst = 3\n");
    let issuer = Issuer::new();
    issuer.trusted_by(&mut home, "");
    let daemon = home.start().await;
    populate(&daemon).await;
    let one = ask().token(&issuer.of_client("one"));
    for _ in 0..3 {
        one.send(daemon.rest()).await.fine();
    }
    let refused = one.send(daemon.rest()).await;
    refused.failed(429, "TOO_MANY_REQUESTS");
    assert_eq!(refused.headers["retry-after"], "1");
    // Another client is not concerned, nor is the same one with another token.
    ask()
        .token(&issuer.of_client("another"))
        .send(daemon.rest())
        .await
        .fine();
    ask()
        .token(&issuer.about(&number(DATA)))
        .body("{}")
        .send(daemon.rest())
        .await
        .fine();
    eventually("there is room again", async || {
        (one.send(daemon.rest()).await.status == 200).then_some(())
    })
    .await;
}
