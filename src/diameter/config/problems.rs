//! What is wrong with a `[diameter]` section beyond the form of its values, each with its key and what to do.

use std::collections::HashSet;
use std::time::Duration;

use super::{DiameterConfig, TLS_LISTEN, Transport};
use crate::diameter::transport::sctp;

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
        if self.tls_listen != TLS_LISTEN && !self.tls.is_on() {
            found(
                "tls_listen".to_owned(),
                "TLS has no certificates; name them in [diameter.tls], or leave this key out".to_owned(),
            );
        }
        for (key, value, least) in [
            ("watchdog", self.watchdog, LEAST_WATCHDOG),
            ("reconnect", self.reconnect, LEAST),
            ("connect_timeout", self.connect_timeout, LEAST),
            ("cer_timeout", self.cer_timeout, LEAST),
            ("disconnect_timeout", self.disconnect_timeout, LEAST),
            ("message_timeout", self.message_timeout, LEAST),
            ("write_timeout", self.write_timeout, LEAST),
            ("grace", self.grace, Duration::ZERO),
        ] {
            if let Err(text) = check_duration(value, least) {
                found(key.to_owned(), text);
            }
        }
        for (key, value, least, most) in [
            (
                "max_message_size",
                self.max_message_size,
                4096,
                // An answer echoes parts of its request, and its length has 24 bits as well.
                8 * 1024 * 1024,
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
        for (key, text) in self.accounting.problems() {
            found(format!("accounting.{key}"), text);
        }
        let mut seen = HashSet::new();
        for (index, peer) in self.peers.iter().enumerate() {
            if !seen.insert(peer.identity.to_ascii_lowercase()) {
                found(
                    format!("peers[{index}].identity"),
                    format!("\"{}\" is configured twice; remove one", peer.identity),
                );
            }
            for (key, text) in peer.problems(self) {
                found(format!("peers[{index}].{key}"), text);
            }
        }
        for (key, text) in self.s6t.problems(self) {
            found(format!("s6t.{key}"), text);
        }
        for (key, text) in self.sh.problems(self) {
            found(format!("sh.{key}"), text);
        }
        problems.extend(self.client.problems());
        problems
    }

    /// What this machine lacks: usable certificate files, SCTP. As [`Self::problems`] has it.
    #[must_use]
    pub fn machine_problems(&self) -> Vec<(String, String)> {
        let mut problems = self.certificate_problems();
        if let Some(key) = self.wants_sctp()
            && let Err(error) = sctp::available()
        {
            let text = format!(
                "SCTP cannot be used on this machine: {error}. Load the kernel's module (modprobe sctp), or use tcp or tls"
            );
            problems.push((key, text));
        }
        problems
    }

    /// The first key that asks for SCTP.
    fn wants_sctp(&self) -> Option<String> {
        if self.sctp_listen.is_some() {
            return Some("sctp_listen".to_owned());
        }
        let index = self
            .peers
            .iter()
            .position(|peer| peer.transport == Transport::Sctp)?;
        Some(format!("peers[{index}].transport"))
    }
}

/// The shortest Twinit let pass, for laboratories.
pub(super) const LEAST_WATCHDOG: Duration = Duration::from_millis(100);

/// The shortest of the other timers.
pub(super) const LEAST: Duration = Duration::from_millis(10);

/// No timer of a connection is longer: an hour of silence is no state to be in.
const LONGEST: Duration = Duration::from_secs(3600);

pub(super) fn check_duration(value: Duration, least: Duration) -> Result<(), String> {
    if value < least || value > LONGEST {
        return Err(format!(
            "{value:?} is out of range; choose between {least:?} and {LONGEST:?}"
        ));
    }
    Ok(())
}

/// The same alphabet that is accepted from peers, so that what is configured can be matched.
pub(super) fn check_identity(identity: &str) -> Result<(), String> {
    let sound = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    if identity.is_empty() {
        return Err("is empty".to_owned());
    }
    if identity.len() > 255 || !identity.bytes().all(sound) {
        return Err("is not a host name of at most 255 letters, digits, hyphens and dots".to_owned());
    }
    Ok(())
}
