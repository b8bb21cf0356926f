//! The keys of access tokens from an authorization server of the test, over HTTPS: taken, renewed, and what callers are told
//! while they cannot be had.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reachd::rest::Contract::{self, V0, V1, V06};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::client::{Ask, by_number};
use super::lab::{DATA, number, populate};
use super::tokens::{AUDIENCE, ISSUER, Issuer};
use crate::support::certificates::{Authority, Pair};
use crate::support::daemon::{Daemon, Engine, Home, reachd, run};
use crate::support::eventually;

/// Longer than an answer of the daemon takes while its authorization server says nothing, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What an authorization server does.
#[derive(Clone, Debug)]
enum Manner {
    /// It publishes this.
    Publishes(String),
    /// It refuses with this status.
    Refuses(u16),
    /// It takes the connection, and says nothing, not even in the handshake.
    SaysNothing,
    /// It begins to answer, and never ends.
    NeverEnds,
    /// It says much more than any set of keys could.
    SaysTooMuch,
    /// It breaks off within its answer.
    BreaksOff,
}

/// An authorization server with a certificate. Gone when dropped.
struct Server {
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    _serving: JoinSet<()>,
}

impl Server {
    async fn start(listener: TcpListener, pair: &Pair, manner: Manner) -> Self {
        let address = listener.local_addr().unwrap();
        let (acceptor, manner) = (pair.acceptor(), Arc::new(Mutex::new(manner)));
        let shown = Arc::clone(&manner);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, manner) = (acceptor.clone(), shown.lock().unwrap().clone());
                connections.spawn(async move {
                    if let Manner::SaysNothing = manner {
                        // Until the other end gives up.
                        let _ = hold(stream).await;
                        return;
                    }
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = answer(stream, manner).await;
                    }
                });
            }
        });
        Self {
            address,
            manner,
            _serving: serving,
        }
    }

    fn now(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

async fn hold(mut stream: impl AsyncReadExt + Unpin) -> std::io::Result<()> {
    let mut octets = [0; 1024];
    while stream.read(&mut octets).await? > 0 {}
    Ok(())
}

async fn answer(
    mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
    manner: Manner,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("GET /jwks?of=tests HTTP/1.1\r\n"), "{head}");
    let begin = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let said = match &manner {
        Manner::SaysNothing => String::new(),
        Manner::Publishes(document) => begin(document.len()) + document,
        Manner::Refuses(status) => format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n"),
        Manner::NeverEnds | Manner::BreaksOff => begin(100) + "{\"keys\": [",
        Manner::SaysTooMuch => begin(1 << 20) + &" ".repeat(1 << 20),
    };
    stream.write_all(said.as_bytes()).await?;
    stream.flush().await?;
    match manner {
        Manner::BreaksOff => stream.shutdown().await,
        _ => hold(stream).await,
    }
}

/// A daemon that has its keys from there, by that name, and trusts that authority.
async fn trusting(name: &str, at: SocketAddr, authority: &Authority, more: &str) -> (Home, Daemon) {
    let mut home = Home::new(Engine::Sqlite).await;
    let authorities = home.write("authorities.pem", &authority.pem());
    home.configure(&format!(
        "\n[rest]\nlisten = \"127.0.0.1:0\"\n[rest.auth]\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\n\
         jwks_url = \"https://{name}:{}/jwks?of=tests\"\njwks_authorities = \"{}\"\njwks_pause = \"100ms\"\n{more}\n",
        at.port(),
        authorities.display()
    ));
    let daemon = home.start().await;
    populate(&daemon).await;
    (home, daemon)
}

fn ask(contract: Contract, issuer: &Issuer) -> Ask {
    Ask::about(contract, &by_number(&number(DATA))).token(&issuer.of_client("gateway"))
}

async fn local() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_come_over_https_and_new_ones_are_taken_as_soon_as_tokens_name_them() {
    let (authority, old, new) = (Authority::new(), Issuer::new(), Issuer::named("k2"));
    let pair = authority.issue("localhost");
    let server = Server::start(local().await, &pair, Manner::Publishes(old.published())).await;
    let (_home, daemon) = trusting("localhost", server.address, &authority, "").await;
    ask(V1, &old).send(daemon.rest()).await.fine();
    ask(V1, &new)
        .send(daemon.rest())
        .await
        .failed(401, "UNAUTHENTICATED");

    // Both for a while, as rotation goes, and then the new one alone.
    server.now(Manner::Publishes(Issuer::published_together(&[&old, &new])));
    eventually("the new key is known", async || {
        (ask(V1, &new).send(daemon.rest()).await.status == 200).then_some(())
    })
    .await;
    ask(V1, &old).send(daemon.rest()).await.fine();
    server.now(Manner::Publishes(new.published()));
    let stranger = Issuer::named("k3");
    eventually("the old key is gone", async || {
        // Whoever names an unknown key has them read again.
        ask(V1, &stranger).send(daemon.rest()).await;
        (ask(V1, &old).send(daemon.rest()).await.status == 401).then_some(())
    })
    .await;
    ask(V1, &new).send(daemon.rest()).await.fine();

    // While nothing better can be had, those at hand stay in use, and unknown ones are not good.
    for manner in [
        Manner::Refuses(500),
        Manner::BreaksOff,
        Manner::SaysTooMuch,
        Manner::Publishes("{\"keys\": []}".to_owned()),
    ] {
        server.now(manner);
        ask(V1, &stranger)
            .send(daemon.rest())
            .await
            .failed(401, "UNAUTHENTICATED");
        ask(V1, &new).send(daemon.rest()).await.fine();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_anybody_asking_keys_are_read_again_from_time_to_time() {
    let (authority, old, new) = (Authority::new(), Issuer::new(), Issuer::named("k2"));
    let pair = authority.issue("localhost");
    let server = Server::start(local().await, &pair, Manner::Publishes(old.published())).await;
    let more = "jwks_refresh = \"1s\"";
    let (_home, daemon) = trusting("localhost", server.address, &authority, more).await;
    ask(V1, &old).send(daemon.rest()).await.fine();
    server.now(Manner::Publishes(new.published()));
    eventually("the withdrawn key is not good any more", async || {
        (ask(V1, &old).send(daemon.rest()).await.status == 401).then_some(())
    })
    .await;
    ask(V1, &new).send(daemon.rest()).await.fine();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_be_named_by_an_address_that_its_certificate_is_for() {
    let (authority, issuer) = (Authority::new(), Issuer::new());
    for name in ["127.0.0.1", "[::1]"] {
        let Ok(listener) = TcpListener::bind(format!("{name}:0")).await else {
            // A machine without IPv6.
            continue;
        };
        let pair = authority.issue(name.trim_matches(['[', ']']));
        let server = Server::start(listener, &pair, Manner::Publishes(issuer.published())).await;
        let (_home, daemon) = trusting(name, server.address, &authority, "").await;
        ask(V1, &issuer).send(daemon.rest()).await.fine();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_certificate_is_not_vouched_for_gives_no_keys_and_callers_are_told_that_it_is_not_them()
 {
    let (authority, issuer) = (Authority::new(), Issuer::new());
    for (pair, fault) in [
        // An authority that only calls itself the same.
        (Authority::new().issue("localhost"), "BadSignature"),
        (authority.issue("other.example"), "not valid for name"),
        (authority.issue_until("localhost", 2020), "expired"),
    ] {
        let server = Server::start(local().await, &pair, Manner::Publishes(issuer.published())).await;
        let (_home, daemon) = trusting("localhost", server.address, &authority, "").await;
        cannot_be_checked(&daemon, &issuer, (502, 3), (502, "BAD_GATEWAY")).await;
        let log = eventually("it is told why", async || {
            let log = daemon.log();
            log.contains("the keys of access tokens cannot be read")
                .then_some(log)
        })
        .await;
        assert!(
            log.contains("invalid peer certificate") && log.contains(fault),
            "{log}"
        );
        // Not each time that it is tried.
        let failed = eventually("it has been tried again and again", async || {
            ask(V1, &issuer).send(daemon.rest()).await;
            let failed = failures(&daemon).await;
            (failed >= 5).then_some(failed)
        })
        .await;
        let told = daemon
            .log()
            .matches("the keys of access tokens cannot be read")
            .count();
        assert!(told < failed, "{told} of {failed}");
        let metrics = daemon.metrics().await;
        let fine = "reachd_rest_key_reloads_total{outcome=\"success\"} 0\n";
        assert!(metrics.contains(fine), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_talks_nonsense_hangs_or_is_gone_is_told_apart_and_all_is_well_when_it_is() {
    let (authority, issuer) = (Authority::new(), Issuer::new());
    let pair = authority.issue("localhost");
    let server = Server::start(local().await, &pair, Manner::Refuses(503)).await;
    let (_home, daemon) = trusting("localhost", server.address, &authority, "").await;
    let (nonsense, late) = (((502, 1), (502, "BAD_GATEWAY")), ((504, 6), (504, "TIMEOUT")));
    for (manner, (v0, v06)) in [
        (Manner::Refuses(503), nonsense),
        (Manner::SaysTooMuch, nonsense),
        (Manner::BreaksOff, nonsense),
        (Manner::Publishes("nothing".to_owned()), nonsense),
        (Manner::SaysNothing, late),
        (Manner::NeverEnds, late),
    ] {
        server.now(manner.clone());
        // A reading that began before may still be under way.
        eventually(&format!("{manner:?} is met"), async || {
            let reply = ask(V0, &issuer).send(daemon.rest()).await;
            (reply.json()["code"] == v0.1 && reply.status == v0.0).then_some(())
        })
        .await;
        let begun = Instant::now();
        timeout(PATIENCE, cannot_be_checked(&daemon, &issuer, v0, v06))
            .await
            .unwrap_or_else(|_| panic!("{manner:?} took {:?}", begun.elapsed()));
    }
    server.now(Manner::Publishes(issuer.published()));
    eventually("callers are let in", async || {
        (ask(V1, &issuer).send(daemon.rest()).await.status == 200).then_some(())
    })
    .await;
    let log = daemon.log();
    assert!(
        log.contains("the keys of access tokens can be read again"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_authority_is_trusted_once_its_file_is_read_again() {
    let (before, after, issuer) = (Authority::new(), Authority::new(), Issuer::new());
    let pair = after.issue("localhost");
    let server = Server::start(local().await, &pair, Manner::Publishes(issuer.published())).await;
    let (home, daemon) = trusting("localhost", server.address, &before, "").await;
    cannot_be_checked(&daemon, &issuer, (502, 3), (502, "BAD_GATEWAY")).await;
    // A file without certificates changes nothing.
    home.write("authorities.pem", "");
    daemon.signal_hangup();
    eventually("it is told", async || {
        let log = daemon.log();
        log.contains("rest.auth.jwks_authorities cannot be read again")
            .then_some(())
    })
    .await;
    home.write("authorities.pem", &after.pem());
    daemon.signal_hangup();
    eventually("callers are let in", async || {
        (ask(V1, &issuer).send(daemon.rest()).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_authority_is_trusted_at_all_the_configuration_is_refused() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.configure(&format!(
        "\n[rest]\nlisten = \"127.0.0.1:0\"\n[rest.auth]\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\n\
         jwks_url = \"https://idp.example/jwks\"\n"
    ));
    let config = home.config();
    let nothing = home.path("nothing");
    std::fs::create_dir(&nothing).unwrap();
    let check = |trusted: &'static str| {
        let mut command = reachd();
        command.arg("check").arg("--config").arg(&config);
        command.env("SSL_CERT_FILE", home.path(trusted));
        command.env("SSL_CERT_DIR", &nothing);
        run(command)
    };
    home.write("some.pem", &Authority::new().pem());
    home.write("none.pem", "");
    let fine = check("some.pem").await;
    assert!(fine.status.success(), "{fine:?}");
    let refused = check("none.pem").await;
    assert_eq!(refused.status.code(), Some(78), "{refused:?}");
    let told = [refused.stdout, refused.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    assert!(
        told.contains("rest.auth.jwks_authorities") && told.contains("trusts no authorities"),
        "{told}"
    );
}

/// Readings that failed.
async fn failures(daemon: &Daemon) -> usize {
    let metrics = daemon.metrics().await;
    let counted = metrics
        .lines()
        .find_map(|line| line.strip_prefix("reachd_rest_key_reloads_total{outcome=\"failure\"} "));
    counted.unwrap().parse().unwrap()
}

/// Whoever has a token is told that it cannot be checked, and who has none that one is needed.
async fn cannot_be_checked(daemon: &Daemon, issuer: &Issuer, v0: (u16, u16), v06: (u16, &str)) {
    ask(V0, issuer).send(daemon.rest()).await.failed_as(v0.0, v0.1);
    ask(V06, issuer).send(daemon.rest()).await.failed(v06.0, v06.1);
    ask(V1, issuer)
        .send(daemon.rest())
        .await
        .failed(503, "UNAVAILABLE");
    ask(V1, issuer)
        .without("Authorization")
        .send(daemon.rest())
        .await
        .failed(401, "UNAUTHENTICATED");
}
