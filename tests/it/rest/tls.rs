//! HTTPS of the daemon's own: served where it is configured, and certificates that change while it runs.

use std::net::SocketAddr;

use reachd::rest::Contract::V1;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::client::{Ask, Reply, by_number};
use super::edge::{counted, response};
use super::lab::{DATA, number, populate};
use super::tokens::{AUDIENCE, ISSUER, Issuer};
use crate::support::certificates::{Authority, Pair};
use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::eventually;

const NAME: &str = "reachd.home.example";

fn ask() -> Ask {
    Ask::about(V1, &by_number(&number(DATA)))
}

/// A daemon with that certificate in its home.
async fn showing(pair: &Pair, more: &str) -> (Home, Daemon) {
    let mut home = Home::new(Engine::Sqlite).await;
    pair.write(&home.path(""));
    home.configure(&format!(
        "\n[rest]\nlisten = \"127.0.0.1:0\"\nauth.mode = \"none\"\n[rest.tls]\ncertificate = \"{}\"\nkey = \"{}\"\n{more}\n",
        home.path("certificate.pem").display(),
        home.path("key.pem").display()
    ));
    let daemon = home.start().await;
    populate(&daemon).await;
    (home, daemon)
}

/// A fresh connection, and the certificate that the daemon shows on it.
async fn connect(
    authority: &Authority,
    to: SocketAddr,
    holder: &Pair,
) -> (TlsStream<TcpStream>, CertificateDer<'static>) {
    let stream = authority.connect(to, holder).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    (stream, shown)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_certificate_https_is_served_and_http_is_not() {
    let authority = Authority::new();
    let pair = authority.issue(NAME);
    let (_home, daemon) = showing(&pair, "[rest.limits]\nhead_timeout = \"2s\"").await;

    let (mut stream, _) = connect(&authority, daemon.rest(), &pair).await;
    stream.write_all(&ask().octets(true)).await.unwrap();
    let mut octets = Vec::new();
    let _ = stream.read_to_end(&mut octets).await;
    Reply::parse(&octets).fine();

    let mut plain = TcpStream::connect(daemon.rest()).await.unwrap();
    plain.write_all(&ask().octets(true)).await.unwrap();
    let mut octets = Vec::new();
    let _ = plain.read_to_end(&mut octets).await;
    assert!(!octets.starts_with(b"HTTP"), "{octets:?}");
    counted(
        &daemon,
        "reachd_rest_connections_accepted_total{outcome=\"tls\"} 1",
    )
    .await;

    // Nor is who never begins a handshake waited for.
    let mut silent = TcpStream::connect(daemon.rest()).await.unwrap();
    let mut octets = Vec::new();
    let _ = silent.read_to_end(&mut octets).await;
    counted(
        &daemon,
        "reachd_rest_connections_accepted_total{outcome=\"tls\"} 2",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_connections_see_a_new_certificate_and_open_ones_live_on() {
    let authority = Authority::new();
    let pairs: Vec<_> = (0..3).map(|_| authority.issue(NAME)).collect();
    let (home, daemon) = showing(&pairs[0], "").await;
    let reloads = async |outcome: &str, count: usize| {
        let line = format!("reachd_rest_certificate_reloads_total{{outcome=\"{outcome}\"}} {count}");
        counted(&daemon, &line).await;
    };
    reloads("success", 0).await;
    counted(&daemon, "reachd_rest_certificate_expiry_timestamp_seconds ").await;
    let (mut old, shown) = connect(&authority, daemon.rest(), &pairs[0]).await;
    assert_eq!(shown, pairs[0].der());
    old.write_all(&ask().octets(false)).await.unwrap();
    response(&mut old).await.fine();

    // Asked for, a change is read at once.
    pairs[1].write(&home.path(""));
    daemon.signal_hangup();
    reloads("success", 1).await;
    let (mut new, shown) = connect(&authority, daemon.rest(), &pairs[0]).await;
    assert_eq!(shown, pairs[1].der());
    new.write_all(&ask().octets(false)).await.unwrap();
    response(&mut new).await.fine();

    // Files that cannot be used are told of, and change nothing.
    home.write("certificate.pem", "broken");
    daemon.signal_hangup();
    reloads("failure", 1).await;
    let log = daemon.log();
    let told = log.lines().find(|line| {
        line.contains("WARN") && line.contains("rest.tls.certificate: ") && line.contains("stays in use")
    });
    assert!(told.is_some(), "{log}");
    let (_, shown) = connect(&authority, daemon.rest(), &pairs[0]).await;
    assert_eq!(shown, pairs[1].der());

    // Without a word, a change is noticed, and a key of another certificate is one that cannot be used.
    pairs[2].write(&home.path(""));
    eventually("the new certificate is shown", async || {
        let (_, shown) = connect(&authority, daemon.rest(), &pairs[0]).await;
        (shown == pairs[2].der()).then_some(())
    })
    .await;
    home.write("key.pem", &pairs[0].key);
    reloads("failure", 2).await;
    assert!(
        daemon
            .log()
            .contains("rest.tls.key: does not fit the certificate")
    );

    for stream in [&mut old, &mut new] {
        stream.write_all(&ask().octets(false)).await.unwrap();
        response(stream).await.fine();
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_keys_is_read_again_when_asked_for() {
    let mut home = Home::new(Engine::Sqlite).await;
    let (old, new) = (Issuer::new(), Issuer::new());
    let keys = home.write("jwks.json", &old.published());
    home.configure(&format!(
        "\n[rest]\nlisten = \"127.0.0.1:0\"\n[rest.auth]\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\n\
         jwks_file = \"{}\"\njwks_pause = \"1h\"\n",
        keys.display()
    ));
    let daemon = home.start().await;
    populate(&daemon).await;
    let with = |issuer: &Issuer| ask().token(&issuer.of_client("gateway"));
    with(&old).send(daemon.rest()).await.fine();
    home.write("jwks.json", &new.published());
    daemon.signal_hangup();
    eventually("the new key is known", async || {
        (with(&new).send(daemon.rest()).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(with(&old).send(daemon.rest()).await.status, 401);
    // A file that is broken changes nothing.
    home.write("jwks.json", "{");
    daemon.signal_hangup();
    counted(&daemon, "reachd_rest_key_reloads_total{outcome=\"failure\"} 1").await;
    with(&new).send(daemon.rest()).await.fine();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_has_ended_is_told_of_at_start_and_when_it_ends_is_shown() {
    let pair = Authority::new().issue_until(NAME, 2020);
    let (_home, daemon) = showing(&pair, "").await;
    let log = daemon.log();
    let told = log.lines().find(|line| {
        line.contains("WARN")
            && line.contains("the certificate of rest.tls expired")
            && line.contains(" days ago")
    });
    assert!(told.is_some(), "{log}");
    // The beginning of that year.
    counted(
        &daemon,
        "reachd_rest_certificate_expiry_timestamp_seconds 1577836800",
    )
    .await;
}
