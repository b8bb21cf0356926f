//! What HTTP itself leaves to clients: methods, versions, ways to send a body, and forms of a target (RFC 9110, RFC 9112).

use std::time::Duration;

use reachd::rest::Contract::{self, V0, V1, V06};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{Ask, Reply, by_number};
use super::edge::response;
use super::lab::{DATA, Lab, NOBODY, number};

const PATIENCE: Duration = Duration::from_secs(30);

/// Sends octets as they are, and reads until the daemon ends the connection.
async fn raw(lab: &Lab, octets: &[u8]) -> String {
    let mut stream = TcpStream::connect(lab.at()).await.unwrap();
    stream.write_all(octets).await.unwrap();
    let mut said = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut said)).await.unwrap();
    String::from_utf8(said).unwrap()
}

fn fine(lab: &Lab, contract: Contract) -> Ask {
    lab.ask(contract, &by_number(&number(DATA)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_and_options_are_no_methods_of_the_question_and_head_is_one_of_the_document() {
    let lab = Lab::open().await;
    for contract in Contract::ALL {
        for method in ["HEAD", "OPTIONS", "GET", "TRACE"] {
            let ask = fine(&lab, contract).method(method).bare();
            let said = raw(&lab, &ask.octets(true)).await;
            let (head, body) = said.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 405 "), "{method}: {said}");
            assert!(head.contains("\r\nallow: POST"), "{method}: {said}");
            assert_eq!(body.is_empty(), method == "HEAD", "{method}: {said}");
        }
        let document = Ask::get(contract.document_path());
        let whole = document.send(lab.at()).await;
        let said = raw(&lab, &document.method("HEAD").octets(true)).await;
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 ") && body.is_empty(), "{said}");
        let length = format!("content-length: {}", whole.text.len());
        assert!(head.contains(&length), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_1_0_is_answered_and_its_connection_ends() {
    let lab = Lab::open().await;
    let octets = fine(&lab, V1).without("Host").octets(false);
    let old = String::from_utf8(octets).unwrap().replace("HTTP/1.1", "HTTP/1.0");
    // Ends although nobody has asked for it.
    let said = raw(&lab, old.as_bytes()).await;
    assert!(said.starts_with("HTTP/1.0 200 "), "{said}");
    Reply::parse(said.as_bytes()).fine();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_to_be_told_to_go_on_is_told_so_if_let_in_and_refused_at_once_if_not() {
    let lab = Lab::open().await;
    let ask = fine(&lab, V1).with("Expect", "100-continue");
    let whole = ask.octets(false);
    let head = whole.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let mut stream = TcpStream::connect(lab.at()).await.unwrap();
    stream.write_all(&whole[..head]).await.unwrap();
    let mut told = [0; 25];
    timeout(PATIENCE, stream.read_exact(&mut told))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&whole[head..]).await.unwrap();
    response(&mut stream).await.fine();

    // The body is not waited for where it would not be read.
    let whole = ask.without("Authorization").octets(false);
    let head = whole.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let mut stream = TcpStream::connect(lab.at()).await.unwrap();
    stream.write_all(&whole[..head]).await.unwrap();
    let refused = response(&mut stream).await;
    refused.failed(401, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_in_chunks_is_held_to_the_same_bound() {
    let lab = Lab::open().await;
    let head = fine(&lab, V06)
        .bare()
        .with("Transfer-Encoding", "chunked")
        .octets(true);
    let padding = " ".repeat(1024);
    let chunks = format!("400\r\n{padding}\r\n").repeat(17) + "0\r\n\r\n";
    let said = raw(&lab, &[&head[..], chunks.as_bytes()].concat()).await;
    Reply::parse(said.as_bytes()).failed(413, "CONTENT_TOO_LARGE");
    // A chunk that is none is an invalid body, or no answer at all; never a lookup.
    let said = raw(&lab, &[&head[..], b"zz\r\n{}\r\n0\r\n\r\n"].concat()).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 400 "), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_may_be_absolute_and_a_query_is_passed_over() {
    let lab = Lab::open().await;
    let target = format!("http://reachd.example{}", V1.retrieve());
    fine(&lab, V1).target(&target).send(lab.at()).await.fine();
    let target = format!("{}?since=%20now", V1.retrieve());
    fine(&lab, V1).target(&target).send(lab.at()).await.fine();
    // Without slashes that mean nothing, and in the case that the contract has.
    for target in [
        "//device-reachability-status/v1/retrieve",
        "/device-reachability-status/v1/Retrieve",
        "/device-reachability-status/v1/%72etrieve/",
        "*",
    ] {
        let reply = fine(&lab, V1).target(target).send(lab.at()).await;
        assert_eq!(reply.status, 404, "{target}: {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_there_twice_is_refused_and_so_is_what_follows_the_body() {
    let lab = Lab::open().await;
    let (one, other) = (number(DATA), number(NOBODY));
    for body in [
        format!(r#"{{"device": {{"phoneNumber": "{one}", "phoneNumber": "{other}"}}}}"#),
        format!(r#"{{"device": {{"phoneNumber": "{one}"}}, "device": {{"phoneNumber": "{other}"}}}}"#),
        format!(r#"{{"device": {{"phoneNumber": "{one}"}}}} {{}}"#),
        format!("\u{feff}{}", by_number(&one)),
    ] {
        for contract in [V06, V1] {
            let reply = lab.ask(contract, &json!({})).body(&body).send(lab.at()).await;
            reply.failed(400, "INVALID_ARGUMENT");
            assert!(!reply.text.contains(&one[1..]) && !reply.text.contains(&other[1..]));
        }
        let reply = lab.ask(V0, &json!({})).body(&body).send(lab.at()).await;
        assert_eq!(reply.status, 400);
        assert!(
            [22, 24].contains(&reply.json()["code"].as_u64().unwrap()),
            "{reply:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_correlator_is_held_to_its_pattern_and_length_in_each_version() {
    let lab = Lab::open().await;
    let long = "x".repeat(256);
    for contract in Contract::ALL {
        for sound in [&long, "a-Z0_:;./<>{}", ""] {
            let ask = fine(&lab, contract).with("x-correlator", sound);
            let reply = ask.send(lab.at()).await;
            reply.fine();
            assert_eq!(reply.headers["x-correlator"], sound);
        }
        for wrong in [&format!("{long}x"), "tab\there", "\u{e4}"] {
            let reply = fine(&lab, contract)
                .with("x-correlator", wrong)
                .send(lab.at())
                .await;
            assert_eq!(reply.status, 400, "{reply:?}");
            // What is not taken does not come back.
            assert_eq!(reply.headers["x-correlator"].len(), 36);
            let said = reply.json();
            let sentence = said.get("description").unwrap_or_else(|| &said["message"]);
            assert!(sentence.as_str().unwrap().starts_with("x-correlator: "), "{said}");
        }
    }
}
