//! What is wrong with a `[diameter]` section beyond the form of its values, each with its key and what to do.

use std::collections::HashSet;
use std::time::Duration;

use super::DiameterConfig;
use crate::diameter::dict::{APPLICATIONS, application_named};

impl DiameterConfig {
    /// Everything that is wrong, as (key below `diameter`, what is wrong and what to do). Empty means usable.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut found = |key: String, text: String| problems.push((key, text));

        if let Err(text) = check_identity(&self.identity) {
            found(
                "identity".to_owned(),
                format!("{text}; set it to this node's host name, such as \"reachd1.example.net\""),
            );
        }
        if let Err(text) = check_identity(&self.realm) {
            found(
                "realm".to_owned(),
                format!("{text}; set it to this node's realm, such as \"example.net\""),
            );
        }
        for (key, value, least) in [
            ("watchdog", self.watchdog, Duration::from_millis(100)),
            ("reconnect", self.reconnect, Duration::from_millis(10)),
            ("connect_timeout", self.connect_timeout, Duration::from_millis(10)),
            ("cer_timeout", self.cer_timeout, Duration::from_millis(10)),
            (
                "disconnect_timeout",
                self.disconnect_timeout,
                Duration::from_millis(10),
            ),
            ("message_timeout", self.message_timeout, Duration::from_millis(10)),
            ("write_timeout", self.write_timeout, Duration::from_millis(10)),
            ("grace", self.grace, Duration::ZERO),
        ] {
            if value < least || value > LONGEST {
                found(
                    key.to_owned(),
                    format!("{value:?} is out of range; choose between {least:?} and {LONGEST:?}"),
                );
            }
        }
        for (key, value, least, most) in [
            (
                "max_message_size",
                self.max_message_size,
                4096,
                16 * 1024 * 1024 - 4,
            ),
            ("max_connections", self.max_connections, 1, 65_536),
            ("max_pending", self.max_pending, 1, 1 << 20),
            ("remembered_requests", self.remembered_requests, 1000, 100_000_000),
        ] {
            if value < least || value > most {
                found(
                    key.to_owned(),
                    format!("{value} is out of range; choose between {least} and {most}"),
                );
            }
        }
        let mut seen = HashSet::new();
        for (index, peer) in self.peers.iter().enumerate() {
            let key = |name: &str| format!("peers[{index}].{name}");
            match check_identity(&peer.identity) {
                Err(text) => found(
                    key("identity"),
                    format!("{text}; set it to the Origin-Host that the peer sends"),
                ),
                Ok(()) => {
                    if !seen.insert(peer.identity.to_ascii_lowercase()) {
                        found(
                            key("identity"),
                            format!("\"{}\" is configured twice; remove one", peer.identity),
                        );
                    }
                    if peer.identity.eq_ignore_ascii_case(&self.identity) {
                        found(
                            key("identity"),
                            "is this node's own identity; name the peer's".to_owned(),
                        );
                    }
                }
            }
            if let Some(Err(text)) = peer.realm.as_deref().map(check_identity) {
                found(
                    key("realm"),
                    format!("{text}; set it to the Origin-Realm that the peer sends, or leave it out"),
                );
            }
            if let Some(address) = &peer.address
                && !is_host_and_port(address)
            {
                found(
                    key("address"),
                    format!("\"{address}\" is not host:port; write it as \"dra1.example.net:3868\""),
                );
            }
            for name in &peer.applications {
                if application_named(name).is_none() {
                    let known: Vec<_> = APPLICATIONS.iter().map(|known| known.name).collect();
                    found(
                        key("applications"),
                        format!(
                            "\"{name}\" is not an application of this node; known: {}",
                            known.join(", ")
                        ),
                    );
                }
            }
        }
        problems
    }
}

/// No timer of a connection is longer: an hour of silence is no state to be in.
const LONGEST: Duration = Duration::from_secs(3600);

/// The same alphabet that is accepted from peers, so that what is configured can be matched.
fn check_identity(identity: &str) -> Result<(), String> {
    let sound = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    if identity.is_empty() {
        return Err("is empty".to_owned());
    }
    if identity.len() > 255 || !identity.bytes().all(sound) {
        return Err("is not a host name of at most 255 letters, digits, hyphens and dots".to_owned());
    }
    Ok(())
}

fn is_host_and_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && host.len() <= 255 && port.parse::<u16>().is_ok_and(|port| port != 0)
    })
}
