//! Answers held against the OpenAPI document that the daemon itself serves, by a validator that is not ours.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use reachd::rest::Contract;
use serde_json::json;

use super::client::{Ask, Reply};
use crate::support::python::environment;

/// A file beside these tests.
pub(super) fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/rest")
        .join(name)
}

/// The interpreter that has schemathesis, and what it validates with.
pub(super) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| environment(&here("requirements.txt"), "schemathesis"))
}

/// Answers of one contract.
pub(super) struct Answers {
    contract: Contract,
    document: String,
    lines: Vec<String>,
}

impl Answers {
    /// Fetches the document.
    pub(super) async fn of(contract: Contract, daemon: SocketAddr) -> Self {
        let reply = Ask::get(contract.document_path()).send(daemon).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.headers["content-type"], "application/yaml");
        Self {
            contract,
            document: reply.text,
            lines: Vec::new(),
        }
    }

    /// Takes an answer of `/retrieve` along.
    pub(super) fn add(&mut self, reply: &Reply) {
        let line = json!({"status": reply.status, "headers": reply.headers, "body": reply.json()});
        self.lines.push(line.to_string());
    }

    /// Fails if one of them is not what the document says.
    pub(super) async fn assert_valid(self) {
        let script = here("validate.py");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("openapi.yaml");
        std::fs::write(&path, &self.document).unwrap();
        let said = tokio::task::spawn_blocking(move || {
            let mut child = Command::new(python())
                .arg(script)
                .arg(&path)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            input.write_all(self.lines.join("\n").as_bytes()).unwrap();
            drop(input);
            (self.contract, self.lines.len(), child.wait_with_output().unwrap())
        })
        .await
        .unwrap();
        let (contract, count, output) = said;
        assert!(
            output.status.success(),
            "{contract:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(told.trim(), format!("{count} answers are as documented"));
    }
}
