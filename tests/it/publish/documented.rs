//! The examples of docs/ingest.md are events, to protobuf's own code and to `reachd publish` alike.

use std::path::Path;

use serde_json::Value;

use crate::support::daemon::{Engine, Home, reachd, run};
use crate::support::reflection::ReflectionClient;

/// Every line of the page's JSON.
fn examples() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ingest.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```json\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_example_is_taken() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let lines = examples();
    assert!(lines.len() >= 5, "{lines:?}");

    let events: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    ReflectionClient::of(&daemon).await.publish_events(&events).await;

    let file = home.write("events.jsonl", &lines.join("\n"));
    let mut command = reachd();
    command
        .arg("publish")
        .arg(file)
        .args(["--server", &daemon.grpc().to_string()]);
    let output = run(command).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    daemon.stop().await;
}
