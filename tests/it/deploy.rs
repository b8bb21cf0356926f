//! What deploy/ offers fits the binary: every sample configuration is accepted as it stands.

use std::path::{Path, PathBuf};

use crate::support::daemon::{Engine, Home, reachd, run};

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

/// The binary itself tells which keys it knows when it is asked for one that it does not.
#[tokio::test]
async fn the_full_sample_names_every_key() {
    let stranger = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";
    let full = read("config/full.toml");
    let sections: Vec<_> = full
        .lines()
        .filter(|line| line.starts_with('['))
        .map(|line| line.trim_matches(['[', ']']))
        .collect();
    let home = Home::new(Engine::Sqlite).await;
    for section in ["", "diameter.peers"].into_iter().chain(sections.iter().copied()) {
        let (open, close) = if section == "diameter.peers" {
            ("[[", "]]")
        } else {
            ("[", "]")
        };
        let header = if section.is_empty() {
            String::new()
        } else {
            format!("{open}{section}{close}")
        };
        let file = home.write("stranger.toml", &format!("{header}\n{stranger} = 1\n"));
        let mut command = reachd();
        command.args(["check", "--config"]).arg(file);
        let output = run(command).await;
        let told = String::from_utf8(output.stderr).unwrap();
        let (_, known) = told
            .split_once("known here: ")
            .unwrap_or_else(|| panic!("the keys of [{section}] in {told}"));
        let known = known.lines().next().unwrap().split(", ").map(str::trim);
        for key in known {
            let there = match section {
                "" => sections.contains(&key),
                // Peers are tables of their own, and so are some parts.
                _ if key == "peers" || sections.contains(&format!("{section}.{key}").as_str()) => true,
                _ => in_section(&full, section).any(|line| line.starts_with(&format!("{key} = "))),
            };
            assert!(there, "{key} of [{section}] is not in full.toml");
        }
    }
}

/// The lines of a section, of every table of that name.
fn in_section<'a>(toml: &'a str, section: &'a str) -> impl Iterator<Item = &'a str> {
    let mut within = false;
    toml.lines().filter(move |line| {
        if line.starts_with('[') {
            within = line.trim_matches(['[', ']']) == section;
        }
        within
    })
}

#[test]
fn the_unit_does_not_restart_on_a_wrong_configuration_and_is_confined() {
    let unit = read("systemd/reachd.service");
    for line in [
        "ExecStart=/usr/bin/reachd serve --config /etc/reachd/reachd.toml",
        "RestartPreventExitStatus=2 78",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "StateDirectory=reachd",
    ] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
    // RestartPreventExitStatus= looks at the main process alone: an exit with 78 before it would be tried again for ever.
    assert!(!unit.lines().any(|line| line.starts_with("ExecStartPre=")));
}
