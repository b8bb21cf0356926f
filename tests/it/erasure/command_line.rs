//! `reachd erase`.

use std::process::Output;

use super::*;
use crate::support::daemon::{Engine, reachd, run};

async fn reachd_erase(daemon: &Daemon, arguments: &[&str]) -> Output {
    let mut command = reachd();
    command
        .arg("erase")
        .args(arguments)
        .arg("--server")
        .arg(format!("http://{}", daemon.grpc()));
    run(command).await
}

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_erases_when_it_is_confirmed_and_says_what_went() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    bind(
        &daemon,
        &subscriber.imsi,
        &subscriber.number(),
        "meter-1@iot.example",
    )
    .await;
    let number = subscriber.number();

    let output = reachd_erase(&daemon, &["--msisdn", &number]).await;
    assert_eq!(output.status.code(), Some(2), "nobody can be asked");
    assert!(text(&output.stderr).contains("--yes"), "{output:?}");
    assert!(!is_unknown(&daemon, &number).await);

    let output = reachd_erase(&daemon, &["--external", "meter-1@iot.example", "--yes"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output.stdout);
    assert!(
        said.starts_with("erased: 3 identifiers, 0 registrations, 2 bindings, 0 IP sessions\n"),
        "{said}"
    );
    assert!(said.contains("kept removed until 2"), "{said}");
    assert!(is_unknown(&daemon, &number).await);

    let output = reachd_erase(&daemon, &["--msisdn", &number, "--yes"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        text(&output.stderr).contains("nothing is known of this identifier"),
        "{output:?}"
    );
    let output = reachd_erase(
        &daemon,
        &["--imsi", &subscriber.imsi, "--yes", "--json", "--even-unknown"],
    )
    .await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (told["identifiers"].as_u64(), told["bindings"].as_u64()),
        (Some(1), Some(0)),
        "{told}"
    );
    assert!(
        told["keptRemovedUntil"].as_str().unwrap() > told["erasedAt"].as_str().unwrap(),
        "{told}"
    );

    for wrong in [
        &["--msisdn", "0999123456789"][..],
        &["--imsi", "12345"],
        &["--external", "meter-1"],
        &["--msisdn", &number, "--imsi", &subscriber.imsi],
        &[],
    ] {
        let output = reachd_erase(&daemon, wrong).await;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        let said = text(&output.stderr);
        for secret in ["999123456789", "12345", "meter-1\"", &number, &subscriber.imsi] {
            assert!(!said.contains(secret), "{said}");
        }
    }
    daemon.stop().await;
}
