//! What carries Diameter, on the real binary: mutual TLS, and what is said where TLS or SCTP cannot be.

use std::path::Path;
use std::process::Output;

use reachd::proto::v1::{Connectivity, ReachabilityStatus as Status};
use socket2::{Domain, Protocol, Socket, Type};

use crate::support::certificates::{Authority, Pair};
use crate::support::daemon::{Engine, Home, reachd, run};
use crate::support::wire::{DRA, Peer, Request, SUCCESS, command};
use crate::support::{Subscriber, eventually};

const SECURE_DRA: &str = "dra3.home.example";
const UNKNOWN_PEER: u32 = 3010;

/// A home with a TLS listener, `own` as the daemon's certificate, and a peer that has to use it.
async fn home(authority: &Authority, own: &Pair) -> Home {
    let mut home = Home::new(Engine::Sqlite).await;
    let authorities = home.write("authorities.pem", &authority.pem());
    let folder = authorities.parent().unwrap();
    own.write(folder);
    let path = |name: &str| folder.join(name).display().to_string();
    let tls = format!(
        "\n[diameter.tls]\ncertificate = \"{}\"\nkey = \"{}\"\nauthorities = \"{}\"\n\
         \n[[diameter.peers]]\nidentity = \"{SECURE_DRA}\"\ntransport = \"tls\"\n",
        path("certificate.pem"),
        path("key.pem"),
        path("authorities.pem"),
    );
    home.diameter("tls_listen = \"127.0.0.1:0\"").configure(&tls);
    home
}

async fn command_on(home: &Home, command: &str) -> Output {
    let mut reachd = reachd();
    reachd.args([command, "--config"]).arg(home.config());
    run(reachd).await
}

fn told(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_over_mutual_tls_makes_a_device_reachable_and_new_certificates_need_no_restart() {
    let authority = Authority::new();
    let own = authority.issue("reachd.home.example");
    let home = home(&authority, &own).await;
    let mut daemon = home.start().await;
    let (_, ready) = daemon.admin("/ready").await;
    assert!(
        ready.contains(&format!("\"diameter_tls\":\"{}\"", daemon.diameter_tls())),
        "{ready}"
    );
    let subscriber = Subscriber::nth(1);
    daemon.import_rows(std::slice::from_ref(&subscriber)).await;

    let holder = authority.issue(SECURE_DRA);
    let stream = authority.connect(daemon.diameter_tls(), &holder).await.unwrap();
    assert_eq!(stream.get_ref().1.peer_certificates().unwrap()[0], own.der());
    let mut peer = Peer::on(stream, SECURE_DRA);
    peer.exchange_capabilities().await;
    peer.ask(&Request::update_location(
        &subscriber.imsi,
        "mme1.visited.example",
    ))
    .await
    .assert_result(SUCCESS);
    daemon
        .lookups()
        .phone(&subscriber.number())
        .await
        .assert_is(Status::ConnectedData, &[Connectivity::Data]);

    // Neither another's certificate nor the plain port lets anybody in by that name.
    let other = authority.issue(DRA);
    let stream = authority.connect(daemon.diameter_tls(), &other).await.unwrap();
    let plain = tokio::net::TcpStream::connect(daemon.diameter()).await.unwrap();
    for mut impostor in [Peer::on(stream, SECURE_DRA), Peer::on(plain, SECURE_DRA)] {
        let refusal = impostor.ask(&impostor.capabilities_exchange()).await;
        assert_eq!(refusal.command, command::CAPABILITIES_EXCHANGE);
        refusal.assert_result(UNKNOWN_PEER);
        impostor.closed().await;
    }
    for cause in ["certificate_mismatch", "wrong_transport"] {
        let line = format!("reachd_diameter_connections_refused_total{{cause=\"{cause}\"}} 1");
        eventually(&line, async || {
            daemon.metrics().await.contains(&line).then_some(())
        })
        .await;
    }

    let renewed = authority.issue("reachd.home.example");
    renewed.write(home.path("reachd.toml").parent().unwrap());
    daemon.signal_hangup();
    eventually("the new certificate is shown", async || {
        let stream = authority.connect(daemon.diameter_tls(), &holder).await.ok()?;
        let shown = &stream.get_ref().1.peer_certificates()?[0];
        (*shown == renewed.der()).then_some(())
    })
    .await;
    peer.ask(&Request::purge(&subscriber.imsi, "mme1.visited.example"))
        .await
        .assert_result(SUCCESS);

    daemon.signal_terminate();
    let request = peer.receive().await.expect("a word before the end");
    assert_eq!(request.command, command::DISCONNECT_PEER);
    peer.answer(&request).await;
    peer.closed().await;
    assert!(daemon.ended().await.success(), "{}", daemon.log());
}

#[tokio::test]
async fn check_and_serve_name_every_problem_of_the_certificate_files_and_end_with_78() {
    let authority = Authority::new();
    let home = home(&authority, &authority.issue("reachd.home.example")).await;
    let output = command_on(&home, "check").await;
    assert!(output.status.success(), "{}", told(&output));
    assert!(
        told(&output).contains(", TLS 127.0.0.1:0 as "),
        "{}",
        told(&output)
    );

    home.write("key.pem", &authority.issue("reachd.home.example").key);
    for command in ["check", "serve"] {
        let output = command_on(&home, command).await;
        assert_eq!(output.status.code(), Some(78), "{}", told(&output));
        assert!(
            told(&output).contains("diameter.tls.key: the private key in ")
                && told(&output).contains(" does not belong to the certificate in "),
            "{}",
            told(&output)
        );
    }

    home.write("certificate.pem", "nothing");
    std::fs::remove_file(home.path("authorities.pem")).unwrap();
    let output = command_on(&home, "check").await;
    assert_eq!(output.status.code(), Some(78));
    for line in [
        "diameter.tls.certificate: there is no certificate in ",
        "diameter.tls.authorities: cannot read ",
    ] {
        assert!(told(&output).contains(line), "{line} in {}", told(&output));
    }
}

#[tokio::test]
async fn an_expired_certificate_is_a_warning() {
    let authority = Authority::new();
    let home = home(&authority, &authority.issue_until("reachd.home.example", 2020)).await;
    let output = command_on(&home, "check").await;
    assert!(output.status.success(), "{}", told(&output));
    assert!(
        told(&output).contains("Warning: diameter.tls.certificate: expired "),
        "{}",
        told(&output)
    );
}

#[tokio::test]
async fn tls_without_certificates_is_refused_with_what_to_do() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.diameter("tls_listen = \"127.0.0.1:0\"").configure(&format!(
        "\n[[diameter.peers]]\nidentity = \"{SECURE_DRA}\"\ntransport = \"tls\"\n"
    ));
    let output = command_on(&home, "check").await;
    assert_eq!(output.status.code(), Some(78));
    for line in [
        "diameter.tls_listen: TLS has no certificates; name them in [diameter.tls]",
        "diameter.peers[2].transport: TLS has no certificates; name them in [diameter.tls]",
    ] {
        assert!(told(&output).contains(line), "{line} in {}", told(&output));
    }
}

/// Where the kernel has it, the listener is bound like any other.
#[tokio::test]
async fn sctp_is_refused_where_the_kernel_has_none() {
    let mut home = Home::new(Engine::Sqlite).await;
    home.diameter("sctp_listen = \"127.0.0.1:0\"");
    let kernel = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::SCTP));
    let Err(error) = kernel else {
        let daemon = home.start().await;
        let (_, ready) = daemon.admin("/ready").await;
        assert!(ready.contains("\"diameter_sctp\":\"127.0.0.1:"), "{ready}");
        return daemon.stop().await;
    };
    for command in ["check", "serve"] {
        let output = command_on(&home, command).await;
        assert_eq!(output.status.code(), Some(78), "{}", told(&output));
        let sentence = format!("diameter.sctp_listen: SCTP cannot be used on this machine: {error}. ");
        assert!(told(&output).contains(&sentence), "{}", told(&output));
    }
    assert!(
        !Path::new(&home.path("reachd.db")).exists(),
        "nothing was started"
    );
}
