//! What deploy/ offers fits the binary: every sample configuration is accepted as it stands.

use std::path::{Path, PathBuf};

use crate::support::daemon::{reachd, run};

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(deploy(path)).unwrap()
}

#[tokio::test]
async fn every_sample_configuration_is_accepted() {
    for sample in ["config/minimal.toml", "config/full.toml", "docker/reachd.toml"] {
        let mut command = reachd();
        command.args(["check", "--config"]).arg(deploy(sample));
        let output = run(command).await;
        assert!(
            output.status.success(),
            "{sample}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// Removing any of its lines would leave a key undocumented: each key is set, and a comment stands above it.
#[test]
fn the_full_sample_explains_every_key() {
    let full = read("config/full.toml");
    let mut before = "";
    for line in full.lines() {
        let is_key = line.contains(" = ") && !line.starts_with('#');
        if is_key {
            assert!(before.starts_with('#'), "no comment above: {line}");
        }
        before = line;
    }
}

#[test]
fn the_unit_checks_before_it_starts_and_is_confined() {
    let unit = read("systemd/reachd.service");
    for line in [
        "ExecStartPre=/usr/bin/reachd check --config /etc/reachd/reachd.toml",
        "ExecStart=/usr/bin/reachd serve --config /etc/reachd/reachd.toml",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "StateDirectory=reachd",
    ] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
}
