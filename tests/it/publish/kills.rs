//! kill -9 of the daemon and of `reachd publish`, again and again in mid-stream.

use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use super::history::{SUBSCRIBERS, Stored, Told, by_address, lines};
use crate::support::daemon::{Home, reachd};
use crate::support::process::free_port;
use crate::support::{eventually, on_each_engine};

/// Of either.
const KILLS: usize = 20;
/// Acknowledged between one kill and the next, at least.
const LINES_APART: usize = 500;
/// Between one look and the next many more are acknowledged, never half of these.
const LINES: usize = 50_000;

on_each_engine! {
    async fn twenty_kills_of_daemon_and_client_each_lose_nothing_acknowledged_and_end_where_none_would(engine) {
        let lines = lines(LINES, 0x5eed);
        let undisturbed = Home::new(engine).await;
        let file = undisturbed.write("events.jsonl", &lines.join("\n"));
        let daemon = undisturbed.start().await;
        let report = ended(publish(&daemon.grpc().to_string(), &file, &undisturbed.path("done"))).await;
        assert_eq!((&report["refused"], &report["complete"]), (&0.into(), &true.into()));
        let found = by_address(&daemon).await;
        assert!(found.iter().flatten().count() > 50, "sessions stand");
        daemon.stop().await;
        let expected = Stored::of(undisturbed.store_url()).await;

        let mut home = Home::new(engine).await;
        let address = format!("127.0.0.1:{}", free_port());
        home.grpc(&address);
        let checkpoint = home.path("done");
        let acknowledged = || -> usize {
            std::fs::read_to_string(&checkpoint).map_or(0, |line| line.trim().parse().unwrap())
        };
        let mut told = Told::default();
        let mut daemon = home.start().await;
        let mut client = publish(&address, &file, &checkpoint);
        for kill in 1..=2 * KILLS {
            if acknowledged() > LINES / 2 {
                // From the first line again, before the end is reached: repetition must not matter.
                client.kill().unwrap();
                client.wait().unwrap();
                told.up_to(&lines, acknowledged());
                std::fs::remove_file(&checkpoint).unwrap();
                client = publish(&address, &file, &checkpoint);
            }
            let aim = acknowledged() + LINES_APART;
            eventually("more is acknowledged", async || (acknowledged() >= aim).then_some(())).await;
            if kill % 2 == 0 {
                kill_client(&mut client);
                Stored::of(home.store_url()).await.assert_holds(told.up_to(&lines, acknowledged()));
                client = publish(&address, &file, &checkpoint);
            } else {
                let told = told.up_to(&lines, acknowledged());
                daemon.kill();
                // Looked for while nobody could still write it.
                Stored::of(home.store_url()).await.assert_holds(told);
                daemon = home.start().await;
            }
        }
        let report = ended(client).await;
        assert_eq!((&report["refused"], &report["complete"]), (&0.into(), &true.into()));
        assert_eq!(by_address(&daemon).await, found);
        daemon.stop().await;
        let stored = Stored::of(home.store_url()).await;
        assert_eq!(stored.subscribers(), SUBSCRIBERS);
        stored.assert_same(&expected);
    }
}

fn publish(address: &str, file: &Path, checkpoint: &Path) -> Child {
    reachd()
        .arg("publish")
        .arg(file)
        .args(["--json", "--server", address, "--checkpoint"])
        .arg(checkpoint)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Its report, once it has ended by itself.
async fn ended(client: Child) -> Value {
    let output = tokio::task::spawn_blocking(|| client.wait_with_output().unwrap())
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn kill_client(client: &mut Child) {
    assert_eq!(client.try_wait().unwrap(), None, "it is in mid-stream");
    client.kill().unwrap();
    client.wait().unwrap();
}
